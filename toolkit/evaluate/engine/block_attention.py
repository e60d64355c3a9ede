"""Attention of one packed row block by block, as an implementation that transformers calls.

With one mask over the row each token's score with every column is computed, and most are hidden
again. Here the tokens of a block meet the prefix, which they see whole, and columns of their own.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "emergence_blocks"
# What scaled_dot_product_attention itself calls on a processor; no public function returns the
# sums. Where another torch hasn't got it, the certificate refuses this way of computing.
FLASH = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
# What some architectures do to scores, and this attention doesn't.
UNKNOWN = ("softcap", "position_bias", "s_aux")


@dataclass(frozen=True)
class Block:
    """New tokens of a packed row, and the columns (tokens of the row) that they may see.

    ``visible`` (row, column) tells which. The prefix is seen besides.
    """

    rows: slice
    columns: slice
    visible: Tensor

    def show(self, mask: Tensor) -> None:
        """Mark in a mask over the row, (new token, column), what the block's tokens see."""
        mask[self.rows, self.columns] = self.visible

    def read(
        self, queries: Tensor, key: Tensor, value: Tensor, scaling: float | None
    ) -> tuple[Tensor, Tensor]:
        """Return what the block's tokens read, and the logarithms of their sums, as ``_read``."""
        keys, values = (each[:, :, self.columns] for each in (key, value))
        return _read(queries[:, :, :, self.rows], keys, values, scaling, self._added)

    @cached_property
    def _added(self) -> Tensor:
        """What is added to scores so that only what is visible counts, for all layers."""
        return _hiding(self.visible)


@dataclass(frozen=True)
class Stretches:
    """New tokens that each see the first columns of a stretch of their own, in one call.

    Stretches follow one another from column ``start`` on; ``visible`` (row, column of its stretch)
    is as wide as each of them. The prefix is seen besides.
    """

    rows: slice
    start: int
    visible: Tensor

    def show(self, mask: Tensor) -> None:
        """Mark in a mask over the row, (new token, column), what each token sees."""
        n_rows, width = self.visible.shape
        every = torch.arange(n_rows, device=mask.device)
        own = mask[self.rows, self.start : self.start + n_rows * width]
        own.unflatten(1, (n_rows, width))[every, every] = self.visible.to(mask.device)

    def read(
        self, queries: Tensor, key: Tensor, value: Tensor, scaling: float | None
    ) -> tuple[Tensor, Tensor]:
        """Return what each token reads of its stretch, and the logarithms of their sums."""
        n_rows, width = self.visible.shape
        columns = slice(self.start, self.start + n_rows * width)
        # Of shape (row, head of ``key``, column, channel): a row is a sequence of its own here.
        own = (
            each[0, :, columns].unflatten(1, (n_rows, width)).transpose(0, 1)
            for each in (key, value)
        )
        asking = queries[0, :, :, self.rows].permute(2, 0, 1, 3)
        found, total = FLASH(asking, *own, attn_mask=self._added, scale=scaling)
        return found.permute(1, 2, 0, 3)[None], total.permute(1, 2, 0)[None, ..., None]

    @cached_property
    def _added(self) -> Tensor:
        return _hiding(self.visible)[:, None, None]


@dataclass(frozen=True)
class Sight:
    """What the new tokens of a packed row see: the prefix, its first columns, and their block's.

    Blocks follow one another and hold all new tokens.
    """

    n_prefix: int
    blocks: Sequence[Block | Stretches]

    def mask(self, n_columns: int, device: torch.device) -> Tensor:
        """Return the same as one mask, (new token, column)."""
        n_rows = self.blocks[-1].rows.stop
        visible = torch.zeros(n_rows, n_columns, dtype=torch.bool, device=device)
        visible[:, : self.n_prefix] = True
        for block in self.blocks:
            block.show(visible)
        return visible


_SIGHT: ContextVar[Sight | None] = ContextVar("sight", default=None)


@contextmanager
def seeing(sight: Sight) -> Iterator[None]:
    """Let the forward of one packed row see by block, whatever its mask says."""
    token = _SIGHT.set(sight)
    try:
        yield
    finally:
        _SIGHT.reset(token)


def install(model: PreTrainedModel) -> bool:
    """Make a network call this attention, and return whether it does.

    Outside of ``seeing`` it is the scaled dot-product attention that the network had.
    """
    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    model.set_attn_implementation(NAME)
    return model.config._attn_implementation == NAME


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **settings: Any,
) -> tuple[Tensor, Tensor | None]:
    """Return what each new token reads, (1, token, head, channel), and no weights.

    ``query``, ``key`` and ``value`` are of shape (1, head, token or column, channel); heads of
    ``query`` may share those of ``key``.

    Raises
    ------
    NotImplementedError
        Where the architecture changes scores in a way that isn't known here.
    """
    sight = _SIGHT.get()
    if sight is None:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **settings
        )
    lacking = [name for name in UNKNOWN if settings.get(name) is not None]
    if lacking:
        raise NotImplementedError(f"attention by block knows no {', '.join(lacking)}")
    queries = query.unflatten(1, (key.shape[1], -1))
    found, total = _read_blocks(queries, key, value, sight.blocks, scaling)
    if sight.n_prefix:
        prefix = key[:, :, : sight.n_prefix], value[:, :, : sight.n_prefix]
        of_prefix, prefix_total = _read(queries, *prefix, scaling)
        # Two softmaxes become one by the sums that each was divided by.
        found = torch.lerp(found, of_prefix, torch.sigmoid(prefix_total - total))
    return found.flatten(1, 2).transpose(1, 2).contiguous(), None


def _read_blocks(
    queries: Tensor,
    key: Tensor,
    value: Tensor,
    blocks: Sequence[Block | Stretches],
    scaling: float | None,
) -> tuple[Tensor, Tensor]:
    parts = [block.read(queries, key, value, scaling) for block in blocks]
    found, total = zip(*parts, strict=True)
    return torch.cat(found, 3), torch.cat(total, 3)


def _read(
    queries: Tensor,
    key: Tensor,
    value: Tensor,
    scaling: float | None,
    added: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return what rows read of some columns, and the logarithm of the sum in their softmax.

    ``queries``, and what is read, are of shape (1, head of ``key``, those that share it, row,
    channel); the sums have one channel.
    """
    sharing, rows = queries.shape[2:4]
    mask = None if added is None else added.repeat(sharing, 1)[None, None]
    found, total = FLASH(queries.flatten(2, 3), key, value, attn_mask=mask, scale=scaling)
    return found.unflatten(2, (sharing, rows)), total.unflatten(2, (sharing, rows))[..., None]


def _hiding(visible: Tensor) -> Tensor:
    """Return what is added to scores so that only what is visible counts."""
    return torch.zeros(visible.shape).masked_fill_(~visible, float("-inf"))
