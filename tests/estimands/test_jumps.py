"""E1, E2 and E3 on posteriors made by hand, against integrals done another way."""

import math

import numpy as np
import pytest
import xarray as xr
from scipy import integrate, special, stats

from toolkit.estimands.estimate import (
    CI_KIND,
    CI_PROB,
    ROPE,
    estimate,
    mean_mcse,
    probability,
    quantile_mcse,
)
from toolkit.estimands.jumps import ABOVE_JUMP, attribute, expected_accuracy, jump, surviving
from toolkit.models.design import build_design
from toolkit.simulate import PlantedTask, StudyDesign, simulate_study
from toolkit.study.claims import ARM_LABELS, ARMS, Arm

SIZES = StudyDesign({"fern": (1e8, 1e9, 3e10), "moss": (3e9,)}, n_items=50, chance=0.25)
TASKS = ("leaping", "still")
LEAD = ("chain", "draw")
BY_TASK = (
    "intercept", "slope", "curvature", "few_shot", "few_shot_slope", "few_shot_curvature",
    "tuned", "tuned_slope", "tuned_curvature", "both",
)  # fmt: skip
SCALES = (
    "family", "family_slope", "checkpoint", "checkpoint_task", "few_shot_checkpoint", "pair",
)  # fmt: skip
# How many families, base checkpoints and tuned checkpoints were scored. The model's effects sum to
# zero over them, so a new one lies around their mean, which is itself known to sigma^2 / n only.
MEMBERS = {"lm_family": 2, "base": 4, "tuned_checkpoint": 4}
N = 6


@pytest.fixture(scope="module")
def design():
    tasks = [PlantedTask(name, "none", 1e9) for name in TASKS]
    return build_design(simulate_study(SIZES, tasks, np.random.default_rng(1)))


@pytest.fixture(scope="module")
def posterior():
    """Return 2 x 3 draws of a posterior; "leaping" jumps in some arms, "still" in none."""
    rng = np.random.default_rng(12)
    centres = dict(zip(BY_TASK, (-1, 0.6, 0.2, 0.5, 0.2, 0.1, 0.4, -0.1, 0.1, -0.2), strict=True))
    draws = {
        f"{name}_effect": ((*LEAD, "task"), rng.normal(centre, 0.5, (2, 3, 2)))
        for name, centre in centres.items()
    }
    draws |= {f"sigma_{name}": (LEAD, rng.uniform(0.1, 0.9, (2, 3))) for name in SCALES}
    present = rng.random((2, 3, 2, 4)) < 0.6
    present[:, :, 1] = False
    present[0, 0, 0], present[0, 1, 0] = True, [True, False, False, False]
    draws |= {
        "lapse": ((*LEAD, "task"), rng.uniform(0, 0.1, (2, 3, 2))),
        "jump_size": ((*LEAD, "task", "arm"), rng.uniform(0.1, 3, (2, 3, 2, 4))),
        "jump_gap": ((*LEAD, "task"), rng.integers(0, 3, (2, 3, 2))),
        "jump_present": ((*LEAD, "task", "arm"), present),
    }
    members = {dim: list(range(n)) for dim, n in MEMBERS.items()}
    return xr.Dataset(draws).assign_coords(task=list(TASKS), arm=list(ARM_LABELS), **members)


def centre_of(p, x, arm):
    """Return the log-odds at size x without random effects, from one draw of one task."""
    s, i = float(arm.few_shot), float(arm.instruction_tuned)
    value = p["intercept_effect"] + p["slope_effect"] * x + p["curvature_effect"] * x * x / 2
    for on, name in ((s, "few_shot"), (i, "tuned")):
        bend = p[f"{name}_curvature_effect"] * x * x / 2
        value += on * (p[f"{name}_effect"] + p[f"{name}_slope_effect"] * x + bend)
    value += s * i * p["both_effect"]
    return float(value)


