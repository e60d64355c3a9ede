"""Claim + estimates + diagnosis + gates -> a four-valued verdict with its reasons.

Rules (METHOD 6), with delta the half-width of the region of practical equivalence (ROPE):

jump remains    P(jump in the controlled arm > delta) >= 0.95, and every gate open
explained       P(jump in the published arm > delta) >= 0.95, P(jump in the controlled arm < delta)
                >= 0.95, P(published - controlled > delta) >= 0.95, and every gate open
no jump         P(jump < delta) >= 0.95 in both arms, and every gate open
undetermined    everything else; never counted as "no jump"

"jump remains" here rests on one smooth curve with curvature; rival curves are not compared yet,
which the verdict says in its cautions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from toolkit.claims import ARM_LABELS, ARMS, CONTROLLED_ARM, Arm, Claim, arm_named
from toolkit.diagnose import Diagnosis, diagnose_quantities
from toolkit.estimands import ROPE, Estimate, attribute, estimate, probability
from toolkit.gates import SURE, Gate, Outcome, is_resolvable
from toolkit.models.design import Design

__all__ = ["Outcome", "Reason", "Verdict", "judge"]

FDR_MAX = 0.05


@dataclass(frozen=True)
class Reason:
    """Why a verdict is what it is, as a code for programs and a sentence for people."""

    code: str
    text: str


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
    of_task = jumps.sel(task=claim.task, drop=True)
    published = arm_named(claim.published_arm)
    quantities = reported_draws(of_task, published)
    estimates = _estimates(quantities, design, claim)
    gates = [*gates, _location_gate(claim, posterior, design, published)]
    own = diagnose_quantities(quantities)
    diagnosis = Diagnosis((*trust.checks, *own.checks))
    wanted = _by_probability(estimates, published)
    closed = [gate for gate in gates if not gate.open and wanted in gate.forbids]
    outcome = wanted if not closed and diagnosis.passed is True else Outcome.UNDETERMINED
    reasons = _reasons(outcome, wanted, closed, gates, diagnosis, estimates)
    return Verdict(
        claim,
        outcome,
        estimates,
        attribution=_attribution(of_task, published),
        elicitation=_attribution(of_task, Arm(True, True)),
        credited_to=_credited(published) if outcome is Outcome.EXPLAINED else (),
        diagnosis=diagnosis,
        gates=tuple(gates),
        reasons=tuple(reasons),
        cautions=tuple(_cautions(outcome, gates)),
        next_measurement=_next_measurement(outcome, gates, diagnosis, design, claim),
    )


def reported_draws(of_task: xr.DataArray, published: Arm) -> dict[str, xr.DataArray]:
    """Return the draws (chain, draw) behind every number that a verdict reports."""
    draws = {f"jump, {label}": of_task.sel(arm=label, drop=True) for label in ARM_LABELS}
    for name, arm in (("published", published), ("elicited", Arm(True, True))):
        parts = attribute(of_task, arm)
        draws[f"{name} - controlled"] = parts.total
        draws[f"{name}: interaction"] = parts.interaction
    for label in dict.fromkeys((CONTROLLED_ARM.label, published.label)):
        draws[f"jump > {ROPE}, {label}"] = (draws[f"jump, {label}"] > ROPE).astype(float)
    return draws


def expected_false_discoveries(probabilities: Mapping[str, float]) -> tuple[str, ...]:
    """Return the largest set of claims whose posterior expected false discovery rate is small."""
    ranked = sorted(probabilities, key=lambda slug: -probabilities[slug])
    chosen: list[str] = []
    for slug in ranked:
        errors = [1 - probabilities[s] for s in (*chosen, slug)]
        if np.mean(errors) > FDR_MAX:
            break
        chosen.append(slug)
    return tuple(chosen)


def _estimates(
    quantities: Mapping[str, xr.DataArray], design: Design, claim: Claim
) -> dict[str, Estimate]:
    """Return E1 and its probabilities, by name."""
    chance = float(design.chance[design.tasks.index(claim.task)])
    named = {arm: quantities[f"jump, {arm.label}"] for arm in ARMS}
    published = arm_named(claim.published_arm)
    controlled = named[CONTROLLED_ARM]
    estimates = {
        "residual_jump": estimate("residual jump", controlled),
        "residual_jump_above_chance": estimate(
            "residual jump, chance-corrected", controlled / (1 - chance)
        ),
        "published_jump": estimate("jump in the published arm", named[published]),
        "p_residual_jump": probability(f"P(residual jump > {ROPE})", controlled > ROPE),
        "p_published_jump": probability(f"P(published jump > {ROPE})", named[published] > ROPE),
        "p_difference": probability(
            f"P(published - controlled > {ROPE})", quantities["published - controlled"] > ROPE
        ),
    }
    for arm in ARMS:
        estimates[f"jump: {arm.label}"] = estimate(f"jump, {arm.label}", named[arm])
    return estimates


def _attribution(of_task: xr.DataArray, to: Arm) -> dict[str, Estimate]:
    parts = attribute(of_task, to)
    few_shot, tuning = parts.shapley()
    return {
        "total": estimate("total", parts.total),
        "few_shot": estimate("few-shot prompting", parts.few_shot),
        "instruction_tuning": estimate("instruction tuning", parts.instruction_tuning),
        "interaction": estimate("interaction", parts.interaction),
        "shapley_few_shot": estimate("few-shot prompting, Shapley", few_shot),
        "shapley_instruction_tuning": estimate("instruction tuning, Shapley", tuning),
    }


def _credited(published: Arm) -> tuple[str, ...]:
    names = {"few-shot prompting": published.few_shot}
    names["instruction tuning"] = published.instruction_tuned
    return tuple(name for name, on in names.items() if on)


def _location_gate(claim: Claim, posterior: xr.Dataset, design: Design, published: Arm) -> Gate:
    """Return whether the jump, where there is one, lies where the sizes can resolve it."""
    task = design.tasks.index(claim.task)
    edges = np.column_stack([design.gap_low[task], design.gap_high[task]])
    edges = edges[~np.isnan(edges[:, 0])]
    sizes = np.unique(edges)
    resolvable = np.array([is_resolvable(sizes, low, high) for low, high in edges])
    arms = [CONTROLLED_ARM.label, published.label]
    present = posterior["jump_present"].sel(task=claim.task, arm=arms).any("arm").to_numpy()
    gaps = posterior["jump_gap"].sel(task=claim.task).to_numpy()[present]
    share = float(resolvable[gaps].mean()) if gaps.size else 0.0
    return Gate(
        "LOCATION_UNRESOLVED", share >= 0.5,
        f"{100 * share:.0f}% of the posterior of the jump's place lies in a gap that the sizes "
        "resolve",
        "add sizes around the likely place of the jump",
        frozenset({Outcome.JUMP_REMAINS, Outcome.EXPLAINED}),
    )  # fmt: skip


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


def _reasons(
    outcome: Outcome,
    wanted: Outcome,
    closed: Sequence[Gate],
    gates: Sequence[Gate],
    diagnosis: Diagnosis,
    estimates: Mapping[str, Estimate],
) -> list[Reason]:
    controlled = estimates["p_residual_jump"].median
    published = estimates["p_published_jump"].median
    said = (
        f"P(jump > {ROPE}) is {controlled:.2f} in the controlled arm and {published:.2f} in the "
        f"published arm"
    )
    if outcome is not Outcome.UNDETERMINED:
        return [Reason(outcome.name, said + ".")]
    reasons = []
    if diagnosis.passed is not True:
        worst = "; ".join(check.text for check in diagnosis.failures[:3])
        reasons.append(Reason("NOT_CONVERGED", f"the fit can't be trusted: {worst}."))
    if wanted is Outcome.UNDETERMINED:
        reasons.append(
            Reason(
                "POSTERIOR_UNDECIDED",
                f"{said}: neither is close enough to 0 or 1 to decide (needed: {SURE}).",
            )
        )
        # Nothing is decided, so every closed gate that could matter is named.
        closed = [gate for gate in gates if not gate.open and gate.forbids]
        closed = [gate for gate in closed if gate.code != "LOCATION_UNRESOLVED"]
    else:
        reasons.append(Reason("POSTERIOR_ALONE", f"{said}; alone that would be '{wanted.value}'."))
    reasons.extend(Reason(gate.code, gate.finding + ".") for gate in closed)
    return reasons


def _cautions(outcome: Outcome, gates: Sequence[Gate]) -> list[Reason]:
    cautions = [
        Reason(gate.code, gate.finding + ".")
        for gate in gates
        if not gate.open and not gate.forbids
    ]
    if outcome is Outcome.JUMP_REMAINS:
        text = "one smooth curve was compared with the jump; rival smooth curves were not."
        cautions.append(Reason("RIVALS_NOT_COMPARED", text))
    return cautions


def _next_measurement(
    outcome: Outcome,
    gates: Sequence[Gate],
    diagnosis: Diagnosis,
    design: Design,
    claim: Claim,
) -> str | None:
    """Return the cheapest further measurement that opens what is closed, or None when decided."""
    if outcome is not Outcome.UNDETERMINED:
        return None
    if diagnosis.passed is not True:
        return "None yet: refit with more draws first (emergence fit, profile full)."
    remedies = [
        gate.remedy for gate in gates if not gate.open and gate.code != "LOCATION_UNRESOLVED"
    ]
    if not remedies:
        n = int(design.n_items[design.tasks.index(claim.task)].max())
        return f"Score another family at the same sizes and arms, on the same {n} items."
    distinct = list(dict.fromkeys(remedies))
    return "; ".join(distinct)[:1].upper() + "; ".join(distinct)[1:] + "."
