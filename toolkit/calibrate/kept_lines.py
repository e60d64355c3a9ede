"""Results that are kept one by one, a line of JSON each, with what made them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from toolkit.errors import ToolkitError

Line = dict[str, Any]


def lines(record: Path, made_by: Mapping[str, Any]) -> list[Line]:
    """Return the lines of a record that were made by these models and settings."""
    if not record.exists():
        return []
    whole, _, _ = record.read_text(encoding="utf-8").rpartition("\n")
    try:
        every = [json.loads(text) for text in whole.splitlines()]
        return [line for line in every if line["made_by"] == dict(made_by)]
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{record}: got a line that is no kept result ({error}); move the file away."
        raise ToolkitError(msg) from error


def append(record: Path, line: Line) -> None:
    """Add a line, so that neither a kill nor another writer loses one that was done.

    What a kill left of a line that was being written goes. The record is locked meanwhile, where
    the system can (not on Windows).
    """
    record.parent.mkdir(parents=True, exist_ok=True)
    with record.open("ab+") as file:
        _lock(file)
        file.seek(0)
        whole = file.read()
        if not whole.endswith(b"\n"):
            file.truncate(whole.rfind(b"\n") + 1)
        file.write(json.dumps(line).encode() + b"\n")


def _lock(file: BinaryIO) -> None:
    """Wait until no other process writes to a file; closing it lets the next one in."""
    try:
        import fcntl
    except ModuleNotFoundError:
        return
    fcntl.flock(file, fcntl.LOCK_EX)
