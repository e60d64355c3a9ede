"""B and L by hand, and what their nulls say where the truth is known."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from toolkit.definitions.above_chance import NotTestableError
from toolkit.definitions.breakthrough import (
    Series,
    b_power,
    b_statistic,
    breakthroughness,
    l_power,
    l_statistic,
    linearity,
    null_curves,
    series_across,
    smooth_curve,
)
from toolkit.definitions.smooth_rates import SLOPE_MAX

LU_SIZES = np.log10([1.17e8, 1.6e9, 6.7e9, 1.75e11])
DENSE_SIZES = np.arange(8, 12, 0.4)  # ten sizes
CLOSE_SIZES = np.arange(8, 12, 0.2)


def series(rates, sizes, n_items, rng=None, chance=0.25):
    """Return a series with these rates; without ``rng`` its counts are the expected ones."""
    rates, n = np.asarray(rates, float), np.full(len(sizes), float(n_items))
    counts = n * rates if rng is None else rng.binomial(n.astype(int), rates).astype(float)
    return Series("a", np.asarray(sizes), np.arange(len(sizes)), n, counts, chance)


def logistic(sizes, slope, middle, floor=0.25):
    return floor + (1 - floor) / (1 + np.exp(-slope * (np.asarray(sizes) - middle)))


def test_b_and_l_of_a_curve_by_hand():
    # Steps 0.1, -0.05, 0.3: median square 0.01, mean square 0.1025 / 3; rise 0.55 - 0.2.
    scores = np.array([0.2, 0.3, 0.25, 0.55])
    assert breakthroughness(scores) == pytest.approx(3.5)
    assert linearity(scores) == pytest.approx(0.35 / np.sqrt(0.1025 / 3))


@pytest.mark.parametrize("k", [3, 4, 8])
def test_straight_line_gives_one_less_than_its_sizes(k):
    line = np.linspace(0.2, 0.8, k)
    assert breakthroughness(line) == pytest.approx(k - 1)
    assert linearity(line) == pytest.approx(k - 1)


def test_single_step_gives_infinite_b_and_small_l():
    step = np.array([0.25, 0.25, 0.25, 0.25, 0.6])
    assert breakthroughness(step) == np.inf
    assert breakthroughness(step[::-1]) == -np.inf
    assert linearity(step) == pytest.approx(2.0)  # square root of four steps


def test_flat_curve_gives_zero():
    assert breakthroughness(np.full(4, 0.3)) == 0
    assert linearity(np.full(4, 0.3)) == 0


def test_b_is_l_for_three_sizes():
    scores = np.array([0.2, 0.5, 0.6])
    assert breakthroughness(scores) == pytest.approx(linearity(scores))


scores_lists = st.lists(st.integers(0, 1000), min_size=4, max_size=9).map(
    lambda counts: np.array(counts) / 1000
)


@settings(max_examples=200, deadline=None)
@given(scores_lists, st.floats(0.01, 0.9), st.floats(0, 0.1))
def test_b_and_l_know_neither_origin_nor_unit(scores, unit, origin):
    # Rounded as a series rounds its scores, so that equal steps stay equal.
    moved = np.round(origin + unit * scores, 12)
    for statistic in (breakthroughness, linearity):
        assert statistic(moved) == pytest.approx(statistic(scores), rel=1e-6)


@settings(max_examples=200, deadline=None)
@given(scores_lists)
def test_l_lies_within_the_number_of_steps_and_below_b_of_few_steps(scores):
    bound = len(scores) - 1
    assert abs(linearity(scores)) <= bound + 1e-9
    if np.ptp(scores) > 0:
        assert abs(breakthroughness(scores)) >= 1 - 1e-9


def test_checkpoints_of_one_size_are_averaged():
    cells = pd.DataFrame(
        {
            "checkpoint": list("abc"), "lm_family": "f", "n_params": [1e9, 1e10, 1e10],
            "n_items": [100.0, 100.0, 200.0], "n_correct": [20.0, 30.0, 100.0],
            "score": [0.2, 0.3, 0.5], "chance": 0.25,
        }
    )  # fmt: skip
    of_cells = series_across(cells, 1e10)
    assert of_cells.scores(of_cells.n_correct) == pytest.approx([0.2, 0.4])
    assert of_cells.largest_step == (9.0, 10.0)


def test_series_is_the_family_with_most_sizes_that_spans_the_threshold():
    cells = pd.DataFrame(
        {
            "lm_family": ["short", "short", "long", "long", "long", "below", "below"],
            "n_params": [1e9, 1e10, 1e8, 1e9, 1e10, 1e7, 1e8],
            "n_items": 100.0, "n_correct": 30.0, "chance": 0.25, "checkpoint": list("abcdefg"),
        }
    )  # fmt: skip
    assert series_across(cells, 1e10).lm_family == "long"
    with pytest.raises(NotTestableError, match="no family has sizes on both sides of 100B"):
        series_across(cells, 1e11)
    cells.loc[2, "n_correct"] = np.nan
    with pytest.raises(NotTestableError, match="not known for all sizes of long"):
        series_across(cells, 1e10)


@pytest.mark.parametrize("sizes", [LU_SIZES, DENSE_SIZES])
@pytest.mark.parametrize(
    "rates",
    [
        lambda x: np.full(len(x), 0.25),
        lambda x: np.full(len(x), 0.9),
        lambda x: logistic(x, 2.0, 10.5),
        lambda x: logistic(x, 8.0, 10.0),
        lambda x: logistic(x, -1.5, 9.0, floor=0.0),
        lambda x: np.full(len(x), 0.05),  # below chance: unparseable answers
    ],
)
def test_smooth_fit_finds_a_smooth_truth(sizes, rates):
    true = rates(sizes)
    assert smooth_curve(series(true, sizes, 1000)) == pytest.approx(true, abs=2e-3)


def test_smooth_fit_is_no_steeper_than_the_widest_gap_that_resolves():
    sizes = np.arange(8, 12, 0.1)
    fitted = smooth_curve(series(np.where(sizes > 10.05, 0.6, 0.25), sizes, 5000))
    assert fitted[[0, -1]] == pytest.approx([0.25, 0.6], abs=0.02)
    # Of the rise no more than this share lies between sizes that are 0.1 decades apart.
    share = np.tanh(SLOPE_MAX * 0.1 / 4)
    assert 0.9 * share < np.diff(fitted).max() / np.ptp(fitted) <= 1.001 * share


def test_smooth_curve_passes_for_a_step_where_the_gap_is_wide():
    # The reason why B can't decide a claim at Lu's sizes: 1.4 decades leave room for any curve.
    step = np.where(LU_SIZES > 11, 0.6, 0.25)
    assert smooth_curve(series(step, LU_SIZES, 1000)) == pytest.approx(step, abs=5e-3)


@pytest.mark.parametrize(
    "rates", [[0.31, 0.31, 0.45, 0.45], [0.34, 0.4, 0.4, 0.4], [0.5, 0.5, 0.5, 0.8]]
)
def test_plateaus_between_wide_gaps_are_rarely_a_breakthrough(rates, rng):
    # As in Lu's physical intuition and social IQA. A twentieth may come out by chance.
    met = 0
    for _ in range(40):
        plateau = series(rates, LU_SIZES, 500, rng)
        b = b_statistic(plateau, null_curves(plateau, rng, 200))
        met += max(b.flat.p_value, b.smooth.p_value) <= 0.05
    assert met <= stats.binom.ppf(0.999, 40, 0.05)


@pytest.mark.parametrize("sizes", [LU_SIZES, CLOSE_SIZES], ids=["Lu", "20 sizes"])
def test_b_tells_no_step_from_a_steep_smooth_curve(sizes, rng):
    # Its denominator is the median step, which both leave alone, however near the sizes lie.
    flat = series(np.full(len(sizes), 0.25), sizes, 2000)
    assert b_power(flat, 1e10, rng, 1000) < 0.4


def test_step_exceeds_the_flat_null_of_b(rng):
    step = series(np.where(CLOSE_SIZES > 9.99, 0.6, 0.25), CLOSE_SIZES, 2000, rng)
    b = b_statistic(step, null_curves(step, rng, 1000))
    assert b.flat.p_value == pytest.approx(1 / 1001)
    assert b.value > b.flat.quantile_95


def test_even_rise_exceeds_the_flat_null_of_l_and_lies_within_the_smooth_one(rng):
    rising = series(np.linspace(0.25, 0.7, 10), DENSE_SIZES, 1000, rng)
    curves = null_curves(rising, rng, 1000)
    line = l_statistic(rising, curves)
    assert line.flat.p_value == pytest.approx(1 / 1001)
    assert line.value >= line.smooth.quantile_05
    assert l_power(rising, curves, rng) > 0.95


@pytest.mark.parametrize(("k", "testable"), [(2, ""), (3, "L"), (4, "BL")])
def test_too_few_sizes_are_refused_with_the_number_needed(k, testable, rng):
    few = series(np.full(k, 0.3), LU_SIZES[:k], 100)
    curves = null_curves(few, rng, 50)
    for name, needed, statistic in (("L", 3, l_statistic), ("B", 4, b_statistic)):
        if name in testable:
            statistic(few, curves)
        else:
            with pytest.raises(NotTestableError, match=f"{k} sizes of a .* {name} needs {needed}"):
                statistic(few, curves)


def test_p_value_is_never_zero_and_counts_ties_as_at_least_as_high(rng):
    none_right = series(np.zeros(4), LU_SIZES, 50, chance=0.0)
    b = b_statistic(none_right, null_curves(none_right, rng, 200))
    assert b.value == 0
    assert b.smooth.p_value == 1.0
    assert 0 < b.flat.p_value < 1


REPEATS = 120


@pytest.fixture(scope="module")
def p_values():
    """Return p-values (repeat, statistic x null) of flat and of smooth truths, at ten sizes."""
    rng = np.random.default_rng(7)
    found = {}
    truths = {"flat": np.full(10, 0.25), "smooth": logistic(DENSE_SIZES, 2.0, 10.5)}
    for name, rates in truths.items():
        rows = []
        for _ in range(REPEATS):
            drawn = series(rates, DENSE_SIZES, 200, rng)
            curves = null_curves(drawn, rng, 200)
            b, line = b_statistic(drawn, curves), l_statistic(drawn, curves)
            rows.append([b.flat.p_value, b.smooth.p_value, line.flat.p_value])
        found[name] = np.array(rows)
    return found


def standard_error(share):
    return np.sqrt(share * (1 - share) / REPEATS)


@pytest.mark.parametrize("level", [0.1, 0.3, 0.5, 0.8])
@pytest.mark.parametrize("column", [0, 2], ids=["B", "L"])
def test_flat_null_is_calibrated_where_the_truth_is_flat(p_values, column, level):
    share = (p_values["flat"][:, column] <= level).mean()
    assert share == pytest.approx(level, abs=3 * standard_error(level) + 0.01)


@pytest.mark.parametrize("truth", ["flat", "smooth"])
def test_b_rarely_exceeds_both_nulls_where_nothing_jumps(p_values, truth):
    both = p_values[truth][:, :2].max(axis=1) <= 0.05
    assert both.mean() <= 0.05 + 3 * standard_error(0.05)


def test_smooth_truth_exceeds_flat_null_but_is_central_in_its_own(p_values):
    assert (p_values["smooth"][:, 0] <= 0.05).mean() > 0.5
    own = p_values["smooth"][:, 1]
    assert np.median(own) == pytest.approx(0.5, abs=0.15)
