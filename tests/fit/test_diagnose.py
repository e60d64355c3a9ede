"""Checks of a fit: three values, and every way in which draws can be bad."""

import numpy as np
import pytest
import xarray as xr

from toolkit.fit import diagnose
from toolkit.fit.diagnose import (
    BFMI_MIN,
    ESS_MIN,
    RHAT_MAX,
    Check,
    Diagnosis,
    at_least,
    at_most,
    diagnose_quantities,
    diagnose_sampler,
    measure_mixing,
)

SHAPE = (4, 1000)
LEAD = ("chain", "draw")


def check(passed):
    return Check("x", 1.0, 1.0, passed)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((), None),
        ((True,), True),
        ((True, True), True),
        ((True, None), None),
        ((None, None), None),
        ((True, False), False),
        ((None, False, True), False),
    ],
)
def test_diagnosis_of_states_is_three_valued(states, expected):
    assert Diagnosis(tuple(check(state) for state in states)).passed is expected


def test_diagnosis_failures_are_all_that_did_not_pass():
    checks = tuple(check(state) for state in (True, None, False))
    assert Diagnosis(checks).failures == checks[1:]


@pytest.mark.parametrize(
    ("value", "expected"), [(1.0, True), (1.01, True), (1.0100001, False), (np.nan, None)]
)
def test_at_most_passes_up_to_the_threshold(value, expected):
    assert at_most("x", value, 1.01).passed is expected


@pytest.mark.parametrize(
    ("value", "expected"), [(401.0, True), (400.0, True), (399.999, False), (np.nan, None)]
)
def test_at_least_passes_from_the_threshold_on(value, expected):
    assert at_least("x", value, 400).passed is expected


def test_thresholds_are_no_looser_than_the_literature():
    assert RHAT_MAX <= 1.01  # Vehtari et al. 2021
    assert ESS_MIN >= 400
    assert BFMI_MIN >= 0.3  # Betancourt 2016 (arXiv 1604.00695)


@pytest.mark.parametrize(
    ("passed", "word"), [(True, "ok"), (False, "failed"), (None, "not checked")]
)
def test_check_text_says_its_state(passed, word):
    assert word in check(passed).text


def test_check_text_shows_on_which_side_of_the_threshold_a_value_lies():
    assert at_most("R-hat", 1.0102, 1.01).text == "R-hat: 1.0102 (threshold 1.01, failed)"
    assert at_most("R-hat", 1.05123, 1.01).text == "R-hat: 1.05 (threshold 1.01, failed)"


def quantity(values):
    diagnosis = diagnose_quantities({"x": xr.DataArray(values, dims=LEAD)})
    assert [c.name for c in diagnosis.checks] == ["R-hat of x", "bulk ESS of x", "tail ESS of x"]
    return diagnosis


def test_quantity_of_independent_draws_passes(rng):
    assert quantity(rng.normal(size=SHAPE)).passed is True


def test_quantity_with_one_stuck_chain_fails(rng):
    values = rng.normal(size=SHAPE)
    values[2] = 1.5
    assert quantity(values).passed is False


def test_quantity_with_every_chain_stuck_elsewhere_is_not_passed():
    values = np.repeat(np.arange(4.0)[:, None], SHAPE[1], axis=1)
    # Warnings are errors in these tests: the check itself must not divide by zero.
    assert quantity(values).passed is not True


def test_quantity_with_a_shifted_chain_fails(rng):
    values = rng.normal(size=SHAPE)
    values[0] += 1
    assert quantity(values).passed is False


def test_quantity_that_wanders_slowly_fails_on_its_effective_size(rng):
    values = np.cumsum(rng.normal(size=SHAPE), axis=1)
    diagnosis = quantity(values)
    assert diagnosis.passed is False
    assert diagnosis.checks[1].passed is False


def test_quantity_with_one_nan_is_not_checked(rng):
    values = rng.normal(size=SHAPE)
    values[1, 3] = np.nan
    diagnosis = quantity(values)
    assert diagnosis.passed is None
    assert len(diagnosis.failures) == 3


