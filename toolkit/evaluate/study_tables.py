"""Item records to the tables of a study folder, by the same ledger as imported scores."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from toolkit.evaluate.items.task_items import TaskItems
from toolkit.evaluate.measure import Measured
from toolkit.evaluate.plan.plan import CheckpointPlan, Plan, TaskPlan
from toolkit.evaluate.records.records import Record, read_records
from toolkit.importing.items_file import items_file
from toolkit.importing.study_tables import ITEMS_FILE, Tables, make_tables, write_tables
from toolkit.sources.records import Ledger
from toolkit.sources.runs import TARGET_PROB, Cell, Item
from toolkit.study.registry import Registry
from toolkit.study.scores import CHECKPOINT_COLUMNS

NO_OPTIONS = "none"


def write_study(
    plan: Plan, tasks: Sequence[TaskItems], measured: Mapping[str, Measured], folder: Path
) -> Tables:
    """Write scores.csv, checkpoints.csv, tasks.csv, options.csv and items.parquet."""
    registry = registry_of(plan.checkpoint, measured)
    with items_file(folder / ITEMS_FILE, registry) as on_item:
        ledger = Ledger(on_item=on_item)
        for task in tasks:
            _see_chance(task.plan, ledger)
        for checkpoint in plan.checkpoint:
            ledger.see_checkpoint(checkpoint.name, None, checkpoint.name)
            for record in read_records(plan, checkpoint):
                _add(record, ledger)
            ledger.close(f"checkpoint '{checkpoint.name}'")
    tables = make_tables(ledger, registry, None)
    of_record = {task.plan.name: task.plan.metric_names[0] for task in tasks}
    named = tables.tasks.assign(metric_of_record=tables.tasks["task"].map(of_record))
    tables = replace(tables, tasks=named)
    write_tables(tables, folder)
    return tables


def registry_of(
    checkpoints: Sequence[CheckpointPlan], measured: Mapping[str, Measured]
) -> Registry:
    """Return the facts of a plan's checkpoints; a size that it leaves out is the counted one."""
    rows = []
    for each in checkpoints:
        size: Any = each.n_params or measured[each.name].n_params
        facts = {name: getattr(each, name) for name in CHECKPOINT_COLUMNS}
        counted = "" if each.n_params else ", parameters counted"
        rows.append(
            {"checkpoint": each.name} | facts
            | {"n_params": size, "facts_source": f"the plan{counted}"}
        )  # fmt: skip
    frame = pd.DataFrame(rows).set_index("checkpoint")
    frame = frame.astype({"n_params": float, "train_flop": float})
    return Registry(frame, {each.name.lower(): each.name for each in checkpoints}, None)


def _see_chance(task: TaskPlan, ledger: Ledger) -> None:
    if task.chance is not None:
        ledger.chances[task.name] = (NO_OPTIONS, task.chance, "given in the plan")


def _add(record: Record, ledger: Ledger) -> None:
    """Give an item to the ledger under each of its metrics; a seed is a repeat of its cell."""
    names = (record["prompt_format"], record["n_shots"])
    checkpoint, task, run = record["checkpoint"], record["task"], f"seed {record['seed']}"
    where = f"checkpoint '{checkpoint}' task '{task}' item '{record['item']}'"
    options = record["options"] or {}
    known = {name: options.get(name) for name in ("target_log_prob", "target_prob", "brier")}
    n_options = record["n_options"] or None
    for metric, right in record["correct"].items():
        item = Item(record["item"], float(right), n_options, **known)
        ledger.add_item(Cell(checkpoint, task, metric, *names), run, item, where)
    if options:
        share = Item(record["item"], options["target_prob"], n_options, **known)
        cell = Cell(checkpoint, task, TARGET_PROB, *names)
        ledger.add_item(cell, run, share, where, on_record=False)
