"""A task's log-likelihood, exactly marginal over where and in which arms it jumps.

A cell's log-likelihood takes two values, L0 without and L1 with the jump. The gain of arm a and
gap k is the sum of L1 - L0 over the cells of that arm above the gap, and

    log p(t) = sum L0 + softplus(u_t + V_t) - softplus(u_t)
    V_t = log sum_k exp(-log G_t + any(l_t + gain[t, :, k]) - any(l_t))

with the log odds, before any score, u that a task of these sizes jumps and l of its arms, of some
of which one at least then does: ``any`` is of ``some_arm``. This costs two likelihood evaluations
whatever the number of gaps. ``JumpMixture`` computes it with its gradient in one loop; as it is
given log odds, nothing in it overflows where a jump is certain. Its equality with a sum over all
gaps and sets of arms is tested.
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

from toolkit.models import beta_binomial, some_arm
from toolkit.models.beta_binomial import log_likelihoods, of_all_items
from toolkit.models.design import Design
from toolkit.models.priors import Tensor
from toolkit.models.some_arm import any_jump, sigmoid, softplus


class Mixture(NamedTuple):
    """What the loop returns: value and gradient by task, and the gains (task, arm, gap)."""

    value: np.ndarray  # (task,)
    by_without: np.ndarray  # (task, slot), derivative in the accuracy without the jump
    by_with: np.ndarray  # (task, slot)
    by_concentration: np.ndarray  # (task,)
    by_jumping: np.ndarray  # (task,)
    by_in_arm: np.ndarray  # (task, arm)
    gain: np.ndarray  # (task, arm, gap)


@numba.njit(error_model="numpy")
def _over_gaps(
    gain: np.ndarray,
    in_arm: np.ndarray,
    some_of: np.ndarray,
    n_gaps: int,
    by_in_arm: np.ndarray,
    by_gain: np.ndarray,
) -> float:
    """Return what the scores add to the log odds that the task jumps; fill both derivatives."""
    n_arms = gain.shape[0]
    log_weight, given, before = np.zeros(n_gaps), np.zeros((n_gaps, n_arms)), np.zeros(n_arms)
    for k in range(n_gaps):
        log_weight[k] = any_jump(in_arm + gain[:, k], some_of, given[k])
    alone = any_jump(in_arm, some_of, before)
    largest = log_weight.max()
    weight = np.exp(log_weight - largest)
    total = weight.sum()
    for a in range(n_arms):
        by_in_arm[a] = -before[a]
        for k in range(n_gaps):
            by_gain[a, k] = given[k, a] * weight[k] / total
            by_in_arm[a] += by_gain[a, k]
    return largest + np.log(total / n_gaps) - alone


@numba.njit(error_model="numpy")
def _n_cells(n_items: np.ndarray) -> int:
    """Return the number of slots up to the last that is no padding."""
    n = n_items.size
    while n > 1 and n_items[n - 1] == 0:
        n -= 1
    return n


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
    counts = n_correct, n_items
    all_items = of_all_items(n_items, concentration)
    base = log_likelihoods(*counts, without, concentration, all_items, (by_without, slope_without))
    if gaps_below.max() > 0:  # else nothing is lifted, as in a smooth model
        lifted = log_likelihoods(
            *counts, with_jump, concentration, all_items, (by_with, slope_with)
        )
        for j in range(n_items.size):
            if gaps_below[j] > 0:
                gain[arm[j], gaps_below[j] - 1] += lifted[j] - base[j]
    return base.sum()


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
    jumping: np.ndarray,
    in_arm: np.ndarray,
    some_of: np.ndarray,
    arm: np.ndarray,
    gaps_below: np.ndarray,
    n_gaps: np.ndarray,
) -> tuple[np.ndarray, ...]:
    """Return the fields of ``Mixture``; a cell with 0 items changes nothing."""
    n_tasks, n_slots = without.shape
    n_arms = in_arm.shape[1]
    value, by_concentration, by_jumping = np.zeros(n_tasks), np.zeros(n_tasks), np.zeros(n_tasks)
    by_without, by_with = np.zeros((n_tasks, n_slots)), np.zeros((n_tasks, n_slots))
    by_in_arm = np.zeros((n_tasks, n_arms))
    gain = np.zeros((n_tasks, n_arms, n_gaps.max()))
    for t in range(n_tasks):
        g, m = n_gaps[t], _n_cells(n_items[t])
        place = arm[t, :m], gaps_below[t, :m]
        slopes = by_without[t, :m], by_with[t, :m], np.zeros(m), np.zeros(m)
        value[t] = _evaluate(
            n_correct[t, :m], n_items[t, :m], (without[t, :m], with_jump[t, :m]), concentration[t],
            place, slopes, gain[t],
        )  # fmt: skip
        for k in range(g - 2, -1, -1):  # a cell counts for every gap below it
            gain[t, :, k] += gain[t, :, k + 1]
        by_gain = np.zeros((n_arms, g))
        given = in_arm[t], some_of[t]
        after = jumping[t] + _over_gaps(gain[t], *given, g, by_in_arm[t], by_gain)
        value[t] += softplus(after) - softplus(jumping[t])
        jumps = sigmoid(after)
        by_jumping[t] = jumps - sigmoid(jumping[t])
        by_in_arm[t] *= jumps
        by_gain *= jumps
        for k in range(1, g):
            by_gain[:, k] += by_gain[:, k - 1]
        by_concentration[t] = _weigh(place, by_gain, slopes)
    return value, by_without, by_with, by_concentration, by_jumping, by_in_arm, gain


class JumpMixture(Op):
    """``mix`` as a PyTensor operation: the value is differentiable, the rest comes with it."""

    __props__ = ()

    def make_node(self, *inputs: Any) -> Apply:
        """Return the node of the arguments of ``mix``, in order."""
        floats = [pt.as_tensor_variable(value, dtype="float64") for value in inputs[:7]]
        indices = [pt.as_tensor_variable(value, dtype="int64") for value in inputs[7:]]
        matrices, vectors = [pt.matrix(), pt.matrix()], [pt.vector(), pt.vector()]
        outputs = [pt.vector(), *matrices, *vectors, pt.matrix(), pt.tensor3()]
        return Apply(self, [*floats, *indices], [o.astype("float64").type() for o in outputs])

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:  # noqa: ARG002
        """Compute outside of numba-compiled functions, with the same code."""
        for storage, result in zip(output_storage, mix(*inputs), strict=True):
            storage[0] = result

    def infer_shape(self, fgraph: Any, node: Apply, shapes: Any) -> list[Any]:  # noqa: ARG002
        """Return the shapes of the outputs, so that asking for them computes no likelihood."""
        n_tasks, n_slots = shapes[2]
        n_arms, n_gaps = shapes[6][1], pt.max(node.inputs[-1])
        cells, task = (n_tasks, n_slots), (n_tasks,)
        return [
            task, cells, cells, task, task, (n_tasks, n_arms), (n_tasks, n_arms, n_gaps),
        ]  # fmt: skip

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only the value depends, smoothly, on accuracies, concentration and log odds."""
        n_outputs = len(node.outputs)
        smooth = [True, *[False] * (n_outputs - 1)]
        return [smooth if 2 <= i < 7 else [False] * n_outputs for i in range(len(node.inputs))]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """Return the gradient of the value from the derivatives that came with it."""
        _, by_without, by_with, by_concentration, by_jumping, by_in_arm, _ = outputs
        above = cotangents[0]
        smooth = [
            above[:, None] * by_without,
            above[:, None] * by_with,
            above * by_concentration,
            above * by_jumping,
            above[:, None] * by_in_arm,
        ]
        nothing = DisconnectedType()
        return [nothing(), nothing(), *smooth, *(nothing() for _ in inputs[7:])]

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
    code = "".join(inspect.getsource(m) for m in (beta_binomial, some_arm, sys.modules[__name__]))
    return int(hashlib.sha256(code.encode()).hexdigest()[:15], 16)


