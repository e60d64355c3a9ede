"""The table of scores that one option of every axis (``axes``) makes.

One metric and one prompt format for each task, as the models need it. A task that the options leave
without counts or without two sizes is left out and said.
"""

from collections.abc import Mapping

import pandas as pd

from toolkit.study.scores import Scores

OF_RECORD = "of record"
ALL, AS_GIVEN, BY_LAB, WITHOUT = "all", "as given", "by lab", "without "
NO_API = "none served by an API"
PARAMETERS, COMPUTE = "parameters", "training FLOP"
MANY_ITEMS = 100
LARGE_TASKS = f"{MANY_ITEMS} items or more"
# Lettered options, the letter is the answer.
LETTER = "letter"


def table_of(scores: Scores, choices: Mapping[str, str]) -> tuple[Scores, tuple[str, ...]]:
    """Return the table for one option of every axis, and which tasks it leaves out and why."""
    frame = scores.frame
    tasks = list(frame["task"].unique())
    frame = frame[frame["prompt_format"] == choices["prompt_format"]]
    if choices["api"] == NO_API:
        frame = frame[~frame["checkpoint"].isin(served_by_api(scores))]
    if choices["families"].startswith(WITHOUT):
        frame = frame[frame["lm_family"] != choices["families"].removeprefix(WITHOUT)]
    frame = frame[_of_metric(scores, frame, choices["metric"])]
    if choices["families"] == BY_LAB:
        frame = frame.assign(lm_family=lab_of(scores, frame))
    if choices["scale"] == COMPUTE:
        frame = frame.assign(n_params=flop_of(scores, frame))
    chance = scores.tasks.set_index("task")["chance"]
    free_text = set(chance.index[chance.to_numpy() == 0])
    why = {
        task: _why_not(frame[frame["task"] == task], choices, free_text=task in free_text)
        for task in tasks
    }
    kept = frame["task"].map(why).eq("")
    left_out = tuple(f"{task}: {reason}" for task, reason in why.items() if reason)
    return Scores(frame, scores.checkpoints, scores.tasks).where(kept), left_out


def _of_metric(scores: Scores, frame: pd.DataFrame, metric: str) -> "pd.Series[bool]":
    """Return which rows are each task's metric: the chosen one, else that of record, else the only.

    A metric that was scored on fewer cells than that of record doesn't stand in for it: then two
    things would change at once. A prompt format may know one metric only, whatever the record's.
    """
    record = scores.tasks.set_index("task")["metric_of_record"]
    wanted: dict[str, str] = {}
    for task, rows in frame.groupby("task"):
        n_cells = rows.groupby("metric").size()
        of_record = str(record[task])
        if metric in n_cells and n_cells[metric] >= n_cells.get(of_record, 0):
            wanted[str(task)] = metric
        elif of_record in n_cells or len(n_cells) > 1:
            wanted[str(task)] = of_record
        else:
            wanted[str(task)] = str(n_cells.index[0])
    return frame["metric"] == frame["task"].map(wanted)


def _why_not(cells: pd.DataFrame, choices: Mapping[str, str], *, free_text: bool) -> str:
    """Return why a task can't be in the table; empty where it can."""
    if free_text and choices["prompt_format"] == LETTER:
        return "free text: a letter prompt lists the right answer alone"
    if cells.empty:
        return "no scores left"
    if choices["tasks"] == LARGE_TASKS and cells["n_items"].max() < MANY_ITEMS:
        return f"fewer than {MANY_ITEMS} items"
    if cells["n_correct"].isna().any():
        return "scores without counts"
    return "" if len(cells["n_params"].unique()) > 1 else "a single size of checkpoint"


def served_by_api(scores: Scores) -> list[str]:
    """Return the checkpoints that only an API serves, none where the study doesn't say."""
    checkpoints = scores.checkpoints
    return (
        checkpoints.loc[checkpoints["api"], "checkpoint"].tolist() if "api" in checkpoints else []
    )


def lab_of(scores: Scores, frame: pd.DataFrame) -> "pd.Series[str]":
    """Return who trained the base of every row's checkpoint; missing where that is not known."""
    if "developer" not in scores.checkpoints:
        return pd.Series(None, index=frame.index, dtype=object)
    developer = scores.checkpoints.set_index("checkpoint")["developer"]
    return frame["base_checkpoint"].fillna(frame["checkpoint"]).map(developer)


def flop_of(scores: Scores, frame: pd.DataFrame) -> "pd.Series[float]":
    """Return the training FLOP of every row's checkpoint, of its base where its own is missing."""
    by_name = scores.checkpoints.set_index("checkpoint")["train_flop"]
    return frame["train_flop"].fillna(frame["base_checkpoint"].map(by_name))
