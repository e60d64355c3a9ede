"""Every prior of the models, with its reason; the report prints this table.

Effects are on the log-odds scale above chance, per decade of parameters where they are slopes.
A log-odds of -2 is 12% of the way from chance to perfect, 0 is half of it. Scales were chosen on
the outcome scale: the prior predictive puts about half of its weight on "no task moves more than
20 points within half a decade" and does not favour 0 or 1 (see tests/models/test_priors.py).
"""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import pymc as pm

# pytensor annotates its functions with unions that no operator accepts.
Tensor: TypeAlias = Any
Family = Literal["normal", "half_normal", "log_normal", "beta"]


@dataclass(frozen=True)
class Prior:
    """One prior: distribution, its arguments in PyMC's order, what it is about, and why."""

    family: Family
    arguments: tuple[float, ...]
    meaning: str
    reason: str

    def variable(self, name: str, dims: str | tuple[str, ...] | None = None) -> Tensor:
        """Return the variable in the current model."""
        if self.family == "normal":
            mu, sigma = self.arguments
            return pm.Normal(name, mu, sigma, dims=dims)
        if self.family == "half_normal":
            return pm.HalfNormal(name, self.arguments[0], dims=dims)
        if self.family == "log_normal":
            mu, sigma = self.arguments
            return pm.LogNormal(name, mu, sigma, dims=dims)
        alpha, beta = self.arguments
        return pm.Beta(name, alpha, beta, dims=dims)

    @property
    def formula(self) -> str:
        """Return the prior as readers write it."""
        names = {
            "normal": "Normal",
            "half_normal": "HalfNormal",
            "log_normal": "LogNormal",
            "beta": "Beta",
        }
        return f"{names[self.family]}({', '.join(f'{value:g}' for value in self.arguments)})"


