"""Power on paper: what must make a step easier to find does, and gates stay closed."""

import numpy as np
import pytest

from toolkit.planning.step_power import NOISE, ArmDesign, step_power

PUBLISHED, SIMULATED = NOISE["published"].scales, NOISE["simulated"].scales


def design(n_sizes=10, families=4, items=200, n_tasks=20):
    sizes = np.linspace(8, 11, n_sizes)
    size = np.tile(sizes, families)
    return ArmDesign(
        size, np.repeat(np.arange(families), n_sizes), np.full(len(size), items), 0.25, n_tasks
    )


def found(height=0.2, scales=SIMULATED, place=9.5, **changes):
    return step_power(design(**changes), place, height, scales, np.random.default_rng(3))


def test_no_step_is_hardly_ever_found():
    assert found(0.0) <= 0.02
    assert found(0.0, PUBLISHED) <= 0.02


def test_power_grows_with_the_step():
    powers = [found(height, PUBLISHED) for height in (0.05, 0.1, 0.2, 0.3, 0.4)]
    assert powers == sorted(powers)
    assert powers[0] < 0.05 < 0.5 < powers[-2] < powers[-1]


@pytest.mark.parametrize(
    "better",
    [{"items": 2000}, {"families": 8}, {"n_sizes": 16}, {"scales": SIMULATED}],
    ids=lambda better: next(iter(better)),
)
def test_more_items_families_sizes_and_less_noise_help(better):
    changes = {"scales": PUBLISHED, "items": 50} | better
    assert found(0.3, **changes) > found(0.3, PUBLISHED, items=50) + 0.05


def test_closed_gates_leave_no_power():
    assert found(0.4, n_sizes=5) == 0  # too few sizes
    assert found(0.4, n_sizes=6) == 0  # gaps of 0.6 decades
    assert found(0.4, place=8.1) == 0  # one size below
    assert found(0.4, place=12.0) == 0  # above them all


def test_a_step_beyond_a_perfect_score_has_no_power_to_speak_of():
    assert np.isnan(found(0.75))
