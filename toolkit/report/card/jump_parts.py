"""From the jump as published to the jump after controls, part by part (E2), from the draws.

Bars are posterior means: means of parts add up to the mean of the whole, medians do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan

import pandas as pd
import xarray as xr

from toolkit.axes import AXES
from toolkit.charts.card import NAME_END, waterfall_chart
from toolkit.claims import CONTROLLED_ARM, Arm, Claim, arm_named
from toolkit.estimands import MATERIAL, ROPE, Estimate, attribute, estimate
from toolkit.report.card import card_sentences as sentences
from toolkit.report.display import chart_html
from toolkit.report.html_tables import Num, table
from toolkit.report.numbers import NOT_MEASURED, interval, monte_carlo_error, points, share
from toolkit.report.sentences import paragraphs
from toolkit.reported import ELICITED
from toolkit.variants import mixed

AFTER = "after controls"
FEW_SHOT, TUNING, INTERACTION = "few-shot prompting", "instruction tuning", "interaction"
METRIC = "metric"
WHISKERS = (
    "Bars are posterior means, which add up; a whisker spans where its bar would end at the ends "
    "of the 90% interval, which can lie to one side of a mean of few large draws."
)
MEANINGS = {
    FEW_SHOT: "what demonstrations bring on their own",
    TUNING: "what instruction tuning brings on its own",
    INTERACTION: "what only both together bring",
    AFTER: f"the jump {CONTROLLED_ARM.label}: what is left",
}


@dataclass(frozen=True)
class Part:
    """A jump, or a part that is taken from it: proportions, NaN where an arm was not measured.

    The bar goes from ``start`` to ``end``; ``low`` and ``high`` are where it would end at the ends
    of the part's 90% interval.
    """

    name: str
    is_whole: bool
    mean: float
    summary: Estimate
    start: float
    end: float
    low: float
    high: float

    @property
    def measured(self) -> bool:
        """Return whether every arm that the part needs has scores."""
        return not isnan(self.mean)

    @property
    def label(self) -> str:
        """Return the name, with the bar's mean and the interval in points where there is a bar."""
        if not self.measured:
            return self.name
        low, high = points(self.summary.ci_low), points(self.summary.ci_high)
        return f"{self.name}{NAME_END}mean {points(self.mean)} [{low}, {high}]"


def jump_parts(of_task: xr.DataArray, to: Arm) -> tuple[Part, ...]:
    """Return the jump in an arm, the parts taken from it, and the jump after controls.

    ``of_task`` holds one task's E1 draws (chain, draw, arm). A factor that is off in ``to`` has no
    part in it and is left out.
    """
    split = attribute(of_task, to)
    parts = []
    if to.few_shot:
        parts.append((FEW_SHOT, split.few_shot))
    if to.instruction_tuned:
        parts.append((TUNING, split.instruction_tuning))
    if to.few_shot and to.instruction_tuned:
        parts.append((INTERACTION, split.interaction))
    jump = _whole(to.label, of_task.sel(arm=to.label, drop=True))
    taken, level = [], jump.end
    for name, draws in parts:
        taken.append(_taken(name, draws, level))
        if taken[-1].measured:
            level = taken[-1].end
    after = _whole(AFTER, of_task.sel(arm=CONTROLLED_ARM.label, drop=True))
    return (jump, *taken, after)


def _whole(name: str, draws: xr.DataArray) -> Part:
    mean, summary = float(draws.mean()), estimate(name, draws)
    start = nan if isnan(mean) else 0.0
    return Part(name, True, mean, summary, start, mean, summary.ci_low, summary.ci_high)


def _taken(name: str, draws: xr.DataArray, start: float) -> Part:
    mean, summary = float(draws.mean()), estimate(name, draws)
    if isnan(mean) or isnan(start):
        return Part(name, False, nan, summary, nan, nan, nan, nan)
    ends = (start - summary.ci_high, start - summary.ci_low)
    return Part(name, False, mean, summary, start, start - mean, *ends)


