"""HELM run folders: ``run_spec.json``, ``stats.json``, ``per_instance_stats.json``.

Taken over
    Every run folder under the path, instance by instance; trials (other demonstrations) are repeats
    on the same items. Means over instances must equal the totals of ``stats.json``, which must have
    each. A run has no id: a digest of its totals, times among them, is its name.
Task
    The run's name without model and method: ``mmlu:subject=philosophy``.
Prompt format
    The adapter's method, such as ``multiple_choice_joint``.
Shots
    ``max_train_instances``. Instances that got fewer, because the prompt was too long, are counted
    in a note.
Metrics
    Those that the run's specification names, and exact match; what HELM counts besides (tokens,
    times, truncation) are no scores.
Options
    ``num_references`` of an instance where the method is multiple choice. ``logprob`` is that of
    the produced text, not of the right option, and is not used.
Left out
    Perturbed instances; instances of another split when the run has a test split.
"""

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.errors import SourceError
from toolkit.paths import sha256_of
from toolkit.sources import json_files
from toolkit.sources.checks import check_mean
from toolkit.sources.json_files import Tick, expect, optional, read_document
from toolkit.sources.json_stream import read_elements
from toolkit.sources.records import Asked, Ledger
from toolkit.sources.runs import Cell, Item, Run, by_metric

MEAN_TOLERANCE = 5e-4
EXACT_MATCH = "exact_match"
DIGITS = 10
# Parts of a run's name that are other columns of the table.
NO_TASK = ("model", "model_deployment", "method", "max_train_instances", "num_train_trials")


@dataclass
class _RunFolder:
    """One run: where its scores go, and which of its numbers are scores."""

    cell: Cell
    name: str
    metrics: frozenset[str]
    split: str
    counts_options: bool
    totals: dict[str, float]
    fewer_shots: int = 0
    trials: Counter = field(default_factory=Counter)


def read(path: Path, ledger: Ledger, asked: Asked, tick: Tick) -> None:
    """Read one run folder, or all under a folder, into the ledger."""
    folders = sorted(p.parent for p in path.rglob("run_spec.json") if p.is_file())
    if not folders:
        msg = (
            f"{path}: got no run_spec.json, expected a run folder of HELM or a folder with some; "
            "give benchmark_output/runs/SUITE."
        )
        raise SourceError(msg)
    for folder in folders:
        run = _run_folder(folder, ledger, asked)
        instances = folder / "per_instance_stats.json"
        for where, instance in read_elements(instances, tick):
            _read_instance(instance, run, ledger, where)
        _check_totals(ledger.close(str(instances)), run, str(instances))
        if run.fewer_shots:
            ledger.notes.append(
                f"{folder.name}: {run.fewer_shots} instances had fewer demonstrations than "
                f"{run.cell.n_shots}"
            )


def _run_folder(folder: Path, ledger: Ledger, asked: Asked) -> _RunFolder:
    path = folder / "run_spec.json"
    where = str(path)
    spec = expect(read_document(path), dict, where)
    adapter = json_files.field(spec, "adapter_spec", dict, where)
    method = json_files.field(adapter, "method", str, where)
    checkpoint = json_files.field(adapter, "model", str, where)
    ledger.files.append(folder.name)
    ledger.see_checkpoint(checkpoint, None, where)
    stats = _stats(folder / "stats.json")
    splits = {split for _, split in stats}
    split = "test" if "test" in splits else "valid"
    return _RunFolder(
        cell=Cell(
            checkpoint=checkpoint,
            task=_task(json_files.field(spec, "name", str, where)),
            metric="",
            prompt_format=method,
            n_shots=asked.shots_or(adapter.get("max_train_instances"), where),
        ),
        name=sha256_of(folder / "stats.json")[:DIGITS],
        metrics=_metrics(spec, where),
        split=split,
        counts_options=method.startswith("multiple_choice"),
        totals={name: mean for (name, of), mean in stats.items() if of == split},
    )


def _task(name: str) -> str:
    """Return the name of a run without the parts that say model and method."""
    scenario, _, arguments = name.partition(":")
    kept = [a for a in re.split(",", arguments) if a and a.split("=")[0] not in NO_TASK]
    return f"{scenario}:{','.join(kept)}" if kept else scenario


def _metrics(spec: dict[str, Any], where: str) -> frozenset[str]:
    named = {EXACT_MATCH}
    for metric in json_files.field(spec, "metric_specs", list, where):
        arguments = optional(expect(metric, dict, where), "args", dict, where) or {}
        named |= {expect(n, str, where) for n in optional(arguments, "names", list, where) or []}
    return frozenset(named)


def _stats(path: Path) -> dict[tuple[str, str], float]:
    """Return the totals of a run by metric and split, without perturbations."""
    totals: dict[tuple[str, str], float] = {}
    for where, stat in read_elements(path):
        name = json_files.field(stat, "name", dict, where)
        mean = stat.get("mean")
        if name.get("perturbation") is None and isinstance(mean, int | float):
            key = (str(name.get("name")), str(name.get("split")))
            totals[key] = float(mean)
    return totals


def _read_instance(instance: dict[str, Any], run: _RunFolder, ledger: Ledger, where: str) -> None:
    if instance.get("perturbation") is not None:
        ledger.drop("instances", "perturbed")
        return
    item = json_files.field(instance, "instance_id", str, where)
    trial = json_files.field(instance, "train_trial_index", int, where)
    values = _values(instance, run.split, where)
    if not values:
        ledger.drop("instances", f"not of the split '{run.split}'")
        return
    options = values.get("num_references") if run.counts_options else None
    if values.get("num_train_instances", run.cell.n_shots) < run.cell.n_shots:
        run.fewer_shots += 1
    for metric in sorted(run.metrics & set(values)):
        if ledger.takes(metric):
            n_options = int(options) if options and options >= 1 else None
            scored = Item(item, values[metric], n_options)
            cell = run.cell._replace(metric=metric)
            ledger.add_item(cell, f"trial {trial} of {run.name}", scored, where)
    if run.trials[trial] == 0 and not run.metrics & set(values):
        ledger.drop("runs", f"none of its scores is one of {', '.join(sorted(run.metrics))}")
    run.trials[trial] += 1


def _values(instance: dict[str, Any], split: str, where: str) -> dict[str, float]:
    """Return the numbers of an instance by name; a number that HELM did not take is left out."""
    values: dict[str, float] = {}
    for stat in json_files.field(instance, "stats", list, where):
        stat = expect(stat, dict, where)
        name = json_files.field(stat, "name", dict, where)
        count = json_files.field(stat, "count", int, where)
        if count < 0:
            msg = f"{where}: got a count of {count}, expected 0 or more; restore the file."
            raise SourceError(msg)
        if name.get("split") != split or count == 0:
            continue
        total = json_files.field(stat, "sum", float, where)
        values[json_files.field(name, "name", str, where)] = float(total) / count
    return values


def _check_totals(closed: list[tuple[Cell, Run]], run: _RunFolder, where: str) -> None:
    """Raise unless the instances just read give the totals of the run, over all its trials."""
    for metric, of_metric in by_metric(closed).items():
        mean = sum(trial.score for trial in of_metric) / len(of_metric)
        total = run.totals.get(metric, math.nan)
        got, said = (of_metric[0].n_items, mean), (None, total)
        check_mean(got, said, MEAN_TOLERANCE, metric, where, "stats.json")
