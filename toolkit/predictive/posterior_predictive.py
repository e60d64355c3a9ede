"""Would the fitted model give scores like the published ones? Replicated against observed cells.

Where the draws come from a fit that saw the cells, the model is checked on what it has learnt: it
covers too much rather than too little, and passing is weak support. For cells that the fit did not
see (``replicates.predict`` with ``only``) coverage should equal its nominal value.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from arviz_stats.ecdf_utils import ecdf_pit

from toolkit.predictive.replicates import Predicted, decade_label

COVERED = (0.5, 0.9)
# Where the replicated statistics mostly lie: the central 90% of them.
TAILS = (0.05, 0.95)
BAND_PROB = 0.95
N_BANDS = 1000
# With fewer cells nearly any ECDF lies inside its band.
CELLS_MIN = 10


@dataclass(frozen=True)
class PredictiveCheck:
    """Every summary of observed against predicted cells, as tidy frames.

    ``overall``, ``by_arm`` and ``by_size`` have the columns of ``compare_groups``, ``rises`` and
    ``rises_by_arm`` those of ``compare_rises``, ``curves`` those of ``pit_curves``, ``uniformity``
    those of ``judge_uniformity``.
    """

    overall: pd.DataFrame
    by_arm: pd.DataFrame
    by_size: pd.DataFrame
    rises: pd.DataFrame
    rises_by_arm: pd.DataFrame
    curves: pd.DataFrame
    uniformity: pd.DataFrame
    n_draws: int


def check_predictions(predicted: Predicted, random_seed: int) -> PredictiveCheck:
    """Return all summaries of replicated against observed cells."""
    curves = pit_curves(predicted.cells, random_seed)
    by_size = compare_groups(predicted, ("decade",))
    return PredictiveCheck(
        overall=compare_groups(predicted, ()),
        by_arm=compare_groups(predicted, ("arm",)),
        by_size=by_size.assign(sizes=by_size["decade"].map(decade_label)),
        rises=compare_rises(predicted, ("task", "arm")),
        rises_by_arm=compare_rises(predicted, ("arm",)),
        curves=curves,
        uniformity=judge_uniformity(predicted.cells, curves),
        n_draws=len(predicted.replicated),
    )


def compare_groups(predicted: Predicted, by: Sequence[str]) -> pd.DataFrame:
    """Return observed against predicted cells by columns of ``Predicted.cells``, none for all.

    n_cells; covered_50 and covered_90, the share of cells inside the central predictive intervals;
    residual, the mean of observed minus expected scores, with the central 90% of its replicates
    (residual_low, residual_high) and p_residual; below_chance, the share of cells below their
    chance level, with the same. A p is the share of replicates that are larger, ties by half.
    """
    cells, scores = predicted.cells, predicted.replicated / predicted.cells["n_items"].to_numpy()
    residual = cells["score"] - cells["expected"]
    replicated_residual = scores - cells["expected"].to_numpy()
    below = (cells["score"] < cells["chance"]).to_numpy(float)
    replicated_below = scores < cells["chance"].to_numpy()
    rows = []
    for key, at in _groups(cells, by):
        rows.append(
            {
                **key,
                "n_cells": len(at),
                **{f"covered_{100 * c:.0f}": covered(cells.iloc[at], c) for c in COVERED},
                **_against(
                    "residual",
                    float(residual.iloc[at].mean()),
                    replicated_residual[:, at].mean(axis=1),
                ),
                **_against(
                    "below_chance", float(below[at].mean()), replicated_below[:, at].mean(axis=1)
                ),
            }
        )
    return pd.DataFrame(rows)


def covered(cells: pd.DataFrame, probability: float) -> float:
    """Return the share of cells inside the central predictive interval of this probability.

    A count at the edge of its interval is in it for a part, so that a true model covers exactly
    ``probability`` on average: counts of few items have no interval of exactly that size.
    """
    low, high = cells["pit_low"], cells["pit_high"]
    edge = (1 - probability) / 2
    inside = np.maximum(np.minimum(high, 1 - edge) - np.maximum(low, edge), 0.0)
    return float((inside / (high - low)).mean())


def compare_rises(predicted: Predicted, by: Sequence[str]) -> pd.DataFrame:
    """Return the largest rise between neighbouring sizes, by task and arm or its mean by arm.

    Columns: those of ``by``, n_curves (how many a mean is over), rise, rise_low, rise_high and
    p_rise, as in ``compare_groups``. Scores of one size are pooled over their items. A small
    p_rise says that the observed curve is more abrupt than the model's.
    """
    rows = []
    for key, at in _groups(predicted.cells, ("task", "arm")):
        rise = _largest_rise(predicted, at)
        if rise is not None:
            rows.append({**key, "observed": rise[0], "replicated": rise[1]})
    if not rows:
        return pd.DataFrame(columns=[*by, "n_curves", "rise", "rise_low", "rise_high", "p_rise"])
    frame = pd.DataFrame(rows).astype({"arm": predicted.cells["arm"].dtype})
    compared = []
    for key, at in _groups(frame, by):
        some = frame.iloc[at]
        replicated = np.mean(np.stack(some["replicated"].to_list()), axis=0)
        against = _against("rise", float(some["observed"].mean()), replicated)
        compared.append({**key, "n_curves": len(at), **against})
    return pd.DataFrame(compared)


def pit_curves(cells: pd.DataFrame, random_seed: int) -> pd.DataFrame:
    """Return by arm how far the ECDF of the PIT values is from uniform, with its 95% band.

    Columns arm, pit, difference, low, high. The band is simultaneous: uniform and independent
    values stay in it throughout with probability 0.95. Arms with fewer than 10 cells are left out.
    """
    rng = np.random.default_rng(random_seed)
    curves = [pd.DataFrame(columns=["arm", "pit", "difference", "low", "high"], dtype=float)]
    for key, at in _groups(cells, ("arm",)):
        if len(at) >= CELLS_MIN:
            curve = uniformity_curve(cells["pit"].iloc[at].to_numpy(), rng)
            curves.append(pd.DataFrame({**key, **dict(curve.items())}))
    return pd.concat(curves[1:] or curves, ignore_index=True)


def uniformity_curve(values: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Return how far the ECDF of values in [0, 1] is from uniform, with its simultaneous band.

    Columns pit, difference, low, high.
    """
    x, ecdf, low, high = ecdf_pit(values, BAND_PROB, N_BANDS, rng=rng)
    return pd.DataFrame({"pit": x, "difference": ecdf - x, "low": low - x, "high": high - x})


