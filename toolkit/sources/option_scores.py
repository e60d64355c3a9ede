"""What the log-probabilities of an item's options say of the right one.

Its own log-probability, its share of the options' probability (``target_prob``), and the Brier
score over the options, 0 to 2.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class OptionScores(NamedTuple):
    """What the log-probabilities of an item's options say of the right one."""

    target_log_prob: float
    target_prob: float
    brier: float


def option_scores(log_probs: Sequence[float], target: int) -> OptionScores | None:
    """Return what the options' log-probabilities say, or None where they say nothing.

    Probabilities are shares: exp(log-probability) over their sum, as the harness has them.
    """
    values = np.asarray(log_probs, float)
    if np.isnan(values).any() or np.isneginf(values).all() or np.isposinf(values).any():
        return None
    weights = np.exp(values - values.max())
    shares = weights / weights.sum()
    truth = np.zeros(len(values))
    truth[target] = 1
    return OptionScores(
        float(values[target]), float(shares[target]), float(((shares - truth) ** 2).sum())
    )
