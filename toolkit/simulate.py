"""Score tables with known truth, made from a latent competence item by item.

A checkpoint has a latent competence that grows with its size and differs by family and recipe; a
task turns competence into accuracy by a curve (``truths``). A planted step lifts the accuracy
itself, on the accuracy scale, in the arms that carry it. Items are then answered one by one, and
where the answer must be parsed an unparseable one is wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from toolkit.claims import ARMS, Arm, Claim
from toolkit.scores import CHECKPOINTS_SCHEMA, SCORES_SCHEMA, TASKS_SCHEMA, Scores, join_scores
from toolkit.tables import check_table
from toolkit.truths import GENTLE, Curve

Truth = Literal[
    "none", "smooth few-shot gain", "all arms", "few-shot only", "instruction tuning only"
]
TRUTHS = get_args(Truth)
FULL_ARM = Arm(True, True)
GAIN_DECADES = 0.8
# Demonstrations, and tuning, teach the format of an answer as much as this growth would.
FORMAT_DECADES = 0.3


@dataclass(frozen=True)
class StudyDesign:
    """Which checkpoints are scored on how many items: sizes by family, in parameters."""

    sizes: dict[str, tuple[float, ...]]
    n_items: int
    chance: float = 0.25


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


@dataclass(frozen=True)
class PlantedTask:
    """What is true of one task: its smooth curve, where that lies, and which step it carries.

    ``height`` is on the accuracy scale; the step lies at ``step_at`` parameters, which is also the
    size that the claim names; ``midpoint`` is the middle of the curve in parameters. ``complies``
    is the share of answers that can be parsed, around ``step_at``; with it the metric is exact
    match.
    """

    name: str
    truth: Truth
    step_at: float
    height: float = 0.0
    midpoint: float = 3e10
    curve: Curve = GENTLE
    metric: Literal["accuracy", "exact_match"] = "accuracy"
    complies: Curve | None = None

    @property
    def stepping_arms(self) -> tuple[Arm, ...]:
        """Return the arms that carry the step."""
        if self.truth == "few-shot only":
            return tuple(arm for arm in ARMS if arm.few_shot)
        if self.truth == "instruction tuning only":
            return tuple(arm for arm in ARMS if arm.instruction_tuned)
        return ARMS if self.truth == "all arms" else ()


def simulate_study(
    design: StudyDesign, tasks: Sequence[PlantedTask], rng: np.random.Generator
) -> Scores:
    """Return the scores of every checkpoint on every task, base and tuned, zero- and few-shot."""
    checkpoints = _checkpoints(design)
    competence = _competence(checkpoints, rng)
    cells = [
        _cell(design, task, checkpoint, n_shots, competence[checkpoint["checkpoint"]], rng)
        for task in tasks
        for _, checkpoint in checkpoints.iterrows()
        for n_shots in (0, 5)
    ]
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


def planted_claim(task: PlantedTask) -> Claim:
    """Return the claim that the fully elicited arm jumps at the planted place."""
    return Claim(
        slug=task.name, task=task.name, paper_version="simulated", table="none", row=task.name,
        prior_claim="", prior_source="simulated", study_claim="",
        published_arm=FULL_ARM.label, threshold_n_params=task.step_at,
        published_above_baseline=True, published_emergent=True, published_marginal=False,
        published_verdict="emergent", claim_set="prior",
    )  # fmt: skip


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


def _competence(checkpoints: pd.DataFrame, rng: np.random.Generator) -> dict[str, float]:
    """Return each checkpoint's competence in decades of size; a tuned one starts from its base."""
    families = {name: rng.normal(0, 0.1) for name in sorted(checkpoints["lm_family"].unique())}
    competence: dict[str, float] = {}
    for row in checkpoints.to_dict(orient="records"):
        if row["instruction_tuned"]:
            start = competence[row["base_checkpoint"]] + rng.normal(0.15, 0.05)
        else:
            start = np.log10(row["n_params"]) + families[row["lm_family"]] + rng.normal(0, 0.07)
        competence[row["checkpoint"]] = start
    return competence


def _chance(design: StudyDesign, task: PlantedTask) -> float:
    """Return the chance level: an answer that must be written out is never right by chance."""
    return design.chance if task.metric == "accuracy" else 0.0


def _cell(
    design: StudyDesign,
    task: PlantedTask,
    checkpoint: pd.Series,
    n_shots: int,
    competence: float,
    rng: np.random.Generator,
) -> dict[str, object]:
    arm = Arm(n_shots > 0, bool(checkpoint["instruction_tuned"]))
    helped = competence + (0.15 if arm.few_shot else 0.0) + rng.normal(0, 0.05)
    if arm.few_shot and task.truth == "smooth few-shot gain":
        # Rises over about one decade around the claimed size, without any step.
        beyond = np.log10(checkpoint["n_params"] / task.step_at)
        helped += GAIN_DECADES / (1 + np.exp(-4 * beyond))
    chance = _chance(design, task)
    accuracy = chance + (1 - chance) * task.curve.share(helped - np.log10(task.midpoint))
    if task.complies is not None:
        shown = FORMAT_DECADES * (arm.few_shot + arm.instruction_tuned)
        accuracy *= task.complies.share(helped + shown - np.log10(task.step_at))
    if arm in task.stepping_arms and checkpoint["n_params"] >= task.step_at:
        # Additive on the accuracy scale; near the ceiling less than the height is left to add.
        accuracy = min(accuracy + task.height, 0.98)
    n_correct = int(rng.binomial(design.n_items, accuracy))
    return {
        "checkpoint": checkpoint["checkpoint"],
        "task": task.name,
        "metric": task.metric,
        "prompt_format": "closed",
        "n_shots": n_shots,
        "n_items": design.n_items,
        "n_correct": n_correct,
        "n_repeats": 1,
        "score": n_correct / design.n_items,
    }
