"""Every model has a reference posterior, made well, and new fits agree with it."""

import pytest

from benchmarks.agreement import Z_MAX, compare, furthest
from benchmarks.reference import FOLDER, fit_anew, read_reference
from toolkit.models import SMOOTH

KEPT = sorted(path.stem for path in FOLDER.glob("*.json"))


def test_every_smooth_model_has_a_reference():
    # Those with a step take hours: benchmarks/reference.py makes them.
    assert set(KEPT) == set(SMOOTH)


@pytest.mark.parametrize("model", KEPT)
def test_reference_is_of_todays_data_and_passed_its_checks(model):
    record = read_reference(model)
    assert record["model"] == model
    assert record["method"].keys() >= {"sampler", "draws", "tune", "chains", "random_seed"}
    failed = [made for made in record["checks_made"] if made["passed"] is not True]
    assert record["checks_made"]
    assert failed == []
    for name, summary in record["quantities"].items():
        assert summary["mcse_mean"] <= summary["sd"] / 10, name


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("model", KEPT)
def test_a_new_fit_agrees_with_the_reference(model):
    found = furthest(compare(fit_anew(model), read_reference(model)["quantities"]))
    assert found["largest_z"] <= Z_MAX, found
