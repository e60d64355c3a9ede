"""The beta-binomial log-likelihood of counts and its gradient, cells side by side.

Evaluating log-gamma and digamma is where a fit spends its time: four gammas a cell and their four
derivatives, each a library call. Here both come from Stirling's series (Abramowitz and Stegun 1964,
6.1.41 and 6.3.18): the argument is raised by 8 so that four terms are exact to rounding, and the
eight factors that this adds are taken out as a product. Nothing in the loop over cells is a call or
a branch, logarithms included, so that a processor takes several cells at once. What it equals is
tested against SciPy; how much faster it is, ``benchmarks/gradient.py`` measures.
"""

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

SHIFT = 8.0
# The bits of the square root of a half: what lies above the exponent then is 0.71 to 1.41.
_HALF_ROOT = np.int64(0x3FE6A09E667F3BCD)
# ln 2 in two parts: multiples of the first, by a whole number below 2**20, are exact.
_LN2, _LN2_REST = 6.93147180369123816490e-01, 1.90821492927058770002e-10


def _read_as(given: Any, returned: Any, in_code: ir.Type) -> Any:
    """Return a function of compiled code that reads the 64 bits of one type as another's."""

    def read(context: Any, number: Any) -> Any:  # noqa: ARG001
        return returned(given), lambda _, builder, __, numbers: builder.bitcast(numbers[0], in_code)

    return intrinsic(read)


_bits = _read_as(types.float64, types.int64, ir.IntType(64))
_float = _read_as(types.int64, types.float64, ir.DoubleType())


@numba.njit(error_model="numpy", forceinline=True)
def logarithm(x: float) -> float:
    """Return the natural logarithm of a normal positive number, to rounding, without a call.

    With x = 2**e m and s = (m - 1) / (m + 1) it is e ln 2 + 2 (s + s**3 / 3 + s**5 / 5 + ...).
    """
    bits = _bits(x)
    e = (bits - _HALF_ROOT) >> 52
    m = _float(bits - (e << 52))
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    tail = 1 / 13 + z * (1 / 15 + z * (1 / 17 + z * (1 / 19 + z * (1 / 21))))
    tail = z * (1 / 3 + z * (1 / 5 + z * (1 / 7 + z * (1 / 9 + z * (1 / 11 + z * tail)))))
    return e * _LN2 + (2.0 * s + (2.0 * s * tail + e * _LN2_REST))


@numba.njit(error_model="numpy", forceinline=True)
def _rise(k: float, a: float) -> tuple[float, float, float]:
    """Return log-gamma(a + k) - log-gamma(a) as (series, factor), and its derivative in a.

    The difference is ``series + log(factor)``: the caller takes one logarithm for several factors.
    """
    z = a + k
    u, v = z + SHIFT, a + SHIFT
    log_u, log_v = logarithm(u), logarithm(v)
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
def of_all_items(n_items: np.ndarray, concentration: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the part of each cell's log-likelihood that its accuracy doesn't change, (cell,).

    With its derivative in ``concentration``.
    """
    value, slope = np.empty(n_items.size), np.empty(n_items.size)
    for j in range(n_items.size):
        # Most cells of a task have the same items.
        if j > 0 and n_items[j] == n_items[j - 1]:
            value[j], slope[j] = value[j - 1], slope[j - 1]
        else:
            series, factor, rise = _rise(n_items[j], concentration)
            value[j], slope[j] = -series - logarithm(factor), -rise
    return value, slope


@numba.njit(error_model="numpy")
def log_likelihoods(
    n_correct: np.ndarray,
    n_items: np.ndarray,
    p: np.ndarray,
    concentration: float,
    all_items: tuple[np.ndarray, np.ndarray],
    slopes: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """Return the log-likelihood of each cell, (cell,); without items it is 0.

    Without the number of ways to choose the correct items, which no parameter changes.
    ``all_items`` is what ``of_all_items`` returns; ``slopes`` come to hold the derivatives in ``p``
    and in ``concentration``.
    """
    value = np.empty(n_items.size)
    (all_value, all_slope), (by_p, by_concentration) = all_items, slopes
    for j in range(n_items.size):
        right, right_factor, right_slope = _rise(n_correct[j], p[j] * concentration)
        wrong, wrong_factor, wrong_slope = _rise(
            n_items[j] - n_correct[j], (1 - p[j]) * concentration
        )
        value[j] = right + wrong + logarithm(right_factor * wrong_factor) + all_value[j]
        by_p[j] = concentration * (right_slope - wrong_slope)
        by_concentration[j] = p[j] * right_slope + (1 - p[j]) * wrong_slope + all_slope[j]
    return value
