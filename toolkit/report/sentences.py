"""Every sentence with a number in it, made from the estimates."""

import html
from collections.abc import Mapping, Sequence
from math import isnan

from toolkit.analysis import Analysis, Survivors
from toolkit.claims import CONTROLLED_ARM, NO_CLAIM
from toolkit.estimands import MATERIAL
from toolkit.gates import Outcome
from toolkit.report.numbers import NOT_MEASURED, chance_of, counted, equals, hedge, interval, points
from toolkit.verdict import Verdict

MEANING = {
    Outcome.JUMP_REMAINS: f"A jump larger than {MATERIAL} stays after controls.",
    Outcome.EXPLAINED: f"There is a jump as published, none of {MATERIAL} after controls.",
    Outcome.NO_JUMP: f"No jump of {MATERIAL}, neither as published nor after controls.",
    Outcome.UNDETERMINED: "These data can't tell. This is not a 'no'.",
}


def meaning(outcome: Outcome) -> str:
    """Return what a verdict means, in one sentence."""
    return MEANING[outcome]


def meaning_here(verdict: Verdict) -> str:
    """Return what a claim's verdict means, where its controlled arm may not have been scored."""
    unscored = isnan(verdict.estimates["p_residual_jump"].median)
    if verdict.outcome is Outcome.NO_JUMP and unscored:
        return f"No jump of {MATERIAL} as published: there is none that controls could explain."
    return meaning(verdict.outcome)


def claimed(analysis: Analysis) -> str:
    """Return what was claimed, in one sentence."""
    claims = analysis.source.claims
    prior = [c for c in claims if c.claim_set == "prior"]
    control = [c for c in claims if c.claim_set == "control"]
    clear = [c for c in claims if c.published_emergent and not c.published_marginal]
    marginal = [c for c in claims if c.published_marginal]
    study = analysis.source.study.short_title
    named = f": {', '.join(f'{c.row} ({_set_name(c.claim_set)})' for c in clear)}" if clear else ""
    arms = sorted({claim.judged_arm for claim in claims})
    judged_at = "after controls" if arms == [CONTROLLED_ARM.label] else f"({'; '.join(arms)})"
    more = f"; {len(marginal)} more are marked as marginal" if marginal else ""
    among = (
        f"Of {counted(len(prior), 'task')} on which a jump had been claimed before, and "
        f"{counted(len(control), 'other')},"
        if prior
        else f"On none of {counted(len(control), 'task')} had a jump been claimed before;"
    )
    if all(claim.published_verdict == NO_CLAIM for claim in claims):
        return f"{among} {study} themselves call none emergent or not: the scores are theirs."
    return f"{among} {study} call {counted(len(clear), 'task')} emergent {judged_at}{named}{more}."


def counted_tasks(found: Survivors) -> str:
    """Return of which tasks the jumps are counted: those claimed before, or where none was, all."""
    named = "claimed before" if found.claim_set == "prior" else "that nobody had claimed"
    return f"{counted(found.n_claims, 'task')} {named}"


def found(analysis: Analysis) -> str:
    """Return what the draws say of the claimed set, in one sentence."""
    claims = analysis.source.claims
    arm = ARM_OF[key := likeliest_arm(analysis)]
    largest = max(
        (v for v in analysis.verdicts if not isnan(v.estimates[key].median)),
        key=lambda verdict: verdict.estimates[key].median,
    )
    p = largest.estimates[key]
    limits = "" if analysis.robustness else " (rival curves not compared)"
    told_apart = f"As far as a bent curve and a step can be told apart{limits}, "
    likeliest = (
        f"of all {len(claims)} tasks the likeliest is {largest.claim.row}, with probability "
        f"{chance_of(p)}: {hedge(p.median)}."
    )
    prior = analysis.headline
    if not prior.n_claims:
        return (
            f"{told_apart}and {arm}, since none of the tasks to count was scored in the controlled "
            f"arm (zero-shot, base): {likeliest}"
        )
    unmeasured = f" ({prior.n_unmeasured} more were not scored there)" * bool(prior.n_unmeasured)
    return (
        f"{told_apart}in the controlled arm (zero-shot, base) {interval(prior.count)} of "
        f"{counted_tasks(prior)}{unmeasured} have a jump above {MATERIAL} (posterior median and "
        f"90% interval; P(none) {equals(chance_of(prior.p_none))}); {likeliest}"
    )


