"""Claim + estimates + diagnosis + gates -> a four-valued verdict with its reasons.

Rules (METHOD 6), with delta the half-width of the region of practical equivalence (ROPE):

jump remains    P(jump in the controlled arm > delta) >= 0.95, and every gate open
explained       P(jump in the published arm > delta) >= 0.95, P(jump in the controlled arm < delta)
                >= 0.95, P(published - controlled > delta) >= 0.95, and every gate open
no jump         P(jump < delta) >= 0.95 in both arms, and every gate open
undetermined    everything else; never counted as "no jump"

A verdict with a jump here rests on one smooth curve with curvature; rival curves are not compared
yet, which it says in its cautions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from toolkit.claims import ARMS, CONTROLLED_ARM, Arm, Claim, arm_named
from toolkit.diagnose import Diagnosis, diagnose_quantities
from toolkit.estimands import ROPE, Estimate
from toolkit.gates import SURE, Gate, Outcome, gap_around, is_resolvable, sizes_remedy
from toolkit.models.design import Design
from toolkit.reasons import (
    LOCATION,
    Reason,
    cautions_of,
    closed_gates,
    next_measurement,
    reasons_of,
)
from toolkit.reported import (
    attribution_estimates,
    credited_factors,
    jump_estimates,
    jump_name,
    reported_draws,
)

__all__ = ["Outcome", "Reason", "Verdict", "expected_false_discoveries", "judge", "reported_draws"]

FDR_MAX = 0.05


@dataclass(frozen=True)
class Verdict:
    """What is said of one claim, with everything it rests on."""

    claim: Claim
    outcome: Outcome
    estimates: Mapping[str, Estimate]
    attribution: Mapping[str, Estimate]
    elicitation: Mapping[str, Estimate]
    credited_to: tuple[str, ...]
    diagnosis: Diagnosis
    gates: tuple[Gate, ...]
    reasons: tuple[Reason, ...]
    cautions: tuple[Reason, ...]
    next_measurement: str | None


def judge(
    claim: Claim,
    jumps: xr.DataArray,
    posterior: xr.Dataset,
    design: Design,
    gates: Sequence[Gate],
    trust: Diagnosis,
) -> Verdict:
    """Return the verdict on one claim from E1 draws (chain, draw, task, arm).

    ``trust`` holds the checks of the sampler and of the task's unknowns; those of the reported
    quantities are added here.
    """
    published, task = arm_named(claim.published_arm), design.tasks.index(claim.task)
    draws = reported_draws(jumps.sel(task=claim.task, drop=True), published)
    estimates = jump_estimates(draws, published, float(design.chance[task]))
    diagnosis = Diagnosis((*trust.checks, *diagnose_quantities(draws).checks))
    wanted = _by_probability(estimates, published)
    deciding = published if wanted is Outcome.EXPLAINED else CONTROLLED_ARM
    gap = posterior["jump_gap"].sel(task=claim.task).to_numpy()
    all_gates = (*gates, _location_gate(draws[jump_name(deciding)], gap, design, task, deciding))
    closed = closed_gates(wanted, all_gates)
    outcome = wanted if not closed and diagnosis.passed is True else Outcome.UNDETERMINED
    explained = outcome is Outcome.EXPLAINED
    n_items = int(design.n_items[task].max())
    return Verdict(
        claim,
        outcome,
        estimates,
        attribution=attribution_estimates(draws, "published"),
        elicitation=attribution_estimates(draws, "elicited"),
        credited_to=credited_factors(draws, published, SURE) if explained else (),
        diagnosis=diagnosis,
        gates=all_gates,
        reasons=reasons_of(outcome, wanted, all_gates, diagnosis, estimates),
        cautions=cautions_of(outcome, all_gates, _unmeasured_arms(design, task)),
        next_measurement=next_measurement(outcome, wanted, all_gates, diagnosis, n_items),
    )


def expected_false_discoveries(probabilities: Mapping[str, float]) -> tuple[str, ...]:
    """Return the largest set of claims whose posterior expected false discovery rate is small."""
    ranked = sorted(probabilities, key=lambda slug: -probabilities[slug])
    chosen: list[str] = []
    for slug in ranked:
        errors = [1 - probabilities[s] for s in (*chosen, slug)]
        if np.mean(errors) > FDR_MAX + 1e-12:
            break
        chosen.append(slug)
    return tuple(chosen)


def _by_probability(estimates: Mapping[str, Estimate], published: Arm) -> Outcome:
    """Return the outcome that the posterior alone supports."""
    controlled = estimates["p_residual_jump"].median
    in_published = estimates["p_published_jump"].median
    if controlled >= SURE:
        return Outcome.JUMP_REMAINS
    no_jump_left = 1 - controlled >= SURE
    if no_jump_left and 1 - in_published >= SURE:
        return Outcome.NO_JUMP
    differs = in_published >= SURE and estimates["p_difference"].median >= SURE
    if no_jump_left and differs and published != CONTROLLED_ARM:
        return Outcome.EXPLAINED
    return Outcome.UNDETERMINED


def _location_gate(
    jump: xr.DataArray, gap: np.ndarray, design: Design, task: int, arm: Arm
) -> Gate:
    """Return whether a material jump surely lies where the sizes of its own arm resolve it.

    ``jump`` and ``gap`` are the deciding arm's jump and its place, (chain, draw).
    """
    sizes = np.unique(_sizes_in(design, task, arm))
    middles = design.gap_middle[task][~np.isnan(design.gap_middle[task])]
    around = [gap_around(sizes, middle) if len(sizes) > 1 else (0.0, np.inf) for middle in middles]
    resolvable = np.array([is_resolvable(sizes, low, high) for low, high in around])
    material = jump.to_numpy() > ROPE
    share = float((material & resolvable[gap]).mean())
    places = np.bincount(gap[material], minlength=len(middles))
    likeliest = float(middles[places.argmax()]) + design.center
    return Gate(
        LOCATION, share >= SURE,
        f"a jump above {ROPE} where the sizes of the arm '{arm.label}' resolve it has probability "
        f"{share:.2f} (needed: {SURE})",
        sizes_remedy(sizes + design.center, likeliest, arm),
        frozenset({Outcome.JUMP_REMAINS, Outcome.EXPLAINED}),
    )  # fmt: skip


def _sizes_in(design: Design, task: int, arm: Arm) -> np.ndarray:
    scored = design.n_items[task] > 0
    scored &= design.few_shot[task] == arm.few_shot
    return design.size[task][scored & (design.tuned[task] == arm.instruction_tuned)]


def _unmeasured_arms(design: Design, task: int) -> list[str]:
    return [arm.label for arm in ARMS if _sizes_in(design, task, arm).size == 0]
