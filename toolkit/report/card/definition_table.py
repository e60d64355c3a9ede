"""A claim under the published definitions and under every metric, as tables."""

import math
from collections.abc import Mapping, Sequence

from toolkit.definitions.above_chance import ALPHA
from toolkit.definitions.metric_swap import MetricReading, SwapResult, published_reading
from toolkit.definitions.rules import Definition, DefinitionResult
from toolkit.definitions.table import over_claims
from toolkit.estimands.estimate import MATERIAL, Estimate
from toolkit.report.html_tables import Markup, Num, badge_link, marked, table
from toolkit.report.numbers import NOT_MEASURED, chance_of, interval, points
from toolkit.report.sentences import paragraphs
from toolkit.study.claims import CONTROLLED_ARM, NO_CLAIM, Arm, arm_named
from toolkit.verdict.rules import Verdict

WEAK, ALONE = "weak evidence", "on its own only"
SCORED = {Definition.ABSENT_BELOW, Definition.PRESENT_ABOVE}
FLAGS = {
    "METRIC_DECIDES": "the metric decides the reading",
    "FORMAT_DECIDES": "the prompt format decides the reading",
}
OURS = "here: a step beyond a smooth curve"
NOTE = (
    "A definition is met or not, a claim is not thereby right or wrong; a steady rise (L) speaks "
    "against a jump. 'Weak evidence' is an answer that tests of so few items or sizes would give "
    "more than one time in five even where a material jump is there; 'on its own only' is not met "
    "any more when all claims of the study are looked at together (Holm)."
)


def definition_table(verdict: Verdict, by_claim: Mapping[str, Sequence[DefinitionResult]]) -> str:
    """Return a claim under each published definition, and ours, in the arms side by side.

    ``by_claim`` holds the results of every claim of the study: p-values are also given adjusted
    over all of them (Holm).
    """
    results = by_claim[verdict.claim.slug]
    arms = list(dict.fromkeys(result.arm for result in results))
    rows: list[tuple[str, ...]] = [
        (
            definition.value,
            *(
                answer(result, _adjusted(by_claim, result, verdict))
                for result in results
                if result.definition is definition
            ),
        )
        for definition in Definition
    ]
    rows.append((OURS, *(_ours(verdict, arm) for arm in arms)))
    header = ("definition", *(arm.label for arm in arms))
    return (
        paragraphs(NOTE)
        + table(header, rows, "Definitions side by side")
        + "".join(_arm_table(verdict, arm, by_claim) for arm in arms)
    )


def _jump_in(verdict: Verdict, arm: Arm) -> tuple[Estimate, Estimate]:
    """Return the jump in an arm, and the probability that it is material."""
    name = "residual" if arm == CONTROLLED_ARM else "published"
    return verdict.estimates[f"{name}_jump"], verdict.estimates[f"p_{name}_jump"]


def _ours(verdict: Verdict, arm: Arm) -> Markup | str:
    measured = not math.isnan(_jump_in(verdict, arm)[1].median)
    return badge_link(verdict.outcome) if measured else NOT_MEASURED


def _arm_table(
    verdict: Verdict, arm: Arm, by_claim: Mapping[str, Sequence[DefinitionResult]]
) -> str:
    """Return what each definition rests on in one arm."""
    results = [result for result in by_claim[verdict.claim.slug] if result.arm == arm]
    rows: list[tuple[str, ...]] = [
        (
            result.definition.value,
            Num(_value(result)),
            Num(_nulls(result)),
            Num(_p(result.p_value)),
            Num(_p(_adjusted(by_claim, result, verdict))),
            result.text,
        )
        for result in results
    ]
    rows.append(_own_row(verdict, arm))
    header = (
        "definition", "value", "95% of null: flat, smooth", "p", "p over claims", "what was found",
    )  # fmt: skip
    return table(header, rows, f"What they rest on, {arm.label}")


def _nulls(result: DefinitionResult) -> str:
    """Return what 95% of flat and of smooth curves stay at or below; a dash where none is made."""
    return ", ".join(f"{null.quantile_95:.1f}" for null in result.nulls) or "–"


