"""Where the jumps of a task lie: between sizes that resolve them, and near the claimed one."""

from dataclasses import dataclass

import numpy as np

from toolkit.estimands.estimate import MATERIAL, SURE
from toolkit.estimands.measured import sizes_in
from toolkit.models.design import Design
from toolkit.study.claims import Arm
from toolkit.verdict.gates import (
    GAP_MAX_DECADES,
    WITH_JUMP,
    Gate,
    gap_around,
    is_resolvable,
    sizes_remedy,
)
from toolkit.verdict.reasons import ELSEWHERE, LOCATION

# A jump at another size than the claimed one does not bear the claim out.
SHARE_NEAR_MIN = 0.5


@dataclass(frozen=True)
class Place:
    """Where the deciding arm's material jumps lie; ``material`` and ``gap`` are (chain, draw)."""

    material: np.ndarray
    gap: np.ndarray
    design: Design
    task: int
    arm: Arm

    @property
    def middles(self) -> np.ndarray:
        """Return the middle of each of the task's gaps, log10 of parameters."""
        middles = self.design.gap_middle[self.task]
        return middles[~np.isnan(middles)] + self.design.center

    @property
    def sizes(self) -> np.ndarray:
        """Return the sizes of the arm, log10 of parameters."""
        return np.unique(sizes_in(self.design, self.task, self.arm)) + self.design.center

    @property
    def is_resolved(self) -> np.ndarray:
        """Return the draws (chain, draw) with a material jump where the arm's sizes resolve it."""
        sizes = self.sizes
        resolvable = np.array(
            [len(sizes) > 1 and is_resolvable(sizes, *gap_around(sizes, m)) for m in self.middles]
        )
        return (self.material & resolvable[self.gap]).astype(float)

    def resolved(self) -> Gate:
        """Return whether a material jump surely lies where its own arm's sizes resolve it."""
        sizes, middles, share = self.sizes, self.middles, float(self.is_resolved.mean())
        likeliest = middles[np.bincount(self.gap[self.material], minlength=len(middles)).argmax()]
        return Gate(
            LOCATION, share >= SURE,
            f"a jump above {MATERIAL} where the sizes of the arm '{self.arm.label}' resolve it has "
            f"probability {share:.2f} (needed: {SURE})",
            sizes_remedy(sizes, float(likeliest), self.arm),
            WITH_JUMP,
        )  # fmt: skip

    def near(self, threshold_n_params: float) -> Gate:
        """Return whether material jumps mostly lie near the size that was claimed."""
        place = np.log10(threshold_n_params)
        low, high = self.design.gap_low[self.task], self.design.gap_high[self.task]
        x = place - self.design.center - 1e-9
        around = (low < x) & (x <= high)
        close = np.abs(self.middles - place) <= GAP_MAX_DECADES + 1e-9
        near = (close | around[~np.isnan(low)])[self.gap]
        share = float(near[self.material].mean()) if self.material.any() else 0.0
        return Gate(
            ELSEWHERE, share >= SHARE_NEAR_MIN,
            f"{100 * share:.0f}% of jumps above {MATERIAL} lie within {GAP_MAX_DECADES} decades "
            "of the claimed size, or between the sizes around it",
            "state the claim for the size at which the jump lies",
            WITH_JUMP,
        )  # fmt: skip
