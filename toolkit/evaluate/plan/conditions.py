"""The factorial of a plan: every way in which a task is put to a checkpoint.

Kinds of demonstrations other than real ones have a prompt format of their own in the table of
scores, so that no model takes them for the few-shot arm.
"""

from typing import NamedTuple

from toolkit.evaluate.plan.plan import Kind, Plan, TaskPlan

SUFFIX: dict[Kind, str] = {
    "real": "",
    "random_labels": ", random labels",
    "format_only": ", format only",
}


class Condition(NamedTuple):
    """One prompt format with a number, a kind and a seed of demonstrations."""

    format: str
    n_shots: int
    kind: Kind
    seed: int

    @property
    def prompt_format(self) -> str:
        """Return the name of the prompt format in the table of scores."""
        return self.format + SUFFIX[self.kind]

    @property
    def cell_names(self) -> tuple[str, int, int]:
        """Return what tells its scores from those of the task's other conditions."""
        return self.prompt_format, self.n_shots, self.seed


def conditions(plan: Plan, task: TaskPlan) -> tuple[Condition, ...]:
    """Return the conditions of a task; a zero-shot one has no kinds or seeds to vary."""
    wanted = plan.demonstrations
    formats = task.formats or tuple(each.name for each in plan.format)
    found = []
    for name in formats:
        for n_shots in wanted.shots:
            if n_shots == 0:
                found.append(Condition(name, 0, "real", wanted.seeds[0]))
                continue
            found += [
                Condition(name, n_shots, kind, seed)
                for kind in wanted.kinds
                for seed in wanted.seeds
            ]
    return tuple(found)
