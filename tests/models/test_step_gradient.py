"""Where a jump is certain, the gradient of the marginal likelihood must stay finite."""

import numpy as np
import pytensor
import pytensor.tensor as pt

from toolkit.models.design import build_design
from toolkit.models.step import log_gain
from toolkit.simulate import LU_LIKE, PlantedTask, simulate_study


def test_log_gain_at_gains_of_thousands_has_finite_value_and_gradient(rng):
    task = PlantedTask("certain", "all arms", 1e10, height=0.3)
    design = build_design(simulate_study(LU_LIKE, [task], rng))
    n_gaps = design.gap_low.shape[1]
    gain, share = pt.tensor3("gain"), pt.vector("share")
    total = log_gain(gain, share, design).sum()
    function = pytensor.function([gain, share], [total, *pt.grad(total, [gain, share])])
    values = np.zeros((1, 4, n_gaps))
    values[:, :, -1], values[:, 0, 0] = 5000.0, -5000.0
    value, by_gain, by_share = function(values, np.full(4, 0.3))
    expected = 4 * (np.log(0.3) + 5000.0) - np.log(n_gaps)
    assert np.isclose(value, expected)
    assert np.isfinite(by_gain).all()
    assert np.isclose(by_gain[0, :, -1], 1.0).all()
    assert np.isfinite(by_share).all()
