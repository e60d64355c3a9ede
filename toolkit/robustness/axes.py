"""The choices on which reasonable analysts differ, as far as a study carries them.

An *axis* is one choice, an *option* one way to make it, with the reason why an analyst could. An
option that nobody should choose, or that the scores can't carry, is kept apart with its reason.
``specified_scores`` makes the table for one option of each. Not carried by a table of
scores, and so no axis here: the loss as scale, chance levels other than the register's, corrections
of the scorer. The width of the step and its prior are ``sensitivity``'s.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from toolkit.models import MODELS
from toolkit.robustness.specified_scores import (
    ALL,
    AS_GIVEN,
    BY_LAB,
    COMPUTE,
    LARGE_TASKS,
    MANY_ITEMS,
    NO_API,
    OF_RECORD,
    PARAMETERS,
    WITHOUT,
    flop_of,
    lab_of,
    served_by_api,
)
from toolkit.study.compute_sizes import SAID, are_from_compute
from toolkit.study.scores import Scores

# A bend and a step can't be told apart from fewer sizes.
SIZES_MIN = 3
CURVES = {
    "step": "a curve bent once is the plainest that is not straight",
    "spline_step": "a curve that never falls may take any smooth form without falling scores",
    "gaussian_process_step": "a smooth curve of any form, which may fall as U-shaped scores do",
}
NEVER = {
    "open": "no options are shown, so that an answer can't be matched to one and chance is no floor"
}


@dataclass(frozen=True)
class Option:
    """One way to make a choice, and why an analyst could (or, left out, should not) make it.

    ``crossed`` is False for an option that is tried alone only: it takes away the largest sizes,
    so that with it a claim about them is no longer what is asked.
    """

    name: str
    reason: str
    crossed: bool = True


@dataclass(frozen=True)
class Axis:
    """One choice: the option of the main analysis first; ``left_out`` are not admissible."""

    name: str
    options: tuple[Option, ...]
    left_out: tuple[Option, ...] = ()


def axes_of(scores: Scores, prompt_format: str, model: str) -> tuple[Axis, ...]:
    """Return every axis; one that the study doesn't vary has the main analysis' option only."""
    return (
        _prompt_formats(scores, prompt_format),
        _metrics(scores, prompt_format),
        _api(scores, prompt_format),
        _curves(model),
        _families(scores, prompt_format),
        _tasks(scores, prompt_format),
        _scale(scores, prompt_format),
    )


AXES = ("prompt_format", "metric", "api", "curve", "families", "tasks", "scale")


def _prompt_formats(scores: Scores, of_record: str) -> Axis:
    found = sorted(set(scores.frame["prompt_format"]) - {of_record})
    reason = "the same questions were asked so too; no claim names a prompt format"
    others = tuple(
        Option(name, f"{reason} (metrics here: {_metrics_in(scores, name)})")
        for name in found
        if name not in NEVER
    )
    never = tuple(Option(name, NEVER[name]) for name in found if name in NEVER)
    return Axis("prompt_format", (Option(of_record, "the study's own prompt"), *others), never)


def _metrics_in(scores: Scores, prompt_format: str) -> str:
    frame = scores.frame
    return ", ".join(sorted(set(frame.loc[frame["prompt_format"] == prompt_format, "metric"])))


def _metrics(scores: Scores, prompt_format: str) -> Axis:
    record = scores.of_record(prompt_format).frame
    options, left_out = [Option(OF_RECORD, "the metric that the claims rest on")], []
    in_format = scores.frame[scores.frame["prompt_format"] == prompt_format]
    for metric, rows in in_format.groupby("metric"):
        others = set(rows["task"]) - set(record.loc[record["metric"] == metric, "task"])
        if not others:
            continue
        if rows.loc[rows["task"].isin(others), "n_correct"].isna().any():
            left_out.append(Option(str(metric), "scores without counts, which the models need"))
            continue
        reason = f"the other way to score the same answers, of {len(others)} tasks"
        options.append(Option(str(metric), reason))
    return Axis("metric", tuple(options), tuple(left_out))


def _api(scores: Scores, prompt_format: str) -> Axis:
    options = [Option(ALL, "every checkpoint that was scored")]
    frame = scores.of_record(prompt_format).frame
    served = frame["checkpoint"].isin(served_by_api(scores))
    if not served.any() or served.all():
        return Axis("api", tuple(options))
    reason = (
        "a checkpoint behind an API has unknown data and an assumed size, and often ran once: "
        f"without {', '.join(sorted(frame.loc[served, 'checkpoint'].unique()))}"
    )
    return _with_fewer(Axis("api", tuple(options)), Option(NO_API, reason), frame, frame[~served])


def _curves(model: str) -> Axis:
    first = Option(model, CURVES.get(model, "the model of the main analysis"))
    others = [Option(n, reason) for n, reason in CURVES.items() if n != model and n in MODELS]
    return Axis("curve", (first, *others))


def _families(scores: Scores, prompt_format: str) -> Axis:
    frame = scores.of_record(prompt_format).frame
    options = [Option(AS_GIVEN, "series of checkpoints as the study names them")]
    lab = lab_of(scores, frame)
    if lab.notna().all() and not (_codes(lab) == _codes(frame["lm_family"])).all():
        n_labs = lab.groupby(frame["lm_family"]).nunique()
        mixed = ", ".join(n_labs.index[n_labs.to_numpy() > 1]) or "no series"
        reason = f"recipes differ by who trained the base; as given, {mixed} has several trainers"
        options.append(Option(BY_LAB, reason))
    axis = Axis("families", tuple(options))
    sizes = frame.groupby("lm_family")["checkpoint"].agg(["nunique", "size"])
    if len(sizes) < 2:
        return axis
    largest = str(sizes.sort_values(["nunique", "size"], kind="stable").index[-1])
    reason = f"the jump should not hang on the recipe of one series, {largest}, the most scored"
    rest = frame[frame["lm_family"] != largest]
    return _with_fewer(axis, Option(WITHOUT + largest, reason), frame, rest)


def _codes(labels: pd.Series) -> np.ndarray:
    """Return a partition's codes by first appearance: equal for equal partitions."""
    return pd.factorize(labels)[0]


