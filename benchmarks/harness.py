"""The two evaluators that are compared, behind one face: prompts in, numbers and texts out.

``Harness`` is lm-evaluation-harness with its ``hf`` backend, ``Own`` the toolkit's engine. Both
take texts, so that tokenizing is timed with them, and both have their tokens counted by the same
hooks on the network.
"""

import importlib.util
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from benchmarks.workloads import STOPS, Prompt
from toolkit.errors import install_extra

Score = tuple[float, bool]


class Side(Protocol):
    """An evaluator with a loaded checkpoint."""

    counter: "TokenCounter"

    def score(self, prompts: Sequence[Prompt]) -> list[list[Score]]:
        """Return log-likelihood and greedy flag of each continuation of each prompt."""
        ...

    def generate(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[str]:
        """Return the greedy text after each prompt, up to a stop string."""
        ...


def missing() -> str | None:
    """Return what has to be installed before the two can be compared, None if nothing."""
    extras = {"torch": "evaluate", "transformers": "evaluate", "lm_eval": "interop"}
    lacking = [name for name in extras if importlib.util.find_spec(name) is None]
    if not lacking:
        return None
    wanted = ",".join(dict.fromkeys(extras[name] for name in lacking))
    return (
        f"{', '.join(lacking)} not installed; the comparison needs the toolkit's extras "
        f"'evaluate' and 'interop'; {install_extra(wanted)}"
    )


class TokenCounter:
    """Counts the tokens, padding too, that go through a network: encoder and decoder together."""

    def __init__(self, model: Any) -> None:
        self.n_tokens = 0
        parts = [model]
        if model.config.is_encoder_decoder:
            parts = [model.get_encoder(), model.get_decoder()]
        for part in parts:
            part.register_forward_pre_hook(self._count, with_kwargs=True)

    def _count(self, _: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        tokens = named["input_ids"] if "input_ids" in named else given[0]
        self.n_tokens += tokens.numel()


class Harness:
    """lm-evaluation-harness with its ``hf`` backend."""

    def __init__(
        self,
        folder: Path,
        *,
        seq2seq: bool,
        attention: str = "sdpa",
        device: str = "cpu",
        dtype: str = "float32",
        batch_size: int = 1,
    ) -> None:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        from lm_eval.models.huggingface import HFLM

        logging.getLogger("lm_eval").setLevel(logging.ERROR)
        self._lm = HFLM(
            str(folder),
            backend="seq2seq" if seq2seq else "causal",
            device=device,
            dtype=dtype,
            batch_size=batch_size,
            max_length=2048,
            attn_implementation=attention,
        )
        self.counter = TokenCounter(self._lm.model)

    def set_batch_size(self, batch_size: int) -> None:
        """Take another number of requests into a forward."""
        self._lm.batch_size_per_gpu = batch_size

    def score(self, prompts: Sequence[Prompt]) -> list[list[Score]]:
        """Return log-likelihood and greedy flag of each continuation of each prompt."""
        requests = [
            self._instance("loglikelihood", place, (prompt.context, continuation))
            for place, prompt in enumerate(prompts)
            for continuation in prompt.continuations
        ]
        found = iter(self._lm.loglikelihood(requests, disable_tqdm=True))
        return [[next(found) for _ in prompt.continuations] for prompt in prompts]

    def generate(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[str]:
        """Return the greedy text after each prompt, up to a stop string."""
        settings = {"until": list(STOPS), "max_gen_toks": max_new_tokens, "do_sample": False}
        requests = [
            self._instance("generate_until", place, (prompt.context, settings))
            for place, prompt in enumerate(prompts)
        ]
        return self._lm.generate_until(requests, disable_tqdm=True)

    @staticmethod
    def _instance(kind: Any, place: int, arguments: tuple[Any, ...]) -> Any:
        from lm_eval.api.instance import Instance

        return Instance(request_type=kind, doc={}, arguments=arguments, idx=place)


class Own:
    """The toolkit's engine with the toolkit's encoder."""

    def __init__(
        self,
        folder: Path,
        *,
        seq2seq: bool,
        attention: str = "sdpa",
        device: str = "cpu",
        dtype: str = "float32",
        budget: int | None = None,
    ) -> None:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        from toolkit.evaluate.engine.engine import load_engine
        from toolkit.evaluate.plan.plan import CheckpointPlan
        from toolkit.evaluate.prompts.encoding import load_encoder
        from toolkit.evaluate.requests import CheckpointSource

        source: Any = CheckpointSource(str(folder), dtype=dtype, attention=attention)
        self._engine = load_engine(source, device=device, budget=budget)
        plan = CheckpointPlan(folder.name, "random", instruction_tuned=False, folder=str(folder))
        self._encoder = load_encoder(plan, encoder_decoder=seq2seq)
        model = self._engine._checkpoint.model
        self.counter = TokenCounter(model)
        self.n_params = self._engine.n_params
        outer = (model.get_input_embeddings(), model.get_output_embeddings())
        self.n_body_params = self.n_params - sum(
            {p: p.numel() for part in outer for p in part.parameters()}.values()
        )
        self.provenance = self._engine.provenance
        self.n_generated = 0

    def requests(self, prompts: Sequence[Prompt], max_new_tokens: int = 64) -> list[Any]:
        """Return prompts as the engine's requests, in order."""
        from toolkit.evaluate.requests import GenerateRequest, ScoreRequest

        contexts = [prompt.context for prompt in prompts]
        if not prompts[0].continuations:
            return [
                GenerateRequest(tokens, STOPS, max_new_tokens)
                for tokens in self._encoder.contexts(contexts)
            ]
        pairs = self._encoder.pairs(contexts, [prompt.continuations for prompt in prompts])
        return [ScoreRequest(tokens, tail) for tokens, tails in pairs for tail in tails]

    def score(self, prompts: Sequence[Prompt]) -> list[list[Score]]:
        """Return log-likelihood and greedy flag of each continuation of each prompt."""
        found = dict(self._engine.answer(self.requests(prompts)))
        scores = iter([(found[n].log_likelihood, found[n].greedy) for n in range(len(found))])
        return [[next(scores) for _ in prompt.continuations] for prompt in prompts]

    def generate(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[str]:
        """Return the greedy text after each prompt, up to a stop string."""
        bare = [Prompt(prompt.context, ()) for prompt in prompts]
        found = dict(self._engine.answer(self.requests(bare, max_new_tokens)))
        self.n_generated = sum(len(each.tokens) for each in found.values())
        return [found[place].text for place in range(len(prompts))]
