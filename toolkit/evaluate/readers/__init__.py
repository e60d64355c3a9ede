"""READERS of item files by the name of their kind; each yields where an item stands, and it."""

from collections.abc import Callable, Iterator
from pathlib import Path

from toolkit.evaluate.items import Item
from toolkit.evaluate.plan import TaskPlan
from toolkit.evaluate.readers import bigbench, generation, items_file, multiple_choice

READERS: dict[str, Callable[[Path, TaskPlan], Iterator[tuple[str, Item]]]] = {
    "items": items_file.read,
    "multiple_choice": multiple_choice.read,
    "generation": generation.read,
    "bigbench": bigbench.read,
}
