"""The tables of scores that the benchmarks run on: the bundled study, and simulated ones."""

import hashlib

import numpy as np
import pandas as pd

from toolkit import paths
from toolkit.simulate import RICH, TRUTHS, PlantedTask, StudyDesign, simulate_study
from toolkit.study.scores import Scores, read_scores

STEP_AT = 5e9
SMALL = StudyDesign(
    {"fern": (1.2e8, 9e8, 6e9, 3e10), "moss": (3e8, 2.2e9, 1.5e10, 6e10)}, n_items=200
)
SMALL_TASKS = (
    PlantedTask("flat", "none", STEP_AT, midpoint=3e11),
    PlantedTask("rising", "none", STEP_AT, midpoint=1e10),
    PlantedTask("leaping", "all arms", STEP_AT, height=0.35, midpoint=3e11),
)
SMALL_SEED = 7
FAMILIES = ("alder", "birch", "cedar", "maple")
SMALLEST, LARGEST = 1e8, 1e11


def lu2024() -> Scores:
    """Return the cells that the verdicts on Lu et al. 2024 rest on."""
    return read_scores(paths.CHECKOUT / "data" / "lu2024").of_record("closed")


def small(seed: int = SMALL_SEED) -> Scores:
    """Return a simulated study of 3 tasks and 16 checkpoints, 96 cells."""
    return simulate_study(SMALL, SMALL_TASKS, np.random.default_rng(seed))


def rich(n_tasks: int, seed: int) -> Scores:
    """Return a simulated study of 40 checkpoints of 20 sizes, 80 cells a task."""
    return simulate_study(RICH, planted(n_tasks), np.random.default_rng(seed))


def sized(n_tasks: int, n_checkpoints: int, seed: int) -> Scores:
    """Return a simulated study with so many checkpoints, half of them tuned, all sizes different.

    Different sizes are the costliest case: every size but one adds a gap to each task.
    """
    n_bases = (n_checkpoints + 1) // 2
    sizes = np.geomspace(SMALLEST, LARGEST, n_bases)
    by_family = {
        name: tuple(float(f"{size:.6g}") for size in sizes[start :: len(FAMILIES)])
        for start, name in enumerate(FAMILIES[:n_bases])
    }
    design = StudyDesign(by_family, n_items=200)
    scores = simulate_study(design, planted(n_tasks), np.random.default_rng(seed))
    if n_checkpoints % 2:  # one base without a tuned partner
        tuned = scores.frame.loc[scores.frame["instruction_tuned"], "checkpoint"]
        return scores.where(scores.frame["checkpoint"] != tuned.iloc[0])
    return scores


def planted(n_tasks: int) -> list[PlantedTask]:
    """Return tasks with every truth in turn, at places that differ."""
    middles = np.geomspace(2e10, 2e11, n_tasks)
    return [
        PlantedTask(f"task-{k:03d}", TRUTHS[k % len(TRUTHS)], STEP_AT, 0.25, float(middles[k]))
        for k in range(n_tasks)
    ]


def data_hash(frame: pd.DataFrame) -> str:
    """Return a hash of a table's contents."""
    text = frame.to_csv(index=False, float_format="%.10g")
    return hashlib.sha256(text.encode()).hexdigest()