def new_member_scales(p, x, arm):
    """Return the SDs of what is new about a new checkpoint of a new family, by where it enters."""
    families, bases, tuned = (math.sqrt(1 + 1 / n) for n in MEMBERS.values())
    parts = [
        float(p["sigma_family"]) * families,
        float(p["sigma_family_slope"]) * families * x,
        float(p["sigma_checkpoint"]) * bases,
        float(p["sigma_checkpoint_task"]),
    ]
    parts += [float(p["sigma_few_shot_checkpoint"]) * bases] if arm.few_shot else []
    parts += [float(p["sigma_pair"]) * tuned] if arm.instruction_tuned else []
    return parts


def spread_of(p, x, arm):
    """Return the SD over new families, checkpoints and their use of the task."""
    return math.sqrt(sum(part**2 for part in new_member_scales(p, x, arm)))


def by_quadrature(p, chance, x, arm, rise=0.0):
    mean, sd = centre_of(p, x, arm) + rise, spread_of(p, x, arm)
    value, _ = integrate.quad(
        lambda z: stats.norm.pdf(z) * special.expit(mean + sd * z), -9, 9, epsabs=1e-11
    )
    return chance + (1 - chance) * (1 - float(p["lapse"])) * value


def each(posterior):
    for chain in range(2):
        for draw in range(3):
            for task in TASKS:
                yield posterior.isel(chain=chain, draw=draw).sel(task=task), (chain, draw, task)


@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: arm.label)
def test_expected_accuracy_equals_quadrature_over_new_checkpoints(posterior, arm):
    chance = xr.DataArray([0.25, 0.5], dims="task", coords={"task": list(TASKS)})
    for x in (-1.5, 0.0, 1.2):
        found = expected_accuracy(posterior, chance, xr.DataArray(x), arm)
        for p, (chain, draw, task) in each(posterior):
            expected = by_quadrature(p, float(chance.sel(task=task)), x, arm)
            got = float(found.isel(chain=chain, draw=draw).sel(task=task))
            assert got == pytest.approx(expected, abs=2e-4)


def test_expected_accuracy_equals_a_simulation_of_new_families_and_checkpoints(posterior):
    p, x, rng = posterior.isel(chain=0, draw=0).sel(task="leaping"), 0.8, np.random.default_rng(3)
    n = 400_000
    eta = centre_of(p, x, Arm(True, True))

    def contrast(name, dim):
        """Draw the scored members and a new one; keep the new one against the scored mean."""
        effects = float(p[f"sigma_{name}"]) * rng.normal(size=(n, MEMBERS[dim] + 1))
        return effects[:, -1] - effects[:, :-1].mean(axis=1)

    eta = eta + contrast("family", "lm_family") + contrast("family_slope", "lm_family") * x
    eta = eta + contrast("checkpoint", "base") + contrast("few_shot_checkpoint", "base")
    eta = eta + contrast("pair", "tuned_checkpoint")
    eta = eta + float(p["sigma_checkpoint_task"]) * rng.normal(size=n)
    scores = 0.25 + 0.75 * (1 - float(p["lapse"])) * special.expit(eta)
    found = expected_accuracy(p, 0.25, xr.DataArray(x), Arm(True, True))
    assert float(found) == pytest.approx(scores.mean(), abs=4 * scores.std() / math.sqrt(n))


@pytest.mark.parametrize("spread", [1.0, 2.0])
def test_expected_accuracy_with_wide_spread_keeps_three_digits(posterior, spread):
    # Of the log-odds over new checkpoints; about 1 in the fit of Lu et al. 2024.
    wide = posterior.isel(chain=0, draw=0).sel(task="leaping").copy()
    for name in SCALES:
        wide[f"sigma_{name}"] = xr.DataArray(spread if name == "checkpoint" else 0.0)
    for intercept in np.linspace(-4, 4, 9):
        shifted = wide.assign(intercept_effect=xr.DataArray(intercept))
        found = float(expected_accuracy(shifted, 0.25, xr.DataArray(0.0), Arm(True, True)))
        assert found == pytest.approx(by_quadrature(shifted, 0.25, 0.0, Arm(True, True)), abs=1e-3)


