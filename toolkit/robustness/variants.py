"""The jumps of one fit as a table: what rivals, refits and specifications are compared by.

A variant is another model, prior scale, set of cells or table of scores. Its draws are not kept,
its table is: a few numbers by task and arm, in the cache under the hash of the fit, so that a
killed run goes on where it stopped.
"""

import hashlib
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType

import arviz_stats as azs
import numpy as np
import pandas as pd
import xarray as xr

from toolkit.estimands import curves, estimate, jumps, measured
from toolkit.estimands.estimate import CI_PROB, ROPE, mean_mcse
from toolkit.estimands.measured import jumps_of
from toolkit.fit.code import code_of
from toolkit.fit.diagnose import ESS_MIN, RHAT_MAX
from toolkit.fit.draws import Fitted, fit_hash
from toolkit.fit.fitted_design import design_of
from toolkit.fit.sampling import PLAIN, FitSettings, Variation, compiled_model
from toolkit.models import MODELS
from toolkit.paths import atomic_path
from toolkit.study.scores import Scores

# Region of practical equivalence as decided, and two others that an analyst could choose.
ROPES = (0.03, ROPE, 0.10)
# Up to this width in decades a step of free width counts as one.
NARROW = 0.5
# ``p_narrow`` is the share of narrow ones among jumps above the ROPE; NaN where all are sharp.
COLUMNS = (
    "task", "arm", "p_positive", *(f"p_above_{rope:g}" for rope in ROPES), "mcse", "median",
    "ci_low", "ci_high", "rhat", "ess", "p_narrow",
)  # fmt: skip
# Columns of kept tables that hold names or words.
TEXTS = (
    "task", "arm", "unit", "kind", "lm_family", "model", "how", "prior", "reading", "label",
    "prompt_format", "metric", "api", "curve", "families", "tasks", "left_out", "reason",
)  # fmt: skip


@dataclass(frozen=True)
class Variant:
    """One refit: a table of scores, a model, how long to sample, and what is varied."""

    scores: Scores
    model: str
    settings: FitSettings
    variation: Variation = PLAIN

    def key(self, what: str, *made_in: ModuleType) -> str:
        """Return the name of what is kept of this fit; ``made_in`` are the modules that make it."""
        fit = fit_hash(self.scores, self.model, self.settings, self.variation)
        modules = (estimate, jumps, measured, curves, sys.modules[__name__], *made_in)
        return f"{fit}-{hash_text(''.join(code_of(module) for module in modules) + what)}"

    def fit(self) -> Fitted:
        """Return the fit with its draws, which are not kept; compiled once for one design."""
        design = design_of(self.scores)
        model = MODELS[self.model]
        idata = compiled_model(model, design).sample(design, self.settings, self.variation)
        return Fitted(idata, design, model, False, {"settings": asdict(self.settings)})


def jump_table(variant: Variant, cache: Path) -> pd.DataFrame:
    """Return the jumps of a variant by task and arm (``COLUMNS``), fitted where not yet kept."""
    return kept_table(cache, variant.key("jumps"), lambda: summarise_jumps(variant.fit()))


def keep_jumps(variant: Variant, fitted: Fitted, cache: Path) -> None:
    """Put the jumps of a variant's fit into the cache, for ``jump_table`` to find."""
    kept_table(cache, variant.key("jumps"), lambda: summarise_jumps(fitted))


def kept_table(cache: Path, key: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """Return the table kept under a variant's key, made where there is none yet."""
    path = cache / "variants" / f"{key}.csv"
    if not path.exists():
        with atomic_path(path) as temporary:
            make().to_csv(temporary, index=False)
    return read_kept(path)


def read_kept(path: Path) -> pd.DataFrame:
    """Return a kept table; a task or a family may be called 2048 or NA."""
    texts = dict.fromkeys(TEXTS, str)
    return pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=[""])


def summarise_jumps(fitted: Fitted) -> pd.DataFrame:
    """Return the jumps of a fit by task and arm that was scored, with their convergence."""
    posterior = fitted.idata["posterior"].to_dataset()
    every = jumps_of(fitted)
    rows = []
    for task, scored in zip(fitted.design.tasks, fitted.design.arms_measured, strict=True):
        for arm in every["arm"].to_numpy()[scored]:
            draws = every.sel(task=task, arm=arm, drop=True)
            row = summarise_draws(draws, task, str(arm))
            if "jump_width" in posterior:
                narrow = posterior["jump_width"].sel(task=task) <= NARROW
                row["p_narrow"] = float(narrow.where(draws > ROPE).mean())
            rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def summarise_draws(draws: xr.DataArray, task: str, arm: str) -> dict[str, object]:
    """Return one row of ``COLUMNS`` from the draws (chain, draw) of a jump."""
    tail = (1 - CI_PROB) / 2
    low, median, high = np.quantile(draws.to_numpy(), [tail, 0.5, 1 - tail])
    above = (draws > ROPE).astype(float)
    rhat, ess = mixing(above)
    return {
        "task": task,
        "arm": arm,
        "p_positive": float((draws > 0).mean()),
        **{f"p_above_{rope:g}": float((draws > rope).mean()) for rope in ROPES},
        "mcse": mean_mcse(above),
        "median": float(median),
        "ci_low": float(low),
        "ci_high": float(high),
        "rhat": rhat,
        "ess": ess,
    }


def mixing(draws: xr.DataArray) -> tuple[float, float]:
    """Return R-hat and bulk ESS of (chain, draw); a constant counts as mixed."""
    if float(draws.std()) == 0:
        return 1.0, float(draws.size)
    dims = ["chain", "draw"]
    return (
        float(azs.rhat(draws, sample_dims=dims)),
        float(azs.ess(draws, sample_dims=dims, method="bulk")),
    )


def mixing_of(values: np.ndarray, chains: int) -> tuple[float, float]:
    """Return R-hat and bulk ESS of draws that are in one row, chain after chain."""
    return mixing(xr.DataArray(values.reshape(chains, -1), dims=("chain", "draw")))


def mixed(table: pd.DataFrame) -> pd.Series:
    """Return which rows of a table passed the thresholds of ``diagnose``."""
    return (table["rhat"] <= RHAT_MAX) & (table["ess"] >= ESS_MIN)


def hash_text(text: str) -> str:
    """Return a short hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:10]
