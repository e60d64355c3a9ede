"""One forward of a decoder in the three ways that the engine needs: packed, by rows, plain.

Packed means that the tokens of one row belong to many sequences: each is told which tokens it may
see, by one mask or block by block, and its position is its depth in its own sequence.
"""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from copy import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer

from toolkit.evaluate.engine.block_attention import Sight, seeing
from toolkit.evaluate.engine.loading import Checkpoint

# Keys and values of each layer, (row, head, token, channel).
KeyValues = list[tuple[Tensor, Tensor]]


class Decoder:
    """A decoder that is told for every forward what it may see and what it must predict."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._model = checkpoint.model
        self._dtype = checkpoint.dtype
        self.device = checkpoint.device
        self.offers_blocks = checkpoint.offers_blocks
        self.length_scaled = checkpoint.length_scaled
        self._by_block = False
        self._additive = checkpoint.attention == "eager"
        self._parameters = inspect.signature(self._model.forward).parameters
        # transformers 5.24 renamed this argument.
        self._cache_name = "cache" if "cache" in self._parameters else "past_key_values"
        self._layer_kinds, self._window = _attention_kinds(self._model.config)

    def by_block(self) -> "Decoder":
        """Return the same decoder with packed rows attended to block by block."""
        other = copy(self)
        other._by_block = True
        return other

    def new_cache(self) -> Cache:
        """Return an empty cache of the kind that the architecture itself would use."""
        return DynamicCache(config=self._model.config)

    @torch.inference_mode()
    def rows(
        self, tokens: Tensor, keep: Sequence[int], cache: Cache | None = None
    ) -> Tensor:  # (row, kept, vocabulary)
        """Return the logits at some places of every row after what the cache holds.

        Rows may be padded on the right: no token sees what comes after it, so no mask is needed.
        """
        settings: dict[str, Any] = {"use_cache": cache is not None}
        if cache is not None:
            settings[self._cache_name] = cache
        return self._logits(tokens, torch.tensor(keep, device=self.device), settings)

    @torch.inference_mode()
    def packed(
        self,
        tokens: np.ndarray,
        depth: np.ndarray,
        sight: Sight,
        row: Cache,
        row_depth: Tensor,
        keep: np.ndarray,
    ) -> Tensor:  # (kept, vocabulary)
        """Return the logits at some of the new tokens of one packed row, which comes to hold them.

        ``depth`` is the position of each new token in its own sequence, ``row_depth`` that of each
        column of the row, the new ones among them.
        """
        if "position_ids" not in self._parameters:
            raise NotImplementedError("this architecture takes no position_ids")
        positions = torch.from_numpy(depth).to(self.device)
        if self._by_block:
            # A mask of four dimensions is taken as it is: none is made, and none is looked at.
            mask: Any = torch.ones(1, 1, 1, 1, dtype=torch.bool, device=self.device)
        else:
            mask = self._mask(sight.mask(len(row_depth), self.device), positions, row_depth)
        settings = {
            self._cache_name: row,
            "use_cache": True,
            "attention_mask": mask,
            "position_ids": positions[None],
        }
        new = torch.from_numpy(tokens).to(self.device)[None]
        with seeing(sight) if self._by_block else nullcontext():
            return self._logits(new, torch.from_numpy(keep).to(self.device), settings)[0]

    def _logits(self, tokens: Tensor, keep: Tensor, settings: dict[str, Any]) -> Tensor:
        if "logits_to_keep" in self._parameters:
            return self._model(input_ids=tokens, logits_to_keep=keep, **settings).logits
        return self._model(input_ids=tokens, **settings).logits[:, keep]

    def _mask(self, visible: Tensor, depth: Tensor, key_depth: Tensor) -> Any:
        """Return the mask, one for each kind of layer where an architecture mixes them."""
        near = visible
        if self._window is not None:
            near = visible & (depth[:, None] - key_depth[None, :] < self._window)
        if self._layer_kinds is None:
            return self._as_given(near)
        views = {"full_attention": visible, "sliding_attention": near}
        if not self._layer_kinds <= views.keys():
            raise NotImplementedError(f"no packed mask for layers {sorted(self._layer_kinds)}")
        if self._layer_kinds == {"full_attention"}:
            return self._as_given(visible)
        return {kind: self._as_given(views[kind]) for kind in self._layer_kinds}

    def _as_given(self, visible: Tensor) -> Tensor:  # (1, 1, new, all)
        """Return the mask in the form of the attention: eager attention adds it to its scores."""
        if not self._additive:
            return visible[None, None]
        hidden = torch.finfo(self._dtype).min
        zeros = torch.zeros(visible.shape, dtype=self._dtype, device=visible.device)
        return zeros.masked_fill_(~visible, hidden)[None, None]


def _attention_kinds(config: Any) -> tuple[set[str] | None, int | None]:
    """Return the kinds of attention layers (None: one mask for all) and the sliding window."""
    config = config.get_text_config(decoder=True)
    layer_types = getattr(config, "layer_types", None)
    return set(layer_types) if layer_types else None, getattr(config, "sliding_window", None)


class PlacedLayer(DynamicLayer):
    """Keys and values of one layer; new ones come last, or where ``columns`` says."""

    columns: Tensor | None = None

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Take keys and values (row, head, token, channel) in and return all."""
        if self.columns is None:
            return super().update(key_states, value_states, *args, **kwargs)
        held = _held(self)
        for states, new in zip(held, (key_states, value_states), strict=True):
            states[:, :, self.columns] = new
        return held


@contextmanager
def placing(cache: Cache, columns: Tensor) -> Iterator[None]:
    """Let new tokens go to some columns of a cache that is made of ``PlacedLayer``."""
    layers = [layer for layer in cache.layers if isinstance(layer, PlacedLayer)]
    for layer in layers:
        layer.columns = columns
    try:
        yield
    finally:
        for layer in layers:
            layer.columns = None


def cache_of(past: KeyValues, n_rows: int = 1, kind: type[DynamicLayer] = DynamicLayer) -> Cache:
    """Return a cache that starts from keys and values, which it leaves untouched.

    Every layer keeps all tokens, also in architectures with sliding windows: masks see to those.
    """
    cache = DynamicCache()
    cache.layer_class_to_replicate = kind
    for keys, values in past:
        layer = kind()
        layer.lazy_initialization(keys, values)
        layer.keys = keys.expand(n_rows, -1, -1, -1)
        layer.values = values.expand(n_rows, -1, -1, -1)
        cache.layers.append(layer)
    return cache


def key_values_of(cache: Cache) -> KeyValues:
    """Return the keys and values that a cache holds."""
    return [_held(layer) for layer in cache.layers]


def _held(layer: Any) -> tuple[Tensor, Tensor]:
    if not isinstance(layer, DynamicLayer) or layer.keys is None or layer.values is None:
        raise NotImplementedError("a layer of this architecture keeps no keys and values")
    return layer.keys, layer.values
