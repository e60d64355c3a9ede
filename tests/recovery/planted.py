"""Simulated studies with planted truth, judged by the whole procedure from scores to verdicts."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from toolkit.analysis import judge_claims
from toolkit.fit import FitSettings, Fitted, fit_model
from toolkit.gates import Outcome
from toolkit.models import RIVALS
from toolkit.scores import Scores
from toolkit.sensitivity import jump_prior_refits
from toolkit.simulate import (
    LU_LIKE,
    RICH,
    TRUTHS,
    PlantedTask,
    StudyDesign,
    Truth,
    planted_claim,
    simulate_study,
)
from toolkit.support import Evidence
from toolkit.variants import Variant, jump_table
from toolkit.verdict import Verdict

HEIGHT = 0.25
# What each truth must be called on a design that can tell. A step with tuning only, or with
# demonstrations only, is seen in the published (fully elicited) arm and not in the controlled one.
RIGHT = {
    "none": Outcome.NO_JUMP,
    "smooth few-shot gain": Outcome.NO_JUMP,
    "all arms": Outcome.JUMP_REMAINS,
    "few-shot only": Outcome.EXPLAINED,
    "instruction tuning only": Outcome.EXPLAINED,
}
# The truths that the verdicts are about. The smooth gain is a trap in a study of its own: it leaves
# the few-shot arms in two minds, which slows the mixing of everything they share.
STEPS_AND_NONE = tuple(truth for truth in TRUTHS if truth != "smooth few-shot gain")
LU_STEP = 1e10  # inside the gap between 6.7 and 175 billion


@dataclass(frozen=True)
class Judged:
    """A planted task and what the procedure said of it."""

    task: PlantedTask
    verdict: Verdict

    @property
    def line(self) -> str:
        """Return truth and verdict with its numbers, for messages."""
        estimates = self.verdict.estimates
        codes = ", ".join(reason.code for reason in self.verdict.reasons)
        return (
            f"{self.task.name}: {self.verdict.outcome.value} "
            f"P(controlled) {estimates['p_residual_jump'].median:.3f} "
            f"P(published) {estimates['p_published_jump'].median:.3f} [{codes}]"
        )

    @property
    def parts(self) -> dict[str, float]:
        """Return the medians of the attribution to the published arm."""
        return {name: part.median for name, part in self.verdict.attribution.items()}


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
                    steepness=float(rng.uniform(0.7, 1.4)),
                )
            )
    return tasks


def judge_planted(
    design: StudyDesign,
    per_truth: int,
    settings: FitSettings,
    cache: Path,
    truths: tuple[Truth, ...] = STEPS_AND_NONE,
    *,
    rivals: bool = False,
) -> list[Judged]:
    """Return the verdict on every planted task of one simulated study.

    ``rivals`` fits what a verdict with a jump needs besides the main model; without it every such
    claim is undetermined.
    """
    rng = np.random.default_rng(settings.random_seed)
    tasks = planted_tasks(design, per_truth, rng, truths)
    scores = simulate_study(design, tasks, rng)
    fitted = fit_model(scores, "step", settings, cache)
    evidence = evidence_from(scores, fitted, settings, cache) if rivals else None
    claims = [planted_claim(task) for task in tasks]
    verdicts = judge_claims(claims, scores, fitted, evidence).verdicts
    return [Judged(task, verdict) for task, verdict in zip(tasks, verdicts, strict=True)]


def evidence_from(scores: Scores, fitted: Fitted, settings: FitSettings, cache: Path) -> Evidence:
    """Return the rival curves and the prior scales of a simulated study."""
    tables = [
        jump_table(Variant(scores, model, settings), cache).assign(model=model) for model in RIVALS
    ]
    priors = jump_prior_refits(fitted, Variant(scores, "step", settings), cache)
    return Evidence(pd.concat(tables, ignore_index=True), priors)


__all__ = ["LU_LIKE", "RICH", "RIGHT", "Judged", "judge_planted"]
