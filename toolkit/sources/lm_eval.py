"""lm-evaluation-harness 0.4: ``results_*.json`` and, beside them, ``samples_*.jsonl``.

Taken over
    Every task of a results file, item by item where its samples file (same time stamp) is there,
    else from its totals: a whole count where score times items is one, the standard error
    otherwise. Items must have the number and the means of the results file, so that a samples file
    that is cut off at a line end is found.
Checkpoint
    ``model_name``, with ``@revision`` unless it is main and with ``+peft`` for an adapter: another
    revision has seen other tokens, an adapter is another checkpoint.
Prompt format
    ``plain``, or ``chat_template`` where one was used; ``_system`` marks a system instruction.
Metrics
    As named there; a filter other than ``none`` is part of the name (``exact_match,strict-match``).
    Left out: scores of which less is better, that are no mean over items, or no number per item.
Options
    Tasks of type ``multiple_choice`` carry the log-likelihood of each option; which one is right is
    worked out in ``lm_eval_options``. An item where that fails has no option scores and is counted
    as dropped.
Left out
    Averages over groups of tasks: their tasks are here.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import SourceError
from toolkit.sources.checks import check_mean
from toolkit.sources.json_files import (
    Tick,
    expect,
    field,
    files_under,
    optional,
    read_document,
    read_lines,
)
from toolkit.sources.lm_eval_options import option_log_likelihoods, scores_of_options
from toolkit.sources.records import Asked, Ledger
from toolkit.sources.runs import TARGET_PROB, Cell, Item, Mean, Run
from toolkit.tables import shortened

MEAN_TOLERANCE = 1e-6
N_PARAMS_MAX = 1e16
MEAN = "mean"
NO_FILTER = "none"


@dataclass(frozen=True)
class _Task:
    """One task of a results file: its settings and its totals."""

    name: str
    config: dict[str, Any]
    totals: dict[str, Any]
    lower_is_better: frozenset[str]
    aggregations: dict[str, str]
    checkpoint: str
    prompt_format: str
    n_shots: int
    n_items: int | None
    run: str

    def cell(self, metric: str) -> Cell:
        return Cell(self.checkpoint, self.name, metric, self.prompt_format, self.n_shots)


def read(path: Path, ledger: Ledger, asked: Asked, tick: Tick) -> None:
    """Read one results file, or all under a folder, into the ledger."""
    expected = "a results file of lm-evaluation-harness, or its --output_path"
    for results in files_under(path, ["results_*.json"], expected):
        _read_results(results, ledger, asked, tick)


def _read_results(path: Path, ledger: Ledger, asked: Asked, tick: Tick) -> None:
    where = str(path)
    document = expect(read_document(path), dict, where)
    _check_version(document, where)
    ledger.files.append(path.name)
    checkpoint = _checkpoint(document, where)
    size = (optional(document, "config", dict, where) or {}).get("model_num_parameters")
    known = float(size) if isinstance(size, int) and 0 < size < N_PARAMS_MAX else None
    ledger.see_checkpoint(checkpoint, known, where)
    stamp = path.stem.removeprefix("results_")
    # Names of tasks never become paths: files are found by listing the folder.
    samples = {p.name: p for p in path.parent.iterdir() if p.is_file() and not p.is_symlink()}
    for name, totals in field(document, "results", dict, where).items():
        task = _task(document, name, totals, checkpoint, stamp, asked, where)
        if task is None:
            ledger.drop("averages over groups of tasks", "their tasks are here")
            continue
        items = samples.get(f"samples_{name}_{stamp}.jsonl")
        if items:
            _read_samples(items, task, ledger, tick)
        else:
            ledger.drop("items of tasks", "no samples file (--log_samples was off)")
            _read_totals(task, ledger, where)


def _check_version(document: dict[str, Any], where: str) -> None:
    results = field(document, "results", dict, where)
    version = str(document.get("lm_eval_version", "0.4"))
    keys = [key for totals in results.values() for key in expect(totals, dict, where)]
    number = re.match(r"(\d+)\.(\d+)", version)
    is_older = number is None or (int(number[1]), int(number[2])) < (0, 4)
    if is_older or (keys and not any("," in key for key in keys)):
        said = "lm_eval_version" in document
        got = f"version {shortened(version)}" if said else "scores without filters"
        msg = (
            f"{where}: got {got}, expected lm-evaluation-harness 0.4 or later ('acc,none'); "
            "run the evaluation with a later harness, or give the scores as a long table."
        )
        raise SourceError(msg)


def _checkpoint(document: dict[str, Any], where: str) -> str:
    config = optional(document, "config", dict, where) or {}
    arguments = config.get("model_args") or {}
    if isinstance(arguments, str):
        arguments = dict(part.split("=", 1) for part in arguments.split(",") if "=" in part)
    arguments = expect(arguments, dict, f"{where} field 'model_args'")
    name = document.get("model_name") or arguments.get("pretrained") or arguments.get("model")
    if not isinstance(name, str):
        msg = f"{where}: field 'model_name' is missing, expected the checkpoint; run it again."
        raise SourceError(msg)
    revision = arguments.get("revision") or config.get("model_revision")
    at = f"@{revision}" if revision not in (None, "", "main") else ""
    return f"{name}{at}{'+peft' if arguments.get('peft') else ''}"


def _task(
    document: dict[str, Any], name: str, totals: Any, checkpoint: str, stamp: str, asked: Asked,
    where: str,
) -> _Task | None:  # fmt: skip
    """Return a task with its settings, or None for a group of tasks."""
    at = f"{where} task {shortened(name)!r}"
    config = optional(field(document, "configs", dict, where), name, dict, at)
    if config is None:
        return None

    def said(field_name: str, kind: type[Any]) -> Any:
        return optional(optional(document, field_name, dict, at) or {}, name, kind, at)

    listed = optional(config, "metric_list", list, at) or []
    shots = said("n-shot", int)
    better = said("higher_is_better", dict) or {}
    effective = (said("n-samples", dict) or {}).get("effective")
    chat = "chat_template" if document.get("chat_template") else "plain"
    return _Task(
        name=name,
        config=config,
        totals=expect(totals, dict, at),
        lower_is_better=frozenset(m for m, higher in better.items() if higher is False),
        checkpoint=checkpoint,
        prompt_format=f"{chat}_system" if document.get("system_instruction") else chat,
        aggregations={
            str(m.get("metric")): str(m.get("aggregation", MEAN)) for m in listed if type(m) is dict
        },
        n_shots=asked.shots_or(config.get("num_fewshot") if shots is None else shots, at),
        n_items=effective if isinstance(effective, int) else None,
        run=stamp,
    )


def _is_kept(task: _Task, metric: str, full: str, ledger: Ledger) -> bool:
    if metric in task.lower_is_better:
        ledger.drop(f"scores of {metric}", "less is better")
        return False
    # A function of the task's own shows as its text; its mean is checked against the totals.
    how = task.aggregations.get(metric, MEAN)
    if how != MEAN and how.isidentifier():
        ledger.drop(f"scores of {metric}", "not a mean over items")
        return False
    return ledger.takes(full)


def _read_samples(path: Path, task: _Task, ledger: Ledger, tick: Tick) -> None:
    ledger.files.append(path.name)
    without = 0
    for where, line in read_lines(path, tick):
        item = str(field(line, "doc_id", int, where))
        filtered = optional(line, "filter", str, where) or NO_FILTER
        options = option_log_likelihoods(task.config, line)
        found = scores_of_options(line, options) if options else None
        if options and found is None:
            without += 1
        n_options = len(options) if options else None
        for metric in optional(line, "metrics", list, where) or task.aggregations:
            metric = expect(metric, str, where)
            value = line.get(metric)
            full = metric if filtered == NO_FILTER else f"{metric},{filtered}"
            if not isinstance(value, int | float):
                ledger.drop(f"scores of {metric}", "not one number per item")
            elif _is_kept(task, metric, full, ledger):
                scored = Item(item, float(value), n_options, *(found or ()))
                ledger.add_item(task.cell(full), task.run, scored, where)
        if found and filtered == NO_FILTER and ledger.takes(TARGET_PROB):
            scored = Item(item, found.target_prob, n_options, *found)
            ledger.add_item(task.cell(TARGET_PROB), task.run, scored, where, on_record=False)
    _check_totals(ledger.close(str(path)), task, str(path))
    if without:
        ledger.drop("option scores of items", "right option unknown or at odds with acc", without)
        ledger.forget_last(task.cell(TARGET_PROB), "not known for every item")


def _check_totals(closed: list[tuple[Cell, Run]], task: _Task, where: str) -> None:
    """Raise unless the items just read give the totals of the results file.

    Where it lacks a total, its number of items must do; where it lacks both, nothing shows that the
    items are all there.
    """
    for cell, run in closed:
        if cell.metric == TARGET_PROB:
            continue
        metric = cell.metric
        total = task.totals.get(metric if "," in metric else f"{metric},{NO_FILTER}")
        if not isinstance(total, int | float):
            total = math.nan if task.n_items is None else run.score
        got, said = (run.n_items, run.score), (task.n_items, total)
        check_mean(got, said, MEAN_TOLERANCE, metric, where, "the results file")


def _read_totals(task: _Task, ledger: Ledger, where: str) -> None:
    if task.n_items is None:
        ledger.drop("tasks", "neither items nor their number (n-samples)")
        return
    for key, total in task.totals.items():
        metric, comma, filtered = key.partition(",")
        if not comma or metric.endswith("_stderr") or not isinstance(total, int | float):
            continue
        full = metric if filtered == NO_FILTER else key
        if not _is_kept(task, metric, full, ledger):
            continue
        error = task.totals.get(f"{metric}_stderr,{filtered}")
        mean = Mean(task.n_items, float(total), error)
        ledger.add_mean(task.cell(full), task.run, mean, where)
