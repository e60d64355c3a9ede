"""One claim under every metric and prompt format that the study carries, without a model.

A reading is the published one, "absent below, present above", put to each metric in turn by the
same exact tests. Where metrics disagree about it, the metric decides the claim and not the
checkpoints; a disagreement of readings may still be within the noise, which the sentence says.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import pandas as pd

from toolkit.definitions.above_chance import (
    NotTestableError,
    cells_of_arm,
    chance_tests_above,
    chance_tests_below,
    n_below_chance,
)
from toolkit.definitions.rises import Crossing, Rise, crossing_of
from toolkit.definitions.token_power import TokenCheck, check_tokens
from toolkit.study.claims import NO_CLAIM, Arm, Claim, arm_named
from toolkit.study.scores import Scores
from toolkit.study.token_lengths import TokenLengths
from toolkit.verdict.gates import BELOW_CHANCE_SHARE_MAX
from toolkit.wording import listed

Reading = Literal["jump", "above on both sides", "not above", "not testable"]
METRIC_DECIDES = "METRIC_DECIDES"
FORMAT_DECIDES = "FORMAT_DECIDES"


@dataclass(frozen=True)
class MetricReading:
    """One metric in one prompt format: what it says of a claim in an arm.

    ``reason`` says why a reading or a rise is missing. ``n_below_chance`` counts the checkpoints
    below chance, whose answers could not be parsed: from there a rise may be one of format.
    ``crossing`` holds one family's scores on
    both sides of the claimed size; the reading looks at every checkpoint.
    """

    metric: str
    prompt_format: str
    of_record: bool
    reading: Reading
    checkpoints: frozenset[str]
    n_below_chance: int | None
    crossing: Crossing | None
    reason: str

    @property
    def label(self) -> str:
        """Return metric and prompt format."""
        return f"{self.metric} ({self.prompt_format})"


@dataclass(frozen=True)
class SwapResult:
    """A claim in one arm under every metric; ``flags`` say which choice decides the reading.

    ``tokens`` has the cells in which exact match is compared with p^L, where lengths are known.
    """

    claim: Claim
    arm: Arm
    readings: tuple[MetricReading, ...]
    flags: tuple[str, ...]
    tokens: tuple[TokenCheck, ...]
    text: str


def swap_metrics(
    claim: Claim, scores: Scores, prompt_format: str, lengths: TokenLengths | None = None
) -> tuple[SwapResult, ...]:
    """Return the controlled and the published arm; ``prompt_format`` is the one of record."""
    cells = scores.frame[scores.frame["task"] == claim.task]
    metric = scores.tasks.set_index("task")["metric_of_record"][claim.task]
    return tuple(
        _swap(claim, cells, arm, (str(metric), prompt_format), lengths) for arm in claim.arms
    )


def published_reading(claim: Claim, arm: Arm) -> Reading | None:
    """Return what was published of an arm; None where nothing was that is such a reading.

    A study judges one arm, most often the controlled one, or none; before it, a jump was claimed in
    the published arm for the claims of the set "prior". That the largest checkpoint is above the
    baseline is a reading where smaller ones foretell it.
    """
    if arm != arm_named(claim.judged_arm) or claim.published_verdict == NO_CLAIM:
        claimed = claim.claim_set == "prior" and arm == arm_named(claim.published_arm)
        return "jump" if claimed else None
    if claim.published_emergent:
        return "jump"
    if not claim.published_above_baseline:
        return "not above"
    return "above on both sides" if claim.published_predictable else None


def _swap(
    claim: Claim,
    cells: pd.DataFrame,
    arm: Arm,
    record: tuple[str, str],
    lengths: TokenLengths | None,
) -> SwapResult:
    readings = []
    for (metric, prompt_format), rows in cells.groupby(["metric", "prompt_format"]):
        which = str(metric), str(prompt_format)
        readings.append(_reading(rows, which, which == record, arm, claim.threshold_n_params))
    # The one of record first, then as they sort.
    readings.sort(key=lambda r: not r.of_record)
    tokens, said = _tokens_against_answers(cells, arm, lengths)
    text = _sentence(claim, arm, readings) + said
    return SwapResult(claim, arm, tuple(readings), _flags(readings), tokens, text)


def _reading(
    cells: pd.DataFrame, which: tuple[str, str], of_record: bool, arm: Arm, threshold: float
) -> MetricReading:
    reading: Reading = "not testable"
    n_below, crossing, checkpoints, reasons = None, None, frozenset(), []
    try:
        cells = cells_of_arm(cells, arm)
        checkpoints = frozenset(cells["checkpoint"])
        reading, n_below = _read(cells, threshold), n_below_chance(cells)
    except NotTestableError as reason:
        reasons.append(str(reason))
    try:
        crossing = crossing_of(cells, threshold) if checkpoints else None
    except NotTestableError as reason:
        reasons.append(str(reason))
    why = "; ".join(reasons)
    return MetricReading(*which, of_record, reading, checkpoints, n_below, crossing, why)


def _read(cells: pd.DataFrame, threshold: float) -> Reading:
    below, above = chance_tests_below(cells, threshold), chance_tests_above(cells, threshold)
    if not any(test.is_clear for test in above):
        return "not above"
    return "above on both sides" if any(test.is_above for test in below) else "jump"


def _flags(readings: list[MetricReading]) -> tuple[str, ...]:
    """Return which choice changes the reading while the other is held."""
    tested = [r for r in readings if r.reading != "not testable"]
    flags = []
    for flag, held in ((METRIC_DECIDES, "prompt_format"), (FORMAT_DECIDES, "metric")):
        by_held: dict[str, set[str]] = {}
        for r in tested:
            by_held.setdefault(getattr(r, held), set()).add(r.reading)
        if any(len(found) > 1 for found in by_held.values()):
            flags.append(flag)
    if not flags and len({r.reading for r in tested}) > 1:
        # Each metric has a prompt format of its own: the two can't be told apart.
        flags.append(METRIC_DECIDES)
    return tuple(flags)


def _sentence(claim: Claim, arm: Arm, readings: list[MetricReading]) -> str:
    parts = []
    for reading in get_args(Reading):
        named = [r.label for r in readings if r.reading == reading]
        if named:
            parts.append(f"{reading} under {listed(named)}")
    text = f"{claim.row}, {arm.label}: {'; '.join(parts) or 'no score'}.{_rise_text(readings)}"
    if len({r.checkpoints for r in readings}) > 1:
        text += " Not every metric was scored on the same checkpoints."
    return text + _below_text(readings)


def _rise_text(readings: list[MetricReading]) -> str:
    rises = [(r.crossing.at, r.label) for r in readings if r.crossing]
    families = {r.crossing.lm_family for r in readings if r.crossing}
    if len(rises) < 2:
        return ""
    least, most = (pick(rises, key=lambda pair: pair[0].value) for pick in (min, max))
    noise = "" if least[0].high < most[0].low else "; the intervals overlap"
    return (
        " From the largest size below the claimed one to the next of the same family "
        f"({listed(sorted(families))}) the score changes by "
        f"{_points(least[0])} under {least[1]} to {_points(most[0])} under {most[1]}{noise}."
    )


def _below_text(readings: list[MetricReading]) -> str:
    many = [
        f"{r.label}, {r.n_below_chance} of {len(r.checkpoints)}"
        for r in readings
        if r.n_below_chance and r.n_below_chance > BELOW_CHANCE_SHARE_MAX * len(r.checkpoints)
    ]
    if not many:
        return ""
    return f" Checkpoints below chance, so that a rise may be one of format: {'; '.join(many)}."


def _points(rise: Rise) -> str:
    # Adding 0.0 takes the sign from a rounded -0.
    value, low, high = (round(100 * x, 1) + 0.0 for x in (rise.value, rise.low, rise.high))
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}] points"


def _tokens_against_answers(
    cells: pd.DataFrame, arm: Arm, lengths: TokenLengths | None
) -> tuple[tuple[TokenCheck, ...], str]:
    """Return exact match against p^L in every cell of the arm, and what is to be said of it."""
    if lengths is None:
        return (), ""
    said = f" Whole answers ({lengths.exact_metric})"
    try:
        checks = check_tokens(cells_of_arm(cells, arm), lengths)
    except NotTestableError as reason:
        return (), f"{said} can't be compared with {lengths.token_metric}: {reason}."
    agree = sum(check.agrees for check in checks)
    power = f"{lengths.token_metric} to the power of their tokens"
    return checks, f"{said} are as {power} predicts in {agree} of {len(checks)} cells."