def _with_fewer(axis: Axis, option: Option, before: pd.DataFrame, after: pd.DataFrame) -> Axis:
    """Return the axis with an option that takes checkpoints away, if enough sizes are left."""
    n_sizes = after.groupby("task")["n_params"].nunique()
    n_tasks = before["task"].nunique()
    n_kept = int((n_sizes >= SIZES_MIN).sum())
    if 2 * n_kept < n_tasks:
        reason = f"only {n_kept} of {n_tasks} tasks would keep {SIZES_MIN} sizes or more"
        return Axis(axis.name, axis.options, (*axis.left_out, Option(option.name, reason)))
    top = before.groupby("task")["n_params"].max()
    n_lower = int((after.groupby("task")["n_params"].max().reindex(top.index) < top).sum())
    crossed = 2 * n_lower < n_tasks
    return Axis(
        axis.name, (*axis.options, Option(option.name, option.reason, crossed)), axis.left_out
    )


def _tasks(scores: Scores, prompt_format: str) -> Axis:
    options = [Option(ALL, "every task with a claim; the hierarchy weighs small ones down")]
    n_items = scores.of_record(prompt_format).frame.groupby("task")["n_items"].max()
    n_large = int((n_items >= MANY_ITEMS).sum())
    if 2 <= n_large < len(n_items):
        reason = (
            f"a task of fewer than {MANY_ITEMS} items says little of itself, but pulls on what the "
            f"tasks share: {n_large} of {len(n_items)} tasks are left"
        )
        options.append(Option(LARGE_TASKS, reason))
    return Axis("tasks", tuple(options))


def _scale(scores: Scores, prompt_format: str) -> Axis:
    frame = scores.of_record(prompt_format).frame
    options = (Option(PARAMETERS, "the size that the claims name"),)
    if are_from_compute(scores.checkpoints):
        return Axis("scale", options, (Option(COMPUTE, f"sizes are compute already. {SAID}"),))
    missing = sorted(frame.loc[flop_of(scores, frame).isna(), "checkpoint"].unique())
    if missing:
        n = frame["checkpoint"].nunique()
        reason = f"not known for {len(missing)} of {n} checkpoints, {missing[0]} among them"
        return Axis("scale", options, (Option(COMPUTE, reason),))
    reason = "compute tells a small checkpoint trained for long from one trained briefly"
    return Axis("scale", (*options, Option(COMPUTE, reason)))