ARM_OF = {
    "p_residual_jump": "in the controlled arm",
    "p_published_jump": "in the arm where the jump was claimed",
}


def likeliest_arm(analysis: Analysis) -> str:
    """Return the probability to rank claims by: after controls where any claim has one."""
    name = "p_residual_jump"
    measured = any(not isnan(verdict.estimates[name].median) for verdict in analysis.verdicts)
    return name if measured else "p_published_jump"


def verdicts_given(counts: Mapping[Outcome, int]) -> str:
    """Return how many claims got each verdict; those that none got are left out."""
    return ", ".join(f"{n} {outcome.value}" for outcome, n in counts.items() if n)


def decided(analysis: Analysis) -> str:
    """Return how the claims were judged and what would decide the rest, in one sentence."""
    counts = analysis.counts
    judged = verdicts_given(counts)
    undecided = counts[Outcome.UNDETERMINED]
    if not undecided:
        return f"Verdicts: {judged}."
    codes = most_frequent_reasons(analysis.verdicts)
    return (
        f"Verdicts: {judged}. Undetermined is not 'no jump': {codes[0][1]} of the "
        f"{undecided} undetermined claims fail at least because {REASON_IN_WORDS[codes[0][0]]}."
    )


REASON_IN_WORDS = {
    "NOT_CONVERGED": "the sampler did not converge",
    "POSTERIOR_UNDECIDED": "the posterior is neither close to 0 nor to 1",
    "PUBLISHED_ARM_UNDECIDED": "the posterior of the published arm is neither close to 0 nor to 1",
    "NOT_SEPARABLE": "a jump is very probable, but the arm that would tell what made it is missing",
    "MISSING_ARM": "an arm is missing",
    "FEW_SIZES": "too few sizes were scored",
    "ONE_SIDED": "fewer than two sizes lie on one side of the claimed threshold",
    "WIDE_GAP": "no size lies near the claimed threshold, so that a steep curve looks like a jump",
    "AT_FLOOR": f"no score is surely {MATERIAL} above chance in any arm",
    "CONTROL_NOT_CLEAN": "the controlled arm is not free of demonstrations",
    "JUMP_ELSEWHERE": "the jump lies at another size than claimed",
    "LOCATION_UNRESOLVED": "the likely place of the jump is not resolved by the sizes",
    "RIVALS_NOT_COMPARED": "rival curves, other priors and specifications were not fitted",
    "RIVAL_CURVES": "the jump does not hold on every rival curve",
    "RIVALS_DISAGREE": "rival curves disagree about the size of the jump",
    "WIDTH": "the rise is rather wide than sharp",
    "JUMP_PRIOR": "the jump does not hold under other priors of its size",
    "SPECIFICATIONS": "the jump does not hold over the admissible specifications",
}


def most_frequent_reasons(verdicts: Sequence[Verdict]) -> list[tuple[str, int]]:
    """Return reason codes of the undetermined claims with their number of claims, most first."""
    tally: dict[str, int] = {}
    for verdict in verdicts:
        if verdict.outcome is Outcome.UNDETERMINED:
            for code in {reason.code for reason in verdict.reasons} & set(REASON_IN_WORDS):
                tally[code] = tally.get(code, 0) + 1
    # The design's reasons come first where they tie: they name what could be done.
    order = list(REASON_IN_WORDS)
    return sorted(tally.items(), key=lambda item: (-item[1], -order.index(item[0])))


