"""Scores: the one tidy table that both wings of the toolkit meet in.

On disk a study folder holds it in three files, so that no fact is written twice: ``scores.csv``
(one row per cell), ``checkpoints.csv`` (facts about checkpoints) and ``tasks.csv`` (facts about
tasks, chance levels above all). ``read_scores`` joins and checks them.

A *cell* is one checkpoint on one task under one metric, prompt format and number of shots.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa

from toolkit.errors import ScoresError, did_you_mean
from toolkit.study.compute_sizes import with_sizes
from toolkit.tables import first_row, line_of, read_table, shortened

CELL = ["checkpoint", "task", "metric", "prompt_format", "n_shots"]
CHECKPOINT_COLUMNS = [
    "lm_family", "n_params", "train_flop", "released", "instruction_tuned", "base_checkpoint",
]  # fmt: skip
# Half an item: how far a whole count may lie from the mean count over repeats.
COUNT_TOLERANCE = 0.5 + 1e-6

_IN_UNIT = pa.Check.in_range(
    0, 1, error="a proportion in [0, 1]; divide percentages by 100", ignore_na=True
)
_BELOW_ONE = pa.Check(
    lambda x: (x >= 0) & (x < 1), error="a proportion below 1; divide percentages by 100"
)
_POSITIVE = pa.Check.gt(0, error="a finite number above 0")
_FINITE = pa.Check(np.isfinite, error="a finite number above 0")
SPREAD = pa.Check(lambda x: (x >= 0) & np.isfinite(x), error="a finite number, 0 or more")
COUNT = pa.Check(lambda x: (x >= 0) & (x % 1 == 0), error="a whole number, 0 or more")
COUNT_FROM_1 = pa.Check(lambda x: (x >= 1) & (x % 1 == 0), error="a whole number, 1 or more")


def table_column(kind: type, description: str, *checks: pa.Check, **options: Any) -> pa.Column:
    """Return a column of a study's table; ``description`` is what an error says is missing."""
    return pa.Column(kind, list(checks), description=description, coerce=True, **options)


SCORES_SCHEMA = pa.DataFrameSchema(
    {
        "checkpoint": table_column(str, "name of the language model, as in checkpoints.csv"),
        "task": table_column(str, "name of the task, as in tasks.csv"),
        "metric": table_column(str, "what the score counts"),
        "prompt_format": table_column(str, "how the question is put"),
        "n_shots": table_column(float, "demonstrations in the prompt", COUNT),
        "n_items": table_column(float, "items scored", COUNT_FROM_1),
        "n_correct": table_column(
            float, "items right; empty where only a score is known", COUNT, nullable=True
        ),
        "n_repeats": table_column(float, "runs on the same items, collapsed", COUNT_FROM_1),
        "repeat_sd": table_column(
            float, "SD of the score over the repeats", SPREAD, nullable=True, required=False
        ),
        "score": table_column(float, "proportion right, mean over repeats", _IN_UNIT),
        "score_se": table_column(
            float,
            "standard error of a score without a count",
            SPREAD,
            nullable=True,
            required=False,
        ),
    },
    checks=[
        pa.Check(
            lambda f: f["n_correct"].isna() | (f["n_correct"] <= f["n_items"]),
            error="no more correct than items; check both counts",
        ),
        pa.Check(
            lambda f: (
                f["n_correct"].isna()
                | ((f["n_correct"] - f["score"] * f["n_items"]).abs() <= COUNT_TOLERANCE)
            ),
            error="score = n_correct / n_items within half an item; correct one of them",
        ),
        pa.Check(
            lambda f: (
                f["n_correct"].notna()
                | (f["score_se"] > 0 if "score_se" in f else pd.Series(False, index=f.index))
            ),
            error="a count (n_correct) or a standard error above 0 (score_se); give one of them",
        ),
    ],
    unique=CELL,
    report_duplicates="exclude_first",
)

CHECKPOINTS_SCHEMA = pa.DataFrameSchema(
    {
        "checkpoint": table_column(str, "name, as in scores.csv", unique=True),
        "lm_family": table_column(str, "series of checkpoints that share a recipe"),
        "developer": table_column(str, "who trained it", required=False),
        "n_params": table_column(
            float, "number of parameters", _POSITIVE, _FINITE, nullable=True, required=False
        ),
        "facts_source": table_column(str, "where the facts of this row stand", required=False),
        "train_flop": table_column(
            float, "training compute in FLOP", _POSITIVE, _FINITE, nullable=True
        ),
        "released": table_column(str, "date, YYYY or YYYY-MM", nullable=True),
        "instruction_tuned": table_column(bool, "true or false"),
        "base_checkpoint": table_column(str, "the base of a tuned checkpoint", nullable=True),
        "api": table_column(bool, "true where only an API serves it", required=False),
    }
)

TASKS_SCHEMA = pa.DataFrameSchema(
    {
        "task": table_column(str, "name, as in scores.csv", unique=True),
        "title": table_column(str, "name to show", required=False),
        "metric_of_record": table_column(str, "the metric that the study's claims rest on"),
        "n_options": table_column(str, "options per item", required=False),
        "chance": table_column(float, "expected score of guessing, below 1", _BELOW_ONE),
        "chance_source": table_column(str, "where the chance level comes from"),
        "known_issue": table_column(str, "what a reader must know", nullable=True, required=False),
    }
)


