"""What made a study: the plan, the items, the checkpoints, the versions and the command."""

import json
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from toolkit import __version__
from toolkit.evaluate.items.demonstrations import demonstrations
from toolkit.evaluate.items.task_items import TaskItems
from toolkit.evaluate.measure import Measured
from toolkit.evaluate.plan.conditions import conditions
from toolkit.evaluate.plan.plan import Plan
from toolkit.paths import sha256_of, write_whole

PROVENANCE_FILE = "evaluation.json"
PACKAGES = ("torch", "transformers", "tokenizers", "numpy", "pandas", "pyarrow")


def write_provenance(
    plan: Plan, plan_file: Path, tasks: Sequence[TaskItems], measured: Mapping[str, Measured],
    folder: Path,
) -> None:  # fmt: skip
    """Write what made the tables of a folder."""
    record = {
        "plan": {"file": plan_file.name, "sha256": sha256_of(plan_file)},
        "command": ["emergence", *sys.argv[1:]],
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "device": plan.device,
        "token_budget": plan.token_budget,
        "too_long": plan.too_long,
        "checkpoints": {each.name: asdict(measured[each.name]) for each in plan.checkpoint},
        "tasks": {task.plan.name: _task(task, plan) for task in tasks},
    }
    write_whole(folder / PROVENANCE_FILE, json.dumps(record, indent=1) + "\n")


def versions() -> dict[str, str]:
    """Return the versions of this toolkit, of Python and of what the numbers depend on."""
    found = {"emergence-toolkit": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _task(task: TaskItems, plan: Plan) -> dict[str, Any]:
    """Return the items of a task: hashes of its files, numbers, and the demonstrations shown."""
    most = max(plan.demonstrations.shots)
    shown = {
        str(condition.seed): [item.id for item in demonstrations(task, condition)]
        for condition in conditions(plan, task.plan)
        if condition.n_shots == most
    }
    return {
        "sha256": list(task.sha256),
        "n_evaluated": len(task.evaluated),
        "n_candidates": len(task.candidates),
        "demonstrations_by_seed": shown,
    }