def test_quantity_of_one_chain_is_not_checked(rng):
    assert quantity(rng.normal(size=(1, 4000))).passed is None


def test_quantity_with_the_same_value_in_every_draw_passes():
    for value in (0.0, 0.4):
        diagnosis = quantity(np.full(SHAPE, value))
        assert diagnosis.passed is True
        assert diagnosis.checks[1].value == 4000


def test_quantity_constant_but_in_one_chain_fails(rng):
    values = np.zeros(SHAPE)
    values[3] = rng.random(SHAPE[1]) < 0.3
    assert quantity(values).passed is False


def test_quantity_with_few_draws_fails_on_its_effective_size(rng):
    assert quantity(rng.normal(size=(4, 60))).passed is False


def fit(rng, **posterior):
    """Return a fit with good sample statistics and the posterior variables given."""
    stats = {
        "diverging": (LEAD, np.zeros(SHAPE, bool)),
        "energy": (LEAD, rng.normal(size=SHAPE)),
    }
    posterior = posterior or {"mu": (LEAD, rng.normal(size=SHAPE))}
    groups = {"posterior": xr.Dataset(posterior), "sample_stats": xr.Dataset(stats)}
    return xr.DataTree.from_dict(groups)


def sampler(idata):
    """Return the checks that every claim rests on."""
    return diagnose_sampler(idata, measure_mixing(idata["posterior"].to_dataset()))


def of_task(idata, task):
    """Return the checks of one task's unknowns."""
    mixing = measure_mixing(idata["posterior"].to_dataset())
    return Diagnosis(mixing.of_task(task).checks("the task's unknowns"))


def named(diagnosis, word):
    [found] = [c for c in diagnosis.checks if word in c.name]
    return found


def test_sampler_of_a_good_fit_passes(rng):
    diagnosis = sampler(fit(rng))
    assert diagnosis.passed is True
    assert len(diagnosis.checks) == 5


def test_sampler_without_sample_stats_is_not_checked(rng):
    idata = xr.DataTree.from_dict({"posterior": fit(rng)["posterior"].to_dataset()})
    diagnosis = sampler(idata)
    assert diagnosis.passed is None
    assert {c.name for c in diagnosis.failures} == {
        named(diagnosis, "diverg").name,
        named(diagnosis, "E-BFMI").name,
    }


def test_sampler_with_many_divergences_fails(rng):
    idata = fit(rng)
    stats = idata["sample_stats"].to_dataset()
    stats["diverging"][0, :20] = True
    idata["sample_stats"] = xr.DataTree(stats)
    assert sampler(idata).passed is False


def test_sampler_with_divergences_in_one_chain_only_fails(rng):
    # Eight divergences in one chain of 1,000 are 0.8% of it, but 0.2% of four chains: what one
    # chain meets and the others do not is a region, not rounding.
    idata = fit(rng)
    stats = idata["sample_stats"].to_dataset()
    stats["diverging"][1, 100:108] = True
    idata["sample_stats"] = xr.DataTree(stats)
    assert sampler(idata).passed is False


def test_sampler_with_one_chain_of_low_bfmi_fails(rng):
    idata = fit(rng)
    stats = idata["sample_stats"].to_dataset()
    slow = np.zeros(SHAPE[1])
    for i in range(1, SHAPE[1]):
        slow[i] = 0.98 * slow[i - 1] + rng.normal()
    stats["energy"][1] = slow
    idata["sample_stats"] = xr.DataTree(stats)
    diagnosis = sampler(idata)
    assert diagnosis.passed is False
    expected = np.square(np.diff(slow)).mean() / slow.var()
    assert named(diagnosis, "E-BFMI").value == pytest.approx(expected)


def effects(rng, names=("a", "b", "c"), dim="task"):
    """Return well-mixed effects, one for each name."""
    values = rng.normal(size=(*SHAPE, len(names)))
    return xr.DataArray(values, dims=(*LEAD, dim), coords={dim: list(names)})


