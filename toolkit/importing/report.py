"""The report at the end of an import: what was read, what dropped, what the table can show."""

import numpy as np
import pandas as pd

from toolkit.importing.study_tables import Tables
from toolkit.sources.records import Ledger
from toolkit.study.compute_sizes import SAID, are_from_compute, with_sizes
from toolkit.tables import shortened
from toolkit.wording import first_listed

SHOWN = 8
# Below chance by more than two standard errors is no accident of the items.
ERRORS_BELOW = 2
SIZES_FOR_A_CURVE = 4


def reading_lines(ledger: Ledger) -> list[str]:
    """Return what was read, what was dropped and why, and what a reader noticed."""
    n_cells = len(ledger.runs)
    n_runs = sum(len(runs) for runs in ledger.runs.values())
    files = f"{len(ledger.files)} file{'s' if len(ledger.files) != 1 else ''}"
    lines = [f"Read {files}: {ledger.n_records} item records, {n_runs} runs, {n_cells} cells."]
    lines += [
        f"Dropped: {shortened(what)}, {n} time{'s' if n != 1 else ''} ({why})."
        for (what, why), n in sorted(ledger.dropped.items())
    ]
    return lines + [f"Note: {note}." for note in ledger.notes]


def data_lines(tables: Tables) -> list[str]:
    """Return what the tables say of repeats, chance and arms."""
    checkpoints = with_sizes(tables.checkpoints, "checkpoints.csv")
    facts = checkpoints.set_index("checkpoint")
    scores = tables.scores.merge(tables.tasks[["task", "chance", "metric_of_record"]], on="task")
    scores = scores.assign(
        tuned=scores["checkpoint"].map(facts["instruction_tuned"]),
        n_params=scores["checkpoint"].map(facts["n_params"]),
    )
    record = scores[scores["metric"] == scores["metric_of_record"]]
    sizes = [SAID] if are_from_compute(checkpoints) else []
    return [
        _repeats(scores), *_chance(tables.tasks), _below_chance(record), *_arms(record), *sizes,
    ]  # fmt: skip


def _repeats(scores: pd.DataFrame) -> str:
    several = scores[scores["n_repeats"] > 1]
    if several.empty:
        return "Repeats: none, so how far runs on the same items agree is not known."
    same = (several["repeat_sd"] == 0).mean()
    items = np.sqrt(several["score"] * (1 - several["score"]) / several["n_items"]).median()
    return (
        f"Repeats: {len(several)} cells have several runs on the same items; {same:.0%} of them "
        f"agree exactly, the SD over runs is {several['repeat_sd'].median():.3g} in the median and "
        f"{several['repeat_sd'].max():.3g} at most (other items: about {items:.3g})."
    )


def _chance(tasks: pd.DataFrame) -> list[str]:
    lines = []
    for (chance, source), group in tasks.groupby(["chance", "chance_source"], sort=True):
        lines.append(
            f"Chance {chance:.4g} ({source}): {first_listed(group['task'].tolist(), SHOWN)}."
        )
    return lines


def _below_chance(record: pd.DataFrame) -> str:
    error = np.sqrt(record["chance"] * (1 - record["chance"]) / record["n_items"])
    below = record[record["score"] < record["chance"] - ERRORS_BELOW * error]
    if below.empty:
        return f"Below chance by over {ERRORS_BELOW} standard errors: no cell."
    cells = [
        f"{c.checkpoint} on {c.task} ({c.n_shots:g} shots, {c.score:.3g} against {c.chance:.3g})"
        for c in below.itertuples()
    ]
    n_cells = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
    return (
        f"Below chance by over {ERRORS_BELOW} standard errors: {n_cells}, often "
        f"answers in a form that the metric does not take: {first_listed(cells, SHOWN)}."
    )


def _arms(record: pd.DataFrame) -> list[str]:
    """Return, for each of the four arms, on how many tasks and sizes it was measured."""
    lines = []
    few = record["n_shots"] > 0
    tuned = record["tuned"].astype(bool)
    for shots_name, shots in (("zero-shot", ~few), ("few-shot", few)):
        for name, tuning in (("base", ~tuned), ("instruction-tuned", tuned)):
            arm = record[shots & tuning]
            if arm.empty:
                lines.append(f"Arm {shots_name}, {name}: not measured.")
                continue
            sizes = arm.groupby("task")["n_params"].nunique()
            thin = sizes[sizes < SIZES_FOR_A_CURVE].index.tolist()
            said = (
                f"; fewer than {SIZES_FOR_A_CURVE} sizes: {first_listed(thin, SHOWN)}"
                if thin
                else ""
            )
            lines.append(f"Arm {shots_name}, {name}: {_tasks_of_sizes(sizes)}{said}.")
    return lines


def _tasks_of_sizes(sizes: "pd.Series[int]") -> str:
    """Return how many tasks there are, and how many sizes each has, in words."""
    least, most = int(sizes.min()), int(sizes.max())
    tasks = "1 task" if len(sizes) == 1 else f"{len(sizes)} tasks"
    each = "" if len(sizes) == 1 else " each"
    if least == most:
        return f"{tasks}, {least} size{'' if least == 1 else 's'}{each}"
    return f"{tasks}, {least} to {most} sizes{each}"
