"""BIG-bench's breakthroughness B and linearity L, with what they are where nothing jumps.

For scores y ordered by size (Srivastava et al. 2022, Appendix B), with
``I(y) = sign(argmax y - argmin y) (max y - min y)``:

    L = I(y) / root mean square of the steps       B = I(y) / root median square of the steps

Neither has a scale of its own: k sizes on a noiseless straight line give B = k - 1, and noise moves
both. So they are read against curves of the same sizes and items: flat at chance, and smooth,
a logistic in log size between two plateaus, fitted to the cells. Neither sees how high the largest
step is beside the range, so that a steep smooth curve scores as a jump does (``b_power``).

Simulated noise is that of the items only; checkpoints differ by more, so that a small p-value is no
proof of a jump.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from toolkit.definitions.above_chance import NotTestableError, family_across, level_to_beat
from toolkit.definitions.smooth_rates import RATE_MIN, smooth_rates
from toolkit.wording import size_label

REPLICATES = 4000
PLANTED_RISE = 0.30
# With three sizes the median of the two squared steps is their mean, so that B is L.
SIZES_FOR_B = 4
SIZES_FOR_L = 3
# Steps that differ by rounding only are equal.
DIGITS = 12
EQUAL = 1e-9


@dataclass(frozen=True)
class Series:
    """The cells of one family in one arm; ``size_of_cell`` indexes ``log10_params``."""

    lm_family: str
    log10_params: np.ndarray  # (size,), ascending
    size_of_cell: np.ndarray  # (cell,)
    n_items: np.ndarray  # (cell,)
    n_correct: np.ndarray  # (cell,)
    chance: float

    @property
    def label(self) -> str:
        """Return the number of sizes, the family and the range."""
        low, high = (size_label(x) for x in self.log10_params[[0, -1]])
        return f"{len(self.log10_params)} sizes of {self.lm_family} ({low} to {high})"

    @property
    def largest_step(self) -> tuple[float, float]:
        """Return the neighbouring sizes (log10) between which the score rises most."""
        at = int(np.diff(self.scores(self.n_correct)).argmax())
        return float(self.log10_params[at]), float(self.log10_params[at + 1])

    def scores(self, n_correct: np.ndarray) -> np.ndarray:
        """Return the mean score by size of counts (..., cell); checkpoints of a size are equals."""
        member = self.size_of_cell[:, None] == np.arange(len(self.log10_params))
        return np.round((n_correct / self.n_items) @ (member / member.sum(axis=0)), DIGITS)


@dataclass(frozen=True)
class Null:
    """What a statistic is where nothing jumps; ``p_value`` is P(null >= observed)."""

    quantile_05: float
    quantile_95: float
    p_value: float


@dataclass(frozen=True)
class CurveStatistic:
    """B or L of a series with both nulls."""

    value: float
    flat: Null
    smooth: Null


@dataclass(frozen=True)
class NullCurves:
    """Simulated scores (replicate, size) of curves without a jump."""

    flat: np.ndarray
    smooth: np.ndarray


def breakthroughness(scores: np.ndarray) -> np.ndarray:
    """Return B of scores (..., size): infinite where most steps are 0, and 0 for a flat curve."""
    steps = np.diff(scores, axis=-1)
    return _ratio(_improvement(scores), np.sqrt(np.median(steps**2, axis=-1)))


def linearity(scores: np.ndarray) -> np.ndarray:
    """Return L of scores (..., size): 0 for a flat curve, at most the number of steps."""
    steps = np.diff(scores, axis=-1)
    return _ratio(_improvement(scores), np.sqrt(np.mean(steps**2, axis=-1)))


def _improvement(scores: np.ndarray) -> np.ndarray:
    direction = np.sign(scores.argmax(axis=-1) - scores.argmin(axis=-1))
    return direction * np.ptp(scores, axis=-1)


def _ratio(improvement: np.ndarray, typical_step: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = improvement / np.where(typical_step < 10.0**-DIGITS, 0.0, typical_step)
    return np.where(improvement == 0, 0.0, ratio)


def series_across(cells: pd.DataFrame, threshold: float) -> Series:
    """Return the series that spans a size: BIG-bench compares sizes of one family only."""
    family = family_across(cells, threshold)
    rows = cells[cells["lm_family"] == family].sort_values("n_params", kind="stable")
    if rows[["n_correct", "n_items"]].isna().any(axis=None):
        msg = f"the number of items right (n_correct) is not known for all sizes of {family}"
        raise NotTestableError(msg)
    sizes, size_of_cell = np.unique(rows["n_params"].to_numpy(float), return_inverse=True)
    return Series(
        family, np.log10(sizes), size_of_cell, rows["n_items"].to_numpy(float),
        rows["n_correct"].to_numpy(float), float(rows["chance"].iloc[0]),
    )  # fmt: skip


def null_curves(
    series: Series, rng: np.random.Generator, replicates: int = REPLICATES
) -> NullCurves:
    """Return curves of the same sizes and items: flat at chance, and smooth as fitted."""
    flat = np.full(len(series.n_items), level_to_beat(series.chance))
    return NullCurves(
        _simulated(series, flat, replicates, rng),
        _simulated(series, smooth_curve(series), replicates, rng),
    )


def smooth_curve(series: Series) -> np.ndarray:
    """Return each cell's rate under the smooth curve that is closest to a series."""
    away = series.log10_params - series.log10_params.mean()
    return smooth_rates(away[series.size_of_cell], series.n_correct, series.n_items)