PRIORS: dict[str, Prior] = {
    "intercept_effect": Prior(
        "normal",
        (-2.0, 1.5),
        "each task at the middle size",
        "from chance (1% of the way to perfect) to mostly solved; not pooled: every task has many "
        "cells that pin it down",
    ),
    "mu_slope": Prior("normal", (0.5, 0.5), "mean rise per decade", "larger is better on average"),
    "sigma_slope": Prior(
        "half_normal",
        (1.0,),
        "spread of slopes",
        "flat tasks beside some that rise 20 points within half a decade without any jump",
    ),
    "sigma_curvature": Prior(
        "half_normal",
        (0.6,),
        "change of the slope per decade",
        "lets a task bend smoothly, also down and up again, so that a bend is not called a jump",
    ),
    "mu_few_shot": Prior(
        "normal", (0.3, 0.5), "mean gain from demonstrations", "helps on average, may harm"
    ),
    "sigma_few_shot": Prior("half_normal", (0.5,), "spread over tasks", "same order as the mean"),
    "mu_few_shot_slope": Prior(
        "normal",
        (0.0, 0.3),
        "growth of that gain per decade",
        "in-context learning grows with size",
    ),
    "sigma_few_shot_slope": Prior("half_normal", (0.3,), "spread over tasks", "same order"),
    "sigma_few_shot_curvature": Prior(
        "half_normal", (0.4,), "bend of that gain", "a gain may set in smoothly at some size"
    ),
    "mu_tuned": Prior(
        "normal", (0.3, 0.5), "mean gain from instruction tuning", "helps on average, may harm"
    ),
    "sigma_tuned": Prior("half_normal", (0.5,), "spread over tasks", "same order as the mean"),
    "mu_tuned_slope": Prior(
        "normal", (0.0, 0.3), "growth of that gain per decade", "may grow or shrink with size"
    ),
    "sigma_tuned_slope": Prior("half_normal", (0.3,), "spread over tasks", "same order"),
    "sigma_tuned_curvature": Prior(
        "half_normal", (0.4,), "bend of that gain", "a gain may set in smoothly at some size"
    ),
    "mu_both": Prior(
        "normal", (0.0, 0.5), "interaction of the two", "the second help may add less, or more"
    ),
    "sigma_both": Prior("half_normal", (0.3,), "spread over tasks", "smaller than either gain"),
    "sigma_checkpoint": Prior(
        "half_normal", (0.4,), "checkpoints of one size and family", "recipes differ moderately"
    ),
    "sigma_few_shot_checkpoint": Prior(
        "half_normal", (0.5,), "checkpoints' use of demonstrations", "like their own spread"
    ),
    "sigma_pair": Prior(
        "half_normal", (0.8,), "tuned against its base", "tuning recipes differ more than corpora"
    ),
    "sigma_family": Prior(
        "half_normal", (0.4,), "families at the middle size", "corpora differ moderately"
    ),
    "sigma_family_slope": Prior(
        "half_normal", (0.2,), "families' slopes", "per decade, smaller than the mean slope"
    ),
    "sigma_checkpoint_task": Prior(
        "half_normal",
        (0.4,),
        "checkpoint by task",
        "a curve over sizes has one training run per size: this is its true replicate level",
    ),
    "sigma_dispersion": Prior(
        "half_normal",
        (0.08,),
        "typical spread of a cell beyond its items, as accuracy at 0.5",
        "prompts, decoding and scorers move a score by some points, by task",
    ),
    "lapse": Prior(
        "beta",
        (1.0, 10.0),
        "share never answered right",
        "bad keys and items beyond reach: ceilings from 0.8 to 1, as in Ruan et al. 2024",
    ),
    "jump_tasks": Prior(
        "beta",
        (1.0, 1.0),
        "share of tasks that jump",
        "no preference for any share: a task is as likely to jump as not, whatever was scored",
    ),
    "jump_arms": Prior(
        "beta",
        (1.0, 1.0),
        "chance that a task that jumps does so in an arm, before leaving out that it does in none",
        "no preference for any: which arms jump is learnt from the tasks that jump",
    ),
    "jump_size": Prior(
        "half_normal",
        (2.0,),
        "size of a jump where there is one",
        "from nothing to chance-to-solved",
    ),
    "sigma_spline": Prior(
        "half_normal",
        (1.0,),
        "M1: rise at each knot",
        "a rise of one or two log-odds over a decade, as the slopes of the straight curve have",
    ),
    "sigma_few_shot_spline": Prior(
        "half_normal", (0.5,), "M1: turns of that gain", "a gain may set in smoothly at some size"
    ),
    "sigma_tuned_spline": Prior("half_normal", (0.5,), "M1: turns of that gain", "the same"),
    "gp_length_more": Prior(
        "half_normal",
        (0.75,),
        "M2: decades beyond 0.75 over which curves turn",
        "below 0.75 decades a smooth curve could imitate a jump",
    ),
    "sigma_gp": Prior(
        "half_normal",
        (1.0,),
        "M2: deviation from the line",
        "bends as large as a decade's rise, in any direction",
    ),
    "sigma_few_shot_gp": Prior(
        "half_normal", (0.4,), "M2: turns of that gain", "a gain may set in smoothly at some size"
    ),
    "sigma_tuned_gp": Prior("half_normal", (0.4,), "M2: turns of that gain", "the same"),
    "sigma_rise": Prior(
        "half_normal",
        (1.5,),
        "M3: height of the rise",
        "tasks share a scale: from hardly any rise in all of them to chance-to-solved in many",
    ),
    "rise_place": Prior(
        "normal", (0.0, 1.0), "M3: its place, decades from the middle", "anywhere among the sizes"
    ),
    "rise_width": Prior(
        "log_normal",
        (0.0, 0.75),
        "M3: its width from 10% to 90% in decades (beyond 0.75 under a step)",
        "a decade, with a tenth as the sharp and ten as the wide end",
    ),
    "compliance_intercept": Prior(
        "normal", (1.0, 1.5), "parseable answers, mean task", "anything from a fifth to nearly all"
    ),
    "compliance_slope": Prior(
        "normal", (0.3, 0.5), "per decade", "larger follow the format better"
    ),
    "compliance_few_shot": Prior(
        "normal", (1.0, 1.0), "effect of demonstrations", "demonstrations show the format"
    ),
    "compliance_tuned": Prior(
        "normal", (1.0, 1.0), "effect of instruction tuning", "tuning teaches to follow the format"
    ),
    "sigma_compliance": Prior(
        "half_normal", (1.0,), "checkpoints' own formats", "some checkpoints never comply"
    ),
}
