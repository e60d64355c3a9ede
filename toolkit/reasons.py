"""Why a verdict is what it is, what to be wary of, and what would decide it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolkit.diagnose import Diagnosis
from toolkit.estimands import MATERIAL, Estimate
from toolkit.gates import IN_ARM, SURE, Gate, Outcome
from toolkit.support import Condition

LOCATION = "LOCATION_UNRESOLVED"
ELSEWHERE = "JUMP_ELSEWHERE"
UNCLEAN = "CONTROL_NOT_CLEAN"
SHOWN_FAILURES = 3


@dataclass(frozen=True)
class Reason:
    """Why a verdict is what it is, as a code for programs and a sentence for people."""

    code: str
    text: str


def posterior_sentence(estimates: Mapping[str, Estimate]) -> str:
    """Return the two probabilities that the rules rest on."""
    controlled = estimates["p_residual_jump"].median
    published = estimates["p_published_jump"].median
    if math.isnan(controlled):
        return (
            f"P(jump > {MATERIAL}) is {_three_digits(published)} in the published arm; "
            "the controlled arm was not scored"
        )
    return (
        f"P(jump > {MATERIAL}) is {_three_digits(controlled)} in the controlled arm and "
        f"{_three_digits(published)} in the published arm"
    )


def _three_digits(probability: float) -> str:
    """Return a probability that a finite number of draws can't tell from 0 or 1 as a bound."""
    if probability < 0.0005:
        return "below 0.001"
    return "above 0.999" if probability > 0.9995 else f"{probability:.3f}"


def reasons_of(
    outcome: Outcome,
    wanted: Outcome,
    gates: Sequence[Gate],
    diagnosis: Diagnosis,
    estimates: Mapping[str, Estimate],
    missing: Sequence[Condition] = (),
) -> tuple[Reason, ...]:
    """Return the reasons, the one that weighs most first.

    ``wanted`` is what the posterior alone says; a closed gate or a failed check overrules it.
    """
    said = posterior_sentence(estimates)
    if outcome is not Outcome.UNDETERMINED:
        return (Reason(outcome.name, said + "."),)
    reasons = []
    if diagnosis.passed is not True:
        worst = "; ".join(check.text for check in diagnosis.failures[:SHOWN_FAILURES])
        more = len(diagnosis.failures) - SHOWN_FAILURES
        also = f"; and {more} more" if more > 0 else ""
        reasons.append(Reason("NOT_CONVERGED", f"the fit can't be trusted: {worst}{also}."))
    if wanted is Outcome.UNDETERMINED:
        reasons.append(_undecided(estimates, said))
    else:
        reasons.append(Reason("POSTERIOR_ALONE", f"{said}; alone that would be '{wanted.value}'."))
    closed = closed_gates(wanted, gates)
    return (
        *reasons,
        *(Reason(condition.code, condition.finding + ".") for condition in missing),
        *(Reason(gate.code, gate.finding + ".") for gate in closed),
    )


def _undecided(estimates: Mapping[str, Estimate], said: str) -> Reason:
    """Return why the posterior decides nothing."""
    controlled = estimates["p_residual_jump"].median
    if math.isnan(controlled) and estimates["p_published_jump"].median >= SURE:
        text = f"{said}: a jump is very probable, what made it can't be told."
        return Reason("NOT_SEPARABLE", text)
    text = f"{said}; a verdict needs at most {1 - SURE:.2f} or at least {SURE} there."
    no_jump_left = 1 - controlled >= SURE
    return Reason("PUBLISHED_ARM_UNDECIDED" if no_jump_left else "POSTERIOR_UNDECIDED", text)


def closed_gates(wanted: Outcome, gates: Sequence[Gate]) -> list[Gate]:
    """Return the closed gates that matter for what the posterior says.

    Where it decides nothing, all do that could matter, but for the place of a jump that is not
    there.
    """
    if wanted is Outcome.UNDETERMINED:
        return [
            g for g in gates if not g.open and g.forbids and g.code not in (LOCATION, ELSEWHERE)
        ]
    return [g for g in gates if not g.open and wanted in g.forbids]


def cautions_of(
    wanted: Outcome,
    gates: Sequence[Gate],
    estimates: Mapping[str, Estimate],
    unmeasured_arms: Sequence[str],
    *,
    if_parseable: bool,
) -> tuple[Reason, ...]:
    """Return what a reader must be wary of although it does not change the verdict.

    Where the posterior decides nothing, the place of a jump that may be there is such a thing.
    """
    # A control with worked examples is no control, whatever is said of it.
    told = [g for g in gates if not g.open and (not g.forbids or g.code == UNCLEAN)]
    deciding = [estimates[name] for name in ("p_residual_jump", "p_published_jump")]
    if wanted is Outcome.UNDETERMINED and any(p.median > 1 - SURE for p in deciding):
        told += [g for g in gates if not g.open and g.code == ELSEWHERE]
    cautions = [Reason(g.code, g.finding + ".") for g in told]
    for label in unmeasured_arms:
        text = f"the arm '{label}' was not scored at two sizes: nothing is estimated there."
        cautions.append(Reason("ARM_NOT_MEASURED", text))
    if if_parseable:
        text = (
            "exact match: jumps and curves are those of the accuracy if every answer could be "
            "parsed, which these scores only bound."
        )
        cautions.append(Reason("IF_PARSEABLE", text))
    if any(min(abs(p.median - SURE), abs(p.median - 1 + SURE)) < 2 * p.mcse for p in deciding):
        text = "a probability lies within two Monte Carlo errors of the rule's limit."
        cautions.append(Reason("CLOSE_TO_THRESHOLD", text))
    return tuple(cautions)


def next_measurement(
    outcome: Outcome,
    wanted: Outcome,
    gates: Sequence[Gate],
    diagnosis: Diagnosis,
    n_items: int,
) -> str | None:
    """Return the cheapest further measurement that opens what is closed, or None when decided."""
    if outcome is not Outcome.UNDETERMINED:
        return None
    remedies = [gate.remedy for gate in closed_gates(wanted, gates)]
    if diagnosis.passed is not True:
        remedies.insert(0, "refit with more draws (draws in analysis.toml)")
    if not remedies:
        remedies = [f"score another family at the same sizes and arms, on the same {n_items} items"]
    text = "; ".join(_merged(remedies))
    return f"{text[0].upper()}{text[1:]}."


def _merged(remedies: Sequence[str]) -> list[str]:
    """Return the remedies, each once; the same sizes in two arms are one measurement."""
    arms: dict[str, list[str]] = {}
    for remedy in dict.fromkeys(remedies):
        what, _, arm = remedy.partition(IN_ARM)
        arms.setdefault(what, []).extend([arm] if arm else [])
    return [what + _in_arms(of_it) for what, of_it in arms.items()]


def _in_arms(arms: Sequence[str]) -> str:
    if len(arms) > 1:
        return f", in the arms {' and '.join(arms)}"
    return f"{IN_ARM}{arms[0]}" if arms else ""
