"""Open a checkpoint: network, tokenizer, and the facts about them that the engine needs."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from toolkit.errors import CheckpointError
from toolkit.evaluate.engine import block_attention
from toolkit.evaluate.engine.checkpoint_files import checkpoint_folder, count_stored_parameters
from toolkit.evaluate.engine.fingerprint import fingerprint
from toolkit.evaluate.prompts.encoding import architecture_of
from toolkit.evaluate.requests import CheckpointSource
from toolkit.wording import first_listed

# Above this, float32 is no longer affordable on one GPU and rounding matters less: larger
# checkpoints have fewer options that are nearly tied.
MAX_FLOAT32_PARAMETERS = 1_500_000_000
# How architectures name the reach of attention that doesn't see everything before a token.
WINDOWS = ("sliding_window", "window_size", "attention_chunk_size")
# Rotary positions whose scale follows the longest position of a forward: what else is in it, or
# was read before it, changes the numbers.
LENGTH_SCALED = frozenset({"dynamic", "longrope"})
# Names in a message.
SHOWN = 5


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint.

    ``place`` is its folder or hub id; ``context_length`` is in tokens, None where positions are
    relative and have no end; ``window`` is how far back, in tokens, some of its layers see, None if
    all see everything;
    ``end_tokens`` are those that end a generated text; ``offers_blocks`` tells whether attention
    of a packed row can be computed block by block, and ``length_scaled`` whether the positions of
    a text depend on how long the whole forward is.
    """

    place: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    fingerprint: str
    tokenizer_hash: str
    revision: str
    device: torch.device
    dtype: torch.dtype
    attention: str
    n_params: int
    n_vocabulary: int
    context_length: int | None
    window: int | None
    encoder_decoder: bool
    end_tokens: frozenset[int]
    offers_blocks: bool
    length_scaled: bool


def load_checkpoint(
    source: CheckpointSource, device: str, tokenizer: PreTrainedTokenizerBase | None = None
) -> Checkpoint:
    """Load network and tokenizer onto one device, ready to answer.

    Raises
    ------
    CheckpointError
        If the checkpoint isn't there, isn't safe to open, or can't be used here.
    """
    folder = checkpoint_folder(source)
    target = _device(device)
    dtype = _dtype(source, target, count_stored_parameters(folder))
    with _quiet():
        model = _load_model(source, folder, dtype)
        model = _named(source, lambda: model.to(target))  # type: ignore[arg-type]
        given = tokenizer is not None
        tokenizer = tokenizer if given else _load_tokenizer(source, folder)
        architecture = architecture_of(model.config)
        config = model.config.get_text_config(decoder=True)
        attention = config._attn_implementation or "eager"
        window = next((reach for name in WINDOWS if (reach := getattr(config, name, None))), None)
        # Measured on processors only; in half precision it would round scores that sdpa does not.
        offers_blocks = (
            (attention, window, target.type, dtype) == ("sdpa", None, "cpu", torch.float32)
            and not architecture.encoder_decoder
            and block_attention.install(model)
        )
    model.eval().requires_grad_(False)
    files = fingerprint(folder)
    return Checkpoint(
        place=source.place,
        model=model,
        tokenizer=tokenizer,
        fingerprint=files,
        tokenizer_hash=_tokenizer_hash(tokenizer) if given else files,
        revision=folder.name if folder.parent.name == "snapshots" else files,
        device=target,
        dtype=dtype,
        attention=attention,
        n_params=sum(parameter.numel() for parameter in model.parameters()),
        n_vocabulary=_n_embeddings(model),
        context_length=architecture.context_length,
        window=window,
        encoder_decoder=architecture.encoder_decoder,
        end_tokens=_end_tokens(model, tokenizer),
        offers_blocks=offers_blocks,
        length_scaled=_is_length_scaled(config),
    )


