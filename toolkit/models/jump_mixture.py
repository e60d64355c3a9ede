"""A task's log-likelihood, exactly marginal over where and in which arms it jumps.

A cell's log-likelihood takes two values, L0 without and L1 with the jump. The gain of arm a and
gap k is the sum of L1 - L0 over the cells of that arm above the gap, and

    log p(t) = sum L0 + log sum_k exp(-log G_t + sum_a log(1 - w_ta + w_ta exp(gain[t, a, k])))

with the probability w that a jump of this size is present, before any score. This costs two
likelihood evaluations whatever the number of gaps. ``JumpMixture`` computes it with its gradient in
one loop; every exponential in it is of a non-positive number, so that neither overflows where a
jump is certain. Its equality with a sum over all gaps and sets of arms is tested.
"""

import hashlib
import inspect
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numba
import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key

from toolkit.models import beta_binomial
from toolkit.models.beta_binomial import cell_log_likelihood
from toolkit.models.design import Design
from toolkit.models.priors import Tensor

# A probability this close to 0 or 1 is rounding; beyond, a certain jump would divide by zero.
PRESENCE_LOW, PRESENCE_HIGH = 1e-300, 1 - 2.0**-53


class Mixture(NamedTuple):
    """What the loop returns: value and gradient by task, and the gains (task, arm, gap)."""

    value: np.ndarray  # (task,)
    by_without: np.ndarray  # (task, slot), derivative in the accuracy without the jump
    by_with: np.ndarray  # (task, slot)
    by_concentration: np.ndarray  # (task,)
    by_presence: np.ndarray  # (task, arm)
    gain: np.ndarray  # (task, arm, gap)


@numba.njit(error_model="numpy")
def _either(gain: float, presence: float) -> tuple[float, float, float]:
    """Return log(1 - presence + presence exp(gain)) and its derivatives in both, presence first.

    The one in the gain is the probability that the jump is present.
    """
    presence = min(max(presence, PRESENCE_LOW), PRESENCE_HIGH)
    small = np.exp(-abs(gain))
    if gain > 0:
        total = presence + (1 - presence) * small
        return gain + np.log(total), (1 - small) / total, presence / total
    total = 1 - presence + presence * small
    return np.log(total), (small - 1) / total, presence * small / total


@numba.njit(error_model="numpy")
def _over_gaps(
    gain: np.ndarray,
    presence: np.ndarray,
    n_gaps: int,
    by_presence: np.ndarray,
    by_gain: np.ndarray,
) -> float:
    """Return the log of the mean over gaps of the product over arms; fill both derivatives."""
    n_arms = gain.shape[0]
    log_weight, by_presence_at = np.zeros(n_gaps), np.zeros((n_arms, n_gaps))
    for k in range(n_gaps):
        for a in range(n_arms):
            log_either, by_presence_at[a, k], by_gain[a, k] = _either(gain[a, k], presence[a])
            log_weight[k] += log_either
    largest = log_weight.max()
    weight = np.exp(log_weight - largest)
    total = weight.sum()
    for k in range(n_gaps):
        for a in range(n_arms):
            by_presence[a] += by_presence_at[a, k] * weight[k] / total
            by_gain[a, k] *= weight[k] / total
    return largest + np.log(total / n_gaps)


@numba.njit(error_model="numpy")
def _evaluate(
    n_correct: np.ndarray,
    n_items: np.ndarray,
    accuracies: tuple[np.ndarray, np.ndarray],
    concentration: float,
    place: tuple[np.ndarray, np.ndarray],
    slopes: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    gain: np.ndarray,
) -> float:
    """Return a task's log-likelihood without jumps; fill slopes, and gains by last gap below."""
    (without, with_jump), (arm, gaps_below) = accuracies, place
    by_without, by_with, slope_without, slope_with = slopes
    total = 0.0
    for j in range(n_items.size):
        if n_items[j] > 0:
            base, by_without[j], slope_without[j] = cell_log_likelihood(
                n_correct[j], n_items[j], without[j], concentration
            )
            total += base
            if gaps_below[j] > 0:
                lifted, by_with[j], slope_with[j] = cell_log_likelihood(
                    n_correct[j], n_items[j], with_jump[j], concentration
                )
                gain[arm[j], gaps_below[j] - 1] += lifted - base
    return total


@numba.njit(error_model="numpy")
def _weigh(
    place: tuple[np.ndarray, np.ndarray],
    by_gain: np.ndarray,
    slopes: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
) -> float:
    """Weigh both slopes of each cell by how probably it is lifted; return the concentration's."""
    arm, gaps_below = place
    by_without, by_with, slope_without, slope_with = slopes
    total = 0.0
    for j in range(arm.size):
        lifted = by_gain[arm[j], gaps_below[j] - 1] if gaps_below[j] > 0 else 0.0
        by_without[j] *= 1 - lifted
        by_with[j] *= lifted
        total += (1 - lifted) * slope_without[j] + lifted * slope_with[j]
    return total


