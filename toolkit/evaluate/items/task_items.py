"""The items of a task: which are evaluated, and which serve as demonstrations.

An item that may be a demonstration is evaluated nowhere, so that all cells of a task are scores on
the same items and no prompt holds its own answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import PlanError, SourceError
from toolkit.evaluate.items.items import Item, checked_item, in_drawn_order
from toolkit.evaluate.items.readers import READERS
from toolkit.evaluate.plan.plan import Plan, TaskPlan
from toolkit.evaluate.plan.templates import LETTERS
from toolkit.paths import sha256_of


@dataclass(frozen=True)
class TaskItems:
    """A task with its items, in the order of the file, and the hashes of its files."""

    plan: TaskPlan
    evaluated: tuple[Item, ...]
    candidates: tuple[Item, ...]
    sha256: tuple[str, ...]


def load_tasks(plan: Plan) -> tuple[TaskItems, ...]:
    """Return the items of every task.

    Raises
    ------
    ToolkitError
        When a line is malformed, an id stands twice, an item can't be scored as its task is, or
        there are too few items for the demonstrations.
    """
    return tuple(_load(task, plan) for task in plan.task)


def _load(task: TaskPlan, plan: Plan) -> TaskItems:
    own_files = _files_of(task.path, task)
    apart_files = _files_of(task.demonstrations, task) if task.demonstrations else []
    files = [*own_files, *apart_files]
    own = [each for file in own_files for each in _read(file, task, plan)]
    apart = [each for file in apart_files for each in _read(file, task, plan)]
    _check_ids([*own, *apart])
    evaluated = [item for _, item in own if item.split == "evaluation"]
    candidates = [item for _, item in own if item.split == "demonstrations"]
    candidates += [item for _, item in apart]
    most = max(plan.demonstrations.shots)
    if most and not candidates:
        evaluated, candidates = _set_apart(task, evaluated, plan.demonstrations.reserve)
    if most > len(candidates):
        msg = (
            f"{task.demonstrations or task.path}: got {len(candidates)} items for demonstrations "
            f"of task '{task.name}', expected {most} or more; add items or lower 'shots'."
        )
        raise PlanError(msg)
    if not evaluated:
        msg = f"{task.path}: got no item to evaluate for task '{task.name}', expected some."
        raise SourceError(msg)
    return TaskItems(
        task,
        tuple(evaluated[: task.n_items]),
        tuple(candidates),
        tuple(sha256_of(file) for file in files),
    )


def _files_of(place: str, task: TaskPlan) -> list[Path]:
    """Return the file at a place, or those of a folder that hold items, by name."""
    path = Path(place)
    if not path.is_dir():
        return [path]
    pattern = "task.json" if task.kind == "bigbench" else "*.jsonl"
    files = sorted(path.glob(pattern))
    if not files:
        msg = (
            f"{place}: got a folder without {pattern}, expected items of task '{task.name}'; give "
            "their file."
        )
        raise PlanError(msg)
    return files


def _read(path: Path, task: TaskPlan, plan: Plan) -> list[tuple[str, Item]]:
    items = []
    for where, item in READERS[task.kind](path, task):
        checked_item(item, where)
        _check_scorable(item, task, plan, where)
        items.append((where, item))
    return items


def _set_apart(
    task: TaskPlan, items: Sequence[Item], reserve: int | None
) -> tuple[list[Item], list[Item]]:
    """Return the items that are evaluated and those that are reserved for demonstrations."""
    if reserve is None:
        msg = (
            f"task '{task.name}': got no demonstrations of its own, expected [demonstrations] key "
            "'reserve' (items to set apart), the task's key 'demonstrations' (a file), or items "
            'with "split": "demonstrations".'
        )
        raise PlanError(msg)
    if reserve >= len(items):
        msg = (
            f"{task.path}: got {len(items)} items for task '{task.name}', expected more than the "
            f"{reserve} that are set apart for demonstrations; add items or lower 'reserve'."
        )
        raise PlanError(msg)
    first = in_drawn_order([item.id for item in items], "reserve", task.name)[:reserve]
    apart = set(first)
    return (
        [item for item in items if item.id not in apart],
        [item for item in items if item.id in apart],
    )


def _check_ids(items: Sequence[tuple[str, Item]]) -> None:
    seen: dict[str, str] = {}
    for where, item in items:
        if item.id in seen:
            msg = (
                f"{where}: got the id {item.id!r} that {seen[item.id]} has, expected an id for "
                "each item; rename one of the two."
            )
            raise SourceError(msg)
        seen[item.id] = where


def _check_scorable(item: Item, task: TaskPlan, plan: Plan, where: str) -> None:
    """Raise where an item lacks what its task asks for, or has more options than letters."""
    shown = [
        form.name
        for form in plan.format
        if "{options}" in form.input and (not task.formats or form.name in task.formats)
    ]
    if not item.options and (task.needs_options or shown):
        needed = f"format '{shown[0]}'" if shown else f"scoring '{task.scoring}'"
        msg = (
            f"{where}: got an item without options, expected options as {needed} of task "
            f"'{task.name}' needs them; add them, or change the task in the plan."
        )
        raise SourceError(msg)
    if len(item.options) > len(LETTERS) and (task.shows_letters or shown):
        msg = (
            f"{where}: got {len(item.options)} options, expected at most {len(LETTERS)}, one for "
            "each letter; take a format without {options}."
        )
        raise SourceError(msg)
