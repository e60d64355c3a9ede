"""E4 and E6 on curves whose widths and onsets are known."""

import numpy as np
import pytest
import xarray as xr

from toolkit.estimands.curves import (
    Curves,
    sharpness,
    thinned,
    transition_width,
    typical,
)
from toolkit.estimands.onset import onset, onset_shift
from toolkit.study.claims import ARMS

GRID = np.linspace(8, 11, 301)
CHANCE = 0.25
LOGISTIC_SCALES = 2 * np.log(9)  # from 10% to 90% of a logistic


NONE = np.array([]), np.array([])
ENOUGH = 250  # of each row in a chain: a size from fewer than 400 effective draws is not given


def curves_from(rows, each=ENOUGH):
    """Return curves from a list of accuracies over the grid, ``each`` times in both chains."""
    rng = np.random.default_rng(3)
    chain = np.repeat(np.array(rows, float), each, axis=0)
    values = np.stack([rng.permutation(chain) for _ in range(2)])
    return Curves(xr.DataArray(values, dims=("chain", "draw", "x")), GRID, CHANCE)


def logistic(middle, width, height=0.5):
    return CHANCE + height / (1 + np.exp(-(GRID - middle) * LOGISTIC_SCALES / width))


@pytest.mark.parametrize("width", [0.2, 0.5, 1.0])
def test_width_of_a_logistic_is_its_own(width):
    found, middle = transition_width(curves_from([logistic(9.5, width)] * 4))
    assert found.to_numpy() == pytest.approx(width, abs=0.02)
    assert middle.to_numpy() == pytest.approx(9.5, abs=0.02)


def test_width_of_a_step_is_that_of_the_grid():
    step = np.where(GRID >= 9.5, 0.7, CHANCE)
    found, _ = transition_width(curves_from([step] * 4))
    assert (found.to_numpy() <= GRID[1] - GRID[0]).all()


def test_width_of_a_curve_that_hardly_rises_is_unknown():
    found, middle = transition_width(curves_from([logistic(9.5, 1, height=0.04)] * 4))
    assert np.isnan(found).all()
    assert np.isnan(middle).all()


def test_sharp_is_not_claimed_of_a_rise_inside_a_wide_gap():
    wide = sharpness(curves_from([logistic(9.5, 0.5)] * 4), [8.0, 8.5, 9.0, 11.0])
    assert wide.gap == pytest.approx(2.0)
    assert wide.reading == "sharper than the gap"
    assert wide.sizes_inside == 0
    fine = sharpness(curves_from([logistic(9.5, 0.5)] * 4), np.linspace(8, 11, 31).tolist())
    assert fine.gap == pytest.approx(0.1)
    assert fine.reading == "gradual: wider than the gap"
    assert fine.sizes_inside >= 4


def test_no_rise_has_no_width_but_says_so():
    flat = sharpness(curves_from([np.full(len(GRID), CHANCE)] * 4), [8.0, 9.0, 10.0, 11.0])
    assert flat.width is None
    assert flat.p_rises.median == 0
    assert flat.reading == "no rise to measure"


def test_onset_is_where_the_curve_leaves_chance_by_five_points():
    # Straight from chance at 8 to 0.55 at 11: 5 points above chance half a decade on.
    line = CHANCE + 0.1 * (GRID - 8)
    found = onset(curves_from([line] * 4), ARMS[0], *NONE)
    assert found.arm == ARMS[0].label
    assert found.at.median == pytest.approx(8.5, abs=1e-6)
    assert np.log10(found.sure_from) == pytest.approx(8.5, abs=0.011)
    assert found.p_within.median == 1


def test_onset_says_how_many_checkpoints_up_to_it_score_so_high():
    line = CHANCE + 0.1 * (GRID - 8)
    sizes, scores = np.array([8.0, 8.2, 8.4, 9.0]), np.array([0.2, 0.31, 0.29, 0.2])
    found = onset(curves_from([line] * 4), ARMS[0], sizes, scores)
    assert (found.n_up_to, found.n_showing) == (3, 1)
    never = onset(curves_from([np.full(len(GRID), CHANCE)] * 4), ARMS[0], sizes, scores)
    assert (never.n_up_to, never.n_showing) == (0, 0)


def test_typical_checkpoint_deviates_nowhere():
    draws = xr.Dataset({"sigma_family": ("draw", [1.0, 2.0]), "sigma_slope": ("draw", [3.0, 4.0])})
    found = typical(draws)
    assert found["sigma_family"].to_numpy().tolist() == [0.0, 0.0]
    assert found["sigma_slope"].to_numpy().tolist() == [3.0, 4.0]


def test_onset_that_only_some_draws_have_is_not_sure():
    line, flat = CHANCE + 0.1 * (GRID - 8), np.full(len(GRID), CHANCE)
    found = onset(curves_from([line] * 9 + [flat]), ARMS[1], *NONE)
    assert found.sure_from is None
    assert found.p_within.median == pytest.approx(0.9)


def test_onset_below_the_smallest_size_is_said_to_lie_there():
    line = CHANCE + 0.2 + 0.1 * (GRID - 8)
    found = onset(curves_from([line, line - 0.2]), ARMS[1], *NONE)
    assert found.p_smallest.median == pytest.approx(0.5)
    assert found.p_within.median == 1
    # How much earlier is not known of an arm that shows the ability at every size.
    assert onset_shift(curves_from([line - 0.2]), curves_from([line])) is None


def test_size_that_few_draws_or_unlike_chains_have_is_not_given():
    line, flat = CHANCE + 0.1 * (GRID - 8), np.full(len(GRID), CHANCE)
    few = onset(curves_from([line] + [flat] * 4, each=50), ARMS[0], *NONE)
    assert few.p_within.median == pytest.approx(0.2)
    assert few.at is None
    values = np.stack([np.tile(line + height, (ENOUGH, 1)) for height in (0.0, -0.1)])
    unlike = Curves(xr.DataArray(values, dims=("chain", "draw", "x")), GRID, CHANCE)
    assert onset(unlike, ARMS[0], *NONE).at is None
    steep = np.stack([np.tile(logistic(9.5, width), (ENOUGH, 1)) for width in (0.2, 1.0)])
    found = sharpness(
        Curves(xr.DataArray(steep, dims=("chain", "draw", "x")), GRID, CHANCE), [8.0, 9.0, 11.0]
    )
    assert found.width is None
    assert found.reading.startswith("not converged")


def test_onset_shift_is_in_decades_and_positive_for_the_earlier_arm():
    early, late = (
        curves_from([CHANCE + 0.1 * (GRID - 8)] * 4),
        curves_from([CHANCE + 0.1 * (GRID - 8.7)] * 4),
    )
    assert onset_shift(late, early).median == pytest.approx(0.7, abs=1e-6)
    never = curves_from([np.full(len(GRID), CHANCE)] * 4)
    assert onset_shift(never, early) is None


def test_thinned_draws_are_about_as_many_as_asked():
    posterior = xr.Dataset({"a": (("chain", "draw"), np.zeros((4, 1000)))})
    assert thinned(posterior, 400).sizes == {"chain": 4, "draw": 100}
    assert thinned(posterior, 10_000).sizes == {"chain": 4, "draw": 1000}