@dataclass(frozen=True)
class Scores:
    """One validated table of scores with the facts about checkpoints and tasks joined in.

    ``frame`` has a row per cell and the columns of DESIGN: study, checkpoint, lm_family, n_params,
    train_flop, released, instruction_tuned, base_checkpoint, task, metric, prompt_format, n_shots,
    n_items, n_correct, n_repeats, repeat_sd, score, score_se, chance. ``tasks`` and
    ``checkpoints`` carry the remaining facts, one row each. Where the number of parameters of a
    checkpoint is not known, ``n_params`` of all is what their compute is best for.
    """

    frame: pd.DataFrame
    checkpoints: pd.DataFrame
    tasks: pd.DataFrame

    def where(self, keep: "pd.Series[bool]") -> "Scores":
        """Return the rows where ``keep`` is true, in the same order."""
        return Scores(self.frame[keep].reset_index(drop=True), self.checkpoints, self.tasks)

    def of_record(self, prompt_format: str) -> "Scores":
        """Return the cells of each task's metric of record in one prompt format, with counts.

        A cell that has a standard error instead of a count gets the count of as many items as give
        this error.
        """
        record = self.frame["task"].map(self.tasks.set_index("task")["metric_of_record"])
        frame = self.frame
        cells = self.where((frame["metric"] == record) & (frame["prompt_format"] == prompt_format))
        return Scores(_with_counts(cells.frame), self.checkpoints, self.tasks)


def _with_counts(frame: pd.DataFrame) -> pd.DataFrame:
    """Return cells that all have counts; a score of 0 or 1 keeps its number of items."""
    bare = frame["n_correct"].isna()
    if not bare.any():
        return frame
    score, published = frame.loc[bare, "score"], frame.loc[bare, "n_items"]
    worth = score * (1 - score) / frame.loc[bare, "score_se"] ** 2
    items = worth.round().where(worth > 0, published).clip(1, published)
    counted = frame.copy()
    counted.loc[bare, "n_items"] = items
    counted.loc[bare, "n_correct"] = (score * items).round()
    return counted


def read_scores(folder: Path) -> Scores:
    """Return the scores of a study folder, or raise ``ScoresError`` naming file and line."""
    cells = read_table(folder / "scores.csv", SCORES_SCHEMA)
    path = folder / "checkpoints.csv"
    checkpoints = with_sizes(read_table(path, CHECKPOINTS_SCHEMA), str(path))
    tasks = read_table(folder / "tasks.csv", TASKS_SCHEMA)
    _check_bases(checkpoints, path)
    _check_metrics(tasks, cells, folder / "tasks.csv")
    return join_scores(folder.name, cells, checkpoints, tasks, str(folder / "scores.csv"))


def join_scores(
    study: str, cells: pd.DataFrame, checkpoints: pd.DataFrame, tasks: pd.DataFrame, where: str
) -> Scores:
    """Return the joined table; a name that is not in its register is an error with its line."""
    for name, register in (("checkpoint", checkpoints), ("task", tasks)):
        known = register[name].tolist()
        unknown = ~cells[name].isin(known)
        if unknown.any():
            at = first_row(unknown)
            got = str(cells.loc[at, name])
            msg = (
                f"{where} line {line_of(at)}: got {name} {shortened(got)!r}"
                f"{did_you_mean(got, known)}, expected a name in {name}s.csv; "
                f"correct the name or add a line for it to {name}s.csv."
            )
            raise ScoresError(msg)
    frame = cells.assign(study=study)
    for optional in ("repeat_sd", "score_se"):
        if optional not in frame:
            frame[optional] = np.nan
    frame = frame.merge(checkpoints[["checkpoint", *CHECKPOINT_COLUMNS]], on="checkpoint")
    frame = frame.merge(tasks[["task", "chance"]], on="task")
    order = [
        "study", "checkpoint", *CHECKPOINT_COLUMNS, "task", "metric", "prompt_format", "n_shots",
        "n_items", "n_correct", "n_repeats", "repeat_sd", "score", "score_se", "chance",
    ]  # fmt: skip
    return Scores(frame[order], checkpoints, tasks)


def _check_bases(checkpoints: pd.DataFrame, path: Path) -> None:
    known = checkpoints["checkpoint"].tolist()
    for at, base in enumerate(checkpoints["base_checkpoint"]):
        if pd.notna(base) and (base not in known or base == known[at]):
            msg = (
                f"{path} line {line_of(at)}: got base_checkpoint {shortened(base)!r}"
                f"{did_you_mean(base, known)}, expected another checkpoint of this file; "
                "add the base or leave the cell empty."
            )
            raise ScoresError(msg)


def _check_metrics(tasks: pd.DataFrame, cells: pd.DataFrame, path: Path) -> None:
    """Raise unless each task that has cells has some under its metric of record."""
    pairs = zip(tasks["task"], tasks["metric_of_record"], strict=True)
    for at, (task, metric) in enumerate(pairs):
        known = cells.loc[cells["task"] == task, "metric"].unique().tolist()
        if known and metric not in known:
            msg = (
                f"{path} line {line_of(at)}: got metric_of_record {metric!r}"
                f"{did_you_mean(metric, known)}, expected a metric that scores.csv has for task "
                f"{task!r}: {', '.join(known)}; correct the name."
            )
            raise ScoresError(msg)
