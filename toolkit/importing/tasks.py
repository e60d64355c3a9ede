"""Facts about the tasks of an import: metric of record and chance level.

Chance comes from the items (one over the number of options, averaged over items) or from the user's
file (``--tasks``); a level that nobody gives is an error with the line to add, never a default.
"""

from collections import Counter
from pathlib import Path

import pandas as pd

from toolkit.errors import SourceError, did_you_mean
from toolkit.sources.records import Ledger
from toolkit.sources.runs import TARGET_PROB
from toolkit.study.registry import csv_line
from toolkit.study.scores import TASKS_SCHEMA
from toolkit.tables import check_table, line_of, read_table, shortened

NOT_GIVEN = "not given"
# The first of these that a task has is its metric of record, unless the user's file says another.
RECORD_ORDER = (
    "acc", "accuracy", "exact_match", "quasi_exact_match", "choice", "match", "acc_norm",
)  # fmt: skip
COLUMNS = ["task", "metric_of_record", "n_options", "chance", "chance_source"]


def tasks_table(scores: pd.DataFrame, ledger: Ledger, tasks_file: Path | None) -> pd.DataFrame:
    """Return the checked rows of ``tasks.csv``: a row per task that has scores.

    Raises
    ------
    SourceError
        When nobody gives the chance level of a task, or the user's metric was not read.
    """
    given = read_table(tasks_file, TASKS_SCHEMA).set_index("task") if tasks_file else pd.DataFrame()
    rows, missing, first_missing = [], [], ""
    for task, cells in scores.groupby("task", sort=True):
        metric = _metric_of_record(str(task), cells["metric"].unique().tolist(), ledger)
        counted = _counted(ledger.n_options.get(str(task)))
        said = ledger.chances.get(str(task)) or counted
        if task in given.index:
            row = given.loc[task].to_dict()
            line = line_of(given.index.tolist().index(task))
            metric = str(row["metric_of_record"])
            _check_metric(metric, cells["metric"], f"{tasks_file} line {line}")
            n_options = row.get("n_options", counted[0] if counted else NOT_GIVEN)
            said = (str(n_options), float(row["chance"]), str(row["chance_source"]))
            if counted and abs(said[1] - counted[1]) > 0.02:
                ledger.notes.append(f"{task}: chance {said[1]:g} given, {counted[1]:g} counted")
        if said is None:
            missing.append(csv_line([str(task), metric, "CHANCE", "SOURCE"]))
            first_missing = first_missing or str(task)
        else:
            rows.append([task, metric, *said])
    if missing:
        msg = (
            f"task {first_missing!r}: got no number of options per item (nor for "
            f"{len(missing) - 1} other tasks), expected the chance level of every task; fill in "
            "and give with --tasks FILE:\ntask,metric_of_record,chance,chance_source\n"
            + "\n".join(missing)
        )
        raise SourceError(msg)
    return check_table(pd.DataFrame(rows, columns=COLUMNS), TASKS_SCHEMA, "tasks.csv")


def _check_metric(metric: str, read: "pd.Series[str]", where: str) -> None:
    """Raise unless the metric of record that the user gives was read."""
    known = read.unique().tolist()
    if metric not in known:
        msg = (
            f"{where}: got metric_of_record {shortened(metric)!r}{did_you_mean(metric, known)}, "
            f"expected one that was read for this task: {', '.join(known)}; correct the name."
        )
        raise SourceError(msg)


def _metric_of_record(task: str, metrics: list[str], ledger: Ledger) -> str:
    accuracies = [m for m in metrics if m != TARGET_PROB] or metrics
    first = next((m for m in RECORD_ORDER if m in accuracies), accuracies[0])
    if len(accuracies) > 1:
        others = ", ".join(m for m in accuracies if m != first)
        ledger.notes.append(
            f"{task}: metric of record is {first}, not {others}; --tasks changes it"
        )
    return first


def _counted(n_options: Counter | None) -> tuple[str, float, str] | None:
    """Return options, chance and its source from the items, or None where they do not say."""
    if not n_options:
        return None
    n = sum(n_options.values())
    chance = sum(count / options for options, count in n_options.items()) / n
    least, most = min(n_options), max(n_options)
    shown = str(least) if least == most else f"{least} to {most}"
    return shown, chance, f"counted: {shown} options per item, chance is the mean of 1 / options"
