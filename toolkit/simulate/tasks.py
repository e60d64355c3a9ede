"""What is true of one simulated task: its smooth curve, its step, and what disturbs its scores."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from toolkit.simulate.curves import GENTLE, SCALES_WIDE, Curve
from toolkit.study.claims import ARMS, Arm, Claim

Truth = Literal[
    "none",
    "smooth few-shot gain",
    "all arms",
    "few-shot only",
    "instruction tuning only",
    "both only",
]
TRUTHS = get_args(Truth)
FULL_ARM = Arm(True, True)
# Near the ceiling less than a step's height is left to add.
CEILING = 0.98


@dataclass(frozen=True)
class PlantedTask:
    """One task. Sizes are in parameters, widths and shifts in decades.

    step_at, height, step_width
        Where the step lies, which is also the size that the claim names; how high it is on the
        accuracy scale; and over how many decades it rises from 10% to 90%, 0 for a sharp one.
    midpoint, curve
        The smooth curve and its middle.
    complies
        The share of answers that can be parsed, as a curve around ``step_at``.
    trained_families, trained_shift
        Families whose training saw the task, and how much more competent that makes them at it.
    modes
        Accuracies above chance of training runs that failed and that succeeded; with them the curve
        is the probability of success, and single runs jump although success comes smoothly.
    """

    name: str
    truth: Truth
    step_at: float
    height: float = 0.0
    midpoint: float = 3e10
    curve: Curve = GENTLE
    metric: Literal["accuracy", "exact_match"] = "accuracy"
    complies: Curve | None = None
    step_width: float = 0.0
    trained_families: tuple[str, ...] = ()
    trained_shift: float = 0.0
    modes: tuple[float, float] | None = None

    @property
    def stepping_arms(self) -> tuple[Arm, ...]:
        """Return the arms that carry the step."""
        if self.truth == "few-shot only":
            return tuple(arm for arm in ARMS if arm.few_shot)
        if self.truth == "instruction tuning only":
            return tuple(arm for arm in ARMS if arm.instruction_tuned)
        if self.truth == "both only":
            return (FULL_ARM,)
        return ARMS if self.truth == "all arms" else ()

    def share(self, beyond: float, luck: float) -> float:
        """Return the share of the way from chance to perfect, ``beyond`` decades past the middle.

        ``luck``, uniform in [0, 1), decides whether a training run with ``modes`` succeeded.
        """
        smooth = self.curve.share(beyond)
        if self.modes is None:
            return smooth
        failed, succeeded = self.modes
        return succeeded if luck < smooth else failed

    def lifted(self, accuracy: float, n_params: float, arm: Arm) -> float:
        """Return the accuracy with the step, in the arms that carry it."""
        if arm not in self.stepping_arms:
            return accuracy
        beyond = np.log10(n_params / self.step_at)
        if self.step_width == 0:
            risen = float(beyond >= 0)
        else:
            risen = float(1 / (1 + np.exp(-SCALES_WIDE * beyond / self.step_width)))
        room = max(CEILING - accuracy, 0.0)
        return accuracy + min(self.height * risen, room)


def planted_claim(task: PlantedTask, published: Arm = FULL_ARM) -> Claim:
    """Return the claim that an arm jumps at the planted place."""
    return Claim(
        slug=task.name, task=task.name, paper_version="simulated", table="none", row=task.name,
        prior_claim="", prior_source="simulated", study_claim="",
        published_arm=published.label, threshold_n_params=task.step_at,
        published_above_baseline=True, published_emergent=True, published_marginal=False,
        published_verdict="emergent", claim_set="prior",
    )  # fmt: skip
