"""The numbers that a verdict reports, made from one dictionary of draws.

What is reported has an entry in ``reported_draws``; the same entries are checked for mixing, so
that no number is shown whose convergence was not looked at. Probabilities at even odds weigh them.
"""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from toolkit.estimands.estimate import ROPE, Estimate, estimate, probability
from toolkit.estimands.jumps import attribute
from toolkit.study.claims import ARM_LABELS, ARMS, CONTROLLED_ARM, Arm

ELICITED = Arm(True, True)
TOGETHER = "few-shot prompting and instruction tuning together"
PARTS = {
    "total": "total",
    "few_shot": "few-shot prompting",
    "instruction_tuning": "instruction tuning",
    "interaction": "interaction",
    "shapley_few_shot": "few-shot prompting, Shapley",
    "shapley_instruction_tuning": "instruction tuning, Shapley",
}


def reported_draws(of_task: xr.DataArray, published: Arm) -> dict[str, xr.DataArray]:
    """Return the draws (chain, draw) behind every number, from one task's (chain, draw, arm)."""
    draws = {jump_name(arm): of_task.sel(arm=arm.label, drop=True) for arm in ARMS}
    for route, arm in (("published", published), ("elicited", ELICITED)):
        parts = attribute(of_task, arm)
        few_shot, tuning = parts.shapley()
        draws |= {
            f"{route}: total": parts.total,
            f"{route}: few_shot": parts.few_shot,
            f"{route}: instruction_tuning": parts.instruction_tuning,
            f"{route}: interaction": parts.interaction,
            f"{route}: shapley_few_shot": few_shot,
            f"{route}: shapley_instruction_tuning": tuning,
        }
    arms = dict.fromkeys((CONTROLLED_ARM, published))
    events = {f"{jump_name(arm)} > {ROPE}": draws[jump_name(arm)] for arm in arms}
    for part in ("total", "shapley_few_shot", "shapley_instruction_tuning"):
        events[f"published: {part} > {ROPE}"] = draws[f"published: {part}"]
    # A NaN stays one: it is not "no jump".
    return draws | {name: (d > ROPE).astype(float).where(d.notnull()) for name, d in events.items()}


def unmeasured_names(measured: Mapping[Arm, bool], published: Arm) -> frozenset[str]:
    """Return which of the reported draws need an arm that was not scored."""
    known = [0.0 if measured[arm] else np.nan for arm in ARMS]
    found = reported_draws(xr.DataArray(known, {"arm": list(ARM_LABELS)}, ["arm"]), published)
    return frozenset(name for name, value in found.items() if bool(value.isnull()))


def jump_name(arm: Arm) -> str:
    """Return the name of an arm's jump among the reported draws."""
    return f"jump, {arm.label}"


def jump_estimates(
    draws: Mapping[str, xr.DataArray], published: Arm, chance: float
) -> dict[str, Estimate]:
    """Return E1 by arm and the probabilities that the rules need."""
    controlled = draws[jump_name(CONTROLLED_ARM)]

    def chance_that(what: str, quantity: str) -> Estimate:
        return probability(f"P({what} > {ROPE})", draws[f"{quantity} > {ROPE}"])

    estimates = {
        "residual_jump": estimate("residual jump", controlled),
        "residual_jump_above_chance": estimate(
            "residual jump, chance-corrected", controlled / (1 - chance)
        ),
        "published_jump": estimate("jump in the published arm", draws[jump_name(published)]),
        "p_residual_jump": chance_that("residual jump", jump_name(CONTROLLED_ARM)),
        "p_published_jump": chance_that("published jump", jump_name(published)),
        "p_difference": chance_that("published - controlled", "published: total"),
    }
    by_arm = {f"jump: {label}": f"jump, {label}" for label in ARM_LABELS}
    return estimates | {key: estimate(name, draws[name]) for key, name in by_arm.items()}


def attribution_estimates(draws: Mapping[str, xr.DataArray], route: str) -> dict[str, Estimate]:
    """Return E2 on the way to the published or to the fully elicited arm, part by part."""
    return {part: estimate(name, draws[f"{route}: {part}"]) for part, name in PARTS.items()}


def credited_factors(
    draws: Mapping[str, xr.DataArray], published: Arm, sure: float
) -> tuple[str, ...]:
    """Return the factors whose own part of the difference is surely material.

    Where neither is on its own, the credit is their interaction's; where an arm between was not
    scored, it is that of both together.
    """
    on = {
        "few-shot prompting": ("shapley_few_shot", published.few_shot),
        "instruction tuning": ("shapley_instruction_tuning", published.instruction_tuned),
    }
    shares = {
        name: float(draws[f"published: {part} > {ROPE}"].mean(skipna=False))
        for name, (part, is_on) in on.items()
        if is_on
    }
    if any(np.isnan(share) for share in shares.values()):
        return (TOGETHER,)
    surely = tuple(name for name, share in shares.items() if share >= sure)
    return surely or ("interaction",)