def judge_curve(curve: pd.DataFrame) -> tuple[float, bool | None]:
    """Return the largest difference of a curve and whether it stays in its band; NaN, None of none.

    A difference may touch its band up to rounding.
    """
    if curve.empty:
        return np.nan, None
    difference = curve["difference"].to_numpy(float)
    outside = (difference < curve["low"] - 1e-9) | (difference > curve["high"] + 1e-9)
    return float(np.abs(difference).max()), not bool(outside.any())


def judge_uniformity(cells: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Return by arm whether the ECDF stays inside its band: True, False, None where not checked.

    Columns arm, n_cells, largest_difference, uniform. Above zero on the left and below it on the
    right, observed scores vary more than predicted; the other way round, less.
    """
    rows = []
    for key, at in _groups(cells, ("arm",)):
        largest, uniform = judge_curve(curves[curves["arm"] == key["arm"]])
        rows.append({**key, "n_cells": len(at), "largest_difference": largest, "uniform": uniform})
    return pd.DataFrame(rows).astype({"uniform": object})


def _groups(cells: pd.DataFrame, by: Sequence[str]) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Yield each group's values of ``by`` and the positions of its rows; all rows for no ``by``."""
    if not by:
        yield {}, np.arange(len(cells))
        return
    positions = pd.Series(np.arange(len(cells)))
    keys = [cells[name].reset_index(drop=True) for name in by]
    for values, at in positions.groupby(keys, observed=True):
        yield dict(zip(by, values, strict=True)), at.to_numpy()


def _largest_rise(predicted: Predicted, at: np.ndarray) -> tuple[float, np.ndarray] | None:
    """Return the largest rise of one curve, observed and by draw; None where it has one size."""
    cells = predicted.cells.iloc[at]
    sizes, index = np.unique(cells["size"].to_numpy().round(9), return_inverse=True)
    if len(sizes) < 2:
        return None
    in_size = index[:, None] == np.arange(len(sizes))
    items = cells["n_items"].to_numpy() @ in_size
    observed = cells["n_correct"].to_numpy() @ in_size / items
    replicated = predicted.replicated[:, at] @ in_size / items
    return float(np.diff(observed).max()), np.diff(replicated, axis=1).max(axis=1)


def _against(name: str, observed: float, replicated: np.ndarray) -> dict[str, float]:
    """Return an observed statistic, the range of its replicates, and its Bayesian p."""
    low, high = np.quantile(replicated, TAILS)
    # Sums in another order differ in their last digit; that is a tie.
    tied = np.isclose(replicated, observed, rtol=0, atol=1e-12)
    larger = (replicated > observed) & ~tied
    p = float(larger.mean() + tied.mean() / 2)
    return {name: observed, f"{name}_low": float(low), f"{name}_high": float(high), f"p_{name}": p}
