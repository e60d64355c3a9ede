"""The probability of a jump at even odds, against models small enough to be summed by hand."""

import math

import numpy as np
import pytest
import xarray as xr

from toolkit.estimands.even_odds import at_even_odds, jumps_at_all

CHAINS, DRAWS = 4, 5000
ARMS = ["zero", "few"]
# How often each likelihood is that of a task without a jump, and how likely its jump is material.
FACTOR, MATERIAL = 3.0, 0.8


def draws_of(factor, others, seed=4):
    """Return exact draws of the share and of one task's jump, and whether the jump is material.

    ``others`` is the Beta posterior of the share that the other tasks leave; the task's own scores
    favour a jump by ``factor``. Shares are drawn from a grid, so that nothing is approximate.
    """
    rng = np.random.default_rng(seed)
    share = (np.arange(4000) + 0.5) / 4000
    density = share ** (others[0] - 1) * (1 - share) ** (others[1] - 1)
    density = density * (share * factor + 1 - share)
    shape = (CHAINS, DRAWS)
    w = rng.choice(share, shape, p=density / density.sum())
    jumps = rng.random(shape) < w * factor / (w * factor + 1 - w)
    material = jumps & (rng.random(shape) < MATERIAL)
    lead = ("chain", "draw")
    present = np.stack([np.zeros_like(jumps), jumps], axis=-1)[:, :, None]
    posterior = xr.Dataset(
        {"jump_tasks": (lead, w), "jump_present": ((*lead, "task", "arm"), present)},
        coords={"task": ["leap"], "arm": ARMS},
    )
    return posterior, xr.DataArray(material.astype(float), dims=lead)


@pytest.mark.parametrize("factor", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("others", [(1, 1), (1, 15), (2, 30), (12, 3)])
def test_other_tasks_say_nothing_at_even_odds(factor, others):
    posterior, material = draws_of(factor, others)
    found = at_even_odds("p", material, posterior, "leap")
    expected = MATERIAL * factor / (factor + 1)
    assert abs(found.median - expected) < 4 * found.mcse
    assert found.mcse < 0.03
    assert found.ci_low <= found.median <= found.ci_high


def test_scores_that_say_nothing_leave_what_the_prior_says_however_rare_jumps_are():
    posterior, material = draws_of(1.0, (1, 60))
    assert float(material.mean()) < 0.02
    assert at_even_odds("p", material, posterior, "leap").median == pytest.approx(0.4, abs=0.05)


def test_event_that_was_not_measured_is_not_estimated():
    posterior, material = draws_of(1.0, (1, 1))
    found = at_even_odds("p", material.where(False), posterior, "leap")
    assert math.isnan(found.median)


def test_event_that_never_happens_has_probability_zero():
    posterior, material = draws_of(1.0, (1, 9))
    found = at_even_odds("p", material * 0, posterior, "leap")
    assert (found.median, found.mcse) == (0.0, 0.0)
    assert found.ci_high > 0


def test_a_task_jumps_when_any_arm_does():
    posterior, _ = draws_of(1.0, (1, 1))
    jumps = jumps_at_all(posterior, "leap")
    assert jumps.dims == ("chain", "draw")
    assert np.array_equal(jumps, posterior["jump_present"].sel(task="leap", arm="few"))
