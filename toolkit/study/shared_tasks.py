"""Tasks that several bundled studies measured: ``data/shared_tasks.toml``."""

from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import ClaimError
from toolkit.strict_toml import from_table, read_toml
from toolkit.study.claims import arm_named, check_name


@dataclass(frozen=True)
class Measured:
    """Where a task was measured: a bundled study, and the task's name there."""

    study: str
    task: str


@dataclass(frozen=True)
class SharedTask:
    """One task of several studies, compared in one arm; ``differs`` says what is not the same.

    Studies that scored mostly the same checkpoints on the same items are not ``independent``.
    """

    slug: str
    name: str
    arm: str
    differs: str
    measured: tuple[Measured, ...]
    independent: bool = True


def load_shared_tasks(path: Path) -> tuple[SharedTask, ...]:
    """Return the tasks of a file of ``[[task]]`` tables, or raise ``ClaimError``."""
    document = read_toml(path)
    tables = document.get("task")
    if set(document) != {"task"} or not isinstance(tables, list):
        msg = f"{path}: got keys {sorted(document)}, expected only [[task]] tables."
        raise ClaimError(msg)
    found = []
    for number, table in enumerate(tables, start=1):
        where = f"{path} task {number}"
        shared = from_table(SharedTask, table, where)
        check_name(shared.slug, "slug", where)
        arm_named(shared.arm, f"{where}: arm")
        studies = [each.study for each in shared.measured]
        if len(set(studies)) < 2 or len(set(studies)) < len(studies):
            msg = f"{where}: got studies {studies}, expected two or more, each once."
            raise ClaimError(msg)
        found.append(shared)
    return tuple(found)
