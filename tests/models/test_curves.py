"""The smooth curves: evaluated from draws as in the model, and each with the shape it promises."""

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from by_hand import MODE, design_of, table

from toolkit.models import gaussian_process, spline
from toolkit.models.gaussian_process import GAUSSIAN_PROCESS
from toolkit.models.polynomial import BENT, STRAIGHT
from toolkit.models.power_law import FREE_RISE, WIDE_RISE
from toolkit.models.priors import PRIORS
from toolkit.models.spline import LEAST_LENGTH, MONOTONE_SPLINE

CURVES = {
    "straight": STRAIGHT,
    "bent": BENT,
    "spline": MONOTONE_SPLINE,
    "gaussian process": GAUSSIAN_PROCESS,
    "free rise": FREE_RISE,
    "wide rise": WIDE_RISE,
}
PARTS = ("base", "few_shot", "tuned")
N_DRAWS = 4


@pytest.fixture(scope="module")
def design():
    return design_of(table())


@pytest.fixture(scope="module")
def drawn(design):
    """Return by curve: prior draws as a posterior has them, and each part's value in the cells."""

    def of(curve):
        own = curve.coords(design) if hasattr(curve, "coords") else {}
        with pm.Model(coords={**design.coords, **own}) as model:
            parts = [curve.base(design, PRIORS)]
            parts += [curve.gain(name, design, PRIORS) for name in PARTS[1:]]
        variables = [*model.free_RVs, *model.deterministics]
        drawn = pm.draw([*parts, *variables], N_DRAWS, random_seed=3, mode=MODE)
        dims = [model.named_vars_to_dims.get(v.name) or () for v in variables]
        lead = ("chain", "draw")
        posterior = xr.Dataset(
            {
                v.name: ((*lead, *d), values[None])
                for v, d, values in zip(variables, dims, drawn[len(parts) :], strict=True)
            }
        )
        named = {dim: list(at or ()) for dim, at in model.coords.items() if dim in posterior.dims}
        return posterior.assign_coords(named), dict(zip(PARTS, drawn, strict=False))

    return {name: of(curve) for name, curve in CURVES.items()}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", CURVES)
def test_curve_from_draws_equals_the_models_in_every_cell(design, drawn, name, part):
    posterior, values = drawn[name]
    x = xr.DataArray(design.size, dims=("task", "slot"))
    found = CURVES[name].at(posterior, design, x, part).transpose("chain", "draw", "task", "slot")
    np.testing.assert_allclose(found[0], values[part], rtol=1e-10, atol=1e-10)
    assert values[part].std() > 0.1


@pytest.mark.parametrize("name", CURVES)
def test_curve_at_other_sizes_by_draw_and_of_one_task_is_the_same(design, drawn, name):
    posterior, _ = drawn[name]
    curve, task = CURVES[name], design.tasks[1]
    grid = xr.DataArray(np.linspace(-2, 2, 9), dims="x")
    everywhere = curve.at(posterior, design, grid, "base")
    alone = curve.at(posterior.sel(task=task), design, grid, "base")
    xr.testing.assert_allclose(everywhere.sel(task=task, drop=True), alone.drop_vars("task"))
    # Sizes that differ by draw and task, as those of drawn jumps.
    at = xr.DataArray(
        np.random.default_rng(1).integers(0, 9, (1, N_DRAWS, len(design.tasks))),
        {"task": list(design.tasks)},
        ("chain", "draw", "task"),
    )
    by_draw = curve.at(posterior, design, grid.isel(x=at), "base")
    xr.testing.assert_allclose(by_draw, everywhere.isel(x=at).transpose(*by_draw.dims))


@pytest.mark.parametrize("name", CURVES)
def test_curve_takes_sizes_by_the_name_of_their_task(design, drawn, name):
    posterior, _ = drawn[name]
    x = xr.DataArray(
        np.linspace(-1, 1, 6).reshape(3, 2), {"task": list(design.tasks)}, ("task", "x")
    )
    one, other = (CURVES[name].at(posterior, design, way, "base") for way in (x, x[::-1]))
    for task in design.tasks:
        xr.testing.assert_allclose(one.sel(task=task), other.sel(task=task))


def test_spline_of_non_negative_weights_never_falls(design, drawn):
    posterior, _ = drawn["spline"]
    x = xr.DataArray(np.linspace(-3, 3, 601), dims="x")
    curve = MONOTONE_SPLINE.at(posterior, design, x, "base")
    assert float(posterior["spline_weights"].min()) >= 0
    assert float(curve.diff("x").min()) >= -1e-12
    # The gains may fall.
    assert float(MONOTONE_SPLINE.at(posterior, design, x, "tuned").diff("x").min()) < -1e-3


