"""Score tables with known truth, made from a latent competence item by item.

A checkpoint has a latent competence that grows with its size and differs by family and recipe; a
task turns competence into accuracy by a curve. A planted step lifts the accuracy itself, on the
accuracy scale, in the arms that carry it. Items are then answered one by one, and where the answer
must be parsed an unparseable one is wrong.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from toolkit.simulate.designs import Design
from toolkit.simulate.tasks import PlantedTask
from toolkit.study.claims import Arm
from toolkit.study.scores import (
    CHECKPOINTS_SCHEMA,
    SCORES_SCHEMA,
    TASKS_SCHEMA,
    Scores,
    join_scores,
)
from toolkit.tables import check_table

GAIN_DECADES = 0.8
# Demonstrations, and tuning, teach the format of an answer as much as this growth would.
FORMAT_DECADES = 0.3
# How competence, in decades of size, differs between families, recipes, and single cells.
FAMILY_SD, RECIPE_SD, CELL_SD = 0.1, 0.07, 0.05
TUNING_GAIN, TUNING_SD, SHOTS_GAIN = 0.15, 0.05, 0.15
# How rarely an item is answered otherwise in another run at a low temperature (Lu et al. 2024).
REDRAWN = 0.04


def simulate_study(
    design: Design, tasks: Sequence[PlantedTask], rng: np.random.Generator
) -> Scores:
    """Return the scores of every task in the cells that the design has for it."""
    checkpoints = design.checkpoints
    competence = _competence(design, checkpoints, rng)
    facts: dict[str, Any] = {
        row["checkpoint"]: row for row in checkpoints.to_dict(orient="records")
    }
    cells = []
    for number, task in enumerate(tasks):
        # The luck of a training run is its base's, and the same in every arm.
        bases = [name for name, row in facts.items() if not row["instruction_tuned"]]
        luck = dict(zip(bases, rng.random(len(bases)), strict=True)) if task.modes else {}
        chance = design.chance_of(number, task)
        cells_of_task: Any = design.cells(number).to_dict(orient="records")
        for cell in cells_of_task:
            name = cell["checkpoint"]
            row = facts[name]
            base = row["base_checkpoint"] if row["instruction_tuned"] else name
            own = luck.get(base, 0.0)
            accuracy = _accuracy(chance, task, row, cell["n_shots"], competence[name], own, rng)
            counts = _counts(accuracy, cell["n_items"], design.n_repeats, rng)
            cells.append(_row(task, cell, counts))
    register = pd.DataFrame(
        {
            "task": [task.name for task in tasks],
            "metric_of_record": [task.metric for task in tasks],
            "chance": [design.chance_of(number, task) for number, task in enumerate(tasks)],
            "chance_source": "simulated",
        }
    )
    return join_scores(
        "simulated",
        check_table(pd.DataFrame(cells), SCORES_SCHEMA, "simulated scores"),
        check_table(checkpoints, CHECKPOINTS_SCHEMA, "simulated checkpoints"),
        check_table(register, TASKS_SCHEMA, "simulated tasks"),
        "simulated scores",
    )


def _competence(
    design: Design, checkpoints: pd.DataFrame, rng: np.random.Generator
) -> dict[str, float]:
    """Return each checkpoint's competence in decades of size; a tuned one starts from its base."""
    names = sorted(checkpoints["lm_family"].unique())
    families = {n: rng.normal(0, FAMILY_SD) + design.family_shift.get(n, 0.0) for n in names}
    competence: dict[str, float] = {}
    for row in checkpoints.to_dict(orient="records"):
        if row["instruction_tuned"] and row["base_checkpoint"] in competence:
            start = competence[row["base_checkpoint"]] + rng.normal(TUNING_GAIN, TUNING_SD)
        else:
            family = families[row["lm_family"]]
            start = np.log10(row["n_params"]) + family + rng.normal(0, RECIPE_SD)
        competence[row["checkpoint"]] = start
    return competence


def _accuracy(
    chance: float,
    task: PlantedTask,
    checkpoint: Mapping[str, Any],
    n_shots: float,
    competence: float,
    luck: float,
    rng: np.random.Generator,
) -> float:
    """Return the true accuracy of one cell."""
    arm = Arm(n_shots > 0, bool(checkpoint["instruction_tuned"]))
    n_params = float(checkpoint["n_params"])
    helped = competence + (SHOTS_GAIN if arm.few_shot else 0.0) + rng.normal(0, CELL_SD)
    if checkpoint["lm_family"] in task.trained_families:
        helped += task.trained_shift
    if arm.few_shot and task.truth == "smooth few-shot gain":
        # Rises over about one decade around the claimed size, without any step.
        helped += GAIN_DECADES / (1 + np.exp(-4 * np.log10(n_params / task.step_at)))
    accuracy = chance + (1 - chance) * task.share(helped - np.log10(task.midpoint), luck)
    if task.complies is not None:
        shown = FORMAT_DECADES * (arm.few_shot + arm.instruction_tuned)
        accuracy *= task.complies.share(helped + shown - np.log10(task.step_at))
    return task.lifted(accuracy, n_params, arm)


def _row(task: PlantedTask, cell: Mapping[str, Any], counts: np.ndarray) -> dict[str, object]:
    scores = counts / cell["n_items"]
    return {
        "checkpoint": cell["checkpoint"],
        "task": task.name,
        "metric": task.metric,
        "prompt_format": "closed",
        "n_shots": cell["n_shots"],
        "n_items": cell["n_items"],
        "n_correct": int(np.rint(counts.mean())),
        "n_repeats": len(counts),
        "repeat_sd": float(scores.std(ddof=1)) if len(scores) > 1 else np.nan,
        "score": scores.mean(),
    }


def _counts(accuracy: float, n_items: int, n_repeats: int, rng: np.random.Generator) -> np.ndarray:
    """Return the items right in each run; runs after the first nearly copy it."""
    first = int(rng.binomial(int(n_items), accuracy))
    counts = [first]
    for _ in range(n_repeats - 1):
        kept = rng.binomial(first, 1 - REDRAWN)
        anew = rng.binomial(int(n_items), REDRAWN)
        counts.append(min(kept + rng.binomial(anew, accuracy), n_items))
    return np.array(counts)
