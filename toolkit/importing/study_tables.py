"""From a ledger of what was read to a study folder: all of it, or nothing.

Facts about checkpoints, which scores do not carry, come from the registry, those about tasks from
``tasks``. A fact that nobody gives is an error with the line to add, never a default. The
tables are made in a folder beside the target, read back with ``read_scores``, and only then moved.
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from toolkit.errors import SourceError
from toolkit.importing.tasks import tasks_table
from toolkit.sources.records import Ledger
from toolkit.sources.runs import TARGET_PROB, Cell, Run, Spread
from toolkit.study.option_measures import OPTIONS_CELL, OPTIONS_FILE, SE, read_option_measures
from toolkit.study.registry import Registry, resolve
from toolkit.study.scores import CELL, SCORES_SCHEMA, read_scores
from toolkit.tables import check_table, shortened, write_table

ITEMS_FILE, SCORES_FILE = "items.parquet", "scores.csv"
RUN_OPTIONS = ("target_log_prob", "brier")
SCORES_COLUMNS = [*CELL, "n_items", "n_correct", "n_repeats", "repeat_sd", "score", "score_se"]


@dataclass(frozen=True)
class Tables:
    """The tables of a study folder, made from one import."""

    scores: pd.DataFrame
    checkpoints: pd.DataFrame
    tasks: pd.DataFrame
    options: pd.DataFrame

    def files(self) -> dict[str, pd.DataFrame]:
        """Return the tables by file name."""
        named = {
            "scores.csv": self.scores,
            "checkpoints.csv": self.checkpoints,
            "tasks.csv": self.tasks,
        }
        return named | ({OPTIONS_FILE: self.options} if len(self.options) else {})


def make_tables(ledger: Ledger, registry: Registry, tasks_file: Path | None) -> Tables:
    """Return the tables of what was read.

    Raises
    ------
    SourceError
        When nothing usable was read, a checkpoint or a chance level is not known, a run was given
        twice, or runs of one cell are not on the same items.
    """
    names = resolve(registry, ledger.sizes)
    _check_runs(ledger, names)
    runs = _by_known_name(ledger, names)
    kept = {cell: of_cell for cell, of_cell in runs.items() if _has_error(cell, of_cell, ledger)}
    if not kept:
        reasons = "; ".join(f"{what}: {why}" for what, why in ledger.dropped) or "nothing there"
        msg = (
            f"{', '.join(ledger.files[:3]) or 'input'}: got no usable score ({reasons}), expected "
            "at least one proportion with its number of items; see the reasons."
        )
        raise SourceError(msg)
    scores = cells_table(kept)
    tasks = tasks_table(scores, ledger, tasks_file)
    _compare_sizes(ledger, registry, names)
    return Tables(scores, registry.rows(scores["checkpoint"].unique()), tasks, _options(kept))


def cells_table(runs: dict[Cell, list[Run]]) -> pd.DataFrame:
    """Return the checked rows of ``scores.csv``: a row per cell, its runs collapsed."""
    scores = pd.DataFrame([_row(cell, runs[cell]) for cell in sorted(runs)], columns=SCORES_COLUMNS)
    scores = scores.astype({name: float for name in SCORES_COLUMNS if name not in CELL[:4]})
    return check_table(scores, SCORES_SCHEMA, "scores.csv")


@contextmanager
def staged(to: Path) -> Iterator[Path]:
    """Yield a folder beside ``to`` whose files move into ``to`` when the block succeeds."""
    try:
        if to.exists() and not to.is_dir():
            msg = f"{to}: got a file, expected a folder or nothing; choose another --to."
            raise SourceError(msg)
        # The name of the folder is the name of the study in ``read_scores``.
        near = next(folder for folder in to.absolute().parents if folder.exists())
        parent = Path(tempfile.mkdtemp(dir=near, prefix=f".{to.name}."))
    except OSError as error:
        msg = f"{to}: can't be written ({error.strerror}); choose another folder with --to."
        raise SourceError(msg) from None
    folder = parent / (to.resolve().name or "study")
    try:
        folder.mkdir()
        yield folder
        _move(folder, to)
    except OSError as error:
        msg = f"{to}: can't be written ({error.strerror}); choose another folder or make room."
        raise SourceError(msg) from None
    finally:
        shutil.rmtree(parent, ignore_errors=True)


def write_tables(tables: Tables, folder: Path) -> None:
    """Write the tables and read them back as any study is read."""
    for name, table in tables.files().items():
        write_table(table, folder / name)
    read_option_measures(folder, read_scores(folder))


def _move(folder: Path, to: Path) -> None:
    """Put a folder's files in their place, or on a fault those of an earlier import back."""
    if not to.exists():
        folder.chmod(0o755)
        to.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(to)
        return
    before = folder.parent / ".before"
    before.mkdir()
    made = sorted((path.name for path in folder.iterdir()), key=_scores_last)
    # What an earlier import left of these would speak of other scores.
    old = {SCORES_FILE, OPTIONS_FILE, ITEMS_FILE} | set(made)
    try:
        # Scores go first and come last: what a kill leaves in between is no study to anybody.
        for name in sorted(old, key=_scores_last, reverse=True):
            if (to / name).exists():
                (to / name).rename(before / name)
        for name in made:
            (folder / name).rename(to / name)
    except BaseException:
        _put_back(before, to, [name for name in made if not (folder / name).exists()])
        raise


def _put_back(before: Path, to: Path, made: Sequence[str]) -> None:
    for name in made:
        (to / name).unlink(missing_ok=True)
    for path in before.iterdir():
        path.rename(to / path.name)


def _scores_last(name: str) -> tuple[bool, str]:
    return name == SCORES_FILE, name


