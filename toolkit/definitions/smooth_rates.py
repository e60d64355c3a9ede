"""The smooth curve that scores of one family are closest to: a logistic between two plateaus.

Breakthroughness is read against it (``breakthrough``): fitted by maximum likelihood to counts.
"""

import numpy as np
from scipy import optimize, special

from toolkit.verdict.gates import GAP_MAX_DECADES

# The steepest smooth curve: from 10% to 90% within the widest gap that still resolves a jump.
SLOPE_MAX = 2 * np.log(9) / GAP_MAX_DECADES
LOG_ODDS_MAX = 30.0
RATE_MIN = 1e-12


def smooth_rates(x: np.ndarray, k: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return each cell's rate under the smooth curve of highest likelihood.

    ``rate = low + (high - low) expit(level + slope x)`` with both plateaus free and no slope
    steeper than ``SLOPE_MAX`` per decade. Without plateaus of its own choice a curve that starts
    above chance or saturates below 1 would pass for a jump.

    Parameters
    ----------
    x
        Sizes in decades from their mean, by cell.
    k, n
        Items answered right and items asked, by cell.
    """

    def misfit(curve: np.ndarray) -> tuple[float, np.ndarray]:
        level, slope, low, high = curve
        share = special.expit(level + slope * x)
        p = np.clip(low + (high - low) * share, RATE_MIN, 1 - RATE_MIN)
        by_level = (high - low) * share * (1 - share)
        by_curve = np.stack([by_level, by_level * x, 1 - share, share])
        gradient = by_curve @ (k / p - (n - k) / (1 - p))
        return -float(np.sum(_log_likelihood(p, k, n))), -gradient

    bounds = [(-LOG_ODDS_MAX, LOG_ODDS_MAX), (0.0, SLOPE_MAX), (0.0, 1.0), (0.0, 1.0)]
    start = _best_of_grid(x, k, n)
    fit = optimize.minimize(misfit, start, jac=True, method="L-BFGS-B", bounds=bounds)
    level, slope, low, high = fit.x
    return low + (high - low) * special.expit(level + slope * x)


def _best_of_grid(x: np.ndarray, k: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return level, slope and plateaus near the optimum, since flat and steep optima lie apart."""
    ends = LOG_ODDS_MAX * np.sinh(np.linspace(-4, 4, 41)) / np.sinh(4)  # dense around 0
    first, last = (axis.ravel() for axis in np.meshgrid(ends, ends))
    slope = (last - first) / np.ptp(x)
    kept = (slope >= 0) & (slope <= SLOPE_MAX)
    level, slope = (first - slope * x.min())[kept], slope[kept]
    share = special.expit(level[:, None] + slope[:, None] * x)  # (curve, cell)
    # Given level and slope the rate is a line in the share: least squares, by items.
    mean_share, mean_score = share @ n / n.sum(), k.sum() / n.sum()
    away = share - mean_share[:, None]
    rise = (away @ (k - n * mean_score)) / (away**2 @ n + RATE_MIN)
    low = np.clip(mean_score - rise * mean_share, 0, 1)
    high = np.clip(mean_score + rise * (1 - mean_share), 0, 1)
    p = low[:, None] + (high - low)[:, None] * share
    fits = _log_likelihood(np.clip(p, RATE_MIN, 1 - RATE_MIN), k, n).sum(axis=1)
    best = int(fits.argmax())
    return np.array([level[best], slope[best], low[best], high[best]])


def _log_likelihood(p: np.ndarray, k: np.ndarray, n: np.ndarray) -> np.ndarray:
    return k * np.log(p) + (n - k) * np.log1p(-p)
