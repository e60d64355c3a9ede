"""Multiple-choice items of other origins: JSON Lines whose fields the plan names.

The right option is given in the ways that published files have: an index from 0, a label of the
file, a letter, or the option's text. Where two of these readings disagree the item is an error.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit.errors import SourceError
from toolkit.evaluate.items.items import Item
from toolkit.evaluate.plan.plan import TaskPlan
from toolkit.evaluate.plan.templates import LETTERS
from toolkit.sources.json_files import expect, field, read_lines
from toolkit.tables import shortened


def read(path: Path, task: TaskPlan) -> Iterator[tuple[str, Item]]:
    """Yield where each item stands, and the item."""
    for number, (where, line) in enumerate(read_lines(path), start=1):
        options, labels = _options(line, task.options_field, where)
        gold = _gold(line.get(task.gold_field), options, labels, where, task.gold_field)
        yield (
            where,
            Item(
                id=str(line.get(task.id_field, number)),
                input=field(line, task.input_field, str, where),
                options=tuple(options),
                gold=gold,
            ),
        )


def _options(line: dict[str, Any], name: str, where: str) -> tuple[list[str], list[str]]:
    """Return the options and the labels that the file gives them, if it does."""
    value: Any = line.get(name)
    labels: Any = []
    if isinstance(value, dict):
        labels = field(value, "label", list, f"{where} field '{name}'")
        value = field(value, "text", list, f"{where} field '{name}'")
    else:
        value = field(line, name, list, where)
    for text in [*value, *labels]:
        expect(text, str, f"{where} field '{name}'")
    if labels and len(labels) != len(value):
        msg = (
            f"{where} field '{name}': got {len(labels)} labels of {len(value)} options, expected "
            "as many; correct the item."
        )
        raise SourceError(msg)
    return value, labels


def _gold(value: Any, options: list[str], labels: list[str], where: str, name: str) -> int | None:
    """Return the index of the right option, or None where the line has none."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    known = labels or list(LETTERS[: len(options)])
    readings = {
        listed.index(value)
        for listed in (known, options)
        if isinstance(value, str) and listed.count(value) == 1
    }
    if len(readings) == 1:
        return readings.pop()
    why = "two options fit it" if readings else "no option fits it"
    msg = (
        f"{where} field '{name}': got {shortened(repr(value))}, and {why}; expected the index of "
        "the right option, its label, its letter or its text; correct the item."
    )
    raise SourceError(msg)
