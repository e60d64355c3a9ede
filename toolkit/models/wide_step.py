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

from toolkit.claims import ARM_LABELS
from toolkit.models.design import Design
from toolkit.models.effects import Priors
from toolkit.models.jump_mixture import PRESENCE_HIGH, PRESENCE_LOW
from toolkit.models.jump_size import jump_variables
from toolkit.models.likelihood import accuracy, count_log_likelihood, log_ways
from toolkit.models.power_law import SCALES_WIDE
from toolkit.models.priors import Tensor
from toolkit.models.step import JumpDraws, draw_jumps, lift_by_cell

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
        size, presence = jump_variables(priors, data["jump_scale"])
        risen = _risen(design)
        without = accuracy(smooth, chance, lapse, parsed)
        lift = lift_by_cell(size, design) * risen
        by_place = accuracy(smooth + lift, chance, lapse, parsed)
        items, real = data["n_items"], design.scored
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
            lifted = log_gain(gain, parameters[3], log_place_prior(design))
            return base + lifted + log_ways(counts, items)

        pm.CustomDist(
            "n_correct",
            without,
            by_place,
            concentration,
            presence,
            logp=log_probability,
            signature="(t,s),(p,t,s),(t),(t,a)->(t,s)",
            observed=data["counts"],
            dims=("task", "slot"),
        )
        _, gain = terms(data["counts"], without, by_place, concentration)
        pm.Deterministic("gain", gain, dims=("task", "arm", "place"))
        total = log_probability(data["counts"], without, by_place, concentration, presence)
        pm.Deterministic("task_log_likelihood", total, dims="task")

    def coords(self, design: Design) -> dict[str, list[int]]:
        """Return the coordinates that only this step has."""
        return {"place": list(range(design.gap_low.shape[1] * len(WIDTHS)))}

    def draw(
        self, gain: np.ndarray, presence: np.ndarray, design: Design, rng: np.random.Generator
    ) -> JumpDraws:
        """Return draws of place and presence given the gain and the prior presence of each draw."""
        return draw_jumps(gain, presence, log_place_prior(design), rng)

    def places(self, place: np.ndarray) -> dict[str, np.ndarray]:
        """Return what a drawn place stands for, by the name of the draws; widths in decades."""
        return {"jump_gap": place // len(WIDTHS), "jump_width": WIDTHS[place % len(WIDTHS)]}


def log_gain(gain: Tensor, presence: Tensor, log_prior: np.ndarray) -> Tensor:
    """Return the log-likelihood gained by allowing jumps, marginal over places and arms, (task,).

    ``gain`` is (task, arm, place), ``presence`` (task, arm). In plain PyTensor, with the largest
    term taken out: written plainly, its gradient overflows where a jump is certain.
    """
    inside: Tensor = pt.clip(presence, PRESENCE_LOW, PRESENCE_HIGH)
    by_arm = inside[..., None]
    # log(1 - w + w exp(gain)): a softplus, whose gradient stays finite for gains of thousands.
    absent: Tensor = pt.log1p(-by_arm)
    either: Tensor = absent + pt.softplus(gain + pt.log(by_arm) - absent)
    by_place = log_prior + either.sum(axis=1)
    largest: Tensor = disconnected_grad(by_place.max(axis=1, keepdims=True))
    shares: Tensor = pt.exp(by_place - largest)
    return largest[:, 0] + pt.log(shares.sum(axis=1))


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
