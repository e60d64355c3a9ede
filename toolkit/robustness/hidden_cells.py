"""The likelihood and the jumps of a fit's draws where some cells are hidden.

What a fit without them would find follows from the draws with them by importance weights: the log
weight of a draw is, summed over tasks, the marginal log-likelihood without those cells minus that
with them. Gap and presence of the jump were drawn given all cells, so that they are drawn anew.
A task keeps its arms: one that loses all its cells may still jump, though nothing shows it.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import xarray as xr
from arviz_stats.base import dataarray_stats

from toolkit.errors import FitError
from toolkit.estimands.cell_accuracy import predicted_cells
from toolkit.estimands.curves import N_DRAWS, thinned
from toolkit.estimands.jumps import curve_of, jump
from toolkit.estimands.measured import only_measured
from toolkit.fit.draws import Fitted
from toolkit.models.design import Design
from toolkit.models.jump_mixture import mix
from toolkit.models.jump_size import JumpLogOdds, log_odds_of_shares
from toolkit.models.step import SharpStep

Kind = Literal["checkpoint", "family", "task"]


@dataclass(frozen=True)
class Unit:
    """What is left out: the cells ``hidden`` (task, slot) of a checkpoint, family or task."""

    kind: Kind
    name: str
    hidden: np.ndarray


def units_of(design: Design) -> tuple[Unit, ...]:
    """Return every unit that leaves cells behind when it is left out."""
    members: dict[Kind, tuple[tuple[str, ...], np.ndarray]] = {
        "checkpoint": (design.checkpoints, design.checkpoint),
        "family": (design.families, design.family),
        "task": (design.tasks, np.arange(len(design.tasks))[:, None]),
    }
    units = [
        Unit(kind, name, design.scored & (members[kind][1] == index))
        for kind in get_args(Kind)
        for index, name in enumerate(members[kind][0])
    ]
    return tuple(unit for unit in units if (design.scored & ~unit.hidden).any())


@dataclass(frozen=True)
class Cells:
    """What some draws of a fit say of every cell: enough for the likelihood of any part of them."""

    fitted: Fitted
    posterior: xr.Dataset
    random_seed: int
    without: np.ndarray  # (draw, task, slot), accuracy without a jump
    with_jump: np.ndarray  # (draw, task, slot), above the lowest gap; below it no jump is
    concentration: np.ndarray  # (draw, task)
    before: JumpLogOdds  # (draw, task) and (draw, task, arm), whatever the sizes of the jumps

    def mixtures(self, hidden: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return marginal log-likelihood (draw, task) and gains (draw, task, arm, gap).

        Of the cells that are not ``hidden``, without the ways to choose the correct items.
        """
        design = self.fitted.design
        counts, items = (np.where(hidden, 0.0, v) for v in (design.n_correct, design.n_items))
        fixed = design.arms_of_jump, design.arm, design.gaps_below, design.n_gaps
        each = zip(self.without, self.with_jump, self.concentration, *self.before, strict=True)
        found = [mix(counts, items, *draw, *fixed) for draw in each]
        return np.array([f[0] for f in found]), np.array([f[-1] for f in found])

    def all_mixtures(self) -> tuple[np.ndarray, np.ndarray]:
        """Return marginal log-likelihood (draw, task) and gains with no cell hidden."""
        return self.mixtures(np.zeros_like(self.fitted.design.scored))

    def jumps(self, gain: np.ndarray) -> xr.DataArray:
        """Return E1 (chain, draw, task, arm) with gap and presence drawn given the gains.

        From the same random numbers every time: a task whose cells are all there keeps its jumps.
        """
        posterior, design = self.posterior, self.fitted.design
        lead = posterior.sizes["chain"], posterior.sizes["draw"]
        drawn = self.fitted.model.step.draw(
            gain.reshape(*lead, *gain.shape[1:]),
            JumpLogOdds(*(each.reshape(*lead, *each.shape[1:]) for each in self.before)),
            design,
            np.random.default_rng(self.random_seed),
        )
        dims = ("chain", "draw", "task")
        places = self.fitted.model.step.places(drawn.place)
        redrawn = posterior.assign(
            {
                **{name: (dims, values) for name, values in places.items()},
                "jump_present": ((*dims, "arm"), drawn.present),
            }
        )
        return only_measured(jump(redrawn, design, curve_of(self.fitted.model, design)), design)


def cells_of(fitted: Fitted, random_seed: int, n_draws: int = N_DRAWS) -> Cells:
    """Return the cells of a fit's thinned draws, or raise ``FitError`` without a sharp step."""
    if not isinstance(fitted.model.step, SharpStep):
        msg = f"model '{fitted.model.name}': influence needs a model with a sharp step, as 'step'."
        raise FitError(msg)
    # In double precision: a likelihood of thousands of items amplifies rounding.
    kept = thinned(fitted.idata["posterior"].to_dataset(), n_draws)
    kept = kept.drop_vars(["chain", "draw"], errors="ignore")
    posterior = kept.assign({n: v.astype(float) for n, v in kept.items() if v.dtype.kind == "f"})
    present, gap = posterior["jump_present"], posterior["jump_gap"]
    absent = predicted_cells(posterior.assign(jump_present=xr.zeros_like(present)), fitted)
    # In the lowest gap, so that every cell that a jump can lift is lifted.
    everywhere = {"jump_present": xr.ones_like(present), "jump_gap": xr.zeros_like(gap)}
    lifted = predicted_cells(posterior.assign(everywhere), fitted)
    tasks = posterior["jump_tasks"].transpose("chain", "draw").to_numpy()
    arms = posterior["jump_arms"].transpose("chain", "draw", "arm").to_numpy()
    return Cells(
        fitted,
        posterior,
        random_seed,
        absent["accuracy"].to_numpy(),
        lifted["accuracy"].to_numpy(),
        absent["concentration"].to_numpy(),
        # Sizes of absent jumps have their prior, so that a size says nothing of presence.
        log_odds_of_shares(tasks.ravel(), arms.reshape(-1, arms.shape[-1]), fitted.design),
    )


def log_ratio(cells: Cells, with_all: np.ndarray, without: np.ndarray) -> xr.DataArray:
    """Return the log weight (chain, draw) from two log-likelihoods (draw, task)."""
    lead = cells.posterior.sizes["chain"], cells.posterior.sizes["draw"]
    return xr.DataArray((without - with_all).sum(axis=1).reshape(lead), dims=("chain", "draw"))


def smoothed(log_weights: xr.DataArray) -> tuple[xr.DataArray, float]:
    """Return Pareto-smoothed weights and Pareto k of log weights (chain, draw).

    Where a few draws have all the weight the tail is one of zeros, from which ArviZ makes a k that
    says nothing and, before version 1, weights that are NaN: those are left unsmoothed, and
    ``worth`` tells.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # ArviZ takes log-likelihoods to be left out, which is minus the log weight.
        log_smoothed, k = dataarray_stats.psislw(-log_weights, dim=["chain", "draw"])
    log_smoothed = log_smoothed.fillna(log_weights - log_weights.max())
    return np.exp(log_smoothed - log_smoothed.max()), float(k)


def worth(weights: xr.DataArray) -> float:
    """Return how many draws of equal weight weights are worth."""
    return float(weights.sum() ** 2 / (weights**2).sum())
