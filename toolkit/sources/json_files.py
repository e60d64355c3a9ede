"""JSON of other tools, read with bounds: every fault is named by file, line, got and expected.

Values are plain data (no pickle, no YAML); a file is read line by line where its format allows, so
that memory does not grow with the number of items.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from toolkit.errors import SourceError
from toolkit.tables import shortened

# A record of an agent's whole conversation has a few MB; a line beyond this is no record.
RECORD_MAX = 64 * 2**20
DOCUMENT_MAX = 512 * 2**20
CHUNK = 2**20

Tick = Callable[[str, int, int], None]
Kind = TypeVar("Kind")
WORDS: dict[Any, str] = {
    dict: "an object", list: "a list", str: "a text", int: "a whole number", float: "a number",
    bool: "true or false",
}  # fmt: skip


def no_tick(_what: str, _done: int, _total: int) -> None:
    """Tell nobody how far the reading is."""


def files_under(path: Path, patterns: Sequence[str], expected: str) -> list[Path]:
    """Return a file itself, or the files under a folder that fit; links lead elsewhere."""
    if path.is_file():
        return [path]
    fitting = {p for pattern in patterns for p in path.rglob(pattern)}
    found = sorted(p for p in fitting if p.is_file() and not p.is_symlink())
    if not found:
        msg = f"{path}: got no {' or '.join(patterns)}, expected {expected}; correct the path."
        raise SourceError(msg)
    return found


def read_document(path: Path) -> Any:
    """Return the whole of a JSON file."""
    size = size_of(path)
    if size > DOCUMENT_MAX:
        msg = (
            f"{path}: got {size / 2**20:.0f} MB in one JSON document, expected at most "
            f"{DOCUMENT_MAX / 2**20:.0f} MB; split the run, or write the log in its tool's own "
            "format."
        )
        raise SourceError(msg)
    return parse(path.read_bytes(), str(path))


def read_lines(path: Path, tick: Tick = no_tick) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield where each line stands and the object that it holds; blank lines are skipped."""
    size, done, number = size_of(path), 0, 0
    blank = True
    with path.open("rb") as lines:
        while line := lines.readline(RECORD_MAX + 1):
            number += 1
            done += len(line)
            where = f"{path} line {number}"
            if len(line) > RECORD_MAX:
                raise SourceError(too_long(where))
            if line.strip():
                blank = False
                yield where, expect(parse(line, where), dict, where)
            if number % 1000 == 0:
                tick(path.name, done, size)
    if blank:
        msg = f"{path}: got blank lines only, expected a record per line; restore the file."
        raise SourceError(msg)
    tick(path.name, size, size)


def parse(text: bytes | str, where: str) -> Any:
    """Return the value of a JSON text, or raise ``SourceError`` saying what breaks it."""
    try:
        return json.loads(text, parse_int=whole_number)
    except UnicodeDecodeError as error:
        msg = f"{where}: not UTF-8 text ({error.reason}); restore the file."
    except RecursionError:
        msg = f"{where}: nested too deep, expected records of a run; restore the file."
    except ValueError as error:
        got = "nothing" if not text.strip() else str(error)
        msg = f"{where}: not complete JSON, got {shortened(got)}; the file is cut off: restore it."
    raise SourceError(msg)


def expect(value: Any, kind: type[Kind], where: str) -> Kind:
    """Return ``value`` when it is of ``kind``; a whole number is a number, true is none."""
    fits = isinstance(value, int | float) if kind is float else isinstance(value, kind)
    if not fits or (isinstance(value, bool) and kind is not bool):
        msg = (
            f"{where}: got {shortened(json.dumps(value, default=str))}, expected "
            f"{WORDS[kind]}; the file is not as its format says: make it again."
        )
        raise SourceError(msg)
    return cast(Kind, value)


def field(record: dict[str, Any], name: str, kind: type[Kind], where: str) -> Kind:
    """Return a field that the format requires, of the kind that it requires."""
    if name not in record:
        msg = (
            f"{where}: field '{name}' is missing, expected {WORDS[kind]}; "
            "the file is of another version or cut off: make it again."
        )
        raise SourceError(msg)
    return expect(record[name], kind, f"{where} field '{name}'")


def optional(record: dict[str, Any], name: str, kind: type[Kind], where: str) -> Kind | None:
    """Return a field that may be missing or null, of the kind that the format requires."""
    value = record.get(name)
    return None if value is None else expect(value, kind, f"{where} field '{name}'")


def whole_number(digits: str) -> int | float:
    """Return a whole number; beyond any count it is a float, which no count may be."""
    return int(digits) if len(digits) < 19 else float(digits)


def size_of(path: Path) -> int:
    """Return the size of a file that is there and is not empty."""
    try:
        size = path.stat().st_size
    except OSError as error:
        msg = f"{path}: can't be read ({error.strerror}), expected a file; correct the path."
        raise SourceError(msg) from None
    if size == 0:
        msg = f"{path}: the file is empty, expected JSON; the run was cut off: restore it."
        raise SourceError(msg)
    return size


def too_long(where: str) -> str:
    """Return what to say of a record that has no end within bounds."""
    return (
        f"{where}: got more than {RECORD_MAX / 2**20:.0f} MB without an end, expected one record "
        "per line or list entry; the file is damaged: restore it."
    )
