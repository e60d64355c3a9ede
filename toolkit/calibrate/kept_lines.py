"""Results that are kept one by one, a line of JSON each, with what made them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.errors import ToolkitError
from toolkit.paths import write_whole

Line = dict[str, Any]


def lines(record: Path, made_by: Mapping[str, Any]) -> list[Line]:
    """Return the lines of a record that were made by these models and settings."""
    if not record.exists():
        return []
    try:
        every = [json.loads(text) for text in record.read_text(encoding="utf-8").splitlines()]
        return [line for line in every if line["made_by"] == dict(made_by)]
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{record}: got a line that is no kept result ({error}); move the file away."
        raise ToolkitError(msg) from error


def append(record: Path, line: Line) -> None:
    """Add a line, so that a kill loses none that was done."""
    before = record.read_text(encoding="utf-8") if record.exists() else ""
    write_whole(record, before + json.dumps(line) + "\n")