def b_statistic(series: Series, curves: NullCurves) -> CurveStatistic:
    """Return B of a series, or raise where it has too few sizes."""
    _check_sizes(series, "B", SIZES_FOR_B)
    return _statistic(breakthroughness, series, curves)


def l_statistic(series: Series, curves: NullCurves) -> CurveStatistic:
    """Return L of a series, or raise where it has too few sizes."""
    _check_sizes(series, "L", SIZES_FOR_L)
    return _statistic(linearity, series, curves)


def b_power(
    series: Series, threshold: float, rng: np.random.Generator, replicates: int = REPLICATES
) -> float:
    """Return how often B tells a step of ``PLANTED_RISE`` at a size from both nulls."""
    is_above = series.log10_params >= np.log10(threshold) - EQUAL
    planted = _planted(series, np.where(is_above, PLANTED_RISE, 0.0))
    # The smooth curve is fitted to the step once, free of noise, and not to every draw.
    curves = null_curves(replace(series, n_correct=series.n_items * planted), rng, replicates)
    bar = max(_quantile(breakthroughness(y), 0.95) for y in (curves.flat, curves.smooth))
    found = breakthroughness(_simulated(series, planted, replicates, rng))
    return float((found > bar).mean())


def l_power(series: Series, curves: NullCurves, rng: np.random.Generator) -> float:
    """Return how often L tells an even rise of ``PLANTED_RISE`` from the flat null."""
    planted = _planted(series, np.linspace(0, PLANTED_RISE, len(series.log10_params)))
    found = linearity(_simulated(series, planted, len(curves.flat), rng))
    return float((found > _quantile(linearity(curves.flat), 0.95)).mean())


def _check_sizes(series: Series, name: str, needed: int) -> None:
    if len(series.log10_params) < needed:
        msg = f"{series.label} do not make a curve, {name} needs {needed}"
        raise NotTestableError(msg)


def _statistic(
    statistic: Callable[[np.ndarray], np.ndarray], series: Series, curves: NullCurves
) -> CurveStatistic:
    value = float(statistic(series.scores(series.n_correct)))
    flat, smooth = (_null(value, statistic(y)) for y in (curves.flat, curves.smooth))
    return CurveStatistic(value, flat, smooth)


def _planted(series: Series, rises: np.ndarray) -> np.ndarray:
    """Return each cell's rate with these rises by size, from what counts as guessing."""
    return np.minimum(level_to_beat(series.chance) + rises, 1 - RATE_MIN)[series.size_of_cell]


def _simulated(
    series: Series, rates: np.ndarray, replicates: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the scores (replicate, size) of counts drawn with these rates."""
    counts = rng.binomial(series.n_items.astype(int), rates, size=(replicates, len(rates)))
    return series.scores(counts)


def _null(observed: float, simulated: np.ndarray) -> Null:
    # The observed curve counts as one of its null, so that p is never 0.
    slack = 0.0 if np.isinf(observed) else EQUAL * abs(observed)
    p = (1 + int((simulated >= observed - slack).sum())) / (1 + len(simulated))
    return Null(_quantile(simulated, 0.05), _quantile(simulated, 0.95), p)


def _quantile(simulated: np.ndarray, q: float) -> float:
    # "higher" never averages, which an infinite B would not survive.
    return float(np.quantile(simulated, q, method="higher"))
