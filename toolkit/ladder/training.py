"""Training of tiny Llama-like decoders with AdamW, and their files."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.utils import logging as transformers_logging

from toolkit.ladder.recipe import Recipe
from toolkit.ladder.rows import Rows
from toolkit.ladder.words import BOS, END, INSTRUCTIONS, PAD, TOKEN_OF, VOCABULARY

WARM_UP_STEPS = 50
LAST_RATE = 0.05  # share of the learning rate that is left at the end
LONGEST_PROMPT = 256
Tick = Callable[[int], None]


def new_checkpoint(width: int, recipe: Recipe) -> LlamaForCausalLM:
    """Return a decoder with drawn weights; input and output share their embeddings."""
    torch.manual_seed(recipe.seed)
    config = LlamaConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=recipe.n_layers,
        num_attention_heads=max(1, width // recipe.head_width),
        max_position_embeddings=LONGEST_PROMPT,
        tie_word_embeddings=True,
        initializer_range=0.5 * width**-0.5,
        rope_parameters={"rope_type": "default", "rope_theta": 1000.0},
        bos_token_id=TOKEN_OF[BOS],
        eos_token_id=TOKEN_OF[END],
        pad_token_id=TOKEN_OF[PAD],
    )
    checkpoint = LlamaForCausalLM(config)
    # Words that base checkpoints never read begin with one vector and keep it until tuning: drawn
    # ones would have some meaning by luck, and a base could be above or below chance on them.
    vectors: Any = checkpoint.get_input_embeddings().weight
    unread = [TOKEN_OF[word] for word in INSTRUCTIONS]
    with torch.no_grad():
        vectors[unread] = vectors[unread[0]].clone()
    return checkpoint


def train(
    checkpoint: LlamaForCausalLM, rows: Rows, recipe: Recipe, share: float, device: str, tick: Tick
) -> float:
    """Train on rows in their order, and return the mean loss of the last tenth of the steps.

    ``share`` is that of the recipe's learning rate.
    """
    torch.nn.Module.to(checkpoint, device)
    checkpoint.train()
    rate = share * recipe.learning_rate * checkpoint.config.hidden_size**-0.5
    optimizer = torch.optim.AdamW(
        checkpoint.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=recipe.weight_decay
    )
    n_steps = len(rows.tokens) // recipe.rows_per_step
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, n_steps))
    losses = []
    with one_thread():
        for tokens, labels in islice(_batches(rows, recipe.rows_per_step, device), n_steps):
            loss = checkpoint(input_ids=tokens, labels=labels, use_cache=False).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(checkpoint.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            losses.append(loss.item())
            tick(1)
    last = losses[-max(1, n_steps // 10) :]
    return sum(last) / len(last)


def open_checkpoint(folder: Path) -> LlamaForCausalLM:
    """Return a checkpoint of this ladder from its folder."""
    with _no_bars():
        return LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)


def save_checkpoint(checkpoint: LlamaForCausalLM, folder: Path) -> None:
    """Write weights (safetensors) and configuration."""
    with _no_bars():
        torch.nn.Module.to(checkpoint, "cpu")
        checkpoint.save_pretrained(folder)


def n_parameters(checkpoint: LlamaForCausalLM) -> int:
    """Return the number of parameters, shared ones counted once."""
    return sum(each.numel() for each in checkpoint.parameters())


def _batches(rows: Rows, size: int, device: str) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    for first in range(0, len(rows.tokens), size):
        tokens, labels = (
            torch.from_numpy(each[first : first + size].astype("int64")).to(device) for each in rows
        )
        yield tokens, labels


def _rate(step: int, n_steps: int) -> float:
    """Return the share of the learning rate at a step: up, then down in straight lines."""
    return min(1.0, (step + 1) / WARM_UP_STEPS) * max(LAST_RATE, 1 - step / n_steps)


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch to one thread: layers this small gain nothing from more, and sums stay equal."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _no_bars() -> Iterator[None]:
    """Keep transformers from drawing a bar for each of these small files."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()
