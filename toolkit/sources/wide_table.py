"""A wide table, CSV or Parquet: a row per checkpoint, a column per task.

Such a table says least of all: not the metric, the shots, the number of items, or chance. Without
``--columns FILE``, ``--describe`` says what it makes of the columns and prints the file to fill
in::

    checkpoint = "Model"
    metric = "accuracy"
    prompt_format = "closed"
    n_shots = 0
    percent = true

    [[task]]
    column = "Hindu"
    name = "hindu_knowledge"
    n_items = 175
    chance = 0.25
    chance_source = "four options in every item"

A cell that is empty, ``-`` or ``NA`` is no score and is counted as dropped. A task may have a
number of shots of its own.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import SourceError, did_you_mean
from toolkit.sources.checks import ID_MAX, check_proportion, name_of, text_of
from toolkit.sources.json_files import Tick
from toolkit.sources.records import Asked, Ledger
from toolkit.sources.runs import Cell, Run
from toolkit.sources.table_rows import counted, read_rows
from toolkit.strict_toml import from_table, read_toml
from toolkit.tables import shortened

ONLY_RUN = "1"
NO_SCORE = ("", "-", "--", "NA", "N/A", "n/a")


@dataclass(frozen=True)
class TaskColumn:
    """One column of scores."""

    column: str
    name: str
    n_items: int
    chance: float
    chance_source: str
    n_shots: int | None = None


@dataclass(frozen=True)
class WideMap:
    """A file of ``--columns`` for a wide table."""

    checkpoint: str
    metric: str
    prompt_format: str
    n_shots: int
    percent: bool
    task: tuple[TaskColumn, ...]


def read(path: Path, ledger: Ledger, asked: Asked, tick: Tick) -> None:
    """Read a wide table into the ledger."""
    if asked.columns is None:
        msg = (
            f"{path}: got no --columns FILE, expected one that says what the columns are; "
            "--describe prints it, to be filled in."
        )
        raise SourceError(msg)
    given = from_table(WideMap, read_toml(asked.columns), str(asked.columns))
    _check_tasks(given, str(asked.columns))
    ledger.files.append(path.name)
    lines: dict[str, str] = {}
    for where, row in read_rows(path, tick):
        _check_columns(given, row, where)
        checkpoint = name_of(row[given.checkpoint], "checkpoint", where)
        if checkpoint in lines:
            msg = (
                f"{where}: got checkpoint {shortened(checkpoint)!r} again (first "
                f"{lines[checkpoint]}), expected one row per checkpoint; remove one of the two."
            )
            raise SourceError(msg)
        lines[checkpoint] = where
        ledger.see_checkpoint(checkpoint, None, where)
        _add_row(checkpoint, row, given, ledger, where)
    for task in given.task:
        ledger.chances[task.name] = ("not given", task.chance, task.chance_source)


def _add_row(
    checkpoint: str, row: dict[str, str], given: WideMap, ledger: Ledger, where: str
) -> None:
    for task in given.task:
        text = row[task.column]
        if text in NO_SCORE:
            ledger.drop(f"cells of {shortened(task.name)}", "no score")
            continue
        shots = given.n_shots if task.n_shots is None else task.n_shots
        cell = Cell(checkpoint, task.name, given.metric, given.prompt_format, shots)
        score = counted(text, task.n_items, given.percent, where, task.column)
        if ledger.takes(given.metric):
            ledger.add_run(cell, ONLY_RUN, Run(task.n_items, score, 0.0, True, None), where)


def _check_tasks(given: WideMap, where: str) -> None:
    names = [task.name for task in given.task]
    for at, task in enumerate(given.task, start=1):
        check_proportion(task.chance, f"{where} task {at} chance", given.metric)
        text_of(task.chance_source, "chance_source", f"{where} task {at}", ID_MAX)
        if task.n_items < 1 or names.count(task.name) > 1:
            msg = (
                f"{where} task {at}: got {task.n_items} items for {shortened(task.name)!r}, "
                "expected 1 or more, and each name once; correct the entry."
            )
            raise SourceError(msg)
    if not given.task:
        msg = f"{where}: got no [[task]], expected one per column of scores; add them."
        raise SourceError(msg)


def _check_columns(given: WideMap, row: dict[str, str], where: str) -> None:
    for column in (given.checkpoint, *(task.column for task in given.task)):
        if column not in row:
            msg = (
                f"{where}: got no column {shortened(column)!r}{did_you_mean(column, list(row))}, "
                "expected it as --columns FILE says; correct the name there."
            )
            raise SourceError(msg)


def explain(path: Path) -> list[str]:
    """Return what the table seems to hold, and the file that would have to say it."""
    columns: dict[str, list[str]] = {}
    for _, row in read_rows(path):
        for name, cell in row.items():
            columns.setdefault(name, []).append(cell)
    kinds = {name: _kind(cells) for name, cells in columns.items()}
    n_rows = len(next(iter(columns.values())))
    lines = [f"{path}: {n_rows} rows, {len(columns)} columns."]
    lines += [f"Column {shortened(name)!r}: {kind}." for name, kind in kinds.items()]
    scores = [name for name, kind in kinds.items() if kind.startswith("scores")]
    names = [name for name, kind in kinds.items() if kind.startswith("names")]
    percent = any("per cent" in kinds[name] for name in scores)
    lines += [
        "Nothing was written. Fill in what stands in capitals and give it with --columns FILE:"
    ]
    lines += [
        f"checkpoint = {json.dumps(names[0] if names else 'COLUMN')}",
        'metric = "METRIC"',
        'prompt_format = "PROMPT_FORMAT"',
        "n_shots = N_SHOTS",
        f"percent = {str(percent).lower()}",
    ]
    for name in scores:
        lines += [
            "[[task]]",
            f"column = {json.dumps(name)}",
            f"name = {json.dumps(name)}",
            "n_items = N_ITEMS",
            "chance = CHANCE",
            'chance_source = "SOURCE"',
        ]
    return lines


def _kind(cells: list[str]) -> str:
    """Return what a column seems to hold."""
    filled = [cell for cell in cells if cell not in NO_SCORE]
    values = []
    for cell in filled:
        try:
            values.append(float(cell))
        except ValueError:
            values.append(math.nan)
    empty = f", {len(cells) - len(filled)} empty" if len(filled) < len(cells) else ""
    if not filled:
        return "empty"
    if all(math.isnan(value) for value in values):
        different = "names, each once" if len(set(filled)) == len(cells) else "texts that recur"
        return different + empty
    if any(math.isnan(value) for value in values):
        return f"texts and numbers mixed{empty}"
    least, most = min(values), max(values)
    seen = f"{least:g} to {most:g}{empty}"
    if least < 0 or most > 100:
        return f"numbers that are no scores, {seen}"
    return f"scores as proportions, {seen}" if most <= 1 else f"scores in per cent, {seen}"
