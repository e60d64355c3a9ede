"""Why a verdict is what it is, what to be wary of, and what would decide it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolkit.estimands.estimate import MATERIAL, SURE, Estimate
from toolkit.fit.diagnose import Diagnosis
from toolkit.verdict.gates import IN_ARM, WITH_JUMP, Gate, Outcome
from toolkit.verdict.support import NOT_RUN, Condition
from toolkit.wording import probability_text

LOCATION = "LOCATION_UNRESOLVED"
ELSEWHERE = "JUMP_ELSEWHERE"
UNCLEAN = "CONTROL_NOT_CLEAN"
SHOWN_FAILURES = 3
# A jump is nearer than none from here on.
LIKELY = 0.5


@dataclass(frozen=True)
class Reason:
    """Why a verdict is what it is, as a code for programs and a sentence for people."""

    code: str
    text: str


def posterior_sentence(estimates: Mapping[str, Estimate]) -> str:
    """Return the two probabilities that the rules rest on."""
    controlled, published = estimates["p_residual_jump"], estimates["p_published_jump"]
    in_published = f"{_shown(published)} in the published arm"
    if math.isnan(controlled.median):
        return f"P(jump > {MATERIAL}) is {in_published}; the controlled arm was not scored"
    return f"P(jump > {MATERIAL}) is {_shown(controlled)} in the controlled arm and {in_published}"


def _shown(p: Estimate) -> str:
    return probability_text(p.median, p.mcse, 1 - SURE, SURE)


def heading(wanted: Outcome, estimates: Mapping[str, Estimate]) -> Outcome:
    """Return the verdict that the posterior gives or, where it gives none, is nearer to.

    What is closed for another verdict would not decide the claim if it were opened.
    """
    if wanted is not Outcome.UNDETERMINED:
        return wanted
    if estimates["p_residual_jump"].median >= LIKELY:
        return Outcome.JUMP_REMAINS
    return Outcome.EXPLAINED if estimates["p_published_jump"].median >= LIKELY else Outcome.NO_JUMP


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
    closed = closed_gates(heading(wanted, estimates), gates)
    if wanted is Outcome.UNDETERMINED:
        # A jump that is not sure surely lies nowhere: that says no more than its probability.
        closed = [gate for gate in closed if gate.remedy]
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
    needed = f"at most {1 - SURE:.2f} or at least {SURE}"
    text = f"{said}; a verdict needs {needed} there."
    if math.isnan(controlled):
        text = (
            f"{said}; 'no jump' needs at most {1 - SURE:.2f}, any other verdict that arm as well."
        )
    no_jump_left = 1 - controlled >= SURE
    if _gone_after_controls(estimates):
        difference = estimates["p_difference"]
        found = probability_text(difference.median, difference.mcse, SURE)
        text = (
            f"{said}; 'explained' needs P(difference > {MATERIAL}) of at least {SURE}; it is "
            f"{found}."
        )
        return Reason("DIFFERENCE_UNDECIDED", text)
    return Reason("PUBLISHED_ARM_UNDECIDED" if no_jump_left else "POSTERIOR_UNDECIDED", text)


def _gone_after_controls(estimates: Mapping[str, Estimate]) -> bool:
    """Return whether a jump is sure as published and surely none after controls."""
    controlled, published = (estimates[f"p_{arm}_jump"].median for arm in ("residual", "published"))
    return 1 - controlled >= SURE and published >= SURE


def closed_gates(outcome: Outcome, gates: Sequence[Gate]) -> list[Gate]:
    """Return the closed gates that forbid an outcome."""
    return [gate for gate in gates if not gate.open and outcome in gate.forbids]


def cautions_of(
    wanted: Outcome,
    gates: Sequence[Gate],
    estimates: Mapping[str, Estimate],
    unmeasured_arms: Sequence[str],
    *,
    if_parseable: bool,
) -> tuple[Reason, ...]:
    """Return what a reader must be wary of although it does not change the verdict.

    Where the posterior decides nothing and is nearer to no jump, the place of one that may be
    there is such a thing.
    """
    # A control with worked examples is no control, whatever is said of it.
    told = [g for g in gates if not g.open and (not g.forbids or g.code == UNCLEAN)]
    deciding = [estimates[name] for name in ("p_residual_jump", "p_published_jump")]
    undecided = wanted is Outcome.UNDETERMINED and heading(wanted, estimates) not in WITH_JUMP
    if undecided and any(p.median > 1 - SURE for p in deciding):
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
    if _is_close(wanted, estimates):
        text = "a probability lies within two Monte Carlo errors of the rule's limit."
        cautions.append(Reason("CLOSE_TO_THRESHOLD", text))
    return tuple(cautions)


def _is_close(wanted: Outcome, estimates: Mapping[str, Estimate]) -> bool:
    """Return whether a probability that decides may lie on either side of a rule's limit."""
    names = ("p_residual_jump", "p_published_jump")
    deciding = [(estimates[name], limit) for name in names for limit in (SURE, 1 - SURE)]
    if wanted is Outcome.NO_JUMP:
        deciding += [(estimates[f"{name}_even_odds"], 1 - SURE) for name in names]
    if _gone_after_controls(estimates):
        deciding.append((estimates["p_difference"], SURE))
    return any(abs(p.median - limit) < 2 * p.mcse for p, limit in deciding)


def next_measurement(
    outcome: Outcome,
    wanted: Outcome,
    gates: Sequence[Gate],
    diagnosis: Diagnosis,
    estimates: Mapping[str, Estimate],
    support: Sequence[Condition],
    n_items: int,
) -> str | None:
    """Return the least that opens what keeps the nearest verdict closed, or None when decided."""
    if outcome is not Outcome.UNDETERMINED:
        return None
    toward = heading(wanted, estimates)
    remedies = [gate.remedy for gate in closed_gates(toward, gates) if gate.remedy]
    if toward in WITH_JUMP and NOT_RUN in support:
        remedies.insert(0, "compare with rival curves and priors (emergence robustness)")
    # More draws help where nothing else is in the way, or nothing can be told without them.
    if diagnosis.passed is not True or (not remedies and _is_close(wanted, estimates)):
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
