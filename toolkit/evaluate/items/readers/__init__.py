"""READERS of item files by the name of their kind; each yields where an item stands, and it."""

from collections.abc import Callable, Iterator
from pathlib import Path

from toolkit.evaluate.items.items import Item
from toolkit.evaluate.items.readers import bigbench, generation, items_file, multiple_choice
from toolkit.evaluate.plan.plan import TaskPlan

READERS: dict[str, Callable[[Path, TaskPlan], Iterator[tuple[str, Item]]]] = {
    "items": items_file.read,
    "multiple_choice": multiple_choice.read,
    "generation": generation.read,
    "bigbench": bigbench.read,
}
