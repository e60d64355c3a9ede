"""A simulated study's design from a TOML file.

Such as

    n_items = 200
    chance = 0.25

    [[family]]
    name = "alder"
    sizes = [1.2e8, 4.5e8, 1.6e9, 6e9, 2.2e10]

    [[task]]
    truth = "step of 20 points in all arms"
    step_at = 5e9

Tasks are needed to simulate a study, not to calibrate a design.
"""

from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import ClaimError
from toolkit.simulate.designs import StudyDesign
from toolkit.strict_toml import from_table, read_toml


@dataclass(frozen=True)
class FamilyTable:
    """A family: its sizes in parameters, and how many decades more competent it is than those."""

    name: str
    sizes: tuple[float, ...]
    shift: float = 0.0


@dataclass(frozen=True)
class TaskTable:
    """A task of a known truth, at a size in parameters."""

    truth: str
    step_at: float
    name: str | None = None


@dataclass(frozen=True)
class DesignFile:
    """What a design file may hold."""

    n_items: int
    family: tuple[FamilyTable, ...]
    chance: float = 0.25
    n_repeats: int = 1
    task: tuple[TaskTable, ...] = ()


def read_design(path: Path) -> tuple[StudyDesign, tuple[TaskTable, ...]]:
    """Return the design and the tasks of a file, or raise ``ClaimError`` naming what is wrong."""
    found = from_table(DesignFile, read_toml(path), str(path))
    _check(found, path)
    names = [family.name for family in found.family]
    design = StudyDesign(
        {family.name: family.sizes for family in found.family},
        found.n_items,
        found.chance,
        {family.name: family.shift for family in found.family if family.shift},
        found.n_repeats,
    )
    if len(set(names)) < len(names):
        msg = f"{path}: two families have one name; rename one of them."
        raise ClaimError(msg)
    return design, found.task


def _check(found: DesignFile, path: Path) -> None:
    """Raise unless the numbers of a design are possible ones."""
    rules = {
        "n_items": (found.n_items >= 1, found.n_items, "a whole number, 1 or more"),
        "n_repeats": (found.n_repeats >= 1, found.n_repeats, "a whole number, 1 or more"),
        "chance": (0 <= found.chance < 1, found.chance, "a proportion in [0, 1)"),
        "family": (bool(found.family), "no family", "at least one [[family]]"),
    }
    for family in found.family:
        sizes_fit = len(family.sizes) >= 1 and min(family.sizes) > 0
        wanted = "sizes above 0, at least one"
        rules[f"sizes of family {family.name!r}"] = (sizes_fit, list(family.sizes), wanted)
    for number, task in enumerate(found.task, 1):
        rules[f"step_at of task {number}"] = (task.step_at > 0, task.step_at, "a size above 0")
    for key, (fits, got, expected) in rules.items():
        if not fits:
            msg = f"{path}: key '{key}': got {got}, expected {expected}; correct it."
            raise ClaimError(msg)
