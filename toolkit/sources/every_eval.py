"""Every Eval Ever records, schema 0.2: a record per checkpoint, and its samples as JSON lines.

Taken over
    Every result of a record, item by item where its samples file is there, else its score with its
    standard error and number of samples. The number of rows and the checksum that a record gives
    must hold.
Task
    ``evaluation_name``.
Metric
    ``metric_name`` or ``metric_id`` where the record has them, else ``score``: the schema does not
    ask for a name.
Prompt format
    The library that evaluated: the schema does not ask how the question was put, and scores of two
    harnesses are not repeats.
Shots
    ``num_fewshot`` and the like among the additional details; else ``--shots``.
Scores
    Divided by ``max_score`` where scores start at 0. Left out: scores of which less is better,
    scores in levels, and totals without a number of samples.
Options
    The number of choices of a sample's input. The schema has no log-probabilities.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import SourceError
from toolkit.sources.checks import check_proportion
from toolkit.sources.json_files import (
    Tick,
    expect,
    field,
    files_under,
    optional,
    read_document,
    read_lines,
)
from toolkit.sources.records import Asked, Cell, Item, Ledger, Run
from toolkit.tables import shortened

SCHEMA = "0.2."
SAMPLES_SCHEMA = "instance_level_eval_0.2."
SHOT_DETAILS = ("num_fewshot", "n_shots", "num_shots", "shots", "few_shot", "k_shots")
METRIC = "score"
CHUNK = 2**20


@dataclass(frozen=True)
class _Result:
    """One result of a record: its cell, and how its scores become proportions."""

    cell: Cell
    largest: float
    details: dict[str, Any]


def read(path: Path, ledger: Ledger, asked: Asked, tick: Tick) -> None:
    """Read one record, or all under a folder, into the ledger."""
    for record in files_under(path, ["*.json"], "records of Every Eval Ever"):
        _read_record(record, ledger, asked, tick)


def _read_record(path: Path, ledger: Ledger, asked: Asked, tick: Tick) -> None:
    where = str(path)
    record = expect(read_document(path), dict, where)
    _check_schema(record, SCHEMA, where)
    checkpoint = field(field(record, "model_info", dict, where), "id", str, where)
    ledger.files.append(path.name)
    ledger.see_checkpoint(checkpoint, None, where)
    library = field(field(record, "eval_library", dict, where), "name", str, where)
    results: dict[str, _Result] = {}
    for given in field(record, "evaluation_results", list, where):
        given = expect(given, dict, where)
        result = _result(given, checkpoint, library, ledger, asked, where)
        if result is None:
            continue
        if result.cell.task in results:
            msg = (
                f"{where}: got evaluation_name {shortened(result.cell.task)!r} twice, expected one "
                "result per name, so that samples have one; rename one of them."
            )
            raise SourceError(msg)
        results[result.cell.task] = result
    samples = _samples_file(path, record, ledger)
    if samples is None:
        for result in results.values():
            _read_total(result, ledger, where)
    else:
        _read_samples(samples, record, results, ledger, tick)


def _check_schema(record: dict[str, Any], expected: str, where: str) -> None:
    version = field(record, "schema_version", str, where)
    if not version.startswith(expected):
        msg = (
            f"{where}: got schema_version {shortened(version)!r}, expected {expected}x of Every "
            "Eval Ever; convert the record with its own tool."
        )
        raise SourceError(msg)


def _result(
    given: dict[str, Any], checkpoint: str, library: str, ledger: Ledger, asked: Asked, where: str
) -> _Result | None:
    """Return a result, or None where it is left out."""
    task = field(given, "evaluation_name", str, where)
    at = f"{where} evaluation {shortened(task)!r}"
    config = field(given, "metric_config", dict, at)
    metric = config.get("metric_name") or config.get("metric_id") or METRIC
    metric = expect(metric, str, at)
    least, largest = config.get("min_score", 0), config.get("max_score", 1)
    why = None
    if field(config, "lower_is_better", bool, at):
        why = "less is better"
    elif config.get("score_type") == "levels":
        why = "levels are no proportions"
    elif expect(least, float, at) != 0 or not 0 < expect(largest, float, at) < float("inf"):
        why = "scores don't start at 0"
    if why:
        ledger.drop(f"scores of {shortened(metric)}", why)
        return None
    cell = Cell(checkpoint, task, metric, library, asked.shots_or(_shots(given, config, at), at))
    if not ledger.takes(metric):
        return None
    return _Result(cell, float(largest), field(given, "score_details", dict, at))


def _shots(given: dict[str, Any], config: dict[str, Any], where: str) -> int | None:
    generation = optional(given, "generation_config", dict, where) or {}
    for holder in (generation, config):
        details = optional(holder, "additional_details", dict, where) or {}
        for name in SHOT_DETAILS:
            if str(details.get(name, "")).isdecimal():
                return int(str(details[name])[:9])
    return None


def _samples_file(path: Path, record: dict[str, Any], ledger: Ledger) -> Path | None:
    """Return the samples of a record: beside it, never elsewhere."""
    where = str(path)
    detailed = optional(record, "detailed_evaluation_results", dict, where)
    if detailed is None:
        return None
    given = field(detailed, "file_path", str, where)
    parts = Path(given.replace("\\", "/")).parts
    if ".." in parts or Path(given).is_absolute() or not given.isprintable():
        msg = (
            f"{where}: got file_path {shortened(given)!r}, expected a file beside the record; "
            "correct the path."
        )
        raise SourceError(msg)
    beside = {p.name: p for p in path.parent.iterdir() if p.is_file() and not p.is_symlink()}
    samples = beside.get(parts[-1]) if parts else None
    if samples is None or detailed.get("format", "jsonl") != "jsonl":
        ledger.drop("samples of records", "no such JSON lines file beside the record")
        return None
    _check_sum(samples, detailed, where)
    return samples


def _check_sum(samples: Path, detailed: dict[str, Any], where: str) -> None:
    algorithm, given = detailed.get("hash_algorithm", "sha256"), detailed.get("checksum")
    if given is None or algorithm not in ("sha256", "md5"):
        return
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with samples.open("rb") as content:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != given:
        msg = (
            f"{samples}: got {algorithm} {digest.hexdigest()}, expected {shortened(given)} as "
            f"{where} says; the file was changed or cut off: restore it."
        )
        raise SourceError(msg)


def _read_samples(
    path: Path, record: dict[str, Any], results: dict[str, _Result], ledger: Ledger, tick: Tick
) -> None:
    ledger.files.append(path.name)
    run = field(record, "evaluation_id", str, str(path))
    n_rows = 0
    for where, sample in read_lines(path, tick):
        n_rows += 1
        _check_schema(sample, SAMPLES_SCHEMA, where)
        if field(sample, "evaluation_id", str, where) != run:
            msg = (
                f"{where}: got a sample of another evaluation, expected evaluation_id "
                f"{shortened(run)!r}; keep the samples of each evaluation in a file of their own."
            )
            raise SourceError(msg)
        result = results.get(field(sample, "evaluation_name", str, where))
        if result is None:
            ledger.drop("samples", "their result is left out or not in the record")
            continue
        name = sample.get("sample_id")
        item = str(name) if isinstance(name, int) else field(sample, "sample_id", str, where)
        asked_of = field(sample, "input", dict, where)
        choices = optional(asked_of, "choices", list, where)
        score = field(field(sample, "evaluation", dict, where), "score", float, where)
        scored = Item(item, float(score) / result.largest, len(choices) if choices else None)
        ledger.add_item(result.cell, run, scored, where)
    ledger.close(str(path))
    total = (record.get("detailed_evaluation_results") or {}).get("total_rows", n_rows)
    if total != n_rows:
        msg = (
            f"{path}: got {n_rows} rows, expected {shortened(total)} as its record says; "
            "the file is cut off: restore it."
        )
        raise SourceError(msg)


def _read_total(result: _Result, ledger: Ledger, where: str) -> None:
    score = field(result.details, "score", float, where)
    known = optional(result.details, "uncertainty", dict, where) or {}
    error = (optional(known, "standard_error", dict, where) or {}).get("value")
    n_items = optional(known, "num_samples", int, where)
    if n_items is None or n_items < 1:
        ledger.drop(f"scores of {result.cell.metric}", "no number of samples")
        return
    share = float(score) / result.largest
    check_proportion(share, f"{where} evaluation {result.cell.task!r}", result.cell.metric)
    whole = abs(share * n_items - round(share * n_items)) < 1e-6 * n_items
    spread = None
    if isinstance(error, int | float) and 0 < error < float("inf"):
        spread = float(error) / result.largest
    if not whole and spread is None:
        ledger.drop(f"scores of {result.cell.metric}", "neither a whole count nor a standard error")
        return
    run = Run(n_items, share, 0.0, whole, None, spread)
    ledger.add_run(result.cell, run, where)
