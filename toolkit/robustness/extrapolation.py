"""E5: whether the larger checkpoints' scores could have been predicted from the smaller ones.

For every cut in size the smooth models are fitted to the checkpoints up to the cut and predict the
others, which is what "can't be predicted from smaller models" (Wei et al. 2022) means as a number.
No model of a jump is needed. The smooth models' predictions are stacked (Yao et al. 2018): weights
that predict best over the other tasks.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

from toolkit.estimands import cell_accuracy
from toolkit.estimands.cell_accuracy import predicted_cells
from toolkit.estimands.curves import thinned
from toolkit.fit.diagnose import ESS_MIN, RHAT_MAX
from toolkit.fit.sampling import FitSettings, Variation
from toolkit.models import SMOOTH
from toolkit.models.design import Design, build_design
from toolkit.predictive import replicates
from toolkit.predictive.replicates import replicate_counts
from toolkit.robustness.variants import Variant, kept_table, mixing_of
from toolkit.study.claims import ARM_LABELS
from toolkit.study.scores import Scores

# A curve needs at least this many sizes to be extrapolated at all.
LEAST_SIZES = 3
COLUMNS = (
    "cut", "model", "task", "arm", "n_cells", "observed", "expected", "low", "high", "tail",
    "log_score", "rhat", "ess",
)  # fmt: skip
INTERVAL = (0.05, 0.95)


def cuts(design: Design) -> list[float]:
    """Return every size (log10) with at least three sizes up to it and one above it."""
    sizes = np.unique(np.round(design.size[design.scored], 9))
    return [float(size + design.center) for size in sizes[LEAST_SIZES - 1 : -1]]


def cut_below(threshold_n_params: float, at: Sequence[float]) -> float | None:
    """Return the largest cut below a claimed size, or None where there is none."""
    below = [cut for cut in at if cut < np.log10(threshold_n_params) - 1e-9]
    return max(below) if below else None


def extrapolations(
    scores: Scores,
    settings: FitSettings,
    cache: Path,
    done: Callable[[str], None] = lambda _: None,
    models: Sequence[str] = SMOOTH,
    at: Sequence[float] | None = None,
) -> pd.DataFrame:
    """Return how each smooth model predicts the checkpoints above each cut (``COLUMNS``).

    One row for each cut, model, task and arm with cells above the cut: mean score observed there
    and its predictive mean and interval; ``tail``, the predictive probability of a mean at least
    as high; the log predictive density of these cells together.
    """
    design = build_design(scores)
    tables = []
    for model in models:  # models outside, so that each is compiled once
        for cut in at if at is not None else cuts(design):
            tables.append(_predict_above(Variant(scores, model, settings), design, cut, cache))
            done(f"{model} up to {10**cut:.3g} parameters")
    return pd.concat(tables, ignore_index=True)


def _predict_above(variant: Variant, design: Design, cut: float, cache: Path) -> pd.DataFrame:
    hidden = design.scored & (design.size + design.center > cut + 1e-9)
    masked = Variant(variant.scores, variant.model, variant.settings, Variation(hidden))
    key = masked.key("above", sys.modules[__name__], cell_accuracy, replicates)
    return kept_table(cache, key, lambda: _above(masked, hidden, cut))


def _above(variant: Variant, hidden: np.ndarray, cut: float) -> pd.DataFrame:
    """Return the rows of one cut and model."""
    fitted = variant.fit()
    design = fitted.design
    posterior = thinned(fitted.idata["posterior"].to_dataset())
    predicted = predicted_cells(posterior, fitted)
    chains = posterior.sizes["chain"]
    rng = np.random.default_rng(variant.settings.random_seed)
    rows = []
    for index, task in enumerate(design.tasks):
        for arm, label in enumerate(ARM_LABELS):
            which = np.flatnonzero(hidden[index] & (design.arm[index] == arm))
            if which.size == 0:
                continue
            p = predicted["accuracy"].to_numpy()[:, index, which]
            total = predicted["concentration"].to_numpy()[:, [index]]
            n, k = design.n_items[index, which], design.n_correct[index, which]
            means = (replicate_counts(p, total, n.astype(int), rng) / n).mean(axis=1)
            observed = float((k / n).mean())
            rhat, ess = mixing_of(p.mean(axis=1), chains)
            low, high = np.quantile(means, INTERVAL)
            rows.append(
                (cut, variant.model, task, label, which.size, observed, float(p.mean()),
                 float(low), float(high), float((means >= observed - 1e-12).mean()),
                 _joint_log_score(p, total, n, k), rhat, ess)
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _joint_log_score(p: np.ndarray, total: np.ndarray, n: np.ndarray, k: np.ndarray) -> float:
    """Return the log predictive density of some cells together, from draws (draw, cell)."""
    log_pmf = np.asarray(stats.betabinom.logpmf(k, n, p * total, (1 - p) * total)).sum(axis=1)
    return _log_mean(log_pmf, np.full(len(log_pmf), 1 / len(log_pmf)))


def _log_mean(logs: np.ndarray, weights: np.ndarray) -> float:
    """Return the log of a weighted mean of what the logs are of."""
    return float(np.asarray(special.logsumexp(logs, b=weights)))


@dataclass(frozen=True)
class Extrapolation:
    """E5 of a claim in one arm at one cut, under the stack of smooth models.

    ``tail``: predictive probability of scores as high as those of the larger checkpoints.
    ``low`` and ``high`` are the models' 90% bounds, averaged with their weights. ``worst_rhat`` and
    ``least_ess`` are those of the expected scores, over the models.
    """

    cut: float
    tail: float
    expected: float
    low: float
    high: float
    observed: float
    n_cells: int
    log_score: float
    weights: dict[str, float]
    worst_rhat: float
    least_ess: float

    @property
    def converged(self) -> bool:
        """Return whether every model's chains agree, with enough draws to tell."""
        return self.worst_rhat <= RHAT_MAX and self.least_ess >= ESS_MIN

    @property
    def tail_mcse(self) -> float:
        """Return the Monte Carlo error of ``tail``, as if all models had the fewest draws."""
        return float(np.sqrt(self.tail * (1 - self.tail) / self.least_ess))