def test_jump_where_present_equals_the_difference_of_two_integrals(posterior, design):
    found = jump(posterior, design)
    for p, (chain, draw, task) in each(posterior):
        index = design.tasks.index(task)
        x = float(design.gap_middle[index][int(p["jump_gap"])]) + ABOVE_JUMP
        for arm in ARMS:
            got = float(found.isel(chain=chain, draw=draw).sel(task=task, arm=arm.label))
            if not bool(p["jump_present"].sel(arm=arm.label)):
                assert got == 0.0
                continue
            rise = float(p["jump_size"].sel(arm=arm.label))
            on = by_quadrature(p, 0.25, x, arm, rise)
            assert got == pytest.approx(on - by_quadrature(p, 0.25, x, arm), abs=2e-4)


def test_jump_is_read_a_quarter_decade_above_the_middle_of_the_gap(posterior, design):
    assert ABOVE_JUMP == 0.25
    one = posterior.isel(chain=[0], draw=[0])
    moved = one.assign(jump_gap=(one["jump_gap"] + 1) % 3)
    before, after = jump(one, design), jump(moved, design)
    assert float(abs(before - after).sel(task="leaping").max()) > 1e-4


def test_jump_where_absent_is_exactly_zero(posterior, design):
    found = jump(posterior, design)
    assert found.dims == ("chain", "draw", "task", "arm")
    assert (found.where(~posterior["jump_present"], 0) == 0).all()
    assert (found.sel(task="still") == 0).all()
    assert (found >= 0).all()
    assert float(found.max()) < 0.75


def test_jump_arms_carry_the_labels_of_the_design(posterior, design):
    assert jump(posterior, design)["arm"].to_numpy().tolist() == list(ARM_LABELS)
    only = posterior["jump_present"].copy(data=np.zeros((2, 3, 2, 4), bool))
    only.loc[{"arm": "few-shot, base"}] = True
    found = jump(posterior.assign(jump_present=only), design)
    assert (found.sel(arm="few-shot, base") > 0).all()
    assert (found.drop_sel(arm="few-shot, base") == 0).all()


def test_jump_does_not_depend_on_the_order_of_tasks_in_the_posterior(posterior, design):
    one = posterior["jump_size"].where(posterior["task"] == "leaping", 0.5)
    found = jump(posterior.assign(jump_size=one), design)
    alone = jump(posterior, design)
    np.testing.assert_allclose(found.sel(task="leaping"), alone.sel(task="leaping"))


def draws_of(values):
    """Return draws (chain, draw, arm) of one task from (6, 4) numbers."""
    return xr.DataArray(
        np.reshape(values, (2, 3, 4)), dims=(*LEAD, "arm"), coords={"arm": list(ARM_LABELS)}
    )


@pytest.fixture
def jumps():
    return draws_of(np.random.default_rng(6).uniform(0, 0.6, (N, 4)))


def test_attribution_parts_add_up_in_every_draw(jumps):
    for arm in ARMS:
        parts = attribute(jumps, arm)
        total = parts.few_shot + parts.instruction_tuning + parts.interaction
        np.testing.assert_allclose(total, parts.total, atol=1e-15)
        expected = jumps.sel(arm=arm.label) - jumps.sel(arm=ARM_LABELS[0])
        np.testing.assert_allclose(parts.total, expected)


def test_attribution_to_one_factor_gives_it_everything(jumps):
    few_shot, tuned = attribute(jumps, Arm(True, False)), attribute(jumps, Arm(False, True))
    np.testing.assert_allclose(few_shot.few_shot, few_shot.total)
    np.testing.assert_allclose(tuned.instruction_tuning, tuned.total)
    for nothing in (
        few_shot.instruction_tuning, few_shot.interaction, tuned.few_shot, tuned.interaction,
        attribute(jumps, Arm(False, False)).total,
    ):  # fmt: skip
        assert (nothing == 0).all()


def test_attribution_of_a_jump_that_needs_both_factors_is_interaction():
    parts = attribute(draws_of([[0, 0, 0, 0.4]] * N), Arm(True, True))
    assert (parts.few_shot == 0).all()
    assert (parts.instruction_tuning == 0).all()
    np.testing.assert_allclose(parts.interaction, 0.4)


def test_attribution_of_either_factor_sufficing_has_negative_interaction():
    parts = attribute(draws_of([[0.1, 0.4, 0.4, 0.4]] * N), Arm(True, True))
    np.testing.assert_allclose(parts.interaction, -0.3)
    for share in parts.shapley():
        np.testing.assert_allclose(share, 0.15)