def _check_runs(ledger: Ledger, names: dict[str, str]) -> None:
    """Raise when a run was given twice: a copy, or a second name of a checkpoint, is no repeat."""
    first: dict[tuple[Cell, str], tuple[str, str]] = {}
    for cell, run, where in ledger.places:
        key = (cell._replace(checkpoint=names[cell.checkpoint]), run)
        if key in first:
            before, name = first[key]
            other = "" if name == cell.checkpoint else f" as {shortened(name)}, the same checkpoint"
            msg = (
                f"{where}: got {', '.join(str(part) for part in cell)} again (first {before}"
                f"{other}), expected each run once, this one is {shortened(run)!r}; remove one, or "
                "give it a name of its own if it is a repeat (column 'repeat' of a long table)."
            )
            raise SourceError(msg)
        first[key] = (where, cell.checkpoint)


def _by_known_name(ledger: Ledger, names: dict[str, str]) -> dict[Cell, list[Run]]:
    runs: dict[Cell, list[Run]] = {}
    for cell, of_cell in ledger.runs.items():
        known = cell._replace(checkpoint=names[cell.checkpoint])
        runs.setdefault(known, []).extend(of_cell)
    for cell, of_cell in runs.items():
        items = {run.items for run in of_cell if run.items is not None}
        if len({run.n_items for run in of_cell}) > 1 or len(items) > 1:
            counts = ", ".join(str(run.n_items) for run in of_cell)
            msg = (
                f"{len(of_cell)} runs of {cell.checkpoint} on {cell.task} ({cell.metric}, "
                f"{cell.n_shots} shots): got {counts} items that are not the same, expected runs "
                "on the same items; import one of them, or the parts of a task as one run."
            )
            raise SourceError(msg)
    return runs


def _has_error(cell: Cell, runs: list[Run], ledger: Ledger) -> bool:
    if all(run.whole for run in runs) or _standard_error(runs) > 0:
        return True
    ledger.drop(f"cells of {cell.metric}", "every item has the same part score: no standard error")
    return False


def _standard_error(runs: list[Run]) -> float:
    """Return the standard error of a cell's mean; repeats on the same items do not shrink it."""
    given = [run.score_se for run in runs if run.score_se is not None]
    if len(given) == len(runs):
        return float(np.mean(given))
    return _error_of_mean([run.score_sd for run in runs], runs[0].n_items)


def _error_of_mean(sds: list[float], n_items: int) -> float:
    return float(np.sqrt(np.mean(np.square(sds)) / n_items))


def _row(cell: Cell, runs: list[Run]) -> list[object]:
    scores = np.array([run.score for run in runs])
    whole = all(run.whole for run in runs)
    n_items = runs[0].n_items
    return [
        *cell, n_items,
        np.rint(scores.mean() * n_items) if whole else np.nan,
        len(runs),
        scores.std(ddof=1) if len(runs) > 1 else np.nan,
        min(float(scores.mean()), 1.0),
        np.nan if whole else _standard_error(runs),
    ]  # fmt: skip


def _options(kept: dict[Cell, list[Run]]) -> pd.DataFrame:
    """Return what options' log-probabilities say, where they are known for every item.

    They are of the options, whatever the metric: those under ``target_prob``, which has nothing
    else, go before; of other metrics the one on most items.
    """
    found: dict[Cell, tuple[str, list[Run]]] = {}
    for cell, runs in sorted(kept.items(), key=lambda each: _options_first(*each)):
        if all(run.target_log_prob is not None and run.brier is not None for run in runs):
            metric, first = found.setdefault(cell._replace(metric=""), (cell.metric, runs))
            if metric != TARGET_PROB and first[0].items == runs[0].items:
                _check_options(metric, first, cell, runs)
    rows = [
        dict(zip(Cell._fields, c, strict=True)) | {"n_items": runs[0].n_items} | _options_of(runs)
        for c, (_, runs) in sorted(found.items())
    ]
    values = [name + end for name in RUN_OPTIONS for end in ("", SE)]
    return pd.DataFrame(rows, columns=[*OPTIONS_CELL, "n_items", *values])


def _options_first(cell: Cell, runs: list[Run]) -> tuple[bool, int, Cell]:
    return cell.metric != TARGET_PROB, -runs[0].n_items, cell


def _check_options(metric: str, first: list[Run], cell: Cell, runs: list[Run]) -> None:
    """Raise unless two metrics say the same of the options of the same items."""
    if not np.allclose([*_options_of(first).values()], [*_options_of(runs).values()]):
        msg = (
            f"{cell.checkpoint} on {cell.task} ({cell.n_shots} shots): got target_log_prob or "
            f"brier that differ between {metric} and {cell.metric}, expected the same for an item "
            "under every metric, as they are of its options; correct the rows, or leave one metric "
            "out with --leave-out."
        )
        raise SourceError(msg)


def _options_of(runs: list[Run]) -> dict[str, float]:
    """Return means and standard errors over runs that all have log-probability and Brier score."""
    found: dict[str, float] = {}
    for name in RUN_OPTIONS:
        spreads: list[Spread] = [getattr(run, name) for run in runs]
        found[name] = float(np.mean([spread.mean for spread in spreads]))
        found[name + SE] = _error_of_mean([spread.sd for spread in spreads], runs[0].n_items)
    return found


def _compare_sizes(ledger: Ledger, registry: Registry, names: dict[str, str]) -> None:
    for given, size in sorted(ledger.sizes.items()):
        known = float(registry.facts["n_params"].to_dict()[names[given]])
        if size is not None and abs(size - known) > 0.2 * known:
            ledger.notes.append(
                f"{given}: its file counts {size:.3g} parameters, the registry {known:.3g}"
            )
