"""A sharp step in each arm that may or may not be there: what makes M5 of a smooth curve.

    log_odds = smooth + jump_ta [x above gap k_t] [jump present in arm a of task t]

The gap k_t is even over the task's own gaps; a jump is present in an arm with probability
``jump_share`` of that arm, so that a true zero can be found; how large it is stands in
``jump_size``. Gap and presence are marginalised exactly (``jump_mixture``) and drawn afterwards
from their conditional given each draw.
"""

from typing import NamedTuple

import numpy as np
import pymc as pm

from toolkit.claims import ARM_LABELS
from toolkit.models.design import Design
from toolkit.models.effects import Priors, by_cell
from toolkit.models.jump_mixture import PRESENCE_HIGH, PRESENCE_LOW, jump_mixture
from toolkit.models.jump_size import jump_variables
from toolkit.models.likelihood import accuracy, log_ways
from toolkit.models.priors import Tensor


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
        size, presence = jump_variables(priors, data["jump_scale"])
        without = accuracy(smooth, chance, lapse, parsed)
        with_jump = accuracy(smooth + lift_by_cell(size, design), chance, lapse, parsed)
        items = data["n_items"]

        def log_probability(counts: Tensor, *parameters: Tensor) -> Tensor:
            value, _ = jump_mixture(counts, items, parameters, design)
            return value + log_ways(counts, items)

        parameters = (without, with_jump, concentration, presence)
        pm.CustomDist(
            "n_correct",
            *parameters,
            logp=log_probability,
            signature="(t,s),(t,s),(t),(t,a)->(t,s)",
            observed=data["counts"],
            dims=("task", "slot"),
        )
        # The gains are kept for drawing which gap and which arms afterwards, in fit.py.
        value, gain = jump_mixture(data["counts"], items, parameters, design)
        pm.Deterministic("gain", gain, dims=("task", "arm", "gap"))
        total = value + log_ways(data["counts"], items)
        pm.Deterministic("task_log_likelihood", total, dims="task")

    def coords(self, design: Design) -> dict[str, list[int]]:
        """Return the coordinates that only this step has."""
        return {"gap": list(range(design.gap_low.shape[1]))}

    def draw(
        self, gain: np.ndarray, presence: np.ndarray, design: Design, rng: np.random.Generator
    ) -> "JumpDraws":
        """Return draws of gap and presence given the gain and the prior presence of each draw."""
        return draw_jumps(gain, presence, design.log_gap_prior, rng)

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
    gain: np.ndarray, presence: np.ndarray, log_prior: np.ndarray, rng: np.random.Generator
) -> JumpDraws:
    """Return draws of the marginalised place and presence given the parameters of each draw.

    ``gain`` is (chain, draw, task, arm, place), ``presence`` (chain, draw, task, arm) the
    probability of a jump of that size before any score, and ``log_prior`` (task, place).
    """
    by_arm = presence[..., None].clip(PRESENCE_LOW, PRESENCE_HIGH)
    log_absent, log_present = np.log1p(-by_arm), np.log(by_arm) + gain
    log_either = np.logaddexp(log_absent, log_present)
    present_at = np.exp(log_present - log_either)  # P(present in arm | place)
    log_weight = log_prior + log_either.sum(axis=3)
    weight = np.exp(log_weight - log_weight.max(axis=-1, keepdims=True))
    weight /= weight.sum(axis=-1, keepdims=True)  # P(place), (chain, draw, task, place)
    below = rng.random(weight.shape[:-1])[..., None] > weight.cumsum(axis=-1)
    place = np.minimum(below.sum(axis=-1), weight.shape[-1] - 1)
    at_place = np.take_along_axis(present_at, place[..., None, None], axis=-1)[..., 0]
    present = rng.random(at_place.shape) < at_place
    return JumpDraws(place, present, np.einsum("cdtag,cdtg->cdta", present_at, weight))


SHARP = SharpStep()
