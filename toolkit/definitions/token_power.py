"""Exact match predicted from accuracy per token: p to the power L (Schaeffer et al. 2023).

Where every token of an answer must be right, an item of L tokens is right with probability p^L: a
smooth p then looks like a jump in exact match. The prediction takes tokens as independent and
equally hard; where items differ in difficulty the mean of p^L exceeds it, so that exact match above
the prediction refutes the equal p rather than the idea.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from toolkit.definitions.above_chance import NotTestableError
from toolkit.study.token_lengths import TokenLengths

CI_PROB = 0.95


@dataclass(frozen=True)
class TokenCheck:
    """One cell's exact match against p^L, with the interval of both p and the items."""

    checkpoint: str
    prompt_format: str
    n_shots: float
    per_token: float
    predicted: float
    low: float
    high: float
    observed: float

    @property
    def agrees(self) -> bool:
        """Return whether the observed exact match lies in the predicted interval."""
        return self.low - 1e-12 <= self.observed <= self.high + 1e-12


def predicted_exact_match(per_token: float, n_tokens: np.ndarray) -> float:
    """Return the mean of p^L over the items."""
    return float(np.mean(per_token ** np.asarray(n_tokens, dtype=float)))


def predictive_interval(
    per_token: float, per_token_se: float, n_tokens: np.ndarray
) -> tuple[float, float]:
    """Return the interval of the share of items right, at the ends of the interval of p."""
    tail = (1 - CI_PROB) / 2
    half = stats.norm.isf(tail) * per_token_se
    low, high = np.clip([per_token - half, per_token + half], 0, 1)
    return _quantile(low, n_tokens, tail), _quantile(high, n_tokens, 1 - tail)


def _quantile(per_token: float, n_tokens: np.ndarray, q: float) -> float:
    """Return a quantile of the share right: items of one length are binomial, lengths add up."""
    lengths, counts = np.unique(n_tokens, return_counts=True)
    mass = np.ones(1)
    for length, n in zip(lengths, counts, strict=True):
        mass = np.convolve(mass, stats.binom.pmf(np.arange(n + 1), n, per_token ** float(length)))
    at = int(np.searchsorted(np.cumsum(mass), q - 1e-12))
    return min(at, len(n_tokens)) / len(n_tokens)


def check_tokens(cells: pd.DataFrame, lengths: TokenLengths) -> tuple[TokenCheck, ...]:
    """Return the check of every cell that has both metrics; cells of one task.

    Raises ``NotTestableError`` where lengths, metrics or standard errors do not allow it.
    """
    n_tokens = np.asarray(lengths.n_tokens)
    pairs = _paired(cells, lengths)
    if (pairs["n_items_exact"] != len(n_tokens)).any():
        msg = f"{len(n_tokens)} item lengths do not fit the number of items scored"
        raise NotTestableError(msg)
    if not (pairs["score_se_token"] >= 0).all():
        msg = f"{lengths.token_metric} has cells without a standard error (score_se)"
        raise NotTestableError(msg)
    return tuple(_check(row, n_tokens) for row in pairs.to_dict(orient="records"))


def _paired(cells: pd.DataFrame, lengths: TokenLengths) -> pd.DataFrame:
    same = ["checkpoint", "n_params", "prompt_format", "n_shots"]
    token = cells[cells["metric"] == lengths.token_metric]
    exact = cells[cells["metric"] == lengths.exact_metric]
    pairs = token.merge(exact, on=same, suffixes=("_token", "_exact"))
    if pairs.empty:
        msg = f"no cell has both {lengths.token_metric} and {lengths.exact_metric}"
        raise NotTestableError(msg)
    return pairs.sort_values(same, kind="stable")


def _check(row: dict, n_tokens: np.ndarray) -> TokenCheck:
    per_token = float(row["score_token"])
    low, high = predictive_interval(per_token, float(row["score_se_token"]), n_tokens)
    return TokenCheck(
        row["checkpoint"], row["prompt_format"], float(row["n_shots"]), per_token,
        predicted_exact_match(per_token, n_tokens), low, high, float(row["score_exact"]),
    )  # fmt: skip
