"""E6: from which size on an arm shows the ability, read off the curve of a typical checkpoint.

That is where its expected accuracy is more than the region of practical equivalence above chance
(``curves`` has the curve). A size whose chains disagree, or that few draws have, is not given.
"""

from dataclasses import dataclass

import numpy as np

from toolkit.estimands.curves import SURE, Curves, first_above, over_known
from toolkit.estimands.estimate import ROPE, Estimate, probability
from toolkit.study.claims import Arm


@dataclass(frozen=True)
class Onset:
    """E6 of one arm: from which size on it shows the ability.

    ``sure_from`` is the smallest size (parameters) from which the curve exceeds chance plus the
    ROPE with probability 0.95, or None within the scored sizes; ``p_within`` the probability that
    it does so anywhere in them, and ``p_smallest`` that it does so at the smallest already, where
    the onset lies somewhere below. ``at`` is the size of the crossing among the draws that have one
    (log10, the smallest size standing for all below); None where they are too few. Of the
    ``n_up_to`` scored cells up to ``sure_from``, ``n_showing`` score so high: where these are few,
    the curve misses what was seen there.
    """

    arm: str
    sure_from: float | None
    p_within: Estimate
    p_smallest: Estimate
    at: Estimate | None
    n_up_to: int
    n_showing: int


def onset(curves: Curves, arm: Arm, sizes: np.ndarray, scores: np.ndarray) -> Onset:
    """Return E6 for the curves of a task and arm, with its cells' sizes (log10) and scores."""
    level = curves.chance + ROPE
    above = curves.accuracy > level
    sure = above.mean(("chain", "draw")).to_numpy() >= SURE
    upto = curves.sizes[int(sure.argmax())] if sure.any() else -np.inf
    seen = scores[sizes <= upto + 1e-9]
    return Onset(
        arm.label,
        float(10**upto) if sure.any() else None,
        probability("P(onset within the sizes)", above.any("x").astype(float)),
        probability("P(shown at the smallest size)", above.isel(x=0).astype(float)),
        over_known("size at which the arm shows the ability", first_above(curves, level)),
        n_up_to=len(seen),
        n_showing=int((seen > level).sum()),
    )


def onset_shift(controlled: Curves, other: Curves) -> Estimate | None:
    """Return how many decades earlier ``other`` shows the ability than the controlled arm.

    Over the draws in which both do within the sizes, and neither at the smallest already, where
    only a bound is known; None when these are too few.
    """
    crossings = []
    for each in (controlled, other):
        level = each.chance + ROPE
        crossings.append(
            first_above(each, level).where(each.accuracy.isel(x=0, drop=True) <= level)
        )
    shift = crossings[0] - crossings[1]
    if float(shift.notnull().mean()) < SURE:
        return None
    return over_known("decades earlier than the controlled arm", shift)
