"""Samples of Every Eval Ever records: which file holds them, and to which result each belongs."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import SourceError
from toolkit.sources.json_files import Tick, field, optional, read_lines
from toolkit.sources.records import Ledger
from toolkit.sources.runs import Cell, Item, Run
from toolkit.tables import shortened

SCHEMAS = ("0.2.", "0.3.")
SAMPLES_PREFIX = "instance_level_eval_"
CHUNK = 2**20


@dataclass(frozen=True)
class Result:
    """One result of a record: its cell, and how its scores become proportions."""

    cell: Cell
    largest: float
    details: dict[str, Any]


# A result by its name and, where the record gives one, its own id.
Key = tuple[str, str | None]


def check_schema(record: dict[str, Any], where: str) -> None:
    """Raise unless a record, or a sample, is of a schema that is known here."""
    version = field(record, "schema_version", str, where)
    if not version.removeprefix(SAMPLES_PREFIX).startswith(SCHEMAS):
        msg = (
            f"{where}: got schema_version {shortened(version)!r}, expected "
            f"{' or '.join(f'{s}x' for s in SCHEMAS)} of Every Eval Ever; convert the record with "
            "its own tool."
        )
        raise SourceError(msg)


def samples_file(path: Path, record: dict[str, Any], ledger: Ledger) -> Path | None:
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


def read_samples(
    path: Path, record: dict[str, Any], results: Mapping[Key, Result | None], ledger: Ledger,
    tick: Tick,
) -> dict[Cell, Run]:  # fmt: skip
    """Read the samples of a record and return a run per cell; left out results are None."""
    ledger.files.append(path.name)
    run = field(record, "evaluation_id", str, str(path))
    n_rows = 0
    for where, sample in read_lines(path, tick):
        n_rows += 1
        check_schema(sample, where)
        if field(sample, "evaluation_id", str, where) != run:
            msg = (
                f"{where}: got a sample of another evaluation, expected evaluation_id "
                f"{shortened(run)!r}; keep the samples of each evaluation in a file of their own."
            )
            raise SourceError(msg)
        result = _result_of(sample, results, where)
        if result is None:
            ledger.drop("samples", "their result is left out or not in the record")
            continue
        ledger.add_item(result.cell, run, _item(sample, result, where), where)
    closed = ledger.close(str(path))
    total = (record.get("detailed_evaluation_results") or {}).get("total_rows", n_rows)
    if total != n_rows:
        msg = (
            f"{path}: got {n_rows} rows, expected {shortened(total)} as its record says; "
            "the file is cut off: restore it."
        )
        raise SourceError(msg)
    return dict(closed)


def _result_of(
    sample: dict[str, Any], results: Mapping[Key, Result | None], where: str
) -> Result | None:
    """Return the result that a sample belongs to: by id, or by name where results have no ids.

    A sample without an id among results with ids was not scored, whatever its score says.
    """
    name = field(sample, "evaluation_name", str, where)
    own = optional(sample, "evaluation_result_id", str, where)
    return results.get((name, own)) or results.get((name, None))


def _item(sample: dict[str, Any], result: Result, where: str) -> Item:
    name = sample.get("sample_id")
    item = str(name) if isinstance(name, int) else field(sample, "sample_id", str, where)
    asked_of = field(sample, "input", dict, where)
    choices = optional(asked_of, "choices", list, where)
    score = field(field(sample, "evaluation", dict, where), "score", float, where)
    return Item(item, float(score) / result.largest, len(choices) if choices else None)
