"""The marginal over gaps and arms: its value against a plain sum, its gradient, its extremes."""

import itertools
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from by_hand import beta_binomial, design_of, log_sum, table
from scipy import special

from toolkit.models import jump_mixture
from toolkit.models.jump_mixture import JumpMixture, Mixture, mix
from toolkit.models.some_arm import NEVER

N_TASKS, N_SLOTS, N_ARMS = 2, 7, 3
# The second task has a gap less, and a last slot that is padding.
N_GAPS = np.array([3, 2])
SOME_OF = np.array([[1, 1, 1], [0, 1, 0]])
ARM = np.array([[0, 1, 2, 0, 1, 2, 0], [0, 0, 1, 1, 1, 0, 0]])
GAPS_BELOW = np.array([[0, 0, 1, 1, 2, 3, 3], [0, 1, 1, 2, 2, 2, 0]])
ITEMS = np.array([[20, 30, 25, 40, 10, 60, 50], [30, 30, 40, 20, 70, 25, 0]], float)


def inputs(seed):
    """Return arguments of ``mix`` at random, in order."""
    rng = np.random.default_rng(seed)
    without = rng.uniform(0.05, 0.8, ITEMS.shape)
    with_jump = without + rng.uniform(0.01, 0.15, ITEMS.shape)
    return [
        np.floor(rng.uniform(0, 1, ITEMS.shape) * (ITEMS + 1)), ITEMS, without, with_jump,
        rng.uniform(5, 200, N_TASKS), rng.normal(0, 1.5, N_TASKS),
        rng.normal(0, 1.5, (N_TASKS, N_ARMS)), SOME_OF, ARM, GAPS_BELOW, N_GAPS,
    ]  # fmt: skip


def by_sum(
    n_correct,
    n_items,
    without,
    with_jump,
    concentration,
    jumping,
    in_arm,
    some_of,
    arm,
    below,
    n_gaps,
):
    """Return each task's log-likelihood as a sum over every gap and every set of arms."""
    values = []
    for t in range(len(without)):
        terms = []
        every = list(itertools.product((0, 1), repeat=N_ARMS))
        sets = [every[0], *(arms for arms in every if some_of[t] @ arms)]
        odds = np.array([np.exp(in_arm[t] @ arms) for arms in sets[1:]])
        jumps = special.expit(jumping[t])
        before = [1 - jumps, *(jumps * odds / odds.sum())]
        for gap, (arms, p) in itertools.product(range(n_gaps[t]), zip(sets, before, strict=True)):
            term = np.log(p) - np.log(n_gaps[t])
            for j in range(n_items.shape[1]):
                k, n = n_correct[t, j], n_items[t, j]
                lifted = arms[arm[t, j]] and below[t, j] > gap
                p = with_jump[t, j] if lifted else without[t, j]
                term += beta_binomial(k, n, p, concentration[t])
            terms.append(term)
        values.append(log_sum(np.array(terms)))
    return np.array(values)


def mixed(*args):
    return Mixture(*mix(*args))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_value_equals_the_sum_over_gaps_and_arms(seed):
    given = inputs(seed)
    np.testing.assert_allclose(mixed(*given).value, by_sum(*given), atol=1e-10, rtol=0)


@pytest.mark.parametrize("seed", [1, 2])
def test_gradient_equals_finite_differences(seed):
    given = inputs(seed)
    found = mixed(*given)
    derivatives = {
        2: found.by_without, 3: found.by_with, 4: found.by_concentration,
        5: found.by_jumping, 6: found.by_in_arm,
    }  # fmt: skip
    for index, derivative in derivatives.items():
        for at in np.ndindex(given[index].shape):
            assert derivative[at] == pytest.approx(slope(given, index, at).sum(), abs=2e-6), at


def slope(given, index, at):
    """Return the change of the value by task with one argument, by central differences."""
    step = 1e-5 * max(1.0, abs(given[index][at]))
    ends = []
    for sign in (1, -1):
        moved = [array.copy() for array in given]
        moved[index][at] += sign * step
        ends.append(mixed(*moved).value)
    return (ends[0] - ends[1]) / (2 * step)


def test_gain_of_an_arm_is_the_sum_over_its_cells_above_the_gap():
    given = inputs(4)
    found = mixed(*given)
    n_correct, n_items, without, with_jump, concentration = given[:5]
    for t, a, k in np.ndindex(found.gain.shape):
        expected = sum(
            beta_binomial(n_correct[t, j], n_items[t, j], with_jump[t, j], concentration[t])
            - beta_binomial(n_correct[t, j], n_items[t, j], without[t, j], concentration[t])
            for j in np.flatnonzero((ARM[t] == a) & (GAPS_BELOW[t] > k))
        )
        assert found.gain[t, a, k] == pytest.approx(expected, abs=1e-10)


