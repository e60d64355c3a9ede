"""CSV files into validated frames: every fault is named by file, line, column, got and expected.

The reading is strict where pandas is lenient: a line with too few fields is a truncated file,
not a row of missing values, and text in a column of numbers is an error, not an object column.
"""

import csv
import io
from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from toolkit.errors import ScoresError, did_you_mean
from toolkit.paths import write_whole

SHOWN_MAX = 80
# pandera's own checks in words that say what to do.
EXPECTED = {
    "not_nullable": "a value; fill the cell",
    "field_uniqueness": "a name that no other line has; remove one of the two lines",
    "multiple_fields_uniqueness": "one line per cell; remove the second line, or collapse repeats "
    "of a cell to one line and set n_repeats",
}


def read_table(path: Path, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Return the rows of a CSV file, checked against ``schema``.

    Raises
    ------
    ScoresError
        One message with the first fault, and the number of the others.
    """
    header, rows = _read_cells(path)
    _check_header(path, header, schema)
    frame = pd.DataFrame(rows, columns=pd.Index(header))
    for name, column in schema.columns.items():
        if name in frame:
            frame[name] = _typed(path, frame[name], column)
    return check_table(frame, schema, str(path))


def check_table(frame: pd.DataFrame, schema: pa.DataFrameSchema, where: str) -> pd.DataFrame:
    """Return ``frame`` when it fulfils ``schema``; else raise ``ScoresError`` naming the line.

    Line numbers count the header as line 1, as an editor does.
    """
    try:
        return schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
    # A wrong cell explains a wrong combination of cells: name the cell first.
    cases["of_row"] = cases["schema_context"] != "Column"
    case = cases.sort_values(["of_row", "index"], kind="stable").iloc[0]
    line = f" line {line_of(int(case['index']))}" if pd.notna(case["index"]) else ""
    column = None if case["of_row"] else case["column"]
    expected = EXPECTED.get(str(case["check"]), str(case["check"]))
    others = len(cases.drop_duplicates(["index", "check"])) - 1
    more = f" Further faults in this file: {others}." if others else ""
    named = f" column '{column}'" if column else ""
    got = _got(frame, case, column, list(schema.unique or []))
    msg = f"{where}{line}{named}: got {got}, expected {expected}.{more}"
    raise ScoresError(msg) from None


def csv_text(frame: pd.DataFrame) -> str:
    """Return a frame as CSV, the same on every platform."""
    # Whole numbers to the last digit; float_format is for shares.
    whole = {
        c: "Int64"
        for c in frame.select_dtypes("float")
        if (frame[c].dropna() % 1 == 0).all() and frame[c].abs().max() < 2**53
    }
    return frame.astype(whole).to_csv(index=False, lineterminator="\n", float_format="%.10g")


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as CSV, atomically, with the same bytes on every platform."""
    try:
        write_whole(path, csv_text(frame))
    except OSError as error:
        msg = f"{path}: can't be written ({error.strerror}); choose another folder or make room."
        raise ScoresError(msg) from None


def first_row(mask: pd.Series) -> int:
    """Return the label of the first row where ``mask`` is true; labels count rows from 0."""
    return int(mask.index.to_numpy()[mask.to_numpy(bool)][0])


def line_of(row: int) -> int:
    """Return the line of a row in its file, as an editor counts: the header is line 1."""
    return row + 2


def shortened(cell: object) -> str:
    """Return a cell's text, cut where it would drown the message."""
    text = str(cell)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}..."


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        msg = f"{path}: file not found; a study folder needs it."
        raise ScoresError(msg) from None
    except OSError as error:
        msg = f"{path}: can't be read ({error.strerror}), expected a CSV file; restore it."
        raise ScoresError(msg) from None
    except UnicodeDecodeError as error:
        msg = f"{path}: not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8."
        raise ScoresError(msg) from None


def _read_cells(path: Path) -> tuple[list[str], list[list[str]]]:
    text = _read_text(path)
    lines = _rows(path, text)
    if not lines:
        msg = f"{path}: the file is empty, expected a header and at least one row; restore it."
        raise ScoresError(msg)
    header, rows = lines[0], lines[1:]
    if not rows:
        msg = f"{path}: got a header and no rows, expected at least one row; restore the file."
        raise ScoresError(msg)
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            msg = (
                f"{path} line {number}: got {len(row)} fields, expected {len(header)}; "
                "the file may be truncated, or a text with a comma is not quoted."
            )
            raise ScoresError(msg)
    if not text.endswith("\n"):
        msg = (
            f"{path} line {len(lines)}: the last line does not end; the file looks truncated. "
            "Restore it, or end it with a newline if it is complete."
        )
        raise ScoresError(msg)
    return header, rows


def _rows(path: Path, text: str) -> list[list[str]]:
    """Return the fields of every line; a row is one line, so that faults can be named by line."""
    reader = csv.reader(io.StringIO(text), strict=True)
    rows: list[list[str]] = []
    fault = "a cell with a line end"
    try:
        for row in reader:
            rows.append(row)
            if reader.line_num > len(rows):
                break
        else:
            return rows
    except csv.Error as error:
        rows.append([])
        fault = str(error)
    msg = (
        f"{path} line {len(rows)}: got {fault}, expected one row of cells; "
        "close a quote that stays open, and shorten the cell."
    )
    raise ScoresError(msg)


def _check_header(path: Path, header: list[str], schema: pa.DataFrameSchema) -> None:
    known = list(schema.columns)
    for name in header:
        if name not in known:
            hint = did_you_mean(name, known)
            msg = f"{path} line 1: unknown column '{name}'{hint}; known: {', '.join(known)}."
            raise ScoresError(msg)
    for name, column in schema.columns.items():
        if column.required and name not in header:
            msg = f"{path} line 1: column '{name}' is missing; add it ({column.description})."
            raise ScoresError(msg)
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        msg = f"{path} line 1: column '{twice}' stands there twice; keep one."
        raise ScoresError(msg)


def _typed(path: Path, cells: pd.Series, column: pa.Column) -> pd.Series:
    """Return the text cells as the column's type; empty is missing."""
    kind = str(column.dtype)
    text = cells.str.strip()
    missing = text.eq("")
    if kind == "bool":
        converted = text.str.lower().map({"true": True, "false": False})
        expected = "true or false"
    elif kind == "float64":
        converted = pd.to_numeric(text.mask(missing), errors="coerce")
        expected = "a number"
    else:
        return text.mask(missing)
    bad = converted.isna() & ~missing
    if bad.any() or (kind == "bool" and missing.any()):
        at = first_row(bad | missing if kind == "bool" else bad)
        msg = (
            f"{path} line {line_of(at)} column '{column.name}': "
            f"got {shortened(text.loc[at])!r}, expected {expected}; correct the cell."
        )
        raise ScoresError(msg)
    return converted.astype(bool) if kind == "bool" else converted


def _got(frame: pd.DataFrame, case: pd.Series, column: str | None, key: list[str]) -> str:
    """Return what stood there: the cell, or the row for a check over columns."""
    if pd.isna(case["index"]):
        return str(case["failure_case"])
    row = frame.loc[case["index"]]
    if column is not None:
        return "nothing" if pd.isna(row[column]) else repr(shortened(row[column]))
    shown = row[key] if case["check"] == "multiple_fields_uniqueness" else row
    return ", ".join(
        f"{name}={shortened(value)}" for name, value in shown.items() if pd.notna(value)
    )