def _is_length_scaled(config: Any) -> bool:
    """Return whether rotary positions are scaled by length, in all layers or in some kinds."""
    ropes = [getattr(config, name, None) or {} for name in ("rope_parameters", "rope_scaling")]
    ropes += [each for rope in ropes for each in rope.values() if isinstance(each, dict)]
    return any(rope.get("rope_type", rope.get("type")) in LENGTH_SCALED for rope in ropes)


def _n_embeddings(model: PreTrainedModel) -> int:
    weight = model.get_input_embeddings().get_parameter("weight")
    return weight.shape[0]


def _end_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Return the tokens that end a text: what generation settings say, else the tokenizer."""
    ends: Any = model.generation_config.eos_token_id if model.generation_config else None
    ends = tokenizer.eos_token_id if ends is None else ends
    return frozenset(ends if isinstance(ends, list) else [] if ends is None else [ends])


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise CheckpointError(
            f"device '{name}': torch finds no GPU on this machine; use 'cpu' or 'auto'."
        )
    try:
        return torch.device(name)
    except RuntimeError:
        raise CheckpointError(
            f"device '{name}': unknown; expected 'auto', 'cpu', 'cuda' or 'cuda:<number>'."
        ) from None


def _dtype(source: CheckpointSource, device: torch.device, n_params: int | None) -> torch.dtype:
    if source.dtype != "auto":
        return getattr(torch, source.dtype)
    large = n_params is not None and n_params > MAX_FLOAT32_PARAMETERS
    if large and device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    return torch.float32


def _load_model(source: CheckpointSource, folder: Path, dtype: torch.dtype) -> PreTrainedModel:
    trust = {"trust_remote_code": source.trust_remote_code, "local_files_only": True}
    config = _named(source, lambda: AutoConfig.from_pretrained(folder, **trust))
    loader: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    safe = any(folder.glob("*.safetensors"))

    def load(attention: str) -> PreTrainedModel:
        model, found = loader.from_pretrained(
            folder,
            config=config,
            dtype=dtype,
            attn_implementation=attention,
            use_safetensors=safe,
            output_loading_info=True,
            **trust,
        )
        _check_weights(source, found)
        return model

    try:
        return _named(source, lambda: load(source.attention))
    except CheckpointError as error:
        if "attention implementation" not in str(error.__cause__):
            raise
    # Older architectures have no scaled_dot_product_attention; provenance names what was used.
    return _named(source, lambda: load("eager"))


def _check_weights(source: CheckpointSource, found: Mapping[str, Any]) -> None:
    """Raise unless the files hold every weight: others would be random numbers."""
    lacking = sorted(str(name) for name in [*found["missing_keys"], *found["mismatched_keys"]])
    if lacking:
        raise CheckpointError(
            f"{source.place}: got no weights for {first_listed(lacking, SHOWN)}, expected all that "
            "config.json asks for; restore the files, or give the checkpoint that has a language "
            "model's head."
        )


def _load_tokenizer(source: CheckpointSource, folder: Path) -> PreTrainedTokenizerBase:
    trust = source.trust_remote_code
    return _named(
        source,
        lambda: AutoTokenizer.from_pretrained(
            folder, trust_remote_code=trust, local_files_only=True
        ),
    )


def _named(source: CheckpointSource, load: Callable[[], Any]) -> Any:
    """Load, and name the checkpoint in what transformers says if it can't."""
    try:
        return load()
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise CheckpointError(
                f"{source.place}: doesn't fit into the memory of the device; "
                "use a smaller dtype or a larger device."
            ) from error
        raise CheckpointError(
            f"{source.place}: transformers can't open it: {' '.join(str(error).split())[:400]}"
        ) from error


def _tokenizer_hash(tokenizer: PreTrainedTokenizerBase) -> str:
    """Hash a tokenizer that came as an object by its vocabulary, which its decoding follows."""
    vocabulary = json.dumps(sorted(tokenizer.get_vocab().items()))
    return hashlib.sha256(f"{type(tokenizer).__name__} {vocabulary}".encode()).hexdigest()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' progress bars and advice out of the output while loading."""
    verbosity = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()
