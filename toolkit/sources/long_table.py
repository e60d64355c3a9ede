"""A long table, CSV or Parquet: a row per scored item, or a row per cell.

Columns with our names are understood as they are; ``--columns FILE`` says which other column holds
what, and what holds for every row::

    percent = false
    [columns]
    checkpoint = "model"        # our name = "name of your column"
    item = "question_id"
    correct = "is_right"
    [constants]
    metric = "exact_match"
    prompt_format = "closed"
    n_shots = 0

Rows of items
    ``item`` with ``correct`` (true, false, or a number from 0 to 1); ``n_options`` gives chance,
    ``target_log_prob`` and ``brier`` (summed over the options, 0 to 2) are kept; ``repeat`` tells
    runs on the same items apart.
Rows of cells
    ``n_items`` with ``n_correct``, or with ``score``; ``score_se`` where a score is no share of
    items. A score that is rounded from a whole count is counted.
"""

import math
from dataclasses import dataclass, fields
from pathlib import Path

from toolkit.errors import SourceError, did_you_mean
from toolkit.sources.json_files import Tick
from toolkit.sources.records import Asked, Ledger
from toolkit.sources.runs import Cell, Item, Run
from toolkit.sources.table_rows import counted, number, read_rows, whole, within
from toolkit.strict_toml import from_table, read_toml
from toolkit.tables import shortened

TRUTHS = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True)
class Columns:
    """The user's column for each of our names."""

    checkpoint: str = "checkpoint"
    task: str = "task"
    metric: str = "metric"
    prompt_format: str = "prompt_format"
    n_shots: str = "n_shots"
    item: str = "item"
    correct: str = "correct"
    repeat: str = "repeat"
    n_options: str = "n_options"
    target_log_prob: str = "target_log_prob"
    brier: str = "brier"
    n_items: str = "n_items"
    n_correct: str = "n_correct"
    score: str = "score"
    score_se: str = "score_se"


@dataclass(frozen=True)
class Constants:
    """What holds for every row."""

    checkpoint: str | None = None
    task: str | None = None
    metric: str | None = None
    prompt_format: str | None = None
    n_shots: int | None = None
    n_items: int | None = None


@dataclass(frozen=True)
class ColumnMap:
    """A file of ``--columns`` for a long table."""

    columns: Columns = Columns()
    constants: Constants = Constants()
    percent: bool = False


def read(path: Path, ledger: Ledger, asked: Asked, tick: Tick) -> None:
    """Read a long table into the ledger."""
    given = ColumnMap()
    if asked.columns:
        given = from_table(ColumnMap, read_toml(asked.columns), str(asked.columns))
    ledger.files.append(path.name)
    rows = _Rows(given, asked, ledger)
    for where, row in read_rows(path, tick):
        rows.add(row, where)
    ledger.close(str(path))


class _Rows:
    """Takes the rows of one table."""

    def __init__(self, given: ColumnMap, asked: Asked, ledger: Ledger) -> None:
        self.given, self.asked, self.ledger = given, asked, ledger
        self.checked = False

    def add(self, row: dict[str, str], where: str) -> None:
        """Add a row of an item or of a cell."""
        if not self.checked:
            self._check_columns(row, where)
        cell = self._cell(row, where)
        self.ledger.see_checkpoint(cell.checkpoint, None, where)
        if not self.ledger.takes(cell.metric):
            return
        run = self._optional(row, "repeat") or "1"
        if self._optional(row, "item") is not None:
            self._add_item(cell, run, row, where)
        else:
            self._add_cell(cell, run, row, where)

    def _add_item(self, cell: Cell, run: str, row: dict[str, str], where: str) -> None:
        right = self._required(row, "correct", where).lower()
        score = TRUTHS[right] if right in TRUTHS else number(right, where, "correct")
        options = self._optional(row, "n_options")
        log_prob = self._optional(row, "target_log_prob")
        brier = self._optional(row, "brier")
        item = Item(
            item=self._required(row, "item", where),
            score=score,
            n_options=whole(options, where, "n_options", 1) if options else None,
            target_log_prob=_log_prob(log_prob, where) if log_prob else None,
            brier=_brier(brier, where) if brier else None,
        )
        self.ledger.add_item(cell, run, item, where)

    def _add_cell(self, cell: Cell, run: str, row: dict[str, str], where: str) -> None:
        n_items = whole(self._required(row, "n_items", where), where, "n_items", 1)
        right, error = self._optional(row, "n_correct"), self._optional(row, "score_se")
        if right:
            n_correct = whole(right, where, "n_correct", 0)
            totals = Run(n_items, n_correct / n_items, 0.0, True, None)
            self.ledger.add_run(cell, run, totals, where)
            return
        text = self._required(row, "score", where)
        scale = 100 if self.given.percent else 1
        if error:
            spread = _standard_error(error, where) / scale
            score = number(text, where, "score") / scale
            totals = Run(n_items, score, 0.0, False, None, spread)
            self.ledger.add_run(cell, run, totals, where)
            return
        score = counted(text, n_items, self.given.percent, where, self.given.columns.score)
        self.ledger.add_run(cell, run, Run(n_items, score, 0.0, True, None), where)

    def _cell(self, row: dict[str, str], where: str) -> Cell:
        shots = self._optional(row, "n_shots")
        return Cell(
            self._required(row, "checkpoint", where),
            self._required(row, "task", where),
            self._required(row, "metric", where),
            self._required(row, "prompt_format", where),
            whole(shots, where, "n_shots", 0) if shots else self.asked.shots_or(None, where),
        )

    def _optional(self, row: dict[str, str], name: str) -> str | None:
        """Return a row's cell, else what holds for every row, else None."""
        cell = row.get(getattr(self.given.columns, name))
        if cell is None:
            constant = getattr(self.given.constants, name, None)
            return None if constant is None else str(constant)
        return cell

    def _required(self, row: dict[str, str], name: str, where: str) -> str:
        value = self._optional(row, name)
        if value:
            return value
        column = getattr(self.given.columns, name)
        got = "an empty cell" if value == "" else "no such column"
        hint = did_you_mean(column, list(row)) if value is None else ""
        msg = (
            f"{where} column '{column}': got {got}{hint}, expected {name} in every row; fill it "
            "in, or say in --columns FILE which column or constant it is."
        )
        raise SourceError(msg)

    def _check_columns(self, row: dict[str, str], where: str) -> None:
        """Raise when the map names a column that the table lacks; note the columns not read."""
        self.checked = True
        named = {f.name: getattr(self.given.columns, f.name) for f in fields(Columns)}
        for name, column in named.items():
            if column != name and column not in row:
                msg = (
                    f"{where}: got no column {shortened(column)!r}{did_you_mean(column, list(row))}"
                    f", expected it as {name}; correct the name in --columns FILE."
                )
                raise SourceError(msg)
        spare = [shortened(column) for column in row if column not in named.values()]
        if spare:
            self.ledger.notes.append(f"columns not read: {', '.join(spare[:20])}")


def _standard_error(text: str, where: str) -> float:
    return within(text, where, "score_se", (0, math.inf), "a standard error, 0 or more")


def _log_prob(text: str, where: str) -> float:
    expected = "the natural logarithm of a probability, 0 or less"
    return within(text, where, "target_log_prob", (-math.inf, 0), expected)


def _brier(text: str, where: str) -> float:
    expected = "a Brier score summed over the options, 0 to 2"
    return within(text, where, "brier", (0, 2), expected)
