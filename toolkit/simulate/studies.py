"""Score tables with known truth, made from a latent competence item by item.

A checkpoint has a latent competence that grows with its size and differs by family and recipe; a
task turns competence into accuracy by a curve. A planted step lifts the accuracy itself, on the
accuracy scale, in the arms that carry it. Items are then answered one by one, and where the answer
must be parsed an unparseable one is wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from toolkit.claims import Arm
from toolkit.scores import CHECKPOINTS_SCHEMA, SCORES_SCHEMA, TASKS_SCHEMA, Scores, join_scores
from toolkit.simulate.tasks import PlantedTask
from toolkit.tables import check_table

N_SHOTS = 5
GAIN_DECADES = 0.8
# Demonstrations, and tuning, teach the format of an answer as much as this growth would.
FORMAT_DECADES = 0.3
# How competence, in decades of size, differs between families, recipes, and single cells.
FAMILY_SD, RECIPE_SD, CELL_SD = 0.1, 0.07, 0.05
TUNING_GAIN, TUNING_SD, SHOTS_GAIN = 0.15, 0.05, 0.15
# How rarely an item is answered otherwise in another run at a low temperature (Lu et al. 2024).
REDRAWN = 0.04


@dataclass(frozen=True)
class StudyDesign:
    """Which checkpoints are scored on how many items.

    ``sizes`` by family in parameters; ``family_shift`` makes families more competent than their
    size, in decades; each cell is run ``n_repeats`` times on the same items.
    """

    sizes: Mapping[str, tuple[float, ...]]
    n_items: int
    chance: float = 0.25
    family_shift: Mapping[str, float] = field(default_factory=dict)
    n_repeats: int = 1


# Four families of five sizes, interleaved so that no gap around the middle exceeds 0.5 decades, and
# 200 items a task.
RICH = StudyDesign(
    {
        "alder": (1.2e8, 4.5e8, 1.6e9, 6e9, 2.2e10),
        "birch": (1.6e8, 6e8, 2.2e9, 8e9, 3e10),
        "cedar": (2.2e8, 8e8, 3e9, 1.1e10, 4e10),
        "maple": (3e8, 1.1e9, 4e9, 1.5e10, 5.5e10),
    },
    n_items=200,
)
# The sizes of most tasks of Lu et al. 2024, and a usual number of items.
LU_LIKE = StudyDesign({"gpt": (1.17e8, 1.6e9, 6.7e9, 1.75e11), "t5": (6e7, 7.7e8)}, n_items=200)


def simulate_study(
    design: StudyDesign, tasks: Sequence[PlantedTask], rng: np.random.Generator
) -> Scores:
    """Return the scores of every checkpoint on every task, base and tuned, zero- and few-shot."""
    checkpoints = _checkpoints(design)
    competence = _competence(design, checkpoints, rng)
    facts = checkpoints.to_dict(orient="records")
    cells = []
    for task in tasks:
        # The luck of a training run is its base's, and the same in every arm.
        bases = [row["checkpoint"] for row in facts if not row["instruction_tuned"]]
        luck = dict(zip(bases, rng.random(len(bases)), strict=True)) if task.modes else {}
        for row in facts:
            base = "base_checkpoint" if row["instruction_tuned"] else "checkpoint"
            own = luck.get(row[base], 0.0)
            for n_shots in (0, N_SHOTS):
                cells.append(
                    _cell(design, task, row, n_shots, competence[row["checkpoint"]], own, rng)
                )
    register = pd.DataFrame(
        {
            "task": [task.name for task in tasks],
            "metric_of_record": [task.metric for task in tasks],
            "chance": [_chance(design, task) for task in tasks],
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


def _checkpoints(design: StudyDesign) -> pd.DataFrame:
    rows = []
    for family, sizes in design.sizes.items():
        for size in sizes:
            base = f"{family}-{size:.2g}"
            for tuned in (False, True):
                rows.append(
                    {
                        "checkpoint": f"{base}-tuned" if tuned else base,
                        "lm_family": family,
                        "n_params": size,
                        "train_flop": np.nan,
                        "released": None,
                        "instruction_tuned": tuned,
                        "base_checkpoint": base if tuned else None,
                    }
                )
    return pd.DataFrame(rows)


def _competence(
    design: StudyDesign, checkpoints: pd.DataFrame, rng: np.random.Generator
) -> dict[str, float]:
    """Return each checkpoint's competence in decades of size; a tuned one starts from its base."""
    names = sorted(checkpoints["lm_family"].unique())
    families = {n: rng.normal(0, FAMILY_SD) + design.family_shift.get(n, 0.0) for n in names}
    competence: dict[str, float] = {}
    for row in checkpoints.to_dict(orient="records"):
        if row["instruction_tuned"]:
            start = competence[row["base_checkpoint"]] + rng.normal(TUNING_GAIN, TUNING_SD)
        else:
            family = families[row["lm_family"]]
            start = np.log10(row["n_params"]) + family + rng.normal(0, RECIPE_SD)
        competence[row["checkpoint"]] = start
    return competence


def _chance(design: StudyDesign, task: PlantedTask) -> float:
    """Return the chance level: an answer that must be written out is never right by chance."""
    return design.chance if task.metric == "accuracy" else 0.0


def _cell(
    design: StudyDesign,
    task: PlantedTask,
    checkpoint: Mapping[str, object],
    n_shots: int,
    competence: float,
    luck: float,
    rng: np.random.Generator,
) -> dict[str, object]:
    arm = Arm(n_shots > 0, bool(checkpoint["instruction_tuned"]))
    n_params = float(checkpoint["n_params"])  # pyright: ignore[reportArgumentType]
    helped = competence + (SHOTS_GAIN if arm.few_shot else 0.0) + rng.normal(0, CELL_SD)
    if checkpoint["lm_family"] in task.trained_families:
        helped += task.trained_shift
    if arm.few_shot and task.truth == "smooth few-shot gain":
        # Rises over about one decade around the claimed size, without any step.
        helped += GAIN_DECADES / (1 + np.exp(-4 * np.log10(n_params / task.step_at)))
    chance = _chance(design, task)
    accuracy = chance + (1 - chance) * task.share(helped - np.log10(task.midpoint), luck)
    if task.complies is not None:
        shown = FORMAT_DECADES * (arm.few_shot + arm.instruction_tuned)
        accuracy *= task.complies.share(helped + shown - np.log10(task.step_at))
    counts = _counts(task.lifted(accuracy, n_params, arm), design, rng)
    return {
        "checkpoint": checkpoint["checkpoint"],
        "task": task.name,
        "metric": task.metric,
        "prompt_format": "closed",
        "n_shots": n_shots,
        "n_items": design.n_items,
        "n_correct": int(np.rint(counts.mean())),
        "n_repeats": design.n_repeats,
        "repeat_sd": float((counts / design.n_items).std(ddof=1)) if len(counts) > 1 else np.nan,
        "score": counts.mean() / design.n_items,
    }


def _counts(accuracy: float, design: StudyDesign, rng: np.random.Generator) -> np.ndarray:
    """Return the items right in each run; runs after the first nearly copy it."""
    first = int(rng.binomial(design.n_items, accuracy))
    counts = [first]
    for _ in range(design.n_repeats - 1):
        kept = rng.binomial(first, 1 - REDRAWN)
        anew = rng.binomial(design.n_items, REDRAWN)
        counts.append(min(kept + rng.binomial(anew, accuracy), design.n_items))
    return np.array(counts)
