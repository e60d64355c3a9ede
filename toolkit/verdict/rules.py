"""Claim + estimates + diagnosis + gates -> a four-valued verdict with its reasons.

Rules, with delta the half-width of the region of practical equivalence (ROPE):

jump remains    P(jump in the controlled arm > delta) >= 0.95, and every gate open
explained       P(jump in the published arm > delta) >= 0.95, P(jump in the controlled arm < delta)
                >= 0.95, P(published - controlled > delta) >= 0.95, and every gate open
no jump         P(jump < delta) >= 0.95 in both arms, also if this task is as likely to jump as
                not, and every gate open but those of its place; in the published arm alone where
                the controlled one was not scored: a jump that is nowhere needs no control
undetermined    everything else; never counted as "no jump"

A verdict with a jump ("jump remains" in the controlled arm, "explained" in the published arm) also
needs the conditions of ``support``: the step must hold on rival curves, under other priors of the
jump and over the specifications; without them the claim is undetermined.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from toolkit.estimands.estimate import ROPE, SURE, Estimate, estimate
from toolkit.estimands.even_odds import at_even_odds, jumps_at_all
from toolkit.estimands.measured import measured_arms
from toolkit.estimands.reported import (
    attribution_estimates,
    credited_factors,
    jump_estimates,
    jump_name,
    reported_draws,
    unmeasured_names,
)
from toolkit.estimands.shape import NO_SHAPE, Shape
from toolkit.fit.diagnose import Diagnosis, diagnose_quantities
from toolkit.models.design import Design
from toolkit.robustness.evidence import Evidence
from toolkit.study.claims import ARMS, CONTROLLED_ARM, Arm, Claim, arm_named
from toolkit.verdict.gates import WITH_JUMP, Gate, Outcome
from toolkit.verdict.jump_place import Place
from toolkit.verdict.reasons import (
    Reason,
    cautions_of,
    closed_gates,
    heading,
    next_measurement,
    reasons_of,
)
from toolkit.verdict.support import Condition, conditions, no_jump_conditions, unmet

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
    support: tuple[Condition, ...]
    shape: Shape
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
    evidence: Evidence | None = None,
    shape: Shape = NO_SHAPE,
) -> Verdict:
    """Return the verdict on one claim from E1 draws (chain, draw, task, arm).

    ``trust`` holds the checks of the sampler and of the task's unknowns; those of the reported
    quantities are added here. ``evidence`` is what was fitted besides the main model; ``shape``
    (E4 and E6) decides nothing and is carried along.
    """
    published, task = arm_named(claim.published_arm), design.tasks.index(claim.task)
    draws = reported_draws(jumps.sel(task=claim.task, drop=True), published)
    estimates = jump_estimates(draws, published, float(design.chance[task]))
    measured = measured_arms(design, task)
    unmeasured = unmeasured_names(measured, published)
    reported = {name: values for name, values in draws.items() if name not in unmeasured}
    estimates |= _even_odds(draws, posterior, claim)
    wanted = by_probability(estimates, published)
    explains = heading(wanted, estimates) is Outcome.EXPLAINED
    controlled = measured[CONTROLLED_ARM] and not explains
    deciding = CONTROLLED_ARM if controlled else published
    gap = posterior["jump_gap"].sel(task=claim.task, drop=True)
    place = Place(
        draws[jump_name(deciding)].to_numpy() > ROPE, gap.to_numpy(), design, task, deciding
    )
    all_gates = tuple(gates)
    if wanted is Outcome.NO_JUMP:
        support = no_jump_conditions(estimates)
        reported["the task jumps"] = jumps_at_all(posterior, claim.task).astype(float)
    else:
        all_gates += (place.resolved(), place.near(claim.threshold_n_params))
        support = _support(evidence, claim, deciding, draws, estimates)
    if wanted in WITH_JUMP:
        reported["a jump that is resolved"] = xr.DataArray(place.is_resolved, dims=gap.dims)
    diagnosis = Diagnosis((*trust.checks, *diagnose_quantities(reported).checks))
    closed = closed_gates(wanted, all_gates)
    missing = unmet(support) if wanted is not Outcome.UNDETERMINED else []
    sound = not closed and not missing and diagnosis.passed is True
    outcome = wanted if sound else Outcome.UNDETERMINED
    n_items = int(design.n_items[task].max())
    return Verdict(
        claim,
        outcome,
        estimates,
        attribution=attribution_estimates(draws, "published"),
        elicitation=attribution_estimates(draws, "elicited"),
        credited_to=credited_factors(draws, published, SURE)
        if outcome is Outcome.EXPLAINED
        else (),
        diagnosis=diagnosis,
        gates=all_gates,
        support=support,
        shape=shape,
        reasons=reasons_of(outcome, wanted, all_gates, diagnosis, estimates, missing),
        cautions=cautions_of(
            wanted,
            all_gates,
            estimates,
            [arm.label for arm in ARMS if not measured[arm]],
            if_parseable=bool(design.has_compliance[task]),
        ),
        next_measurement=next_measurement(
            outcome, wanted, all_gates, diagnosis, estimates, support, n_items
        ),
    )


def _even_odds(
    draws: Mapping[str, xr.DataArray], posterior: xr.Dataset, claim: Claim
) -> dict[str, Estimate]:
    """Return the probabilities of a jump in both arms at even odds that the task jumps."""
    arms = {"residual": CONTROLLED_ARM, "published": arm_named(claim.published_arm)}
    return {
        f"p_{name}_jump_even_odds": at_even_odds(
            f"P({name} jump > {ROPE}) at even odds",
            draws[f"{jump_name(arm)} > {ROPE}"],
            posterior,
            claim.task,
        )
        for name, arm in arms.items()
    }


def _support(
    evidence: Evidence | None,
    claim: Claim,
    arm: Arm,
    draws: Mapping[str, xr.DataArray],
    estimates: Mapping[str, Estimate],
) -> tuple[Condition, ...]:
    """Return the conditions on the jump in the deciding arm."""
    label = "residual" if arm == CONTROLLED_ARM else "published"
    main = estimate(f"jump, {arm.label}", draws[jump_name(arm)])
    return conditions(evidence, claim, arm, main, estimates[f"p_{label}_jump"].median)


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


def by_probability(estimates: Mapping[str, Estimate], published: Arm) -> Outcome:
    """Return the outcome that the posterior alone supports; a NaN supports none."""
    controlled = estimates["p_residual_jump"].median
    in_published = estimates["p_published_jump"].median
    if controlled >= SURE:
        return Outcome.JUMP_REMAINS
    no_jump_left = 1 - controlled >= SURE
    if (no_jump_left or np.isnan(controlled)) and 1 - in_published >= SURE:
        return Outcome.NO_JUMP
    differs = in_published >= SURE and estimates["p_difference"].median >= SURE
    if no_jump_left and differs and published != CONTROLLED_ARM:
        return Outcome.EXPLAINED
    return Outcome.UNDETERMINED
