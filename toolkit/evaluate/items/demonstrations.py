"""Demonstrations: which items they are, and what random labels and format alone leave of them.

For one task and seed they are the first k of one shuffled order: the same inputs for all kinds,
prompt formats, checkpoints and items. The kinds follow Min et al. 2022, "Rethinking the Role of
Demonstrations: What Makes In-Context Learning Work?": random labels keep inputs, label space and
format; format alone keeps the format, its inputs and labels are words drawn from a list.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from toolkit.evaluate.items.items import Item, draw, in_drawn_order
from toolkit.evaluate.items.task_items import TaskItems
from toolkit.evaluate.plan.conditions import Condition
from toolkit.evaluate.plan.plan import Kind

# Common words that name things of no task in particular; more than letters, so that options differ.
WORDS = (
    "anchor", "apron", "basket", "bench", "blanket", "bottle", "bridge", "brush", "bucket",
    "button", "cabin", "candle", "canvas", "carpet", "castle", "chimney", "cloud", "compass",
    "copper", "cotton", "curtain", "desk", "drawer", "engine", "fabric", "feather", "fence",
    "garden", "glove", "hammer", "harbour", "helmet", "island", "jacket", "kettle", "ladder",
    "lantern", "lemon", "magnet", "marble", "meadow", "mirror", "needle", "orchard", "oven",
    "paper", "pencil", "pepper", "pillow", "pocket", "puzzle", "ribbon", "river", "saddle",
    "shovel", "silver", "spoon", "stable", "table", "thread", "ticket", "timber", "towel",
    "tunnel", "valley", "velvet", "wagon", "walnut", "window", "wool",
)  # fmt: skip
WORD = re.compile(r"\S+")


def demonstrations(task: TaskItems, condition: Condition) -> tuple[Item, ...]:
    """Return the demonstrations of a condition, changed as its kind says."""
    name, seed = task.plan.name, condition.seed
    by_id = {item.id: item for item in task.candidates}
    order = in_drawn_order(list(by_id), "demonstrations", name, seed)
    chosen = [by_id[each] for each in order[: condition.n_shots]]
    return tuple(_changed(item, condition.kind, task, seed) for item in chosen)


def _changed(item: Item, kind: Kind, task: TaskItems, seed: int) -> Item:
    if kind == "random_labels":
        return _with_random_label(item, task, seed)
    if kind == "format_only":
        return _with_format_alone(item, task.plan.name, seed)
    return item


def _with_random_label(item: Item, task: TaskItems, seed: int) -> Item:
    drawn_by = ("random label", task.plan.name, seed, item.id)
    if item.options:
        return replace(item, gold=draw(len(item.options), *drawn_by), target=())
    labels = _label_space(task.candidates)
    return replace(item, target=(labels[draw(len(labels), *drawn_by)],))


def _label_space(candidates: Sequence[Item]) -> list[str]:
    return sorted({item.right_texts[0] for item in candidates})


def _with_format_alone(item: Item, task: str, seed: int) -> Item:
    drawn_by = ("format only", task, seed, item.id)
    places = iter(range(len(item.input)))
    text = WORD.sub(lambda _: WORDS[draw(len(WORDS), *drawn_by, next(places))], item.input)
    words = in_drawn_order(WORDS, *drawn_by)
    if not item.options:
        return replace(item, input=text, target=(words[0],))
    options = tuple(words[: len(item.options)])
    gold = draw(len(options), *drawn_by, "label")
    return replace(item, input=text, options=options, gold=gold, target=())
