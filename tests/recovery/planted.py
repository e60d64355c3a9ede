"""Simulated studies with planted truth for the recovery tests."""

from pathlib import Path

import numpy as np

from toolkit.calibrate.judge import Judged, judge_planted
from toolkit.fit.sampling import FitSettings
from toolkit.simulate import (
    LU_LIKE,
    RICH,
    TRUTHS,
    PlantedTask,
    StudyDesign,
    Truth,
    simulate_study,
)
from toolkit.simulate.curves import Straight
from toolkit.simulate.tasks import FULL_ARM
from toolkit.verdict.gates import Outcome

HEIGHT = 0.25
# What each truth must be called on a design that can tell. A step with tuning only, or with
# demonstrations only, is seen in the published (fully elicited) arm and not in the controlled one.
RIGHT = {
    "none": Outcome.NO_JUMP,
    "smooth few-shot gain": Outcome.NO_JUMP,
    "all arms": Outcome.JUMP_REMAINS,
    "few-shot only": Outcome.EXPLAINED,
    "instruction tuning only": Outcome.EXPLAINED,
    "both only": Outcome.EXPLAINED,
}
# The truths that the verdicts are about. The smooth gain is a trap in a study of its own: it leaves
# the few-shot arms in two minds, which slows the mixing of everything they share.
STEPS_AND_NONE = tuple(t for t in TRUTHS if t not in ("smooth few-shot gain", "both only"))
LU_STEP = 1e10  # inside the gap between 6.7 and 175 billion


def planted_tasks(
    design: StudyDesign,
    per_truth: int,
    rng: np.random.Generator,
    truths: tuple[Truth, ...],
) -> list[PlantedTask]:
    """Return tasks of every truth with curves of different place and steepness."""
    tasks = []
    for truth in truths:
        for number in range(per_truth):
            step_at = LU_STEP if design is LU_LIKE else float(10 ** rng.uniform(9.2, 10.2))
            tasks.append(
                PlantedTask(
                    f"{truth}-{number}",
                    truth,
                    step_at,
                    HEIGHT,
                    midpoint=float(10 ** rng.uniform(10.5, 11.3)),
                    curve=Straight(float(rng.uniform(2.7, 5.5))),
                )
            )
    return tasks


def judge_study(
    design: StudyDesign,
    per_truth: int,
    settings: FitSettings,
    cache: Path,
    truths: tuple[Truth, ...] = STEPS_AND_NONE,
    *,
    rivals: bool = True,
) -> list[Judged]:
    """Return the verdict on every planted task of one simulated study."""
    rng = np.random.default_rng(settings.random_seed)
    tasks = planted_tasks(design, per_truth, rng, truths)
    scores = simulate_study(design, tasks, rng)
    claimed = dict.fromkeys(tasks, FULL_ARM)
    return list(judge_planted(scores, claimed, settings, settings, cache, rivals=rivals).tasks)


__all__ = ["LU_LIKE", "RICH", "RIGHT", "Judged", "judge_study"]
