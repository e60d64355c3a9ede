"""A checkpoint loaded with torch that answers requests: exactly, and with no token run twice.

The way of computing is chosen by a certificate when the checkpoint is loaded and told by
``provenance``.
"""

import hashlib
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain

import tokenizers
import torch
import transformers
from transformers import PreTrainedTokenizerBase

from toolkit.errors import CheckpointError
from toolkit.evaluate.engine.completion import Completion
from toolkit.evaluate.engine.decoder import Decoder
from toolkit.evaluate.engine.encoder_decoder import EncoderDecoder
from toolkit.evaluate.engine.exactness import (
    TRIAL_BUDGET,
    Certificate,
    certify_generation,
    certify_scoring,
    resolution,
    trial_requests,
)
from toolkit.evaluate.engine.loading import Checkpoint, load_checkpoint
from toolkit.evaluate.engine.memory import Room
from toolkit.evaluate.engine.modes import (
    Network,
    generation_modes,
    generator,
    scorer,
    scoring_modes,
)
from toolkit.evaluate.engine.request_checks import Limits
from toolkit.evaluate.requests import (
    Answer,
    CheckpointSource,
    GenerateRequest,
    Request,
    ScoreRequest,
)

# Raise it when a change of the engine changes numbers by more than rounding.
NUMERICS = 1
# Tokens of one forward that a device is fastest with: a CPU's caches are small (``benchmarks``).
BUDGETS = {"cpu": 1024, "cuda": 4096}


def load_engine(
    source: CheckpointSource,
    *,
    device: str = "auto",
    budget: int | None = None,
    seed: int = 0,
    tokenizer: PreTrainedTokenizerBase | None = None,
) -> "TorchEngine":
    """Load a checkpoint and certify the fastest way of computing that is exact for it.

    Parameters
    ----------
    device
        "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:<number>".
    budget
        Distinct tokens that one forward may hold beside the shared prefix; by default what the
        device is fastest with (``BUDGETS``).
    seed
        Of the random requests of the certificate.
    tokenizer
        Decodes generated texts instead of the checkpoint's own.

    Raises
    ------
    CheckpointError
        If the checkpoint isn't there, isn't safe to open, or can't be used.
    """
    checkpoint = load_checkpoint(source, device, tokenizer)
    budget = budget or BUDGETS.get(checkpoint.device.type, BUDGETS["cpu"])
    network = EncoderDecoder(checkpoint) if checkpoint.encoder_decoder else Decoder(checkpoint)
    scores, generations = trial_requests(
        checkpoint.n_vocabulary, checkpoint.context_length, checkpoint.window, seed
    )
    try:
        scoring = certify_scoring(
            scoring_modes(network),
            lambda mode, n_tokens: scorer(network, mode, Room(n_tokens)),
            scores,
            budget,
            checkpoint.dtype,
        )
        generation = certify_generation(
            generation_modes(network),
            lambda mode: generator(network, mode, Room(TRIAL_BUDGET), _begin_without_text),
            generations,
            scorer(network, "plain", Room(budget)),
            checkpoint.dtype,
        )
    except CheckpointError as error:
        raise CheckpointError(f"{source.place}: {error}") from error
    return TorchEngine(checkpoint, network, budget, scoring, generation)


def _begin_without_text(request: GenerateRequest) -> Completion:
    """Begin a text of random tokens, of which only their number ends it."""
    return Completion(request, lambda _: "", frozenset())


class TorchEngine:
    """Answers requests with one checkpoint on one device; see ``Engine`` for what it promises."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        network: Network,
        budget: int,
        scoring: Certificate,
        generation: Certificate,
    ) -> None:
        self._checkpoint = checkpoint
        self._certificates = scoring, generation
        self._room = Room(budget)
        self._scorer = scorer(network, scoring.mode, self._room)
        self._generator = generator(network, generation.mode, self._room, self._begin)
        self._limits = Limits(
            checkpoint.place,
            checkpoint.n_vocabulary,
            checkpoint.context_length,
            checkpoint.encoder_decoder,
        )
        self.tokenizer = checkpoint.tokenizer
        self.n_params = checkpoint.n_params
        self.context_length = checkpoint.context_length
        self.encoder_decoder = checkpoint.encoder_decoder
        self.resolution = resolution(checkpoint.dtype)
        depends_on = (
            checkpoint.fingerprint,
            checkpoint.tokenizer_hash,
            checkpoint.dtype,
            checkpoint.attention,
            NUMERICS,
        )
        self.identity = hashlib.sha256(repr(depends_on).encode()).hexdigest()

    def answer(
        self, requests: Sequence[Request], known: AbstractSet[int] = frozenset()
    ) -> Iterator[tuple[int, Answer]]:
        """Yield the place of each request that isn't known and its answer, as they are computed.

        Raises
        ------
        CheckpointError
            If a request can't be answered by this checkpoint, or the memory is too small.
        """
        self._limits.check(requests)
        places: dict[Request, list[int]] = {}
        for place, request in enumerate(requests):
            places.setdefault(request, []).append(place)
        scores = [request for request in places if isinstance(request, ScoreRequest)]
        generations = [request for request in places if isinstance(request, GenerateRequest)]
        scored = {request for request in scores if set(places[request]) <= known}
        generated = {request for request in generations if set(places[request]) <= known}
        answers = chain(
            self._scorer.score(scores, scored),
            self._generator.generate(generations, generated),
        )
        for request, answer in answers:
            for place in places[request]:
                if place not in known:
                    yield place, answer

    def provenance(self) -> dict[str, str | int | float | bool]:
        """Return versions, device, dtype, mode and certificate of this engine."""
        checkpoint = self._checkpoint
        scoring, generation = self._certificates
        on_gpu = checkpoint.device.type == "cuda"
        return {
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "tokenizers": tokenizers.__version__,
            "device": torch.cuda.get_device_name(checkpoint.device) if on_gpu else "cpu",
            # On some processors more threads round otherwise.
            "torch_threads": torch.get_num_threads(),
            "dtype": str(checkpoint.dtype).removeprefix("torch."),
            "attention": checkpoint.attention,
            "mode": scoring.mode,
            "residual": scoring.residual,
            "refused": scoring.refused,
            "generation_mode": generation.mode,
            "generation_residual": generation.residual,
            "generation_refused": generation.refused,
            "budget": self._room.budget,
            "n_out_of_memory_splits": self._room.n_splits,
            "revision": checkpoint.revision,
            "fingerprint": checkpoint.fingerprint,
            "numerics": NUMERICS,
            "n_params": checkpoint.n_params,
        }

    def _begin(self, request: GenerateRequest) -> Completion:
        return Completion(
            request,
            self._decode,
            self._checkpoint.end_tokens,
            continues_context=not self.encoder_decoder,
        )

    def _decode(self, tokens: Sequence[int]) -> str:
        text = self.tokenizer.decode(
            list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return str(text)