def stack_weights(table: pd.DataFrame, without_task: str) -> dict[str, float]:
    """Return the models' stacking weights from all cuts and arms of the other tasks."""
    others = table[table["task"] != without_task]
    scores = others.pivot_table(index=["cut", "task", "arm"], columns="model", values="log_score")
    if scores.empty:
        names = sorted(table["model"].unique())
        return {name: 1 / len(names) for name in names}
    values = scores.to_numpy()

    def loss(free: np.ndarray) -> float:
        log_weights = special.log_softmax(np.r_[free, 0])
        return -float(np.logaddexp.reduce(values + log_weights, axis=1).sum())

    best = optimize.minimize(loss, np.zeros(values.shape[1] - 1), method="L-BFGS-B",
                             bounds=[(-12, 12)] * (values.shape[1] - 1))  # fmt: skip
    weights = special.softmax(np.r_[best.x, 0])
    return dict(zip(scores.columns, weights.tolist(), strict=True))


def stacked(table: pd.DataFrame, task: str, arm: str) -> tuple[Extrapolation, ...]:
    """Return E5 of a task and arm at every cut, the smallest first."""
    weights = stack_weights(table, task)
    own = table[(table["task"] == task) & (table["arm"] == arm)]
    out = []
    for cut, rows in own.groupby("cut"):
        share = rows["model"].map(weights).to_numpy()
        share = share / share.sum()

        def mean(column: str, rows: pd.DataFrame = rows, share: np.ndarray = share) -> float:
            return float((rows[column].to_numpy() * share).sum())

        out.append(
            Extrapolation(
                float(cut),  # pyright: ignore[reportArgumentType]
                mean("tail"), mean("expected"), mean("low"), mean("high"),
                float(rows["observed"].iloc[0]), int(rows["n_cells"].iloc[0]),
                _log_mean(rows["log_score"].to_numpy(), share),
                weights, float(rows["rhat"].max(skipna=False)),
                float(rows["ess"].min(skipna=False)),
            )
        )  # fmt: skip
    return tuple(out)
