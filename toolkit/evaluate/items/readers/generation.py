"""Items that ask for a text: JSON Lines with a question and one or more right answers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit.errors import SourceError
from toolkit.evaluate.items.items import Item
from toolkit.evaluate.plan.plan import TaskPlan
from toolkit.sources.json_files import field, read_lines
from toolkit.tables import shortened


def read(path: Path, task: TaskPlan) -> Iterator[tuple[str, Item]]:
    """Yield where each item stands, and the item."""
    for number, (where, line) in enumerate(read_lines(path), start=1):
        yield (
            where,
            Item(
                id=str(line.get(task.id_field, number)),
                input=field(line, task.input_field, str, where),
                target=right_answers(line.get(task.target_field), where, task.target_field),
            ),
        )


def right_answers(value: Any, where: str, name: str) -> tuple[str, ...]:
    """Return the texts of a field that has a text, a number, or a list of them."""
    listed = value if isinstance(value, list) else [value]
    kinds = (str, int, float)
    if not all(isinstance(each, kinds) and not isinstance(each, bool) for each in listed):
        msg = (
            f"{where} field '{name}': got {shortened(repr(value))}, expected a text, a number, or "
            "a list of them; correct the item."
        )
        raise SourceError(msg)
    return tuple(str(each) for each in listed)
