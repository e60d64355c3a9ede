"""The beta-binomial log-likelihood of counts and its gradient, in one pass.

Evaluating log-gamma and digamma is where a fit spends its time: four gammas a cell and their four
derivatives, each a library call. Here both come from Stirling's series (Abramowitz and Stegun 1964,
6.1.41 and 6.3.18): the argument is raised by 8 so that four terms are exact to rounding, and the
eight factors that this adds are taken out as a product. What it equals is tested against SciPy; how
much faster it is, ``benchmarks/gradient.py`` measures.
"""

import numba
import numpy as np

SHIFT = 8.0


@numba.njit(error_model="numpy")
def _rise(k: float, a: float) -> tuple[float, float, float]:
    """Return log-gamma(a + k) - log-gamma(a) as (series, factor), and its derivative in a.

    The difference is ``series + log(factor)``: the caller takes one logarithm for several factors.
    """
    z = a + k
    u, v = z + SHIFT, a + SHIFT
    log_u, log_v = np.log(u), np.log(v)
    inv_u, inv_v = 1.0 / u, 1.0 / v
    u2, v2 = inv_u * inv_u, inv_v * inv_v
    tail_u = inv_u * (1 / 12 - u2 * (1 / 360 - u2 * (1 / 1260 - u2 / 1680)))
    tail_v = inv_v * (1 / 12 - v2 * (1 / 360 - v2 * (1 / 1260 - v2 / 1680)))
    slope_u = 0.5 * inv_u + u2 * (1 / 12 - u2 * (1 / 120 - u2 * (1 / 252 - u2 / 240)))
    slope_v = 0.5 * inv_v + v2 * (1 / 12 - v2 * (1 / 120 - v2 * (1 / 252 - v2 / 240)))
    series = ((u - 0.5) * log_u - u + tail_u) - ((v - 0.5) * log_v - v + tail_v)
    # x (x+1) ... (x+7) from q = x (x+7): the pairs are q, q+6, q+10 and q+12.
    q, r = z * (z + 7), a * (a + 7)
    q1, q2, r1, r2 = q * (q + 6), (q + 10) * (q + 12), r * (r + 6), (r + 10) * (r + 12)
    product_z, product_a = q1 * q2, r1 * r2
    grow_z = (2 * z + 7) * ((2 * q + 6) * q2 + q1 * (2 * q + 22)) / product_z
    grow_a = (2 * a + 7) * ((2 * r + 6) * r2 + r1 * (2 * r + 22)) / product_a
    return series, product_a / product_z, (log_u - slope_u - grow_z) - (log_v - slope_v - grow_a)


@numba.njit(error_model="numpy")
def cell_log_likelihood(
    n_correct: float, n_items: float, p: float, concentration: float
) -> tuple[float, float, float]:
    """Return a cell's log-likelihood, its derivative in ``p`` and in ``concentration``.

    Without the number of ways to choose the correct items, which no parameter changes.
    """
    right, right_factor, right_slope = _rise(n_correct, p * concentration)
    wrong, wrong_factor, wrong_slope = _rise(n_items - n_correct, (1 - p) * concentration)
    all_, all_factor, all_slope = _rise(n_items, concentration)
    return (
        right + wrong - all_ + np.log(right_factor * wrong_factor / all_factor),
        concentration * (right_slope - wrong_slope),
        p * right_slope + (1 - p) * wrong_slope - all_slope,
    )
