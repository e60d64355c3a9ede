"""Draws -> replicated counts of the cells, beside the observed ones.

Input are the draws of two quantities in an ``xr.Dataset``:

accuracy       (draw, task, slot)  expected score of each cell, jump included where the draw has it
concentration  (draw, task)        of the beta-binomial around it

and the ``Design`` with the observed counts. ``only`` picks some cells (a mask of task and slot): in
``predict`` and ``log_scores`` those that the fit did not see.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy import special, stats

from toolkit.models.design import Design
from toolkit.study.claims import ARM_LABELS

Where = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Predicted:
    """Observed cells, one row each, and their replicated counts (draw, cell), in the same order.

    Columns of ``cells``: task, arm, lm_family, checkpoint, size (log10 of parameters), decade (its
    whole part), n_items, n_correct, score, chance, expected (mean over draws), pit (randomised),
    and the ends that it is drawn between, pit_low and pit_high.
    """

    cells: pd.DataFrame
    replicated: np.ndarray


def predict(
    draws: xr.Dataset, design: Design, random_seed: int, only: np.ndarray | None = None
) -> Predicted:
    """Return replicated counts of the cells, or ``only`` of some (a mask of task and slot).

    PIT values are ranks among the replicates with ties broken at random, hence uniform when
    observed and replicated counts come from the same distribution, also for small counts.
    """
    where = _chosen(design, only)
    accuracy, concentration = _of_cells(draws, where)
    frame = _cell_frame(design, where)
    rng = np.random.default_rng(random_seed)
    replicated = replicate_counts(accuracy, concentration, frame["n_items"].to_numpy(int), rng)
    observed = frame["n_correct"].to_numpy(int)
    n = len(replicated) + 1
    low = (replicated < observed).sum(axis=0) / n
    high = low + ((replicated == observed).sum(axis=0) + 1) / n
    frame = frame.assign(
        expected=accuracy.mean(axis=0),
        pit=low + rng.random(len(frame)) * (high - low),
        pit_low=low,
        pit_high=high,
    )
    return Predicted(frame, replicated)


def pooled(parts: Sequence[Predicted]) -> Predicted:
    """Return the cells of several fits together, such as those of all families left out in turn."""
    n_draws = min(len(part.replicated) for part in parts)
    return Predicted(
        pd.concat([part.cells for part in parts], ignore_index=True),
        np.concatenate([part.replicated[:n_draws] for part in parts], axis=1),
    )


def replicate_counts(
    accuracy: np.ndarray, concentration: np.ndarray, n_items: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return one beta-binomial count for each element of the arguments, broadcast together."""
    p = rng.beta(accuracy * concentration, (1 - accuracy) * concentration)
    # Half the memory of the default; no task has two billion items.
    return rng.binomial(n_items, p).astype(np.int32)


def log_scores(draws: xr.Dataset, design: Design, only: np.ndarray | None = None) -> pd.DataFrame:
    """Return each cell's log predictive density, ``log_score``, beside what cell it is.

    log(1/S sum_s BetaBinomial(n_correct | n_items, accuracy_s, concentration_s)), higher is better.
    Cells of one checkpoint are scored one by one, each by its own predictive distribution.
    """
    where = _chosen(design, only)
    accuracy, concentration = _of_cells(draws, where)
    frame = _cell_frame(design, where)
    log_pmf = stats.betabinom.logpmf(
        frame["n_correct"].to_numpy(),
        frame["n_items"].to_numpy(),
        accuracy * concentration,
        (1 - accuracy) * concentration,
    )
    log_score = special.logsumexp(log_pmf, axis=0) - np.log(len(accuracy))
    return frame.assign(log_score=log_score)


def decade_label(decade: int) -> str:
    """Return the sizes of a decade (log10 of parameters) as readers write them."""
    low, high = (
        f"{10 ** (d - 3 * thousands)}{('', 'K', 'M', 'B', 'T')[thousands]}"
        for d in (decade, decade + 1)
        for thousands in [min(d // 3, 4)]
    )
    return f"{low} to {high}"


def _chosen(design: Design, only: np.ndarray | None) -> Where:
    """Return task and slot of the real cells, or of those of them in ``only``."""
    real = design.n_items > 0
    chosen = real if only is None else real & only
    if not chosen.any():
        raise ValueError("no cell to predict: the mask leaves only padding slots.")
    task, slot = np.nonzero(chosen)
    return task, slot


def _of_cells(draws: xr.Dataset, where: Where) -> tuple[np.ndarray, np.ndarray]:
    """Return accuracy and concentration of the cells, each (draw, cell), or raise."""
    task, slot = where
    accuracy = draws["accuracy"].transpose("draw", "task", "slot").to_numpy()[:, task, slot]
    concentration = draws["concentration"].transpose("draw", "task").to_numpy()[:, task]
    if not ((accuracy > 0) & (accuracy < 1)).all():
        raise ValueError("accuracy must lie strictly inside (0, 1) in every draw of a real cell.")
    if not (concentration > 0).all():
        raise ValueError("concentration must be above 0 in every draw.")
    # Rounding of single precision would show in differences of log-gamma.
    return accuracy.astype(float), concentration.astype(float)


def _cell_frame(design: Design, where: Where) -> pd.DataFrame:
    size = design.size[where] + design.center
    arm = design.arm[where]
    n_items, n_correct = design.n_items[where], design.n_correct[where]
    return pd.DataFrame(
        {
            "task": np.array(design.tasks)[where[0]],
            "arm": pd.Categorical(np.array(ARM_LABELS)[arm], categories=ARM_LABELS),
            "lm_family": np.array(design.families)[design.family[where]],
            "checkpoint": np.array(design.checkpoints)[design.checkpoint[where]],
            "size": size,
            "decade": np.floor(size + 1e-9).astype(int),
            "n_items": n_items,
            "n_correct": n_correct,
            "score": n_correct / n_items,
            "chance": design.chance[where[0]],
        }
    )
