"""Is a score above chance? Exact tests of counts, Holm over checkpoints, and what they could find.

What a test can't be made of raises ``NotTestableError`` with the reason; the callers report it as
"not testable", which is never a "no".
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from scipy import stats

from toolkit.study.claims import Arm
from toolkit.verdict.gates import in_arm
from toolkit.wording import size_label

ALPHA = 0.05
POWER = 0.80
# Lu et al. 2024 mark a rise of less as marginal; "clearly above chance" needs this much.
CLEAR_RISE = 0.05
# Sizes in the tables are whole numbers of parameters; thresholds may be powers of ten.
SIZE_TOLERANCE = 1e-9


class NotTestableError(Exception):
    """These cells can't test a definition; the message is the reason, without a full stop."""


@dataclass(frozen=True)
class ChanceTest:
    """One cell against chance: ``p_value`` one-sided exact, ``p_holm`` over its fellow cells."""

    checkpoint: str
    lm_family: str
    n_params: float
    n_items: float
    score: float
    level: float
    p_value: float
    p_holm: float

    @property
    def is_above(self) -> bool:
        """Return whether the score is above chance, all fellow cells considered."""
        return self.p_holm <= ALPHA

    @property
    def is_clear(self) -> bool:
        """Return whether it is above chance and by enough to matter."""
        return self.is_above and self.score - self.level >= CLEAR_RISE - 1e-12

    @property
    def label(self) -> str:
        """Return checkpoint and size with what it scored and how sure that is."""
        size = size_label(np.log10(self.n_params))
        return (
            f"{self.checkpoint} ({self.lm_family}, {size}) with {self.score:.2f} of "
            f"{self.n_items:.0f} items right, "
            f"{100 * (self.score - self.level):+.1f} points, Holm {p_text(self.p_holm)}"
        )


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return p-values adjusted for their number, step by step (Holm 1979)."""
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def level_to_beat(chance: float) -> float:
    """Return the rate that counts as guessing.

    Free text has chance 0, which one right item would refute; there guessing means the least rise
    that matters.
    """
    return chance if chance > 0 else CLEAR_RISE


def level_text(chance: float) -> str:
    """Return the rate that counts as guessing, in words."""
    if chance > 0:
        return f"chance ({chance:.2f})"
    return f"{CLEAR_RISE:.2f} (chance is 0)"


def chance_tests(cells: pd.DataFrame) -> tuple[ChanceTest, ...]:
    """Return the test of every cell, by size; a cell without counts is not testable."""
    uncounted = cells["n_correct"].isna() | cells["n_items"].isna()
    if uncounted.any():
        names = ", ".join(sorted(cells.loc[uncounted, "checkpoint"].unique()))
        of = "any checkpoint" if uncounted.all() else names
        msg = f"the number of items right (n_correct) is not known for {of}"
        raise NotTestableError(msg)
    cells = cells.sort_values(["n_params", "checkpoint"], kind="stable")
    level = cells["chance"].map(level_to_beat)
    p = stats.binom.sf(cells["n_correct"] - 1, cells["n_items"], level)
    tested = cells.assign(level=level, p_value=p, p_holm=holm(p))
    rows = tested[[field.name for field in fields(ChanceTest)]].to_dict(orient="records")
    return tuple(ChanceTest(**{str(name): value for name, value in row.items()}) for row in rows)


def n_below_chance(cells: pd.DataFrame) -> int:
    """Return how many cells are below chance, Holm over all: a sign of unparseable answers."""
    p = stats.binom.cdf(cells["n_correct"], cells["n_items"], cells["chance"])
    return int((holm(p) <= ALPHA).sum())


def detectable_rise(n_items: float, chance: float, n_tests: int) -> float:
    """Return the rise above chance that the strictest of Holm's tests finds with 80% power.

    NaN where not even all items right would reject.
    """
    level = level_to_beat(chance)
    k = float(stats.binom.isf(ALPHA / n_tests, n_items, level)) + 1
    if k > n_items:
        return float("nan")
    # P(X >= k) as a function of the rate is a beta distribution function.
    return float(stats.beta.ppf(POWER, k, n_items - k + 1)) - level


def exact_interval(n_correct: float, n_items: float, prob: float = 0.95) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of a proportion."""
    tail = (1 - prob) / 2
    low = stats.beta.ppf(tail, n_correct, n_items - n_correct + 1) if n_correct > 0 else 0.0
    high = (
        stats.beta.ppf(1 - tail, n_correct + 1, n_items - n_correct) if n_correct < n_items else 1.0
    )
    return float(low), float(high)


def cells_of_arm(cells: pd.DataFrame, arm: Arm) -> pd.DataFrame:
    """Return the cells of an arm, or raise ``NotTestableError`` where there are none."""
    kept = in_arm(cells, arm)
    if kept.empty:
        msg = f"the arm '{arm.label}' has no cell"
        raise NotTestableError(msg)
    return kept


def split_at(cells: pd.DataFrame, threshold: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the cells below a size and those at or above it."""
    above = cells["n_params"] >= threshold * (1 - SIZE_TOLERANCE)
    return cells[~above], cells[above]


def family_across(cells: pd.DataFrame, threshold: float) -> str:
    """Return the family with sizes on both sides of a size, or raise where there is none.

    Of several the one with most sizes is taken, then the first by name.
    """
    below, above = split_at(cells, threshold)
    both = sorted(set(below["lm_family"]) & set(above["lm_family"]))
    if not both:
        msg = f"no family has sizes on both sides of {size_label(np.log10(threshold))} in this arm"
        raise NotTestableError(msg)
    n_sizes = cells.groupby("lm_family")["n_params"].nunique()
    return max(both, key=lambda family: int(n_sizes[family]))


def chance_tests_below(cells: pd.DataFrame, threshold: float) -> tuple[ChanceTest, ...]:
    """Return the tests of the cells below a size, or raise where there are none."""
    return _tests(split_at(cells, threshold)[0], threshold, "below")


def chance_tests_above(cells: pd.DataFrame, threshold: float) -> tuple[ChanceTest, ...]:
    """Return the tests of the cells at or above a size, or raise where there are none."""
    return _tests(split_at(cells, threshold)[1], threshold, "at or above")


def _tests(cells: pd.DataFrame, threshold: float, side: str) -> tuple[ChanceTest, ...]:
    if cells.empty:
        msg = f"no checkpoint {side} {size_label(np.log10(threshold))} was scored in this arm"
        raise NotTestableError(msg)
    return chance_tests(cells)


def p_text(p: float) -> str:
    """Return a p-value as readers write it."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
