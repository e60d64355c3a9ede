"""Rows of a table of scores, from CSV or Parquet, and the count behind a score."""

import csv
import io
import math
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from toolkit.errors import SourceError
from toolkit.sources.json_files import Tick, no_tick
from toolkit.tables import shortened

BATCH = 10_000
# Floats written in full differ from a count over items by less than this.
FLOAT_TOLERANCE = 1e-9
# Within less than half an item only one whole count fits.
ONE_COUNT = 0.5
# What single precision may add to a sum over options.
BOUND_TOLERANCE = 1e-6


def read_rows(path: Path, tick: Tick = no_tick) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield where each row stands and its cells as texts, by column; an empty cell is ''."""
    if path.suffix == ".parquet":
        yield from _parquet_rows(path, tick)
    else:
        yield from _csv_rows(path, tick)


def number(text: str, where: str, what: str) -> float:
    """Return a finite number, or raise saying where none stands."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isfinite(value) and "_" not in text:
        return value
    msg = f"{where} column '{what}': got {shortened(text)!r}, expected a number; correct the cell."
    raise SourceError(msg)


def whole(text: str, where: str, what: str, least: int) -> int:
    """Return a whole number of at least ``least``."""
    value = number(text, where, what)
    if value % 1 or not least <= value < 1e15:
        msg = (
            f"{where} column '{what}': got {shortened(text)!r}, expected a whole number, {least} "
            "or more; correct the cell."
        )
        raise SourceError(msg)
    return int(value)


def within(text: str, where: str, what: str, bounds: tuple[float, float], expected: str) -> float:
    """Return a number within bounds, rounding undone; ``expected`` says what it is and which."""
    value = number(text, where, what)
    if not bounds[0] - BOUND_TOLERANCE <= value <= bounds[1] + BOUND_TOLERANCE:
        msg = (
            f"{where} column '{what}': got {shortened(text)!r}, expected {expected}; correct the "
            "cell."
        )
        raise SourceError(msg)
    return min(max(value, bounds[0]), bounds[1])


def counted(text: str, n_items: int, percent: bool, where: str, what: str) -> float:
    """Return the share of items that a cell shows, undoing the rounding where it can be undone.

    A score of 56.9 per cent of 65 items is 37 of 65: 36.985 lies within the rounding. Where no
    whole count does, the score is no share of these items, which is an error.
    """
    score = number(text, where, what) / (100 if percent else 1)
    if not 0 <= score <= 1:
        scale = "[0, 100], as 'percent = true' says" if percent else "[0, 1]; is it in per cent?"
        msg = f"{where} column '{what}': got {shortened(text)!r}, expected a score in {scale}."
        raise SourceError(msg)
    unit = _last_place(text) / (100 if percent else 1)
    if math.isinf(unit):
        msg = (
            f"{where} column '{what}': got {shortened(text)!r}, expected a score of some decimal "
            "places; write it out."
        )
        raise SourceError(msg)
    n_right = score * n_items
    count = round(n_right)
    rounding = max(unit / 2, FLOAT_TOLERANCE) * n_items * (1 + FLOAT_TOLERANCE)
    if abs(n_right - count) > rounding:
        msg = (
            f"{where} column '{what}': got {shortened(text)!r}, {n_right:.4g} of {n_items} items, "
            "expected a whole count within the rounding; correct the number of items, or give a "
            "standard error (score_se) in a long table."
        )
        raise SourceError(msg)
    return count / n_items if rounding < ONE_COUNT else score


def _last_place(text: str) -> float:
    """Return the value of the last decimal place that a text shows; infinite beyond all numbers."""
    try:
        return float(f"1e{Decimal(text.strip()).as_tuple().exponent}")
    except InvalidOperation:
        return math.inf


def _csv_rows(path: Path, tick: Tick) -> Iterator[tuple[str, dict[str, str]]]:
    try:
        size = path.stat().st_size
        with (
            path.open("rb") as content,
            io.TextIOWrapper(content, encoding="utf-8-sig", newline="") as text,
        ):
            reader = csv.reader(text, strict=True)
            header = _header(path, next(reader, []))
            number_of_rows, width = 0, len(header)
            for row in reader:
                number_of_rows += 1
                where = f"{path} line {reader.line_num}"
                if len(row) != width:
                    msg = (
                        f"{where}: got {len(row)} fields, expected {width}; the file may be cut "
                        "off, or a text with a comma is not quoted."
                    )
                    raise SourceError(msg)
                yield where, dict(zip(header, (cell.strip() for cell in row), strict=True))
                if number_of_rows % BATCH == 0:
                    tick(path.name, min(content.tell(), size), size)
    except OSError as error:
        msg = f"{path}: can't be read ({error.strerror}), expected a CSV file; correct the path."
        raise SourceError(msg) from None
    except UnicodeDecodeError as error:
        msg = f"{path}: not UTF-8 text ({error.reason}), expected a CSV file; save it as UTF-8."
        raise SourceError(msg) from None
    except csv.Error as error:
        msg = f"{path}: got {error}, expected one row of cells per line; close the quotes."
        raise SourceError(msg) from None
    _check_end(path, number_of_rows)


def _check_end(path: Path, number_of_rows: int) -> None:
    if number_of_rows == 0:
        msg = f"{path}: got a header and no rows, expected at least one row; restore the file."
        raise SourceError(msg)
    with path.open("rb") as content:
        content.seek(-1, 2)
        if content.read(1) not in (b"\n", b"\r"):
            msg = (
                f"{path}: got a last line that does not end, expected a newline; the file looks "
                "cut off: restore it, or end it if it is complete."
            )
            raise SourceError(msg)


def _header(path: Path, cells: list[str]) -> list[str]:
    header = [cell.strip() for cell in cells]
    twice = next((name for name in header if header.count(name) > 1), None)
    if not header or twice is not None:
        got = "an empty file" if not header else f"column {shortened(twice)!r} twice"
        msg = f"{path} line 1: got {got}, expected one name per column; correct the header."
        raise SourceError(msg)
    return header


def _parquet_rows(path: Path, tick: Tick) -> Iterator[tuple[str, dict[str, str]]]:
    try:
        with pq.ParquetFile(path) as table:
            header = _header(path, list(table.schema_arrow.names))
            total, done = table.metadata.num_rows, 0
            for batch in table.iter_batches(BATCH):
                for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    done += 1
                    cells = zip(header, (_text(value) for value in row), strict=True)
                    yield f"{path} row {done}", dict(cells)
                tick(path.name, done, total)
    except (OSError, pa.ArrowException) as error:
        msg = f"{path}: can't be read ({shortened(error)}), expected a Parquet file; restore it."
        raise SourceError(msg) from None
    if done == 0:
        msg = f"{path}: got no rows, expected at least one; restore the file."
        raise SourceError(msg)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value).strip()
