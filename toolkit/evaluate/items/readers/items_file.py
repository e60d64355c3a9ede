"""Our own items: JSON Lines with id, input, options and gold, or a target; nothing else."""

from collections.abc import Iterator
from pathlib import Path

from toolkit.evaluate.items.items import Item
from toolkit.evaluate.plan.plan import TaskPlan
from toolkit.sources.json_files import read_lines
from toolkit.strict_toml import from_table


def read(path: Path, task: TaskPlan) -> Iterator[tuple[str, Item]]:
    """Yield where each item stands, and the item."""
    del task  # the format has no options of its own
    for where, line in read_lines(path):
        target = line.get("target")
        one_text = {"target": [target]} if isinstance(target, str) else {}
        yield where, from_table(Item, line | one_text, where)
