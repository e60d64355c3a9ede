"""A plan file read, its paths resolved, and checked."""

from dataclasses import replace
from pathlib import Path

from toolkit.errors import PlanError
from toolkit.evaluate.plan.plan import Plan
from toolkit.evaluate.plan.plan_checks import check_plan
from toolkit.strict_toml import from_table, read_toml


def read_plan(path: Path) -> Plan:
    """Return a plan with absolute paths.

    Raises
    ------
    ToolkitError
        One message with the file, the place in it and what to do.
    """
    if not path.is_file():
        msg = f"{path}: no such file, expected a plan (TOML); docs/evaluating.md shows one."
        raise PlanError(msg)
    plan = from_table(Plan, read_toml(path), str(path))
    check_plan(plan, str(path))
    checkpoints = [
        replace(each, folder=_resolved(each.folder, path, f"checkpoint '{each.name}' key 'folder'"))
        for each in plan.checkpoint
    ]
    tasks = [
        replace(
            each,
            path=_resolved(each.path, path, f"task '{each.name}' key 'path'"),
            demonstrations=_resolved(
                each.demonstrations, path, f"task '{each.name}' key 'demonstrations'"
            ),
        )
        for each in plan.task
    ]
    return replace(
        plan,
        checkpoint=tuple(checkpoints),
        task=tuple(tasks),
        study=_resolved(plan.study, path, "key 'study'"),
        store=_resolved(plan.store, path, "key 'store'"),
    )


def _resolved(given: str | None, plan_file: Path, what: str) -> str | None:
    """Return an absolute path; a relative one must stay in the folder of the plan."""
    if given is None:
        return None
    folder = plan_file.resolve().parent
    found = (folder / given).resolve()
    if not given or (not Path(given).is_absolute() and not found.is_relative_to(folder)):
        msg = (
            f"{plan_file}: {what}: got {given!r}, expected a path inside the folder of the plan; "
            "write a path elsewhere as an absolute one."
        )
        raise PlanError(msg)
    return str(found)