def test_spline_rises_go_from_nothing_to_one_around_the_centre(design):
    low, high = spline.size_range(design)
    x = np.linspace(low, high, 2001)
    basis = spline.rises(design, x)
    assert basis.shape == (2001, len(MONOTONE_SPLINE.coords(design)["rise"]))
    assert np.diff(basis, axis=0).min() >= -1e-12
    np.testing.assert_allclose(basis[-1] - basis[0], 1)
    np.testing.assert_allclose(spline.rises(design, np.zeros(1)), 0, atol=1e-12)
    # None is much sharper than the shortest length, also at the ends.
    risen = basis - basis[0]
    width = x[(risen > 0.9).argmax(axis=0)] - x[(risen > 0.1).argmax(axis=0)]
    assert width.min() > LEAST_LENGTH / 2


def test_spline_beyond_the_sizes_stays_where_it_is(design, drawn):
    posterior, _ = drawn["spline"]
    low, high = spline.size_range(design)
    for part in PARTS:
        x = xr.DataArray([low - 2, low, high, high + 2], dims="x")
        below, first, last, above = MONOTONE_SPLINE.at(posterior, design, x, part).transpose(
            "x", ...
        )
        np.testing.assert_array_equal(below, first)
        np.testing.assert_array_equal(above, last)


def test_spline_of_a_design_narrower_than_one_piece_is_one_cubic(design):
    narrow = table()
    narrow["n_params"] = 10 ** (9 + 0.1 * np.log10(narrow["n_params"]))
    of_narrow = design_of(narrow)
    low, high = spline.size_range(of_narrow)
    assert high - low < LEAST_LENGTH
    assert spline.rises(of_narrow, of_narrow.size).shape == (*of_narrow.size.shape, 3)


def matern(length, x):
    """Return the covariance of a process of SD 1 between all pairs of sizes."""
    far = np.sqrt(5) * np.abs(x[:, None] - x) / length
    return (1 + far + far**2 / 3) * np.exp(-far)


# The sines vanish 2.5 decades beyond the sizes, which the longest processes feel at the ends.
@pytest.mark.parametrize(
    ("length", "error"), [(0.75, 0.01), (1.0, 0.01), (1.4, 0.02), (1.8, 0.05), (2.2, 0.1)]
)
def test_gaussian_process_has_the_covariance_of_a_matern(design, length, error):
    x = np.linspace(*spline.size_range(design), 9)
    basis = gaussian_process.sines(design, x)
    spread = gaussian_process._spread(design, length, basis.shape[-1]).eval()
    covariance = (basis * spread**2) @ basis.T
    assert np.abs(covariance - matern(length, x)).max() < error
    assert np.sqrt(np.diag(covariance)).min() > 0.945


def test_gaussian_process_of_two_close_sizes_has_the_covariance_of_a_matern():
    # A study of one decade: the room at the sides does not shrink with it.
    narrow = table()
    narrow["n_params"] = 10 ** (9 + 0.3 * np.log10(narrow["n_params"]))
    of_narrow = design_of(narrow)
    x = np.linspace(*spline.size_range(of_narrow), 5)
    basis = gaussian_process.sines(of_narrow, x)
    spread = gaussian_process._spread(of_narrow, 1.25, basis.shape[-1]).eval()
    np.testing.assert_allclose((basis * spread**2) @ basis.T, matern(1.25, x), atol=0.02)


def test_gaussian_process_is_never_shorter_than_the_shortest_length(drawn):
    posterior, _ = drawn["gaussian process"]
    assert float(posterior["gp_length"].min()) >= LEAST_LENGTH


@pytest.mark.parametrize("name", ["free rise", "wide rise"])
def test_broken_rise_is_ten_and_ninety_per_cent_half_its_width_away(design, drawn, name):
    posterior, _ = drawn[name]
    p = posterior
    for side, share in ((-0.5, 0.1), (0.0, 0.5), (0.5, 0.9)):
        x = p["rise_place"] + side * p["rise_decades"]
        found = CURVES[name].at(p, design, x, "base")
        line = p["intercept_effect"] + p["slope_effect"] * x
        xr.testing.assert_allclose(found, line + share * p["rise_height"])


def test_free_rise_of_no_width_is_a_step(design, drawn):
    posterior, _ = drawn["free rise"]
    sharp = posterior.assign(rise_decades=posterior["rise_decades"] * 0 + 1e-9)
    x = xr.DataArray(np.linspace(-3, 3, 25), dims="x")
    line = posterior["intercept_effect"] + posterior["slope_effect"] * x
    expected = line + posterior["rise_height"] * (x > posterior["rise_place"])
    xr.testing.assert_allclose(FREE_RISE.at(sharp, design, x, "base"), expected)


def test_rise_under_a_step_keeps_its_least_width(drawn):
    assert float(drawn["wide rise"][0]["rise_decades"].min()) >= WIDE_RISE.least_width == 0.75
    free, _ = drawn["free rise"]
    xr.testing.assert_equal(free["rise_decades"], free["rise_width"].rename("rise_decades"))
