"""Every sentence with a number in it, made from the estimates."""

import html
from collections.abc import Mapping, Sequence
from math import isnan

from toolkit.analysis.analyse import Analysis, Survivors
from toolkit.estimands.estimate import MATERIAL, Estimate
from toolkit.report.numbers import NOT_MEASURED, chance_of, counted, equals, hedge, interval
from toolkit.report.reason_words import REASON_IN_WORDS
from toolkit.study.claims import CONTROLLED_ARM, NO_CLAIM, Arm, arm_named
from toolkit.verdict.gates import Outcome
from toolkit.verdict.rules import Verdict
from toolkit.wording import listed

MEANING = {
    Outcome.JUMP_REMAINS: f"A jump larger than {MATERIAL} stays after controls.",
    Outcome.EXPLAINED: f"There is a jump as published, none of {MATERIAL} after controls.",
    Outcome.NO_JUMP: f"No jump of {MATERIAL} as published, nor after controls where scored.",
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


# For whom a jump on a task had been claimed before the study, by the set that its claim is in:
# after the words "had been claimed", beside the task's name, and as a cell of a table.
FOR_WHOM = {
    "prior": "for a family scored here",
    "elsewhere": "for other families only",
    "control": "for none",
}
CLAIMED = {name: f"claimed {said}" for name, said in FOR_WHOM.items()} | {"control": "not claimed"}
CLAIMED_BEFORE = {"prior": "yes", "elsewhere": "of other families", "control": "no"}


def claimed(analysis: Analysis) -> str:
    """Return what was claimed, in one sentence."""
    claims = analysis.source.claims
    sets = [(sum(c.claim_set == name for c in claims), said) for name, said in FOR_WHOM.items()]
    clear = [c for c in claims if c.published_emergent and not c.published_marginal]
    marginal = [c for c in claims if c.published_marginal]
    study = analysis.source.study.short_title
    named = f": {', '.join(f'{c.row} ({CLAIMED[c.claim_set]})' for c in clear)}" if clear else ""
    arms = sorted({claim.judged_arm for claim in claims})
    judged_at = "after controls" if arms == [CONTROLLED_ARM.label] else f"({'; '.join(arms)})"
    more = f"; {len(marginal)} more are marked as marginal" if marginal else ""
    among = f"Before the study a jump had been claimed, of {counted(len(claims), 'task')}, "
    among += listed([f"on {n} {said}" for n, said in sets if n]) + "."
    if all(claim.published_verdict == NO_CLAIM for claim in claims):
        return f"{among} {study} make no claim of emergence; only the scores are theirs."
    return f"{among} {study} call {counted(len(clear), 'task')} emergent {judged_at}{named}{more}."


def counted_tasks(found: Survivors) -> str:
    """Return of which tasks jumps are counted: those claimed for families scored here, else all."""
    named = CLAIMED["prior"] if found.claim_set == "prior" else "of the study"
    return f"{counted(found.n_claims, 'task')} {named}"


def found(analysis: Analysis) -> str:
    """Return what the draws say of the claimed set, in one sentence."""
    key = likeliest_arm(analysis)
    measured = [v for v in analysis.verdicts if not isnan(v.estimates[key].median)]
    if not measured:
        return "No claimed task was scored at two sizes of one arm: nothing can be said of a jump."
    largest = max(measured, key=lambda verdict: verdict.estimates[key].median)
    p = largest.estimates[key]
    limits = "" if analysis.robustness else ", with rival curves not compared"
    trusted = "" if largest.diagnosis.passed is True else "; a check of its fit failed"
    likeliest = (
        f"the likeliest of all {len(analysis.verdicts)} is {largest.claim.row} "
        f"({CLAIMED[largest.claim.claim_set]}), with probability {chance_of(p)}: "
        f"{hedge(p.median)}{trusted}."
    )
    prior = analysis.headline
    if not prior.n_claims:
        where = "in the arm that is claimed" if key == "p_published_jump" else "after controls"
        return (
            "The controlled arm (zero-shot, base) was not scored on the tasks to count. By the fit "
            f"alone{limits}, of jumps {where} {likeliest}"
        )
    unmeasured = f" ({prior.n_unmeasured} more were not scored there)" * bool(prior.n_unmeasured)
    return (
        f"By the fit alone{limits}, in the controlled arm (zero-shot, base) "
        f"{interval(prior.count)} of {counted_tasks(prior)}{unmeasured} have a jump above "
        f"{MATERIAL} (posterior median and 90% interval; P(none) "
        f"{equals(chance_of(prior.p_none))}); {likeliest}"
    )


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
    there = f"In the published arm ({arm})"
    if isnan(p.median) and verdict.outcome is Outcome.UNDETERMINED:
        there = f"By the fit alone, in the published arm ({arm})"
    return f"{after} {there} it is {interval(published)} points; {beyond} {chance_of(p_published)}."


AFTER, PUBLISHED = "after controls", "as published"


def chances_by_arm(verdict: Verdict) -> dict[Arm, Estimate]:
    """Return the probability of a jump in each scored arm of a claim, the controlled one first."""
    published = arm_named(verdict.claim.published_arm)
    names = {published: "p_published_jump", CONTROLLED_ARM: "p_residual_jump"}
    found = {arm: verdict.estimates[names[arm]] for arm in verdict.claim.arms}
    return {arm: p for arm, p in found.items() if not isnan(p.median)}


def shown_jump(verdict: Verdict) -> tuple[str, Estimate, Estimate]:
    """Return a jump and its probability: after controls, or as published where none was scored."""
    of = verdict.estimates
    if isnan(of["p_residual_jump"].median):
        return PUBLISHED, of["published_jump"], of["p_published_jump"]
    return AFTER, of["residual_jump"], of["p_residual_jump"]


def square_words(verdict: Verdict, study: str) -> str:
    """Return what a square of the map stands for, in one line."""
    where, _, p = shown_jump(verdict)
    return (
        f"{verdict.claim.row}, {study}: {verdict.outcome.value}. Probability of a jump above "
        f"{MATERIAL} {where}: {chance_of(p)}."
    )


def judged(counts: Mapping[Outcome, int]) -> str:
    """Return how many claims got each verdict, of those about families that are scored here."""
    n = sum(counts.values())
    if not n:
        return "No jump had been claimed for a model family that is scored here."
    return (
        f"On {counted(n, 'task')} a jump had been claimed for a model family that is scored here: "
        f"{counts[Outcome.JUMP_REMAINS]} keep one after controls, {counts[Outcome.EXPLAINED]} are "
        f"explained by them, {counts[Outcome.NO_JUMP]} show none, and "
        f"{counts[Outcome.UNDETERMINED]} cannot be decided from these data."
    )


def deciding(n_undecided: int, most: int, study: str) -> str:
    """Return how far the step that concerns most undetermined claims goes."""
    if not n_undecided:
        return "No claim is left undetermined."
    return (
        f"{counted(n_undecided, 'claim')} undetermined. The step that concerns the largest number, "
        f"in {study}, opens what is closed for {most}; it does not say what will be found."
    )


def paragraphs(*texts: str) -> str:
    """Return texts as HTML paragraphs, escaped."""
    return "".join(f"<p>{html.escape(text)}</p>" for text in texts)
