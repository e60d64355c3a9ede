"""Claim + estimates + diagnosis + gates -> a four-valued verdict with its reasons.

Rules (METHOD 6), with delta the half-width of the region of practical equivalence (ROPE):

jump remains    P(jump in the controlled arm > delta) >= 0.95, and every gate open
explained       P(jump in the published arm > delta) >= 0.95, P(jump in the controlled arm < delta)
                >= 0.95, P(published - controlled > delta) >= 0.95, and every gate open
no jump         P(jump < delta) >= 0.95 in both arms, and every gate open but those of its place;
                in the published arm alone where the controlled one was not scored: a jump that is
                nowhere needs no control
undetermined    everything else; never counted as "no jump"

A verdict with a jump ("jump remains" in the controlled arm, "explained" in the published arm) also
needs the conditions of ``support``: the step must hold on rival curves, under other priors of the
jump and over the specifications; without them the claim is undetermined.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from toolkit.claims import ARMS, CONTROLLED_ARM, Arm, Claim, arm_named
from toolkit.diagnose import Diagnosis, diagnose_quantities
from toolkit.estimands import MATERIAL, ROPE, Estimate, estimate
from toolkit.gates import (
    GAP_MAX_DECADES,
    SURE,
    WITH_JUMP,
    Gate,
    Outcome,
    gap_around,
    is_resolvable,
    sizes_remedy,
)
from toolkit.measured import measured_arms, sizes_in
from toolkit.models.design import Design
from toolkit.reasons import (
    ELSEWHERE,
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
    unmeasured_names,
)
from toolkit.shape import NO_SHAPE, Shape
from toolkit.support import Condition, Evidence, conditions, unmet

__all__ = ["Outcome", "Reason", "Verdict", "expected_false_discoveries", "judge", "reported_draws"]

FDR_MAX = 0.05
# A jump at another size than the claimed one does not bear the claim out.
SHARE_NEAR_MIN = 0.5


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
    diagnosis = Diagnosis((*trust.checks, *diagnose_quantities(reported).checks))
    wanted = by_probability(estimates, published)
    controlled = measured[CONTROLLED_ARM] and wanted is not Outcome.EXPLAINED
    deciding = CONTROLLED_ARM if controlled else published
    gap = posterior["jump_gap"].sel(task=claim.task).to_numpy()
    place = _Place(draws[jump_name(deciding)].to_numpy() > ROPE, gap, design, task, deciding)
    all_gates = tuple(gates)
    if wanted is not Outcome.NO_JUMP:
        all_gates += (place.resolved(), place.near(claim.threshold_n_params))
    closed = closed_gates(wanted, all_gates)
    support = _support(evidence, claim, deciding, draws, estimates)
    missing = unmet(support) if wanted in WITH_JUMP else []
    sound = not closed and not missing and diagnosis.passed is True
    outcome = wanted if sound else Outcome.UNDETERMINED
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
        next_measurement=next_measurement(outcome, wanted, all_gates, diagnosis, n_items),
    )


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


@dataclass(frozen=True)
class _Place:
    """Where the deciding arm's material jumps lie; ``material`` and ``gap`` are (chain, draw)."""

    material: np.ndarray
    gap: np.ndarray
    design: Design
    task: int
    arm: Arm

    @property
    def middles(self) -> np.ndarray:
        """Return the middle of each of the task's gaps, log10 of parameters."""
        middles = self.design.gap_middle[self.task]
        return middles[~np.isnan(middles)] + self.design.center

    def resolved(self) -> Gate:
        """Return whether a material jump surely lies where its own arm's sizes resolve it."""
        sizes = np.unique(sizes_in(self.design, self.task, self.arm)) + self.design.center
        middles = self.middles
        resolvable = np.array(
            [len(sizes) > 1 and is_resolvable(sizes, *gap_around(sizes, m)) for m in middles]
        )
        share = float((self.material & resolvable[self.gap]).mean())
        likeliest = middles[np.bincount(self.gap[self.material], minlength=len(middles)).argmax()]
        return Gate(
            LOCATION, share >= SURE,
            f"a jump above {MATERIAL} where the sizes of the arm '{self.arm.label}' resolve it has "
            f"probability {share:.2f} (needed: {SURE})",
            sizes_remedy(sizes, float(likeliest), self.arm),
            WITH_JUMP,
        )  # fmt: skip

    def near(self, threshold_n_params: float) -> Gate:
        """Return whether material jumps mostly lie near the size that was claimed."""
        distance = np.abs(self.middles - np.log10(threshold_n_params))
        widths = self.design.gap_high[self.task] - self.design.gap_low[self.task]
        reach = np.maximum(GAP_MAX_DECADES, widths[~np.isnan(widths)] / 2)
        near = (distance <= reach + 1e-9)[self.gap]
        share = float(near[self.material].mean()) if self.material.any() else 0.0
        return Gate(
            ELSEWHERE, share >= SHARE_NEAR_MIN,
            f"{100 * share:.0f}% of jumps above {MATERIAL} lie within {GAP_MAX_DECADES} decades "
            "of the claimed size",
            "state the claim for the size at which the jump lies",
            WITH_JUMP,
        )  # fmt: skip
