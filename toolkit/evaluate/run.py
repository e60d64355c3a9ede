"""A plan from beginning to end: checkpoints as independent jobs, then the tables of all of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from toolkit.evaluate.engine import opening
from toolkit.evaluate.items.task_items import TaskItems
from toolkit.evaluate.measure import Job, Measured, measure
from toolkit.evaluate.plan.conditions import conditions
from toolkit.evaluate.plan.plan import Plan
from toolkit.evaluate.provenance import write_provenance
from toolkit.evaluate.records.records import clear_unfinished
from toolkit.evaluate.store.answering import Tick, no_tick
from toolkit.evaluate.store.lock import only_run
from toolkit.evaluate.study_tables import write_study
from toolkit.importing.study_tables import Tables, staged
from toolkit.jobs import Workers, run_unordered


@dataclass(frozen=True)
class Evaluated:
    """What was measured, in the order of the plan, and the tables of its study folder."""

    plan: Plan
    measured: tuple[Measured, ...]
    tables: Tables


def run_plan(
    plan: Plan, plan_file: Path, tasks: Sequence[TaskItems], workers: Workers,
    tell: Callable[[str], None], tick: Tick = no_tick,
) -> Evaluated:  # fmt: skip
    """Return a measured plan; its study folder is written whole, or not at all.

    ``tick`` is told the progress of a single worker item by item and of several by checkpoint;
    ``tell`` of each checkpoint.

    Raises
    ------
    ToolkitError
        When something that the plan names can't be measured; what was measured is kept.
    """
    with only_run(Path(plan.store)):
        clear_unfinished(plan)
        found: dict[str, Measured] = {}
        jobs = jobs_of(plan, tasks)
        here = workers.engine == "local" and workers.n == 1
        # Another process can't call back; its checkpoints are told of when they are done.
        n_items = _n_asked_of_each(plan, tasks)
        arguments = [(job, opening.open_engine, tick if here else no_tick) for job in jobs]
        for measured in run_unordered(measure, arguments, with_gpus(workers, plan.device)):
            for each in measured:
                found[each.checkpoint] = each
                if not here:
                    tick(n_items, 0)
                tell(f"{each.checkpoint} ({len(found)} of {len(plan.checkpoint)} checkpoints)")
        with staged(Path(plan.study)) as folder:
            tables = write_study(plan, tasks, found, folder)
            write_provenance(plan, plan_file, tasks, found, folder)
    return Evaluated(plan, tuple(found[each.name] for each in plan.checkpoint), tables)


def jobs_of(plan: Plan, tasks: Sequence[TaskItems]) -> list[Job]:
    """Return a job per set of weights: several names of one source are loaded once.

    One job also means one order of asking, so that who answers a shared prompt is no matter of
    which worker came first.
    """
    sources = dict.fromkeys(each.source for each in plan.checkpoint)
    return [
        Job(tuple(each for each in plan.checkpoint if each.source == source), plan, tuple(tasks))
        for source in sources
    ]


def n_asked_items(plan: Plan, tasks: Sequence[TaskItems]) -> int:
    """Return how often an item is asked about, over all checkpoints and conditions."""
    return _n_asked_of_each(plan, tasks) * len(plan.checkpoint)


def _n_asked_of_each(plan: Plan, tasks: Sequence[TaskItems]) -> int:
    return sum(len(t.evaluated) * len(conditions(plan, t.plan)) for t in tasks)


def with_gpus(workers: Workers, device: str) -> Workers:
    """Return workers of a cluster with a GPU each, where the plan's device is or may be one."""
    if workers.engine != "ray" or device == "cpu":
        return workers
    return replace(workers, gpus=None if device == "auto" else 1)
