"""The runs behind a study's scores, as a format that carries runs wants them.

A cell's runs come from ``items.parquet`` where it has them, else from ``repeats.csv``, else the
cell is one run. What none of them tells, the runs behind a mean over repeats, is an error: a mean
is no run.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from toolkit.analysis.reproduction import REPEATS_FILE, read_repeats
from toolkit.analysis.study_folder import find_study
from toolkit.errors import SourceError
from toolkit.importing.items_file import BATCH
from toolkit.importing.study_tables import ITEMS_FILE
from toolkit.sources.runs import Cell, Run
from toolkit.study.scores import CELL, Scores, read_scores


@dataclass(frozen=True)
class Runs:
    """A study's cells, each with its runs, or with those whose items are in a file."""

    folder: Path
    scores: Scores
    totals: dict[Cell, list[Run]]
    with_items: dict[Cell, list[str]]

    @property
    def n_items(self) -> int:
        """Return how many scored items the study's file has."""
        path = self.folder / ITEMS_FILE
        return pq.read_metadata(path).num_rows if path.is_file() else 0

    def items(self) -> Iterator[pd.DataFrame]:
        """Yield the scored items, some thousand at a time, with cell and run."""
        if self.with_items:
            with pq.ParquetFile(self.folder / ITEMS_FILE) as table:
                for batch in table.iter_batches(BATCH):
                    yield batch.to_pandas()

    def number_of(self, cell: Cell, run: str) -> int | None:
        """Return which run of its cell this is, from 0, or None where the cell is left out."""
        names = self.with_items.get(cell, [])
        return names.index(run) if run in names else None


class ItemSums:
    """Adds up scored items, run by run."""

    def __init__(self) -> None:
        self._sums: dict[Cell, dict[int, np.ndarray]] = {}

    def add(self, cell: Cell, number: int, scores: np.ndarray) -> None:
        """Add items of one run."""
        whole = np.isin(scores, (0, 1)).sum()
        sums = np.array([len(scores), scores.sum(), (scores**2).sum(), whole])
        of_cell = self._sums.setdefault(cell, {})
        of_cell[number] = of_cell.get(number, 0) + sums

    def runs(self) -> dict[Cell, list[Run]]:
        """Return the runs of each cell, in their order."""
        return {
            cell: [self._run(*of_cell[number]) for number in sorted(of_cell)]
            for cell, of_cell in self._sums.items()
        }

    @staticmethod
    def _run(n: float, total: float, squares: float, n_whole: float) -> Run:
        mean = total / n
        spread = max(squares / n - mean**2, 0.0) * n / max(n - 1, 1)
        error = None if n_whole == n else float(np.sqrt(spread / n))
        return Run(int(n), float(mean), float(np.sqrt(spread)), bool(n_whole == n), None, error)


def load_runs(study: str, left_out: tuple[str, ...] = ()) -> Runs:
    """Return the runs of a bundled study, or of a folder with the tables of one.

    Raises
    ------
    ToolkitError
        When the tables are not valid, or the runs behind a cell are not known.
    """
    folder = find_study(study, "scores.csv")
    scores = read_scores(folder)
    scores = scores.where(~scores.frame["metric"].isin(left_out))
    if scores.frame.empty:
        msg = (
            f"{folder}: got no score besides those left out, expected at least one; leave out less."
        )
        raise SourceError(msg)
    with_items = _runs_with_items(folder, set(left_out))
    repeats = _repeats(folder)
    totals = {}
    rows: Any = scores.frame.to_dict("records")
    for row in rows:
        cell = _cell(row)
        if cell not in with_items:
            totals[cell] = repeats.get(cell) or [_only_run(row, folder)]
    return Runs(folder, scores, totals, with_items)


def _runs_with_items(folder: Path, left_out: set[str]) -> dict[Cell, list[str]]:
    """Return the names of the runs whose items are there, in their order."""
    found: dict[Cell, list[str]] = {}
    if not (folder / ITEMS_FILE).is_file():
        return found
    with pq.ParquetFile(folder / ITEMS_FILE) as table:
        for batch in table.iter_batches(BATCH, columns=[*CELL, "run"]):
            for *cell, run in batch.to_pandas().drop_duplicates().itertuples(index=False):
                runs = found.setdefault(Cell(*cell), [])
                if run not in runs and cell[2] not in left_out:
                    runs.append(run)
    return {cell: runs for cell, runs in found.items() if runs}


def _repeats(folder: Path) -> dict[Cell, list[Run]]:
    """Return the runs that ``repeats.csv`` counts, in the order of their seeds."""
    table = read_repeats(folder)
    if table is None:
        return {}
    found: dict[Cell, list[Run]] = {}
    rows: Any = table.sort_values([*CELL, "seed"]).to_dict("records")
    for row in rows:
        n_items = int(row["n_items"])
        share = row["n_correct"] / n_items
        found.setdefault(_cell(row), []).append(Run(n_items, share, 0.0, True, None))
    return found


def _cell(row: dict[str, Any]) -> Cell:
    checkpoint, task, metric, prompt_format, n_shots = (row[name] for name in CELL)
    return Cell(checkpoint, task, metric, prompt_format, int(n_shots))


def _only_run(row: dict[str, Any], folder: Path) -> Run:
    if row["n_repeats"] != 1:
        msg = (
            f"{folder}: got a mean over {row['n_repeats']:.0f} runs for {row['checkpoint']} on "
            f"{row['task']} ({row['metric']}, {row['n_shots']:.0f} shots), expected the runs one "
            f"by one, as the format carries them; add {REPEATS_FILE}, or leave the metric out with "
            f"--leave-out {row['metric']}."
        )
        raise SourceError(msg)
    counted = not np.isnan(row["n_correct"])
    error = None if counted else row["score_se"]
    return Run(int(row["n_items"]), row["score"], 0.0, counted, None, error)
