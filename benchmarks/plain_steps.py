"""The sharp step of M5 written in plain PyTensor, to be compared with ``toolkit``'s fused loop.

Both have the same unknowns, priors and linear predictor as ``SharpStep`` and the same log density:

- ``TWO_EVALUATIONS``: the likelihood of every cell without and with the jump; gains by one product.
- ``GRID``: the likelihood of every cell once for each gap, with the jump above that gap.

Only real cells are evaluated, not the padding of tasks with fewer cells.
"""

from dataclasses import dataclass

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from toolkit.models.design import Design
from toolkit.models.effects import Priors
from toolkit.models.jump_size import jump_variables
from toolkit.models.likelihood import accuracy, count_log_likelihood
from toolkit.models.priors import Tensor
from toolkit.models.step import SharpStep, lift_by_cell
from toolkit.models.wide_step import log_gain
from toolkit.study.claims import ARM_LABELS


@dataclass(frozen=True)
class PlainStep(SharpStep):
    """A sharp step whose likelihood is a ``pm.Potential``; for densities, not for sampling."""

    grid: bool

    def observe(
        self,
        design: Design,
        priors: Priors,
        data: dict[str, Tensor],
        smooth: Tensor,
        parsed: Tensor | float,
        concentration: Tensor,
    ) -> None:
        """Make the jump's variables and add the marginal log-likelihood to the model."""
        real = np.flatnonzero(design.scored.ravel())
        task = real // design.scored.shape[1]
        lapse = priors["lapse"].variable("lapse", "task")[task]
        size, before = jump_variables(priors, data["jump_scale"], design)
        lift = lift_by_cell(size, design).ravel()[real]
        above = (design.gaps_below.ravel()[real] > _gaps(design)).astype(float)  # (gap, cell)
        chance, answered = design.chance[task], _cells(parsed, real)
        counts, items = data["counts"].ravel()[real], data["n_items"].ravel()[real]

        def log_likelihood(log_odds: Tensor) -> Tensor:
            p = accuracy(log_odds, chance, lapse, answered)
            return count_log_likelihood(counts, items, p, concentration[task])

        without = smooth.ravel()[real]
        base = log_likelihood(without)
        if self.grid:
            rise = log_likelihood(without + lift * above) - base  # (gap, cell)
        else:
            rise = (log_likelihood(without + lift) - base) * above
        gain = _by_arm(rise, real, design)
        total = _by_task(base, real, design) + log_gain(gain, before, design, design.log_gap_prior)
        pm.Potential("n_correct", total + data["log_ways"].sum(axis=1))


def _gaps(design: Design) -> np.ndarray:
    return np.arange(design.gap_low.shape[1])[:, None]


def _cells(value: Tensor | float, real: np.ndarray) -> Tensor | float:
    return value if isinstance(value, float) else value.ravel()[real]


def _by_task(values: Tensor, real: np.ndarray, design: Design) -> Tensor:
    """Return sums over each task's cells, (task,)."""
    padded: Tensor = pt.zeros(design.scored.size)
    return pt.set_subtensor(padded[real], values).reshape(design.scored.shape).sum(axis=1)


def _by_arm(values: Tensor, real: np.ndarray, design: Design) -> Tensor:
    """Return sums over each task's cells by arm, (task, arm, gap), of (gap, cell)."""
    n_tasks, n_slots = design.scored.shape
    n_gaps = design.gap_low.shape[1]
    in_arm = (design.arm[:, :, None] == np.arange(len(ARM_LABELS))).astype(float)
    padded: Tensor = pt.zeros((n_gaps, n_tasks * n_slots))
    by_gap = pt.set_subtensor(padded[:, real], values).reshape((n_gaps, n_tasks, n_slots))
    total: Tensor = pt.matmul(by_gap.transpose(1, 0, 2), in_arm)  # (task, gap, arm)
    return total.transpose(0, 2, 1)


TWO_EVALUATIONS = PlainStep(grid=False)
GRID = PlainStep(grid=True)