def test_sampler_finds_the_one_bad_shared_element_of_many(rng):
    bad = effects(rng, dim="lm_family")
    bad[0, :, 1] += 2
    assert sampler(fit(rng, family_effect=bad)).passed is False


def test_sampler_with_a_nan_in_one_element_is_not_passed(rng):
    # The other elements are good: they must not hide it.
    bad = effects(rng, dim="lm_family")
    bad[0, 10, 1] = np.nan
    diagnosis = sampler(fit(rng, family_effect=bad, mu=(LEAD, rng.normal(size=SHAPE))))
    assert diagnosis.passed is not True, "; ".join(c.text for c in diagnosis.checks)


def test_task_with_a_bad_effect_fails_and_the_others_do_not(rng):
    bad = effects(rng)
    bad[0, :, 1] += 2
    idata = fit(rng, mu=(LEAD, rng.normal(size=SHAPE)), slope_effect=bad)
    assert sampler(idata).passed is True
    assert {task: of_task(idata, task).passed for task in "abc"} == {
        "a": True, "b": False, "c": True,
    }  # fmt: skip


def test_task_with_a_bad_effect_of_a_checkpoint_on_it_fails(rng):
    names = ("x on a", "x on b", "y on a", "y on b")
    bad = effects(rng, names, "checkpoint_task")
    bad[0, :, 3] += 2
    own = effects(rng, ("a", "b"))
    idata = fit(rng, slope_effect=own, checkpoint_task_effect=bad)
    assert of_task(idata, "a").passed is True
    assert of_task(idata, "b").passed is False


def test_task_with_bad_compliance_fails(rng):
    bad = effects(rng, ("b",), "exact_match_task")
    bad[0] += 2
    idata = fit(rng, slope_effect=effects(rng), compliance_intercept=bad)
    assert of_task(idata, "a").passed is True
    assert of_task(idata, "b").passed is False


def test_every_unknown_of_a_fit_is_checked_for_some_task_or_for_all(rng):
    posterior = {
        "mu": (LEAD, rng.normal(size=SHAPE)),
        "family_effect": effects(rng, dim="lm_family"),
        "slope_effect": effects(rng),
        "checkpoint_task_effect": effects(rng, ("x on a", "x on b", "x on c"), "checkpoint_task"),
        "compliance_intercept": effects(rng, ("b",), "exact_match_task"),
    }
    for name, draws in posterior.items():
        bad = xr.DataArray(draws[1], dims=LEAD) if isinstance(draws, tuple) else draws.copy()
        bad[0] += 2
        idata = fit(rng, **{**posterior, name: bad})
        passed = [sampler(idata).passed, *(of_task(idata, task).passed for task in "abc")]
        assert False in passed, name


def test_sampler_with_a_certain_jump_passes(rng):
    # The probability of a jump that explains all is 1 in every draw: nothing to mix, no warning.
    certain = effects(rng)
    certain[:, :, 0] = 1.0
    idata = fit(rng, mu=(LEAD, rng.normal(size=SHAPE)), jump_probability=certain)
    assert sampler(idata).passed is True
    assert of_task(idata, "a").passed is True


def test_sampler_leaves_drawn_jumps_to_the_quantities(rng):
    gap = xr.zeros_like(effects(rng), dtype=int)
    gap[0] = 1  # stuck, but judged through the jump that is reported
    idata = fit(
        rng, mu=(LEAD, rng.normal(size=SHAPE)), slope_effect=effects(rng),
        jump_gap=gap, jump_present=gap > 0,
    )  # fmt: skip
    assert sampler(idata).passed is True
    assert of_task(idata, "a").passed is True


def test_diagnose_module_names_every_threshold_it_uses():
    named_thresholds = {
        value for name, value in vars(diagnose).items() if name.endswith(("_MAX", "_MIN"))
    }
    used = {c.threshold for c in sampler(fit(np.random.default_rng(1))).checks}
    assert used <= named_thresholds
