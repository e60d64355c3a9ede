"""Scores on both sides of a claimed size, and the rise between them, with intervals.

One family only: between families a rise is a difference of recipes. No normal interval where counts
are known, since it covers too rarely at few items.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from toolkit.definitions.above_chance import (
    NotTestableError,
    exact_interval,
    family_across,
    split_at,
)

CI_PROB = 0.95


@dataclass(frozen=True)
class Point:
    """The mean score of one size with its interval: exact for counts, else normal."""

    log10_params: float
    score: float
    low: float
    high: float


@dataclass(frozen=True)
class Rise:
    """A difference of two points with its interval."""

    value: float
    low: float
    high: float

    @property
    def label(self) -> str:
        """Return the rise with its interval."""
        return f"{self.value:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


@dataclass(frozen=True)
class Crossing:
    """The points of one family below a size, and at or above it; each side has at least one."""

    lm_family: str
    below: tuple[Point, ...]
    above: tuple[Point, ...]

    @property
    def at(self) -> Rise:
        """Return the rise from the largest size below to the smallest above."""
        return rise_between(self.below[-1], self.above[0])

    @property
    def before(self) -> Rise | None:
        """Return the rise over the sizes below; None where there is but one."""
        return rise_between(self.below[0], self.below[-1]) if len(self.below) > 1 else None


def crossing_of(cells: pd.DataFrame, threshold: float) -> Crossing:
    """Return the points of the family that spans a size, from one metric's cells of one arm."""
    family = family_across(cells, threshold)
    below, above = split_at(cells[cells["lm_family"] == family], threshold)
    return Crossing(family, _points(below), _points(above))


def rise_between(low: Point, high: Point) -> Rise:
    """Return the difference of two points, their intervals combined by squares (Newcombe 1998).

    Both are scored on the same items. Correlation between their answers would narrow the interval;
    without item-level answers it is taken to be none.
    """
    value = high.score - low.score
    down = np.hypot(high.score - high.low, low.high - low.score)
    up = np.hypot(high.high - high.score, low.score - low.low)
    return Rise(value, float(value - down), float(value + up))


def _points(cells: pd.DataFrame) -> tuple[Point, ...]:
    sizes = np.unique(cells["n_params"].to_numpy(float))
    return tuple(_point(float(size), cells[cells["n_params"] == size]) for size in sizes)


def _point(n_params: float, cells: pd.DataFrame) -> Point:
    # Checkpoints of one size answer the same items: together they are no surer than one.
    score = float(cells["score"].mean())
    if cells["n_correct"].notna().all():
        n_items = float(cells["n_items"].mean())
        low, high = exact_interval(score * n_items, n_items, CI_PROB)
    else:
        se = cells["score_se"]
        if not (se > 0).all():
            names = ", ".join(sorted(cells["checkpoint"]))
            msg = f"neither counts nor a standard error (score_se) are known for {names}"
            raise NotTestableError(msg)
        half = float(stats.norm.isf((1 - CI_PROB) / 2) * se.mean())
        low, high = score - half, score + half
    return Point(float(np.log10(n_params)), score, low, high)
