"""How ordered sequences are cut into bundles of bounded size below prefixes run through once.

The cut depends on the sequences and the budget alone, so that the same requests always meet in the
same forward, whatever the machine has free and whatever is already known.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

# A prefix of fewer tokens costs more as a forward of its own than it saves.
MIN_PREFIX = 16


@dataclass(frozen=True)
class Bundle:
    """Sequences ``start`` to ``stop`` (exclusive), computed together below a cached prefix.

    ``cuts`` are growing lengths, from 0 to the length of the prefix; what lies between two cuts is
    run through once for all bundles that share it.
    """

    start: int
    stop: int
    cuts: tuple[int, ...]

    @property
    def n_prefix(self) -> int:
        """Return the number of tokens that the cached prefix holds."""
        return self.cuts[-1]


class Packing:
    """Ordered sequences with what decides their bundles.

    ``shared`` is the length that each sequence has in common with the one before it,
    ``prefix_limit`` the longest prefix that may be cut from it (its predictions start there) and
    ``extra`` the room that it needs besides its own tokens.
    """

    def __init__(
        self,
        tokens: Sequence[np.ndarray],
        shared: np.ndarray,
        prefix_limit: Sequence[int],
        extra: Sequence[int] | None = None,
    ) -> None:
        self._shared = shared
        self._lengths = np.array([len(sequence) for sequence in tokens], dtype=np.int64)
        self._limit = np.array(prefix_limit, dtype=np.int64)
        self._extra = np.array(extra if extra is not None else [0] * len(tokens), dtype=np.int64)
        new_tokens = self._lengths - shared + self._extra
        self._total = np.concatenate([[0], np.cumsum(new_tokens)])

    def size(self, start: int, stop: int, n_prefix: int) -> int:
        """Return the room for a range of sequences: distinct tokens below the prefix, and extra."""
        first = self._lengths[start] - n_prefix + self._extra[start]
        return int(first + self._total[stop] - self._total[start + 1])

    def bundles(self, budget: int) -> Iterator[Bundle]:
        """Yield bundles in order; only a sequence that is too long by itself exceeds the budget."""
        waiting = [Bundle(0, len(self._lengths), (0,))] if len(self._lengths) else []
        while waiting:
            group = waiting.pop()
            if self.size(group.start, group.stop, group.n_prefix) <= budget:
                yield group
                continue
            common = self._common(group)
            prefix = min(common, int(self._limit[group.start : group.stop].min()))
            if prefix - group.n_prefix >= MIN_PREFIX:
                waiting.append(Bundle(group.start, group.stop, (*group.cuts, prefix)))
            elif group.stop - group.start == 1:
                yield group
            else:
                waiting.extend(reversed(self._children(group, common, budget)))

    def below_common_prefix(self, bundle: Bundle) -> Bundle:
        """Return the bundle with all that its sequences share moved into the prefix."""
        common = self._common(bundle)
        prefix = min(common, int(self._limit[bundle.start : bundle.stop].min()))
        if bundle.stop - bundle.start == 1 or prefix - bundle.n_prefix < MIN_PREFIX:
            return bundle
        return Bundle(bundle.start, bundle.stop, (*bundle.cuts, prefix))

    def _common(self, group: Bundle) -> int:
        between = self._shared[group.start + 1 : group.stop]
        return int(between.min()) if len(between) else int(self._lengths[group.start])

    def _children(self, group: Bundle, common: int, budget: int) -> list[Bundle]:
        """Split where the sequences part; neighbours stay together while they fit."""
        between = np.arange(group.start + 1, group.stop)
        borders = [*between[self._shared[between] == common].tolist(), group.stop]
        children: list[Bundle] = []
        start = group.start
        stop = borders[0]
        for border in borders[1:]:
            if self.size(start, border, group.n_prefix) > budget:
                children.append(Bundle(start, stop, group.cuts))
                start = stop
            stop = border
        return [*children, Bundle(start, stop, group.cuts)]