@numba.njit(error_model="numpy")
def mix(
    n_correct: np.ndarray,
    n_items: np.ndarray,
    without: np.ndarray,
    with_jump: np.ndarray,
    concentration: np.ndarray,
    presence: np.ndarray,
    arm: np.ndarray,
    gaps_below: np.ndarray,
    n_gaps: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the fields of ``Mixture``; a cell with 0 items changes nothing."""
    n_tasks, n_slots = without.shape
    n_arms = presence.shape[1]
    value, by_concentration = np.zeros(n_tasks), np.zeros(n_tasks)
    by_without, by_with = np.zeros((n_tasks, n_slots)), np.zeros((n_tasks, n_slots))
    by_presence = np.zeros((n_tasks, n_arms))
    gain = np.zeros((n_tasks, n_arms, n_gaps.max()))
    for t in range(n_tasks):
        g, place = n_gaps[t], (arm[t], gaps_below[t])
        slopes = (by_without[t], by_with[t], np.zeros(n_slots), np.zeros(n_slots))
        value[t] = _evaluate(
            n_correct[t], n_items[t], (without[t], with_jump[t]), concentration[t], place, slopes,
            gain[t],
        )  # fmt: skip
        for k in range(g - 2, -1, -1):  # a cell counts for every gap below it
            gain[t, :, k] += gain[t, :, k + 1]
        by_gain = np.zeros((n_arms, g))
        value[t] += _over_gaps(gain[t], presence[t], g, by_presence[t], by_gain)
        for k in range(1, g):
            by_gain[:, k] += by_gain[:, k - 1]
        by_concentration[t] = _weigh(place, by_gain, slopes)
    return value, by_without, by_with, by_concentration, by_presence, gain


class JumpMixture(Op):
    """``mix`` as a PyTensor operation: the value is differentiable, the rest comes with it."""

    __props__ = ()

    def make_node(self, *inputs: Any) -> Apply:
        """Return the node of the arguments of ``mix``, in order."""
        floats = [pt.as_tensor_variable(value, dtype="float64") for value in inputs[:6]]
        indices = [pt.as_tensor_variable(value, dtype="int64") for value in inputs[6:]]
        outputs = [pt.vector(), pt.matrix(), pt.matrix(), pt.vector(), pt.matrix(), pt.tensor3()]
        return Apply(self, [*floats, *indices], [o.astype("float64").type() for o in outputs])

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:  # noqa: ARG002
        """Compute outside of numba-compiled functions, with the same code."""
        for storage, result in zip(output_storage, mix(*inputs), strict=True):
            storage[0] = result

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only the value depends, smoothly, on accuracies, concentration and presence."""
        n_outputs = len(node.outputs)
        smooth = [True, *[False] * (n_outputs - 1)]
        return [smooth if 2 <= i < 6 else [False] * n_outputs for i in range(len(node.inputs))]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """Return the gradient of the value from the derivatives that came with it."""
        _, by_without, by_with, by_concentration, by_presence, _ = outputs
        above = cotangents[0]
        smooth = [
            above[:, None] * by_without,
            above[:, None] * by_with,
            above * by_concentration,
            above[:, None] * by_presence,
        ]
        nothing = DisconnectedType()
        return [nothing(), nothing(), *smooth, *(nothing() for _ in inputs[6:])]

    L_op = pullback  # pyright: ignore[reportAssignmentType] its name before PyTensor 3


@register_funcify_default_op_cache_key(JumpMixture)
def _compile(op: JumpMixture, **kwargs: Any) -> Any:  # noqa: ARG001
    compute = mix

    @numba_njit
    def jump_mixture(*inputs):  # noqa: ANN002, ANN202
        return compute(*inputs)

    # By the loops' source: PyTensor keeps compiled functions on disk and would reuse a stale one.
    return jump_mixture, _version()


def _version() -> int:
    code = "".join(inspect.getsource(m) for m in (beta_binomial, sys.modules[__name__]))
    return int(hashlib.sha256(code.encode()).hexdigest()[:15], 16)


def jump_mixture(
    n_correct: Tensor,
    n_items: Tensor,
    parameters: Sequence[Tensor],
    design: Design,
) -> tuple[Tensor, Tensor]:
    """Return each task's marginal log-likelihood (task,), and the gains (task, arm, gap).

    ``parameters`` are the accuracies without and with the jump, the concentrations, and the
    presence (task, arm): how probable a jump of its size is before any score.
    """
    where = (design.arm, design.gaps_below, design.n_gaps)
    outputs: Any = JumpMixture()(n_correct, n_items, *parameters, *where)
    return outputs[0], outputs[-1]


def no_jump(
    n_correct: Tensor, n_items: Tensor, expected: Tensor, concentration: Tensor, design: Design
) -> Tensor:
    """Return each task's log-likelihood without any jump, (task,), by the same loop."""
    outputs: Any = JumpMixture()(
        n_correct, n_items, expected, expected, concentration, np.full((len(design.tasks), 1), 0.5),
        0 * design.arm, 0 * design.gaps_below, 0 * design.n_gaps + 1,
    )  # fmt: skip
    value: Tensor = outputs[0]
    return value
