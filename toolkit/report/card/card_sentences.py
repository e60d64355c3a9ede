"""Sentences of a claim's card that are made from its estimates: why, parts, what was foretold."""

from collections.abc import Mapping, Sequence
from math import isnan, log10

from toolkit.estimands.estimate import MATERIAL, Estimate
from toolkit.report.numbers import NOT_MEASURED, chance_of, hedge, points, share
from toolkit.report.reason_words import CAUTION_IN_WORDS, REASON_IN_WORDS
from toolkit.report.sentences import meaning_here
from toolkit.robustness.extrapolation import Extrapolation
from toolkit.study.claims import CONTROLLED_ARM, Arm, Claim
from toolkit.verdict.gates import Outcome
from toolkit.verdict.rules import Verdict
from toolkit.wording import size_label

SHOWN_REASONS = 3
IF_PARSEABLE = (
    "Exact match: curves are those of the accuracy if every answer could be parsed, and may lie "
    "above the scores."
)
UNPARSED_IS_WRONG = (
    "Exact match: from these scores, answers that could not be parsed can't be told from wrong "
    "ones. Curves and jumps are those of the score; a jump may be that of the format."
)
NO_METRIC_PART = (
    "The metric's part is not in the sum: the jump was not fitted under another metric or prompt "
    "format. What other metrics say without a fit stands under 'Under other metrics'."
)
METRIC_PART = (
    "The metric's part is not in the sum: under other metrics and prompt formats the jump was "
    "fitted apart, by shorter fits, so that there is no common draw to take a difference of."
)


def why_sentence(verdict: Verdict) -> str:
    """Return why the verdict is what it is, in plain words, the weightiest reasons first."""
    if verdict.outcome is not Outcome.UNDETERMINED:
        return meaning_here(verdict)
    codes = dict.fromkeys(r.code for r in verdict.reasons if r.code in REASON_IN_WORDS)
    words = [REASON_IN_WORDS[code] for code in codes]
    if not words:
        return meaning_here(verdict)
    more = len(words) - SHOWN_REASONS
    also = f"; and {more} more" if more > 0 else ""
    return f"Undetermined because {'; '.join(words[:SHOWN_REASONS])}{also}."


def caution_sentence(verdict: Verdict) -> str:
    """Return what a reader must be wary of whatever the verdict, else nothing.

    Arms that were not scored stand in the first sentence already.
    """
    codes = dict.fromkeys(c.code for c in verdict.cautions if c.code != "ARM_NOT_MEASURED")
    words = [CAUTION_IN_WORDS[code] for code in codes]
    return f"Be wary: {'; '.join(words)}." if words else ""


def size_sentence(claim: Claim) -> str:
    """Return at which size a claim is judged where nobody named one, else nothing."""
    if claim.size_chosen is None:
        return ""
    size = size_label(log10(claim.threshold_n_params))
    return f"Nobody named a size for this task; it is judged at {size}, {claim.size_chosen}."


def step_sentence(present: Mapping[str, Estimate]) -> str:
    """Return how probable a step of any size is in each arm, by arm label."""
    said = [f"{arm} {chance_of(p)} ({hedge(p.median)})" for arm, p in present.items()]
    return f"Probability of a step, of whatever size: {'; '.join(said)}." if said else ""


def parts_sentence(arm: Arm, means: Sequence[tuple[str, float, float]]) -> str:
    """Return how the mean jump in an arm comes apart; the first is the whole, the last the rest.

    ``means`` has the name, the mean and its Monte Carlo error of each.
    """
    (_, whole, error), *parts, (_, rest, rest_error) = means
    if isnan(whole):
        return f"In the arm {arm.label} the jump was {NOT_MEASURED}."
    if parts and all(isnan(mean) for _, mean, _ in parts):
        return (
            f"The jump in the arm {arm.label} is {points(whole, error)} points in the posterior "
            "mean. What it is made of can't be told: no arm to compare it with was scored."
        )
    taken = ", ".join(
        f"{name} {NOT_MEASURED if isnan(mean) else points(mean, of_it)}"
        for name, mean, of_it in parts
    )
    left = f"was {NOT_MEASURED}" if isnan(rest) else f"is {points(rest, rest_error)}"
    return (
        f"Of the jump in the arm {arm.label}, {points(whole, error)} points in the posterior mean, "
        f"these are parts: {taken}; what is left after controls {left}."
    )


def nothing_to_take(arm: Arm) -> str:
    """Return that a jump is too small, on average, to be taken apart."""
    return (
        f"The jump in the arm {arm.label} and each of its parts is below half a point in the "
        "posterior mean: there is nothing to take apart."
    )


def no_parts(arm: Arm, *, measured: bool) -> str:
    """Return why a jump is not taken apart."""
    if arm == CONTROLLED_ARM and measured:
        return (
            "The jump was claimed in the controlled arm itself: there is nothing to take from it."
        )
    return f"In the arm {arm.label} the jump was {NOT_MEASURED}."


def foretold_sentence(arm: str, at: Extrapolation | None) -> str:
    """Return what smooth curves up to the claimed size foretold of the larger checkpoints."""
    if at is None:
        return f"In the arm {arm} no cut with three sizes lies below the claimed one."
    unsure = "" if at.converged else f" Not to be relied on: {not_converged(at)}."
    larger = "larger checkpoint" if at.n_cells == 1 else f"{at.n_cells} larger checkpoints"
    return (
        f"In the arm {arm}, from sizes up to {size_label(at.cut)}, smooth curves foretold a mean "
        f"score of {points(at.expected)} [{points(at.low)}, {points(at.high)}] for the {larger}; "
        f"{points(at.observed)} was seen. A score as high as that had probability {share(at.tail)}."
        f"{unsure}"
    )


def not_converged(at: Extrapolation) -> str:
    """Return why what was foretold is not to be relied on."""
    return (
        f"the smooth curves' chains disagree or are short (R-hat {at.worst_rhat:.3f}, "
        f"{at.least_ess:.0f} effective draws)"
    )


def tried_sentence(arm: str, n_tried: int, here: Estimate, low: float, high: float) -> str:
    """Return how far P(jump > ROPE) moves over everything that was tried in an arm."""
    return (
        f"In the arm {arm}, P(jump > {MATERIAL}) is {chance_of(here)} in this fit and "
        f"runs from {share(low)} to {share(high)} over {n_tried} others."
    )