def test_cells_without_items_change_nothing():
    given = inputs(5)
    before = mixed(*given)
    # Padding with anything in it, also as if it lay above every gap.
    for index, value in ((0, 0.0), (2, 0.9), (3, 0.99), (8, 2), (9, 2)):
        given[index] = given[index].copy()
        given[index][1, -1] = value
    for name, value in before._asdict().items():
        np.testing.assert_array_equal(getattr(mixed(*given), name), value, err_msg=name)
    # And a cell that is left out is as one that was never there.
    given = inputs(5)
    given[0], given[1] = (np.where(np.arange(N_SLOTS) == 4, 0.0, array) for array in given[:2])
    without_it = [np.delete(a, 4, axis=1) if a.shape == ITEMS.shape else a for a in given]
    np.testing.assert_array_equal(mixed(*given).value, mixed(*without_it).value)
    assert (mixed(*given).by_without[:, 4] == 0).all()
    assert (mixed(*given).by_with[:, 4] == 0).all()


@pytest.mark.parametrize("log_odds", [NEVER, -690.0, 0.0, 36.0, 3000.0])
@pytest.mark.parametrize("right", [0.0, 1.0])
def test_mixture_of_a_certain_jump_is_finite(log_odds, right):
    given = inputs(6)
    given[1] = ITEMS * 1000
    given[0] = given[1] * right  # all wrong or all right: for or against the jump without doubt
    given[2][:], given[3][:] = 1e-5, 1 - 1e-5
    given[4][:], given[5][:], given[6][:] = 2.5e5, log_odds, log_odds
    found = mixed(*given)
    assert np.abs(found.gain).max() > 1e5
    for name, value in found._asdict().items():
        assert np.isfinite(value).all(), name


@pytest.fixture(scope="module")
def compiled():
    """Return the operation and its gradient by PyTensor, by mode."""
    given = inputs(7)
    parts = [pt.as_tensor_variable(v).type() for v in given[2:7]]
    value, *_, gain = JumpMixture().make_node(*given[:2], *parts, *given[7:]).outputs
    weights = np.array([1.0, -0.7])  # so that a gradient by task is told from one of the sum
    slopes: Any = pt.grad((weights * value).sum(), parts)
    outputs = [value, gain, *slopes]
    return {
        mode: pytensor.function(parts, outputs, mode=mode) for mode in ("FAST_COMPILE", "NUMBA")
    }


def test_shapes_are_known_without_computing(monkeypatch):
    given = inputs(7)
    parts = [pt.as_tensor_variable(v).type() for v in given[2:7]]
    outputs: Any = JumpMixture().make_node(*given[:2], *parts, *given[7:]).outputs
    asked = pytensor.function(parts, [output.shape for output in outputs], mode="FAST_COMPILE")
    monkeypatch.setattr(JumpMixture, "perform", None)  # computing would fail
    shapes = [tuple(shape.tolist()) for shape in asked(*given[2:7])]
    assert shapes == [np.shape(value) for value in mixed(*given)]


def test_operation_gives_the_same_in_python_and_in_numba(compiled):
    for seed in (7, 8):
        python, numba = (function(*inputs(seed)[2:7]) for function in compiled.values())
        for one, other in zip(python, numba, strict=True):
            # Compiled apart, loops over several cells at once may round apart.
            np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-11)


def test_operation_gives_the_gradient_of_its_value(compiled):
    counts, found = inputs(7)[:2], inputs(8)
    found = mixed(*counts, *found[2:])
    value, gain, *slopes = compiled["FAST_COMPILE"](*inputs(8)[2:7])
    np.testing.assert_array_equal(value, found.value)
    np.testing.assert_array_equal(gain, found.gain)
    weights = np.array([1.0, -0.7])
    expected = [
        weights[:, None] * found.by_without,
        weights[:, None] * found.by_with,
        weights * found.by_concentration,
        weights * found.by_jumping,
        weights[:, None] * found.by_in_arm,
    ]
    for one, other in zip(slopes, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_compiled_functions_are_kept_under_the_source_of_the_loops(monkeypatch):
    before = jump_mixture._version()
    assert jump_mixture._version() == before
    source = jump_mixture.inspect.getsource
    changed = jump_mixture.beta_binomial
    monkeypatch.setattr(
        jump_mixture.inspect, "getsource", lambda m: source(m) + "#" * (m is changed)
    )
    assert jump_mixture._version() != before


def test_no_jump_is_the_likelihood_without_any():
    design = design_of(table())
    expected = np.random.default_rng(9).uniform(0.1, 0.9, design.size.shape)
    concentration = np.array([5.0, 50.0, 2.5e5])
    value = jump_mixture.no_jump(
        pt.as_tensor_variable(design.n_correct), pt.as_tensor_variable(design.n_items),
        pt.as_tensor_variable(expected), pt.as_tensor_variable(concentration), design,
    ).eval(mode="FAST_COMPILE")  # fmt: skip
    for t in range(len(design.tasks)):
        by_cell = [
            beta_binomial(k, n, p, concentration[t])
            for k, n, p in zip(design.n_correct[t], design.n_items[t], expected[t], strict=True)
        ]
        assert value[t] == pytest.approx(sum(by_cell), abs=2e-8)
