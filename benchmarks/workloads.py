"""Checkpoints of random weights, synthetic items and prompts: what two evaluators are compared on.

Nothing is downloaded: words are made of syllables, tokenizers are trained on them, and every item
has a question and four options of words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

SYLLABLES = [first + vowel for first in "bdfgklmnprstvz" for vowel in ("a", "e", "i", "o", "u")]
LETTERS = "ABCD"
N_POSITIONS = 2048
FAMILIES = ("gpt2", "gpt_neox", "llama", "t5")
ATTENTIONS = ("eager", "sdpa")
N_INSTRUCTION_WORDS = 60
N_QUESTION_WORDS = 60
N_OPTION_WORDS = 3
STOPS = ("\n\n", "Question:")
_ROTARY = {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2,
           "num_attention_heads": 4, "max_position_embeddings": N_POSITIONS}  # fmt: skip
# Weights of tiny networks are large enough that attention matters.
TINY: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 48, "n_layer": 2, "n_head": 4, "n_positions": N_POSITIONS},
    "gpt_neox": _ROTARY,
    "llama": _ROTARY | {"num_key_value_heads": 2},
    "t5": {"d_model": 48, "d_kv": 12, "d_ff": 96, "num_layers": 2, "num_heads": 4},
}
# The shapes of Pythia-70M and of T5-small, and one of a billion parameters like Llama 3.2.
LARGE: dict[str, dict[str, Any]] = {
    "gpt_neox": {"hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 6,
                 "num_attention_heads": 8, "max_position_embeddings": N_POSITIONS},
    "t5": {"d_model": 512, "d_kv": 64, "d_ff": 2048, "num_layers": 6, "num_heads": 8},
    "llama": {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16,
              "num_attention_heads": 32, "num_key_value_heads": 8,
              "max_position_embeddings": N_POSITIONS},
}  # fmt: skip
N_VOCABULARY = {"tiny": 2_000, "large": 50_304}


def make_words(n_words: int, seed: int) -> list[str]:
    """Return distinct words of two to four syllables."""
    rng = np.random.default_rng(seed)
    words: dict[str, None] = {}
    while len(words) < n_words:
        words["".join(rng.choice(SYLLABLES, rng.integers(2, 5)))] = None
    return list(words)


def train_tokenizer(n_vocabulary: int, *, ends: bool) -> Any:
    """Train a byte-level BPE on synthetic words; ``ends``: it ends a prompt as T5's does."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=n_vocabulary,
        special_tokens=["<end>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    words = make_words(max(2_000, n_vocabulary), seed=0)
    frame = f"Question:\nAnswer: {' '.join(LETTERS)}\n\n"
    tokenizer.train_from_iterator([frame * 9] + [f" {word}" for word in words], trainer)
    if ends:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="$A <end>", special_tokens=[("<end>", 0)]
        )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", pad_token="<end>")


def make_checkpoint(
    folder: Path, family: str, size: Literal["tiny", "large"], dtype: str = "float32"
) -> Path:
    """Write a checkpoint of random weights with its tokenizer into a folder, and return that."""
    import torch
    import transformers

    tokenizer = train_tokenizer(N_VOCABULARY[size], ends=family == "t5")
    settings = (TINY if size == "tiny" else LARGE)[family] | {
        "vocab_size": len(tokenizer), "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0,
    }  # fmt: skip
    loader: Any = transformers.AutoModelForCausalLM
    if family == "t5":
        loader = transformers.AutoModelForSeq2SeqLM
        settings |= {"decoder_start_token_id": 0}
    else:
        settings |= {"initializer_range": 0.2 if size == "tiny" else 0.04}
    config = transformers.AutoConfig.for_model(family, **settings)
    torch.manual_seed(1)
    transformers.utils.logging.disable_progress_bar()
    model = loader.from_config(config, dtype=getattr(torch, dtype))
    if family == "t5" and size == "tiny":
        # Its output is tied to its embeddings: with weak blocks it repeats what it reads.
        with torch.no_grad():
            for weight in model.decoder.block.parameters():
                weight.mul_(2)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@dataclass(frozen=True)
class Item:
    """A question with its options; the first is right, if one asks."""

    question: str
    options: tuple[str, ...]


def make_items(n_items: int, seed: int) -> list[Item]:
    """Return items of words that are drawn evenly."""
    words = make_words(2_000, seed)
    rng = np.random.default_rng(seed)

    def text(n_words: int) -> str:
        return " ".join(rng.choice(words, n_words))

    return [
        Item(text(N_QUESTION_WORDS), tuple(text(N_OPTION_WORDS) for _ in LETTERS))
        for _ in range(n_items)
    ]


@dataclass(frozen=True)
class Workload:
    """A way to ask: how many demonstrations, and what is scored or generated after the prompt."""

    name: str
    kind: Literal["text", "letter", "generate"]
    n_shots: int
    target: float
    family: str = "gpt_neox"
    max_new_tokens: int = 64


WORKLOADS = (
    Workload("5-shot text", "text", 5, 30),
    Workload("5-shot letters", "letter", 5, 12),
    Workload("0-shot text", "text", 0, 8),
    Workload("0-shot letters", "letter", 0, 3),
    Workload("5-shot generation", "generate", 5, 4),
    Workload("T5 5-shot text", "text", 5, 3, family="t5"),
)


@dataclass(frozen=True)
class Prompt:
    """A context, and what may follow it (nothing where a text is generated)."""

    context: str
    continuations: tuple[str, ...]


def make_prompts(workload: Workload, items: Sequence[Item], seed: int) -> list[Prompt]:
    """Return the prompt of each item; instruction and demonstrations are the same for all."""
    shown = make_items(workload.n_shots, seed + 1)
    instruction = " ".join(make_words(N_INSTRUCTION_WORDS, seed + 2))
    before = [instruction] + [
        f"{_asked(item, workload)} {'A' if workload.kind == 'letter' else item.options[0]}"
        for item in shown
    ]
    answers = tuple(f" {letter}" for letter in LETTERS)
    return [
        Prompt(
            "\n\n".join([*before, _asked(item, workload)]),
            {
                "text": tuple(f" {option}" for option in item.options),
                "letter": answers,
                "generate": (),
            }[workload.kind],
        )
        for item in items
    ]


def _asked(item: Item, workload: Workload) -> str:
    lines = [f"Question: {item.question}"]
    if workload.kind == "letter":
        pairs = zip(LETTERS, item.options, strict=True)
        lines += [f"{letter}. {option}" for letter, option in pairs]
    return "\n".join([*lines, "Answer:"])