def claim_sentence(verdict: Verdict) -> str:
    """Return one claim's numbers in words.

    An undetermined one has no hedge: the fit's probability is not what can be said of it.
    """
    estimates, arm = verdict.estimates, verdict.claim.published_arm
    residual, p = estimates["residual_jump"], estimates["p_residual_jump"]
    published, p_published = estimates["published_jump"], estimates["p_published_jump"]
    beyond = f"that it exceeds {MATERIAL} has probability"
    after = f"After controls the jump was {NOT_MEASURED}: no scores of zero-shot base checkpoints."
    if not isnan(p.median):
        first, word = "After", f" ({hedge(p.median)})"
        if verdict.outcome is Outcome.UNDETERMINED:
            first, word = "By the fit alone, after", ""
        after = (
            f"{first} controls the jump is {interval(residual)} points (median and 90% interval); "
            f"{beyond} {chance_of(p)}{word}."
        )
    if isnan(p_published.median):
        return f"{after} In the published arm ({arm}) it was {NOT_MEASURED}."
    return (
        f"{after} In the published arm ({arm}) it is {interval(published)} points; "
        f"{beyond} {chance_of(p_published)}."
    )


def square_words(verdict: Verdict, study: str) -> str:
    """Return what a square of the map stands for, in one line.

    Where nothing was scored after controls, with the probability of the jump as published.
    """
    where, p = "after controls", verdict.estimates["p_residual_jump"]
    if isnan(p.median):
        where, p = "as published", verdict.estimates["p_published_jump"]
    return (
        f"{verdict.claim.row}, {study}: {verdict.outcome.value}. Probability of a jump above "
        f"{MATERIAL} {where}: {chance_of(p)}."
    )


def judged(counts: Mapping[Outcome, int], n_studies: int, n_claimed: int) -> str:
    """Return how many claims of how many studies got each verdict.

    ``n_claimed`` is on how many of them a jump had been claimed before the study.
    """
    studies = "1 study" if n_studies == 1 else f"{n_studies} studies"
    return (
        f"Of {counted(sum(counts.values()), 'claim')} in {studies} ({counted(n_claimed, 'jump')} "
        "claimed before, and what was measured beside them), "
        f"{counts[Outcome.JUMP_REMAINS]} keep a jump after controls, "
        f"{counts[Outcome.EXPLAINED]} are explained by them, {counts[Outcome.NO_JUMP]} had no "
        f"jump, and {counts[Outcome.UNDETERMINED]} cannot be decided from these data."
    )


def deciding(n_undecided: int, most: int, study: str) -> str:
    """Return how far the measurement that concerns most undetermined claims goes."""
    if not n_undecided:
        return "No claim is left undetermined."
    return (
        f"{counted(n_undecided, 'claim')} undetermined. The measurement that would help most, in "
        f"{study}, opens what is closed for {most} of them; it does not say what will be found."
    )


def attribution_sentence(verdict: Verdict) -> str:
    """Return the split of the jump in the fully elicited arm, in words."""
    parts = verdict.elicitation
    if isnan(parts["total"].median):
        return (
            "From the controlled arm to few-shot plus instruction tuning the change in the jump "
            f"was {NOT_MEASURED}: an arm on the way has no scores."
        )
    return (
        "From the controlled arm to few-shot plus instruction tuning the jump changes by "
        f"{points(parts['total'].median)} points: few-shot {interval(parts['few_shot'])}, "
        f"instruction tuning {interval(parts['instruction_tuning'])}, interaction "
        f"{interval(parts['interaction'])}."
    )


def paragraphs(*texts: str) -> str:
    """Return texts as HTML paragraphs, escaped."""
    return "".join(f"<p>{html.escape(text)}</p>" for text in texts)


def _set_name(claim_set: str) -> str:
    return "claimed before" if claim_set == "prior" else "not claimed before"