def _own_row(verdict: Verdict, arm: Arm) -> tuple[str, ...]:
    jump, p = _jump_in(verdict, arm)
    if math.isnan(p.median):
        return (OURS, Num("–"), Num("–"), Num("–"), Num("–"), NOT_MEASURED)
    text = f"jump {interval(jump)} points; above {MATERIAL} with probability {chance_of(p)}"
    return (OURS, Num(points(jump.median)), Num("–"), Num("–"), Num("–"), text)


def _adjusted(
    by_claim: Mapping[str, Sequence[DefinitionResult]], result: DefinitionResult, verdict: Verdict
) -> float:
    """Return a p-value over all claims of the study; NaN where there is none."""
    found = over_claims(by_claim, result.definition, result.arm)
    return found.get(verdict.claim.slug, math.nan)


def answer(result: DefinitionResult, adjusted: float = math.nan) -> Markup | str:
    """Return a definition's answer; one that does not rest on enough says so.

    ``adjusted`` is its p-value over all claims of the study (Holm).
    """
    if result.verdict == "met" and adjusted > ALPHA:
        return Markup(f'{result.verdict} <span class="weak">{ALONE}</span>')
    if result.decisive or result.verdict == "not testable":
        return result.verdict
    return Markup(f'{result.verdict} <span class="weak">{WEAK}</span>')


def _value(result: DefinitionResult) -> str:
    value = result.value
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "infinite"
    if result.definition is Definition.CONTINUOUS:
        return f"{value:+.3g}"
    return f"{value:.2f}" if result.definition in SCORED else f"{value:.1f}"


def _p(value: float) -> str:
    if math.isnan(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def metric_table(results: Sequence[SwapResult]) -> str:
    """Return the reading of a claim under every metric and prompt format, by arm."""
    return "".join(_metric_part(result) for result in results)


def _metric_part(result: SwapResult) -> str:
    published = published_reading(result.claim, result.arm)
    flags = "; ".join(FLAGS[flag] for flag in result.flags)
    said = f"Published: {published}." if published else _published_verdict(result)
    rows = [_metric_row(reading) for reading in result.readings]
    header = (
        "metric (prompt format)", "reading", "rise at the claimed size, points [95%]",
        "below chance", "why something is missing",
    )  # fmt: skip
    flagged = f"<p>{marked(flags[0].upper() + flags[1:])}.</p>" if flags else ""
    text = paragraphs(f"{result.text} {said}")
    swapped = table(header, rows, f"Metric swap, {result.arm.label}")
    return flagged + text + swapped + _token_part(result)


def _token_part(result: SwapResult) -> str:
    """Return exact match beside what accuracy per token predicts, where lengths are known."""
    if not result.tokens:
        return ""
    rows = [
        (
            check.checkpoint, check.prompt_format, Num(f"{check.n_shots:g}"),
            Num(f"{check.per_token:.3f}"),
            Num(f"{check.predicted:.3f} [{check.low:.3f}, {check.high:.3f}]"),
            Num(f"{check.observed:.3f}"), "yes" if check.agrees else "no",
        )
        for check in result.tokens
    ]  # fmt: skip
    header = (
        "checkpoint", "prompt format", "shots", "right per token", "predicted whole answers [95%]",
        "observed", "as predicted",
    )  # fmt: skip
    return table(header, rows, f"Whole answers from single tokens, {result.arm.label}")


def _published_verdict(result: SwapResult) -> str:
    """Return the published verdict where it is no reading of scores, or that there is none."""
    claim = result.claim
    if result.arm == arm_named(claim.judged_arm) and claim.published_verdict != NO_CLAIM:
        return f"Published verdict: {claim.published_verdict}."
    return "No verdict on this arm was published."


def _metric_row(reading: MetricReading) -> tuple[str, ...]:
    rise = "–"
    if reading.crossing is not None:
        at = reading.crossing.at
        rise = f"{points(at.value)} [{points(at.low)}, {points(at.high)}]"
    name = f"{reading.label}, of record" if reading.of_record else reading.label
    below = "–"
    if reading.n_below_chance is not None:
        below = f"{reading.n_below_chance} of {len(reading.checkpoints)}"
    return (name, reading.reading, Num(rise), Num(below), reading.reason)
