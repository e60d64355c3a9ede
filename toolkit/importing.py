"""From a ledger of what was read to a study folder: all of it, or nothing.

Facts that scores do not carry come from the registry (checkpoints) and from the items (chance: one
over the number of options, averaged over items) or the user's file (``--tasks``). A fact that
nobody gives is an error with the line to add, never a default. The tables are made in a folder
beside the target, read back with ``read_scores``, and only then moved.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from toolkit.errors import SourceError
from toolkit.registry import Registry, csv_line, resolve
from toolkit.scores import CELL, SCORES_SCHEMA, TASKS_SCHEMA, read_scores
from toolkit.sources.records import TARGET_PROB, Cell, Ledger, Run
from toolkit.tables import check_table, read_table, write_table

NOT_GIVEN = "not given"
OPTIONS_FILE = "options.csv"
ITEMS_FILE = "items.parquet"
# The first of these that a task has is its metric of record, unless the user's file says another.
RECORD_ORDER = (
    "acc", "accuracy", "exact_match", "quasi_exact_match", "choice", "match", "acc_norm",
)  # fmt: skip
SCORES_COLUMNS = [*CELL, "n_items", "n_correct", "n_repeats", "repeat_sd", "score", "score_se"]
TASK_COLUMNS = ["task", "metric_of_record", "n_options", "chance", "chance_source"]


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
        When nothing usable was read, a checkpoint or a chance level is not known, or runs of one
        cell are not on the same items.
    """
    names = resolve(registry, ledger.sizes)
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
    tasks = _tasks(scores, ledger, tasks_file)
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
    read_scores(folder)


def _move(folder: Path, to: Path) -> None:
    if not to.exists():
        folder.chmod(0o755)
        to.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(to)
        return
    made = sorted(folder.iterdir())
    for path in made:
        path.replace(to / path.name)
    # What an earlier import left would speak of other scores.
    for stale in {OPTIONS_FILE, ITEMS_FILE} - {path.name for path in made}:
        (to / stale).unlink(missing_ok=True)


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
    return float(np.sqrt(np.mean([run.score_sd**2 / run.n_items for run in runs])))


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


def _tasks(scores: pd.DataFrame, ledger: Ledger, tasks_file: Path | None) -> pd.DataFrame:
    given = read_table(tasks_file, TASKS_SCHEMA).set_index("task") if tasks_file else pd.DataFrame()
    rows, missing, first_missing = [], [], ""
    for task, cells in scores.groupby("task", sort=True):
        metric = _metric_of_record(str(task), cells["metric"].unique().tolist(), ledger)
        counted = _counted(ledger.n_options.get(str(task)))
        said = ledger.chances.get(str(task)) or counted
        if task in given.index:
            row = given.loc[task].to_dict()
            metric = str(row["metric_of_record"])
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
    return check_table(pd.DataFrame(rows, columns=TASK_COLUMNS), TASKS_SCHEMA, "tasks.csv")


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


def _options(kept: dict[Cell, list[Run]]) -> pd.DataFrame:
    """Return what options' log-probabilities say, where they are known for every item."""
    rows = [
        [c.checkpoint, c.task, c.prompt_format, c.n_shots, runs[0].n_items,
         np.mean(log_probs), np.mean(briers)]
        for c, runs in sorted(kept.items())
        for log_probs in [[r.target_log_prob for r in runs if r.target_log_prob is not None]]
        for briers in [[r.brier for r in runs if r.brier is not None]]
        if c.metric == TARGET_PROB and len(briers) == len(runs)
    ]  # fmt: skip
    columns = ["checkpoint", "task", "prompt_format", "n_shots", "n_items"]
    return pd.DataFrame(rows, columns=[*columns, "target_log_prob", "brier"])


def _compare_sizes(ledger: Ledger, registry: Registry, names: dict[str, str]) -> None:
    for given, size in sorted(ledger.sizes.items()):
        known = float(registry.facts["n_params"].to_dict()[names[given]])
        if size is not None and abs(size - known) > 0.2 * known:
            ledger.notes.append(
                f"{given}: its file counts {size:.3g} parameters, the registry {known:.3g}"
            )