def test_shapley_shares_are_the_mean_over_both_orders(jumps):
    few_shot, tuned = attribute(jumps, Arm(True, True)).shapley()
    none, shots, tune, both = (jumps.sel(arm=label, drop=True) for label in ARM_LABELS)
    np.testing.assert_allclose(few_shot, ((shots - none) + (both - tune)) / 2)
    np.testing.assert_allclose(tuned, ((tune - none) + (both - shots)) / 2)


def test_surviving_counts_controlled_jumps_strictly_above_the_rope():
    values = np.zeros((1, 3, 3, 4))
    values[0, 0, :, 0] = (0.2, ROPE, 0.0501)  # the middle one is on the edge: not above
    values[0, 1, :, 1:] = 0.9  # jumps in other arms do not count
    values[0, 2, :, 0] = 0.3
    tasks = ["a", "b", "c"]
    jumps = xr.DataArray(
        values, dims=(*LEAD, "task", "arm"), coords={"task": tasks, "arm": list(ARM_LABELS)}
    )
    assert surviving(jumps, tasks).to_numpy().tolist() == [[2, 0, 3]]
    assert surviving(jumps, ["b"]).to_numpy().tolist() == [[0, 0, 1]]
    assert surviving(jumps, tasks, rope=0.25).to_numpy().tolist() == [[0, 0, 3]]
    assert surviving(jumps, []).to_numpy().tolist() == [[0, 0, 0]]


def chains(values):
    return xr.DataArray(values, dims=LEAD)


def test_estimate_is_the_median_with_an_equal_tailed_interval():
    draws = chains(np.random.default_rng(1).permutation(np.arange(1001.0) / 1000)[None, :])
    found = estimate("x", xr.concat([draws, draws], "chain"))
    assert (found.ci_prob, found.ci_kind) == (CI_PROB, CI_KIND) == (0.90, "eti")
    assert found.median == pytest.approx(0.5, abs=1e-3)
    assert (found.ci_low, found.ci_high) == pytest.approx((0.05, 0.95), abs=1e-3)
    assert found.name == "x"
    assert found.unit == "proportion"


def test_estimate_of_independent_normal_draws_has_the_textbook_monte_carlo_error():
    rng = np.random.default_rng(2)
    draws = chains(rng.normal(size=(4, 2000)))
    assert estimate("x", draws).mcse == pytest.approx(math.sqrt(math.pi / 2 / 8000), rel=0.15)
    assert mean_mcse(draws) == pytest.approx(1 / math.sqrt(8000), rel=0.1)
    # Of a quantile: sqrt(p (1 - p) / n) over the density there.
    density = math.exp(-(1.6449**2) / 2) / math.sqrt(2 * math.pi)
    end = pytest.approx(math.sqrt(0.05 * 0.95 / 8000) / density, rel=0.2)
    assert (estimate("x", draws).mcse_low, estimate("x", draws).mcse_high) == (end, end)


def test_monte_carlo_error_of_a_constant_is_zero():
    for value in (0.0, 0.3):
        constant = chains(np.full((4, 100), value))
        assert quantile_mcse(constant, 0.5) == 0.0
        assert mean_mcse(constant) == pytest.approx(0, abs=1e-15)
        assert estimate("x", constant).mcse == 0.0


def test_probability_carries_its_monte_carlo_error():
    event = chains(np.random.default_rng(3).random((4, 1000)) < 0.3)
    found = probability("p", event)
    p = float(event.mean())
    assert found.median == p
    assert found.unit == "probability"
    assert found.mcse == pytest.approx(math.sqrt(p * (1 - p) / 4000), rel=0.1)
    assert 0 <= found.ci_low < p < found.ci_high <= 1


def test_probability_of_an_event_in_every_draw_is_not_known_without_error():
    # 400 of 400 draws leave P anywhere above 0.993 (95% limit 0.05 ** (1 / 400)).
    found = probability("p", chains(np.ones((4, 100), bool)))
    assert found.ci_low < 1.0, f"P = {found.median} with interval [{found.ci_low}, {found.ci_high}]"
