"""A sharp step in none of a task's arms or in some: what makes M5 of a smooth curve.

    log_odds = smooth + jump_ta [x above gap k_t] [jump present in arm a of task t]

The gap k_t is even over the task's own gaps. Whether a task jumps, in which arms (so that a true
zero can be found in each), and how large is what ``jump_size`` says. Gap and presence are
marginalised exactly (``jump_mixture``) and drawn afterwards from their conditional given each draw.
"""

from typing import NamedTuple

import numpy as np
import pymc as pm
from scipy.special import expit, logsumexp

from toolkit.models.design import Design
from toolkit.models.effects import Priors, by_cell
from toolkit.models.jump_mixture import jump_mixture
from toolkit.models.jump_size import JumpLogOdds, jump_variables
from toolkit.models.likelihood import accuracy
from toolkit.models.priors import Tensor
from toolkit.models.some_arm import draw_arms, given_any, of_any
from toolkit.study.claims import ARM_LABELS


class SharpStep:
    """The step of M5: between two neighbouring sizes."""

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
        without = accuracy(smooth, chance, lapse, parsed)
        with_jump = accuracy(smooth + lift_by_cell(size, design), chance, lapse, parsed)
        items, ways = data["n_items"], data["log_ways"].sum(axis=1)

        def log_probability(counts: Tensor, *parameters: Tensor) -> Tensor:
            value, _ = jump_mixture(counts, items, parameters, design)
            return value + ways

        parameters = (without, with_jump, concentration, *before)
        pm.CustomDist(
            "n_correct",
            *parameters,
            logp=log_probability,
            signature="(t,s),(t,s),(t),(t),(t,a)->(t,s)",
            observed=data["counts"],
            dims=("task", "slot"),
        )
        # The gains are kept for drawing which gap and which arms afterwards, in fit.sampling.
        value, gain = jump_mixture(data["counts"], items, parameters, design)
        pm.Deterministic("gain", gain, dims=("task", "arm", "gap"))
        pm.Deterministic("task_log_likelihood", value + ways, dims="task")

    def coords(self, design: Design) -> dict[str, list[int]]:
        """Return the coordinates that only this step has."""
        return {"gap": list(range(design.gap_low.shape[1]))}

    def draw(
        self, gain: np.ndarray, before: JumpLogOdds, design: Design, rng: np.random.Generator
    ) -> "JumpDraws":
        """Return draws of gap and presence given the gain and the prior log odds of each draw."""
        return draw_jumps(gain, before, design, design.log_gap_prior, rng)

    def places(self, place: np.ndarray) -> dict[str, np.ndarray]:
        """Return what a drawn place stands for, by the name of the draws."""
        return {"jump_gap": place}


def lift_by_cell(size: Tensor, design: Design) -> Tensor:
    """Return the size of the jump in each cell's arm, (task, slot)."""
    n_arms = len(ARM_LABELS)
    index = np.arange(len(design.tasks))[:, None] * n_arms + design.arm
    return by_cell(size.ravel(), index)


class JumpDraws(NamedTuple):
    """Where and whether a task jumps, drawn once for each posterior draw."""

    place: np.ndarray  # (chain, draw, task), index of the gap (of gap and width where it is wide)
    present: np.ndarray  # (chain, draw, task, arm), True where the arm jumps there
    probability: np.ndarray  # (chain, draw, task, arm), P(jump in the arm | parameters)


def draw_jumps(
    gain: np.ndarray,
    before: JumpLogOdds,
    design: Design,
    log_prior: np.ndarray,
    rng: np.random.Generator,
) -> JumpDraws:
    """Return draws of the marginalised place and presence given the parameters of each draw.

    ``gain`` is (chain, draw, task, arm, place) and ``log_prior`` (task, place).
    """
    some_of, each = design.arms_of_jump, design.arms_of_jump[:, None]
    in_arm = before.in_arm[..., None, :] + np.moveaxis(gain, -1, -2)  # (..., place, arm)
    log_weight = log_prior + of_any(in_arm, each)
    over_places = logsumexp(log_weight, axis=-1)
    # P(place | the task jumps)
    weight = np.exp(log_weight - over_places[..., None])  # pyright: ignore[reportArgumentType, reportCallIssue]
    jumping = expit(before.jumping + over_places - of_any(before.in_arm, some_of))
    jumps = rng.random(jumping.shape) < jumping
    # The place of no jump is anywhere.
    weight_drawn = np.where(jumps[..., None], weight, np.exp(log_prior))
    below = rng.random(jumping.shape)[..., None] > weight_drawn.cumsum(axis=-1)
    place = np.minimum(below.sum(axis=-1), weight.shape[-1] - 1)
    at_place = np.take_along_axis(in_arm, place[..., None, None], axis=-2)[..., 0, :]
    present = jumps[..., None] & draw_arms(at_place, some_of, rng)
    probability = np.einsum("cdt,cdtga,cdtg->cdta", jumping, given_any(in_arm, each), weight)
    return JumpDraws(place, present, probability)


SHARP = SharpStep()
