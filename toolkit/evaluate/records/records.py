"""Item records: a file per checkpoint and study in the store, an object per item and cell."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from toolkit.evaluate.plan.conditions import Condition
from toolkit.evaluate.plan.plan import CheckpointPlan, Plan, TaskPlan
from toolkit.evaluate.records.item_scores import ItemScore
from toolkit.paths import atomic_path

Record = dict[str, Any]


def record_of(
    checkpoint: CheckpointPlan, task: TaskPlan, condition: Condition, prompt: str, score: ItemScore
) -> Record:
    """Return an item's score with the cell that it belongs to and the hash of its prompt."""
    cell = {
        "checkpoint": checkpoint.name,
        "task": task.name,
        "prompt_format": condition.prompt_format,
        "n_shots": condition.n_shots,
        "kind": condition.kind,
        "seed": condition.seed,
        "scoring": task.scoring,
    }
    return cell | asdict(score) | {"prompt_sha256": prompt}


@contextmanager
def write_records(plan: Plan, checkpoint: CheckpointPlan) -> Iterator[Callable[[Record], None]]:
    """Yield a function that takes records; the file is there only when all were taken."""
    with (
        atomic_path(records_path(plan, checkpoint)) as temporary,
        temporary.open("w", encoding="utf-8") as lines,
    ):
        yield lambda record: print(json.dumps(record), file=lines)


def read_records(plan: Plan, checkpoint: CheckpointPlan) -> Iterator[Record]:
    """Yield the records of a checkpoint, in the order of the plan."""
    with records_path(plan, checkpoint).open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def clear_unfinished(plan: Plan) -> None:
    """Remove the files that killed runs left half written; only who holds the store may."""
    for path in _folder(plan).glob(".*"):
        path.unlink()


def records_path(plan: Plan, checkpoint: CheckpointPlan) -> Path:
    """Return the file of a checkpoint's records; its name may hold what no file name can."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", checkpoint.name)
    tag = hashlib.sha256(checkpoint.name.encode()).hexdigest()[:8]
    return _folder(plan) / f"{plain}-{tag}.jsonl"


def _folder(plan: Plan) -> Path:
    return Path(plan.store) / "records" / Path(plan.study).name
