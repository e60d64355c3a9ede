"""Every Eval Ever records, schema 0.2 and 0.3: a record per checkpoint, its samples as JSON lines.

Taken over
    Every result of a record, item by item where its samples file is there, else its score with its
    standard error and number of samples. The number of samples and the score of a result, and the
    number of rows and the checksum of the file, must hold where a record gives them.
Task
    ``evaluation_name``.
Metric
    ``metric_name`` or ``metric_id`` where the record has them, else ``score``: the schema does not
    ask for a name.
Prompt format
    ``prompt_format`` among the additional details, as ``emergence export`` writes it; else the
    library that evaluated: the schema does not ask how the question was put, and scores of two
    harnesses are not repeats.
Shots
    ``num_fewshot`` and the like among the additional details; else ``--shots``.
Scores
    Divided by ``max_score`` where scores start at 0. Left out: scores of which less is better,
    scores in levels, and totals without a number of samples.
Options
    The number of choices of a sample's input. The schema has no log-probabilities.
"""

from pathlib import Path
from typing import Any

from toolkit.errors import SourceError
from toolkit.sources.checks import check_mean, check_proportion
from toolkit.sources.every_eval_samples import Key, Result, check_schema, read_samples, samples_file
from toolkit.sources.json_files import (
    Tick,
    expect,
    field,
    files_under,
    optional,
    read_document,
)
from toolkit.sources.records import Asked, Ledger
from toolkit.sources.runs import Cell, Mean, Run
from toolkit.tables import shortened

SHOT_DETAILS = ("num_fewshot", "n_shots", "num_shots", "shots", "few_shot", "k_shots")
FORMAT_DETAIL = "prompt_format"
COUNT_DETAIL = "n_correct"
NOT_COUNTED = "unknown"
METRIC = "score"
# A score may be rounded to a tenth of a per cent.
MEAN_TOLERANCE = 5e-4


def read(path: Path, ledger: Ledger, asked: Asked, tick: Tick) -> None:
    """Read one record, or all under a folder, into the ledger."""
    for record in files_under(path, ["*.json"], "records of Every Eval Ever"):
        _read_record(record, ledger, asked, tick)


def _read_record(path: Path, ledger: Ledger, asked: Asked, tick: Tick) -> None:
    where = str(path)
    record = expect(read_document(path), dict, where)
    check_schema(record, where)
    checkpoint = field(field(record, "model_info", dict, where), "id", str, where)
    ledger.files.append(path.name)
    ledger.see_checkpoint(checkpoint, None, where)
    library = field(field(record, "eval_library", dict, where), "name", str, where)
    results: dict[Key, Result | None] = {}
    for given in field(record, "evaluation_results", list, where):
        given = expect(given, dict, where)
        key = (
            field(given, "evaluation_name", str, where),
            optional(given, "evaluation_result_id", str, where),
        )
        if key in results:
            msg = (
                f"{where}: got evaluation_name {shortened(key[0])!r} twice, expected one result "
                "per name, or an evaluation_result_id for each, so that samples have one; rename "
                "one of them."
            )
            raise SourceError(msg)
        results[key] = _result(given, checkpoint, library, ledger, asked, where)
    samples = samples_file(path, record, ledger)
    by_item = read_samples(samples, record, results, ledger, tick) if samples else {}
    for result in results.values():
        if result and result.cell in by_item:
            _check_total(result, by_item[result.cell], str(samples))
        elif result:
            name = field(record, "evaluation_id", str, where)
            _read_total(result, name, ledger, where)


def _result(
    given: dict[str, Any], checkpoint: str, library: str, ledger: Ledger, asked: Asked, where: str
) -> Result | None:
    """Return a result, or None where it is left out."""
    task = field(given, "evaluation_name", str, where)
    at = f"{where} evaluation {shortened(task)!r}"
    config = field(given, "metric_config", dict, at)
    metric = config.get("metric_name") or config.get("metric_id") or METRIC
    metric = expect(metric, str, at)
    largest = _largest(config, at)
    why = None
    if field(config, "lower_is_better", bool, at):
        why = "less is better"
    elif config.get("score_type") == "levels":
        why = "levels are no proportions"
    elif largest is None:
        why = "scores don't start at 0"
    if why or largest is None:
        ledger.drop(f"scores of {shortened(metric)}", why or "")
        return None
    details = _details(given, config, at)
    shots = next((v for v in map(_count, (details.get(n) for n in SHOT_DETAILS)) if v >= 0), None)
    prompt_format = expect(details.get(FORMAT_DETAIL, library), str, at)
    cell = Cell(checkpoint, task, metric, prompt_format, asked.shots_or(shots, at))
    if not ledger.takes(metric):
        return None
    return Result(cell, largest, field(given, "score_details", dict, at))


def _largest(config: dict[str, Any], where: str) -> float | None:
    """Return the largest score, or None where scores don't start at 0 or have no end.

    A bound that is missing is that of a proportion; one without end is a text in schema 0.3.
    """
    least, largest = config.get("min_score"), config.get("max_score")
    least, largest = 0 if least is None else least, 1 if largest is None else largest
    if "Infinity" in str(least) or "Infinity" in str(largest):
        return None
    end = float(expect(largest, float, where))
    return end if expect(least, float, where) == 0 and 0 < end < float("inf") else None


def _details(given: dict[str, Any], config: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the additional details of the generation, then of the metric."""
    generation = optional(given, "generation_config", dict, where) or {}
    found: dict[str, Any] = {}
    for holder in (config, generation):
        found |= optional(holder, "additional_details", dict, where) or {}
    return found


def _count(detail: object) -> int:
    """Return the whole number that a text shows, or -1."""
    return int(str(detail)[:9]) if str(detail).isdecimal() else -1


def _check_total(result: Result, run: Run, where: str) -> None:
    """Raise unless the samples of a result give its score and are as many as it says."""
    share, n_items, _ = _total(result, where)
    got, said = (run.n_items, run.score), (n_items, share)
    check_mean(got, said, MEAN_TOLERANCE, result.cell.metric, where, "the record")


def _total(result: Result, where: str) -> tuple[float, int | None, Any]:
    """Return the score of a result as a proportion, its number of samples and standard error."""
    share = float(field(result.details, "score", float, where)) / result.largest
    known = optional(result.details, "uncertainty", dict, where) or {}
    error = (optional(known, "standard_error", dict, where) or {}).get("value")
    return share, optional(known, "num_samples", int, where), error


def _read_total(result: Result, name: str, ledger: Ledger, where: str) -> None:
    share, n_items, error = _total(result, where)
    if n_items is None or n_items < 1:
        ledger.drop(f"scores of {result.cell.metric}", "no number of samples")
        return
    check_proportion(share, f"{where} evaluation {result.cell.task!r}", result.cell.metric)
    uncounted = (optional(result.details, "details", dict, where) or {}).get(COUNT_DETAIL)
    scaled = error / result.largest if isinstance(error, int | float) else None
    mean = Mean(n_items, share, scaled, may_be_count=uncounted != NOT_COUNTED)
    ledger.add_mean(result.cell, name, mean, where)
