"""From the jump as published to the jump after controls, part by part (E2), from the draws.

Bars are posterior means: means of parts add up to the mean of the whole, medians do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan

import pandas as pd
import xarray as xr

from toolkit.charts.card import NAME_END, waterfall_chart
from toolkit.estimands.estimate import MATERIAL, ROPE, Estimate, estimate, mean_mcse
from toolkit.estimands.jumps import attribute
from toolkit.estimands.reported import ELICITED
from toolkit.report.card import card_sentences as sentences
from toolkit.report.display import chart_html
from toolkit.report.html_tables import Num, table
from toolkit.report.numbers import NOT_MEASURED, interval, monte_carlo_error, points, share
from toolkit.report.sentences import AFTER, paragraphs
from toolkit.robustness.axes import AXES
from toolkit.robustness.variants import mixed
from toolkit.study.claims import CONTROLLED_ARM, Arm, Claim, arm_named

FEW_SHOT, TUNING, INTERACTION = "few-shot prompting", "instruction tuning", "interaction"
METRIC = "metric"
MEANS = "Bars are posterior means, which add up; beside each name its own 90% interval."
# A jump of less on average, all its parts included, is not taken apart.
LEAST_TAKEN_APART = 0.005
MEANINGS = {
    FEW_SHOT: "what demonstrations bring on their own",
    TUNING: "what instruction tuning brings on its own",
    INTERACTION: "what only both together bring",
    AFTER: f"the jump {CONTROLLED_ARM.label}: what is left",
}


@dataclass(frozen=True)
class Part:
    """A jump, or a part that is taken from it: proportions, NaN where an arm was not measured.

    ``error`` is the Monte Carlo error of the mean; the bar goes from ``start`` to ``end``.
    """

    name: str
    is_whole: bool
    mean: float
    error: float
    summary: Estimate
    start: float
    end: float

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
        return f"{self.name}{NAME_END}mean {self.rounded} [{low}, {high}]"

    @property
    def rounded(self) -> str:
        """Return the mean in points, rounded by its Monte Carlo error."""
        return points(self.mean, self.error) if self.measured else NOT_MEASURED


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
    return Part(name, True, mean, mean_mcse(draws), summary, start, mean)


def _taken(name: str, draws: xr.DataArray, start: float) -> Part:
    mean, summary = float(draws.mean()), estimate(name, draws)
    if isnan(mean) or isnan(start):
        return Part(name, False, nan, nan, summary, nan, nan)
    return Part(name, False, mean, mean_mcse(draws), summary, start, start - mean)


def parts_block(claim: Claim, of_task: xr.DataArray, specifications: pd.DataFrame | None) -> str:
    """Return the waterfall of the published arm, and of both factors where they were measured.

    ``specifications`` is the table of the robustness, or None where it was not run.
    """
    published = arm_named(claim.published_arm)
    others = other_metrics(claim, specifications)
    blocks = []
    for arm in dict.fromkeys((published, ELICITED)):
        parts = jump_parts(of_task, arm)
        if max(abs(part.mean) if part.measured else 1.0 for part in parts) < LEAST_TAKEN_APART:
            blocks.append(paragraphs(sentences.nothing_to_take(arm)))
        elif arm == CONTROLLED_ARM or not (arm == published or parts[0].measured):
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
            "kind": "jump" if part.is_whole else "part",
            "words": "" if part.measured else NOT_MEASURED,
        }
        for part in parts
    ]
    missing = {name: nan for name in ("from", "to")}
    extra = {"part": f"{METRIC}{NAME_END}not in the sum", **missing, "kind": "part"}
    rows.insert(len(rows) - 1, {**extra, "words": metric})
    said = sentences.parts_sentence(arm, [(p.name, p.mean, p.error) for p in parts])
    chart = waterfall_chart(
        pd.DataFrame(rows).round(4), ROPE, f"{claim.row}: from {arm.label} to after controls"
    )
    text = f"{said} {MEANS}"
    return (
        paragraphs(text)
        + f'<div class="one-panel">{chart_html(chart, text, _table(parts, of_task, arm))}</div>'
    )


def _table(parts: Sequence[Part], of_task: xr.DataArray, arm: Arm) -> str:
    rows = [_row(part, MEANINGS.get(part.name, "the jump that is taken apart")) for part in parts]
    if arm == ELICITED:
        for name, draws in zip((FEW_SHOT, TUNING), attribute(of_task, arm).shapley(), strict=True):
            part, meaning = _taken(name, draws, 0.0), "with half of the interaction (Shapley)"
            rows.append(_row(part, meaning))
    header = (
        "part", "posterior mean", "its Monte Carlo error", "median [90%]", "its Monte Carlo error",
        "what it is",
    )  # fmt: skip
    return table(header, rows, f"Parts of the jump in points, {arm.label}")


def _row(part: Part, meaning: str) -> tuple[str | Num, ...]:
    error = f"{100 * part.error:.2f}" if part.measured else ""
    summary = part.summary
    return (
        part.name, Num(part.rounded), Num(error), Num(interval(summary)),
        Num(monte_carlo_error(summary)), meaning,
    )  # fmt: skip


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