def jump_mixture(
    n_correct: Tensor,
    n_items: Tensor,
    parameters: Sequence[Tensor],
    design: Design,
) -> tuple[Tensor, Tensor]:
    """Return each task's marginal log-likelihood (task,), and the gains (task, arm, gap).

    ``parameters`` are the accuracies without and with the jump, the concentrations, and before any
    score the log odds that a task of its sizes jumps (task,), and those of its arms (task, arm).
    """
    where = (design.arms_of_jump, design.arm, design.gaps_below, design.n_gaps)
    outputs: Any = JumpMixture()(n_correct, n_items, *parameters, *where)
    return outputs[0], outputs[-1]


def no_jump(
    n_correct: Tensor, n_items: Tensor, expected: Tensor, concentration: Tensor, design: Design
) -> Tensor:
    """Return each task's log-likelihood without any jump, (task,), by the same loop."""
    n_tasks = len(design.tasks)
    outputs: Any = JumpMixture()(
        n_correct, n_items, expected, expected, concentration, np.zeros(n_tasks),
        np.zeros((n_tasks, 1)), np.ones((n_tasks, 1)), 0 * design.arm, 0 * design.gaps_below,
        0 * design.n_gaps + 1,
    )  # fmt: skip
    value: Tensor = outputs[0]
    return value
