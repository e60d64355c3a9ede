"""Checks of a fit: three values, and every way in which draws can be bad."""

import numpy as np
import pytest
import xarray as xr

from toolkit import diagnose
from toolkit.diagnose import (
    BFMI_MIN,
    ESS_MIN,
    RHAT_MAX,
    Check,
    Diagnosis,
    at_least,
    at_most,
    diagnose_quantities,
    diagnose_sampler,
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


def named(diagnosis, word):
    [found] = [c for c in diagnosis.checks if word in c.name]
    return found


def test_sampler_of_a_good_fit_passes(rng):
    diagnosis = diagnose_sampler(fit(rng))
    assert diagnosis.passed is True
    assert len(diagnosis.checks) == 5


def test_sampler_without_sample_stats_is_not_checked(rng):
    idata = xr.DataTree.from_dict({"posterior": fit(rng)["posterior"].to_dataset()})
    diagnosis = diagnose_sampler(idata)
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
    assert diagnose_sampler(idata).passed is False


def test_sampler_with_divergences_in_one_chain_only_fails(rng):
    # Eight divergences in one chain of 1,000 are 0.8% of it, but 0.2% of four chains: what one
    # chain meets and the others do not is a region, not rounding.
    idata = fit(rng)
    stats = idata["sample_stats"].to_dataset()
    stats["diverging"][1, 100:108] = True
    idata["sample_stats"] = xr.DataTree(stats)
    assert diagnose_sampler(idata).passed is False


def test_sampler_with_one_chain_of_low_bfmi_fails(rng):
    idata = fit(rng)
    stats = idata["sample_stats"].to_dataset()
    slow = np.zeros(SHAPE[1])
    for i in range(1, SHAPE[1]):
        slow[i] = 0.98 * slow[i - 1] + rng.normal()
    stats["energy"][1] = slow
    idata["sample_stats"] = xr.DataTree(stats)
    diagnosis = diagnose_sampler(idata)
    assert diagnosis.passed is False
    expected = np.square(np.diff(slow)).mean() / slow.var()
    assert named(diagnosis, "E-BFMI").value == pytest.approx(expected)


def test_sampler_finds_the_one_bad_element_of_many(rng):
    values = rng.normal(size=(*SHAPE, 5))
    values[0, :, 3] += 2
    idata = fit(rng, effect=((*LEAD, "task"), values), mu=(LEAD, rng.normal(size=SHAPE)))
    assert diagnose_sampler(idata).passed is False


def test_sampler_with_a_nan_in_one_element_is_not_passed(rng):
    # The other elements are good: they must not hide it.
    values = rng.normal(size=(*SHAPE, 5))
    values[0, 10, 3] = np.nan
    idata = fit(rng, effect=((*LEAD, "task"), values), mu=(LEAD, rng.normal(size=SHAPE)))
    diagnosis = diagnose_sampler(idata)
    assert diagnosis.passed is not True, "; ".join(c.text for c in diagnosis.checks)


def test_sampler_with_one_unknown_stuck_in_all_chains_is_not_passed(rng):
    # A continuous unknown that never moves has not been sampled.
    idata = fit(rng, mu=(LEAD, rng.normal(size=SHAPE)), sigma=(LEAD, np.full(SHAPE, 0.2)))
    diagnosis = diagnose_sampler(idata)
    assert diagnosis.passed is not True, "; ".join(c.text for c in diagnosis.checks)


def test_sampler_with_a_certain_jump_passes(rng):
    # The probability of a jump that explains all is 1 in every draw: nothing to mix, no warning.
    certain = np.stack([np.ones(SHAPE), rng.random(SHAPE)], axis=-1)
    idata = fit(rng, mu=(LEAD, rng.normal(size=SHAPE)), jump_probability=((*LEAD, "task"), certain))
    assert diagnose_sampler(idata).passed is True


def test_sampler_leaves_drawn_jumps_to_the_quantities(rng):
    gap = np.zeros((*SHAPE, 2), int)
    gap[0] = 1  # stuck, but judged through the jump that is reported
    idata = fit(
        rng,
        mu=(LEAD, rng.normal(size=SHAPE)),
        jump_gap=((*LEAD, "task"), gap),
        jump_present=((*LEAD, "task"), gap > 0),
    )
    assert diagnose_sampler(idata).passed is True


def test_diagnose_module_names_every_threshold_it_uses():
    named_thresholds = {
        value for name, value in vars(diagnose).items() if name.endswith(("_MAX", "_MIN"))
    }
    used = {c.threshold for c in diagnose_sampler(fit(np.random.default_rng(1))).checks}
    assert used <= named_thresholds
