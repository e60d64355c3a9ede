"""One forward of a decoder in the three ways that the engine needs: packed, by rows, plain.

Packed means that the tokens of one row belong to many sequences: the mask says which earlier tokens
each may see and its position is its depth in its own sequence.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer

from toolkit.evaluate.loading import Checkpoint

# Keys and values of each layer, (row, head, token, channel).
KeyValues = list[tuple[Tensor, Tensor]]


class Decoder:
    """A decoder that is told for every forward what it may see and what it must predict."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._model = checkpoint.model
        self._dtype = checkpoint.dtype
        self.device = checkpoint.device
        self._additive = checkpoint.attention == "eager"
        self._parameters = inspect.signature(self._model.forward).parameters
        # transformers 5.24 renamed this argument.
        self._cache_name = "cache" if "cache" in self._parameters else "past_key_values"
        self._layer_kinds, self._window = _attention_kinds(self._model.config)

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
        visible: Tensor,
        past: Cache,
        past_depth: Tensor,
        keep: np.ndarray,
    ) -> Tensor:  # (kept, vocabulary)
        """Return the logits at some places of one packed row; ``past`` comes to hold its tokens.

        Parameters
        ----------
        depth, past_depth
            Position of each new and each past token in its own sequence.
        visible
            Which tokens (past, then new) each new token may see, itself among them: (new, all).
        """
        if "position_ids" not in self._parameters:
            raise NotImplementedError("this architecture takes no position_ids")
        positions = torch.from_numpy(depth).to(self.device)
        key_depth = torch.cat([past_depth, positions])
        settings = {
            self._cache_name: past,
            "use_cache": True,
            "attention_mask": self._mask(visible, positions, key_depth),
            "position_ids": positions[None],
        }
        row = torch.from_numpy(tokens).to(self.device)[None]
        return self._logits(row, torch.from_numpy(keep).to(self.device), settings)[0]

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


class RoomyLayer(DynamicLayer):
    """Keys and values of one layer with room for more: what is appended is all that is copied."""

    _whole: tuple[Tensor, ...] = ()

    def update(
        self, key_states: Tensor, value_states: Tensor, *_args: Any, **_kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Append keys and values (row, head, token, channel) and return all."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start, new = self.get_seq_length(), (key_states, value_states)
        end = start + key_states.shape[-2]
        if not self._whole or self._whole[0].shape[-2] < end:
            # As long as needed at first: a row that is run once needs no room.
            length = 2 * end if self._whole else end
            held = (self.keys, self.values) if start else ()
            self._whole = tuple(each.new_empty(_long(each, length)) for each in new)
            for whole, before in zip(self._whole, held, strict=False):
                whole[..., :start, :] = before  # pyright: ignore[reportArgumentType]
        for whole, each in zip(self._whole, new, strict=True):
            whole[..., start:end, :] = each
        self.keys, self.values = (whole[..., :end, :] for whole in self._whole)
        return self.keys, self.values


def _long(states: Tensor, length: int) -> tuple[int, ...]:
    return (*states.shape[:-2], length, states.shape[-1])


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
    held: KeyValues = []
    for layer in cache.layers:
        if not isinstance(layer, DynamicLayer) or layer.keys is None or layer.values is None:
            raise NotImplementedError("a layer of this architecture keeps no keys and values")
        held.append((layer.keys, layer.values))
    return held
