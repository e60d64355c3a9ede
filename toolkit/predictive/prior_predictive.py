"""What the priors of the main model say on the scale of scores, before any score is seen.

Draws have the names and dimensions of a fit's draws, so that everything made from a posterior can
be made from the prior too. They are drawn with NumPy: a report compiles no model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from toolkit.estimands.curves import jump_at
from toolkit.estimands.estimate import MATERIAL, ROPE
from toolkit.estimands.jumps import expected_accuracy, jump
from toolkit.models.design import Design
from toolkit.models.jump_size import log_odds_of_shares
from toolkit.models.priors import PRIORS, Prior
from toolkit.models.step import draw_jumps
from toolkit.study.claims import CONTROLLED_ARM

# What priors.py promises: about half of the weight on no task moving so far within half a decade.
MOVE = 0.20
STEP = 0.1  # decades between the sizes at which curves are read
HALF_DECADE = 5  # in such steps
EDGE = 0.02
LEAD = ("chain", "draw")
QUANTILES = {"low": 0.05, "quarter": 0.25, "middle": 0.5, "three_quarters": 0.75, "high": 0.95}
N_SHOWN = 12


@dataclass(frozen=True)
class PriorPredictive:
    """Prior expected scores in the controlled arm, over the sizes that were scored.

    ``bands`` has a row for each size with the quantiles of ``QUANTILES`` over tasks and draws, and
    ``examples`` single curves (columns curve, n_params, share), both as shares of the way from
    chance to perfect, jumps included. ``calm`` is the share of draws in which no task moves more
    than ``MOVE`` within half a decade, ``calm_with_jumps`` the same with jumps; ``at_floor`` and
    ``at_ceiling`` the shares of expected scores within ``EDGE`` of chance and of perfect.
    ``p_jump`` is the probability of a material jump of a task, ``p_none`` that no task has one.
    """

    bands: pd.DataFrame
    examples: pd.DataFrame
    n_draws: int
    n_tasks: int
    calm: float
    calm_with_jumps: float
    at_floor: float
    at_ceiling: float
    p_jump: float
    p_none: float

    @property
    def sentence(self) -> str:
        """Return what the priors say, with its numbers."""
        return (
            f"In {100 * self.calm:.0f}% of {self.n_draws} prior draws none of the {self.n_tasks} "
            f"tasks moves more than {100 * MOVE:.0f} points within half a decade without a jump "
            f"({100 * self.calm_with_jumps:.0f}% with jumps); {100 * self.at_floor:.0f}% of the "
            f"expected scores lie within {100 * EDGE:.0f}% of chance and "
            f"{100 * self.at_ceiling:.0f}% within {100 * EDGE:.0f}% of perfect; a jump above "
            f"{MATERIAL} after controls has prior probability {self.p_jump:.2f}, "
            f"and that no task has one {self.p_none:.2f}."
        )


def prior_predictive(
    design: Design, n_draws: int = 400, random_seed: int = 20240
) -> PriorPredictive:
    """Return what the priors say of the curves of a design's tasks in the controlled arm."""
    draws = prior_draws(design, n_draws, random_seed)
    sizes = design.size[design.scored]
    grid = np.arange(sizes.min(), sizes.max() + STEP / 2, STEP)
    without, jumping = (_shares(draws, design, grid, jumps=jumps) for jumps in (False, True))
    room = 1 - design.chance[None, :, None]
    params = 10 ** (grid + design.center)
    bands = {name: np.quantile(jumping, q, axis=(0, 1)) for name, q in QUANTILES.items()}
    controlled = jump(draws, design).sel(arm=CONTROLLED_ARM.label)
    return PriorPredictive(
        pd.DataFrame({"n_params": params, **bands}),
        _examples(jumping, params),
        n_draws,
        len(design.tasks),
        calm=_calm(without * room),
        calm_with_jumps=_calm(jumping * room),
        at_floor=float((jumping < EDGE).mean()),
        at_ceiling=float((jumping > 1 - EDGE).mean()),
        p_jump=float((controlled > ROPE).mean()),
        p_none=float((controlled <= ROPE).all("task").mean()),
    )


def _shares(draws: xr.Dataset, design: Design, grid: np.ndarray, *, jumps: bool) -> np.ndarray:
    """Return expected scores as shares of the way from chance to perfect, (draw, task, size)."""
    x = xr.DataArray(grid, dims="x")
    by_task = []
    for index, task in enumerate(design.tasks):
        own, chance = draws.sel(task=task), float(design.chance[index])
        lift = jump_at(own, design, task, CONTROLLED_ARM, grid) if jumps else 0.0
        expected = expected_accuracy(own, chance, x, CONTROLLED_ARM, lift)
        by_task.append((expected.transpose(*LEAD, "x").to_numpy()[0] - chance) / (1 - chance))
    return np.stack(by_task, axis=1)


def _calm(accuracy: np.ndarray) -> float:
    """Return the share of draws in which no task moves far within half a decade."""
    reach = min(HALF_DECADE, accuracy.shape[-1] - 1)
    move = np.abs(accuracy[..., reach:] - accuracy[..., :-reach]).max(axis=(1, 2))
    return float((move <= MOVE).mean())


