"""A step of free width: a sigmoid between two sizes, over its places and widths by a grid.

What "sharp" in M5 costs or hides is seen here: the width is drawn from the grid together with the
place. Cells inside the transition take values of their own, so the two-evaluation form does not
apply; each pair of place and width is one evaluation of the likelihood.
"""

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.gradient import disconnected_grad
from scipy.special import expit

from toolkit.models.design import Design
from toolkit.models.effects import Priors
from toolkit.models.jump_size import JumpLogOdds, jump_variables
from toolkit.models.likelihood import accuracy, count_log_likelihood
from toolkit.models.power_law import SCALES_WIDE
from toolkit.models.priors import Tensor
from toolkit.models.some_arm import log_odds_of_any
from toolkit.models.step import JumpDraws, draw_jumps, lift_by_cell
from toolkit.study.claims import ARM_LABELS

# From 10% to 90%, in decades: below most gaps, about a gap, and as wide as a smooth rise.
WIDTHS = np.array([0.1, 0.4, 1.2])


class WideStep:
    """The step of the wide-step model: in the middle of a gap, over one of ``WIDTHS``."""

    def observe(
        self,
        design: Design,
        priors: Priors,
        data: dict[str, Tensor],
        smooth: Tensor,
        parsed: Tensor | float,
        concentration: Tensor,
    ) -> None:
        """Make the jump's variables and observe the counts of every cell."""
        chance = design.chance[:, None]
        lapse = priors["lapse"].variable("lapse", "task")[:, None]
        size, before = jump_variables(priors, data["jump_scale"], design)
        risen = _risen(design)
        without = accuracy(smooth, chance, lapse, parsed)
        lift = lift_by_cell(size, design) * risen
        by_place = accuracy(smooth + lift, chance, lapse, parsed)
        items, ways, real = data["n_items"], data["log_ways"].sum(axis=1), design.scored
        in_arm = (design.arm[:, :, None] == np.arange(len(ARM_LABELS))) & real[:, :, None]

        def terms(counts: Tensor, *parameters: Tensor) -> tuple[Tensor, Tensor]:
            flat, lifted, total = parameters
            base = count_log_likelihood(counts, items, flat, total[:, None])
            raised = count_log_likelihood(counts, items, lifted, total[:, None])
            more = raised - base  # (place, task, slot)
            gain: Tensor = (more[..., None] * in_arm).sum(axis=2)  # (place, task, arm)
            return base.sum(axis=1), gain.transpose(1, 2, 0)

        def log_probability(counts: Tensor, *parameters: Tensor) -> Tensor:
            base, gain = terms(counts, *parameters[:3])
            lifted = log_gain(gain, JumpLogOdds(*parameters[3:]), design, log_place_prior(design))
            return base + lifted + ways

        pm.CustomDist(
            "n_correct",
            without,
            by_place,
            concentration,
            *before,
            logp=log_probability,
            signature="(t,s),(p,t,s),(t),(t),(t,a)->(t,s)",
            observed=data["counts"],
            dims=("task", "slot"),
        )
        _, gain = terms(data["counts"], without, by_place, concentration)
        pm.Deterministic("gain", gain, dims=("task", "arm", "place"))
        parameters = (without, by_place, concentration, *before)
        total = log_probability(data["counts"], *parameters)
        pm.Deterministic("task_log_likelihood", total, dims="task")

    def coords(self, design: Design) -> dict[str, list[int]]:
        """Return the coordinates that only this step has."""
        return {"place": list(range(design.gap_low.shape[1] * len(WIDTHS)))}

    def draw(
        self, gain: np.ndarray, before: JumpLogOdds, design: Design, rng: np.random.Generator
    ) -> JumpDraws:
        """Return draws of place and presence given the gain and the prior log odds of each draw."""
        return draw_jumps(gain, before, design, log_place_prior(design), rng)

    def places(self, place: np.ndarray) -> dict[str, np.ndarray]:
        """Return what a drawn place stands for, by the name of the draws; widths in decades."""
        return {"jump_gap": place // len(WIDTHS), "jump_width": WIDTHS[place % len(WIDTHS)]}


def log_gain(gain: Tensor, before: JumpLogOdds, design: Design, log_prior: np.ndarray) -> Tensor:
    """Return the log-likelihood gained by allowing jumps, marginal over places and arms, (task,).

    ``gain`` is (task, arm, place). In plain PyTensor, with the largest term taken out: written
    plainly, its gradient overflows where a jump is certain.
    """
    arms, some_of = range(len(ARM_LABELS)), design.arms_of_jump.T[..., None]
    in_arm = [before.in_arm[:, a, None] + gain[:, a] for a in arms]
    by_place = log_prior + log_odds_of_any(in_arm, list(some_of))
    largest: Tensor = disconnected_grad(by_place.max(axis=1, keepdims=True))
    shares: Tensor = pt.exp(by_place - largest)
    over_places: Tensor = largest[:, 0] + pt.log(shares.sum(axis=1))
    alone = log_odds_of_any([before.in_arm[:, a] for a in arms], list(some_of[..., 0]))
    after = before.jumping + over_places - alone
    return pt.softplus(after) - pt.softplus(before.jumping)  # pyright: ignore[reportOperatorIssue]


def log_place_prior(design: Design) -> np.ndarray:
    """Return the log prior of each pair of gap and width (task, place): even over both."""
    return np.repeat(design.log_gap_prior, len(WIDTHS), axis=1) - np.log(len(WIDTHS))


def _risen(design: Design) -> np.ndarray:
    """Return how far each cell has risen at each pair of gap and width, (place, task, slot)."""
    middle = np.nan_to_num(design.gap_middle)
    away = design.size[:, :, None, None] - middle[:, None, :, None]
    risen = expit(away * SCALES_WIDE / WIDTHS)
    n_tasks, n_slots = design.size.shape
    return risen.reshape(n_tasks, n_slots, -1).transpose(2, 0, 1)


WIDE = WideStep()