def parts_block(claim: Claim, of_task: xr.DataArray, specifications: pd.DataFrame | None) -> str:
    """Return the waterfall of the published arm, and of both factors where they were measured.

    ``specifications`` is the table of the robustness, or None where it was not run.
    """
    published = arm_named(claim.published_arm)
    others = other_metrics(claim, specifications)
    blocks = []
    for arm in dict.fromkeys((published, ELICITED)):
        parts = jump_parts(of_task, arm)
        if arm == CONTROLLED_ARM or not (arm == published or parts[0].measured):
            blocks.append(paragraphs(sentences.no_parts(arm, measured=parts[0].measured)))
        else:
            blocks.append(_waterfall(claim, arm, parts, of_task, _metric_words(others)))
    return "".join(blocks) + _metric_part(others)


def _waterfall(
    claim: Claim, arm: Arm, parts: Sequence[Part], of_task: xr.DataArray, metric: str
) -> str:
    """Return one waterfall with its sentence and its table."""
    rows = [
        {
            "part": part.label,
            "from": part.start,
            "to": part.end,
            "low": part.low,
            "high": part.high,
            "kind": "jump" if part.is_whole else "part",
            "words": "" if part.measured else NOT_MEASURED,
        }
        for part in parts
    ]
    missing = {name: nan for name in ("from", "to", "low", "high")}
    extra = {"part": f"{METRIC}{NAME_END}not in the sum", **missing, "kind": "part"}
    rows.insert(len(rows) - 1, {**extra, "words": metric})
    said = sentences.parts_sentence(arm, [(p.name, p.mean) for p in parts])
    chart = waterfall_chart(
        pd.DataFrame(rows).round(4), ROPE, f"{claim.row}: from {arm.label} to after controls"
    )
    text = f"{said} {WHISKERS}"
    return (
        paragraphs(text)
        + f'<div class="one-panel">{chart_html(chart, text, _table(parts, of_task, arm))}</div>'
    )


def _table(parts: Sequence[Part], of_task: xr.DataArray, arm: Arm) -> str:
    rows = [
        (
            part.name,
            Num(points(part.mean) if part.measured else NOT_MEASURED),
            Num(interval(part.summary)),
            Num(monte_carlo_error(part.summary)),
            MEANINGS.get(part.name, "the jump that is taken apart"),
        )
        for part in parts
    ]
    if arm == ELICITED:
        for name, draws in zip((FEW_SHOT, TUNING), attribute(of_task, arm).shapley(), strict=True):
            own = estimate(name, draws)
            mean = NOT_MEASURED if isnan(own.median) else points(float(draws.mean()))
            meaning = "with half of the interaction (Shapley)"
            rows.append((name, Num(mean), Num(interval(own)), Num(monte_carlo_error(own)), meaning))
    header = ("part", "posterior mean", "median [90%]", "Monte Carlo error", "what it is")
    return table(header, rows, f"Parts of the jump in points, {arm.label}")


def other_metrics(claim: Claim, specifications: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return the refits that change the metric or the prompt format and nothing else.

    None where no refits were made.
    """
    if specifications is None:
        return None
    own = specifications[(specifications["task"] == claim.task) & (specifications["rope"] == ROPE)]
    main = own[own["label"] == "main"]
    if main.empty:
        return own.iloc[:0]
    held = [axis for axis in AXES if axis not in ("metric", "prompt_format")]
    same = (own[held] == main[held].iloc[0]).all(axis=1)
    arms = [arm.label for arm in claim.arms]
    return own[same & (own["label"] != "main") & own["arm"].isin(arms) & own["median"].notna()]


def _metric_words(others: pd.DataFrame | None) -> str:
    if others is None:
        return "not fitted under another"
    return "one only" if others.empty else "fitted apart, below"


def _metric_part(others: pd.DataFrame | None) -> str:
    if others is None or others.empty:
        return paragraphs(sentences.NO_METRIC_PART)
    rows = [
        (
            f"{row['metric']} ({row['prompt_format']})", row["arm"],
            Num(f"{points(row['median'])} [{points(row['ci_low'])}, {points(row['ci_high'])}]"),
            Num(share(row["p_above"])), "yes" if good else "no",
        )
        for row, good in zip(others.to_dict("records"), mixed(others), strict=True)
    ]  # fmt: skip
    beyond = f"P(> {MATERIAL})"
    header = ("metric (prompt format)", "arm", "jump, median [90%]", beyond, "converged")
    return paragraphs(sentences.METRIC_PART) + table(header, rows, "The metric's part")