def _examples(shares: np.ndarray, params: np.ndarray) -> pd.DataFrame:
    """Return some curves, each of another draw and, as far as they go, of another task."""
    n_draws, n_tasks, _ = shares.shape
    tables = [
        pd.DataFrame({"curve": n, "n_params": params, "share": shares[n, n % n_tasks]})
        for n in range(min(N_SHOWN, n_draws))
    ]
    return pd.concat(tables, ignore_index=True)


def prior_draws(design: Design, n_draws: int, random_seed: int, n_chains: int = 1) -> xr.Dataset:
    """Return prior draws of every unknown of the model 'step', as a fit would keep them."""
    made = _Drawing(design, (n_chains, n_draws), np.random.default_rng(random_seed))
    made.plain("intercept_effect", "task")
    made.by_task("slope", mean=True)
    made.by_task("curvature")
    real = design.scored
    made.contrast("family", "lm_family", design.family[real])
    made.contrast("family_slope", "lm_family", design.family[real])
    made.contrast("checkpoint", "base", design.base[real])
    made.group("checkpoint_task", "checkpoint_task")
    few_shot, tuned = design.few_shot > 0, design.tuned > 0
    if few_shot.any():
        made.gain("few_shot")
        made.contrast("few_shot_checkpoint", "base", design.base[few_shot])
    if tuned.any():
        made.gain("tuned")
        made.contrast("pair", "tuned_checkpoint", design.tuned_checkpoint[tuned])
    if (few_shot & tuned).any():
        made.by_task("both", mean=True)
    made.plain("lapse", "task")
    made.dispersion()
    if design.has_compliance.any():
        made.compliance()
    made.jumps()
    return xr.Dataset(made.variables, coords=made.coords)


class _Drawing:
    """Variables drawn so far, (chain, draw, ...); the methods mirror ``toolkit.models.effects``."""

    def __init__(self, design: Design, shape: tuple[int, int], rng: np.random.Generator) -> None:
        self.design, self.shape, self.rng = design, shape, rng
        self.sizes = {dim: len(labels) for dim, labels in design.coords.items()}
        self.variables: dict[str, tuple[Sequence[str], np.ndarray]] = {}
        self.coords = {
            name: labels
            for name, labels in design.coords.items()
            if name not in ("slot", "gap") and labels
        }

    def plain(self, name: str, *dims: str) -> np.ndarray:
        """Draw a variable from its own prior."""
        values = drawn(PRIORS[name], (*self.shape, *(self.sizes[d] for d in dims)), self.rng)
        self.variables[name] = ((*LEAD, *dims), values)
        return values

    def group(self, name: str, dim: str, *, mean: bool = False) -> np.ndarray:
        """Draw group effects, their scale, and their mean where there is one."""
        effect = self.plain(f"sigma_{name}")[..., None] * self._standard(dim)
        if mean:
            effect = effect + self.plain(f"mu_{name}")[..., None]
        self.variables[f"{name}_effect"] = ((*LEAD, dim), effect)
        return effect

    def by_task(self, name: str, *, mean: bool = False) -> None:
        """Draw effects by task."""
        self.group(name, "task", mean=mean)

    def contrast(self, name: str, dim: str, members: np.ndarray) -> None:
        """Draw effects that sum to zero over the members that occur."""
        effect = self.group(name, dim)
        common = effect[..., np.unique(members)].mean(axis=-1, keepdims=True)
        self.variables[f"{name}_effect"] = ((*LEAD, dim), effect - common)

    def gain(self, name: str) -> None:
        """Draw what demonstrations or tuning add."""
        self.by_task(name, mean=True)
        self.by_task(f"{name}_slope", mean=True)
        self.by_task(f"{name}_curvature")

    def dispersion(self) -> None:
        """Draw each task's spread beyond its items."""
        spread = self.plain("sigma_dispersion")[..., None] * np.abs(self._standard("task"))
        self.variables["dispersion_sd"] = ((*LEAD, "task"), spread)

    def compliance(self) -> None:
        """Draw what makes an answer parseable."""
        self.plain("compliance_intercept", "exact_match_task")
        for name in ("slope", "few_shot", "tuned"):
            self.plain(f"compliance_{name}")
        self.group("compliance", "checkpoint")

    def jumps(self) -> None:
        """Draw place, presence and size of each task's jump."""
        tasks, arms = self.plain("jump_tasks"), self.plain("jump_arms", "arm")
        self.plain("jump_size", "task", "arm")
        gain = np.zeros((*self.shape, *(self.sizes[d] for d in ("task", "arm", "gap"))))
        before = log_odds_of_shares(tasks, arms, self.design)
        found = draw_jumps(gain, before, self.design, self.design.log_gap_prior, self.rng)
        self.variables["jump_gap"] = ((*LEAD, "task"), found.place)
        self.variables["jump_present"] = ((*LEAD, "task", "arm"), found.present)
        self.variables["jump_probability"] = ((*LEAD, "task", "arm"), found.probability)

    def _standard(self, dim: str) -> np.ndarray:
        return self.rng.standard_normal((*self.shape, self.sizes[dim]))


def drawn(prior: Prior, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Return draws of one prior."""
    if prior.family == "half_normal":
        return np.abs(rng.normal(0.0, prior.arguments[0], shape))
    first, second = prior.arguments
    if prior.family == "normal":
        return rng.normal(first, second, shape)
    if prior.family == "log_normal":
        return rng.lognormal(first, second, shape)
    return rng.beta(first, second, shape)
