"""Grouped predictive check: how a fit that has not seen a family predicts its checkpoints' scores.

Cells of one family lean on each other, so that a cell left out alone says little; a whole family is
what a new study would bring. These fits have not seen the cells: coverage should be nominal.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from toolkit.estimands import cell_accuracy
from toolkit.estimands.cell_accuracy import predicted_cells
from toolkit.estimands.curves import thinned
from toolkit.fit.sampling import FitSettings, Variation
from toolkit.models.design import build_design
from toolkit.predictive import posterior_predictive, replicates
from toolkit.predictive.posterior_predictive import compare_groups
from toolkit.predictive.replicates import log_scores, predict
from toolkit.robustness.hidden_cells import Unit, units_of
from toolkit.robustness.variants import Variant, keep_jumps, kept_table, mixing_of
from toolkit.study.scores import Scores

# Of the cells of one family: those of ``compare_groups``, their mean log predictive density, and
# how the chains agree on their mean expected score.
COLUMNS = (
    "lm_family", "n_cells", "covered_50", "covered_90", "residual", "residual_low",
    "residual_high", "p_residual", "below_chance", "below_chance_low", "below_chance_high",
    "p_below_chance", "log_score", "rhat", "ess",
)  # fmt: skip


def predict_left_out_families(
    record: Scores,
    model: str,
    settings: FitSettings,
    cache: Path,
    done: Callable[[str], None] = lambda _: None,
) -> pd.DataFrame:
    """Return how well each family's cells are predicted by a fit without them (``COLUMNS``).

    A study of a single family has no row.
    """
    tables = [pd.DataFrame(columns=list(COLUMNS))]
    for unit in units_of(build_design(record)):
        if unit.kind == "family":
            variant = Variant(record, model, settings, Variation(unit.hidden))
            make = partial(_predict, variant, unit, cache)
            key = variant.key(
                "family", sys.modules[__name__], cell_accuracy, posterior_predictive, replicates
            )
            tables.append(kept_table(cache, key, make))
            done(f"family {unit.name} predicted by a fit without it")
    return pd.concat(tables[1:] or tables, ignore_index=True)


def _predict(variant: Variant, unit: Unit, cache: Path) -> pd.DataFrame:
    fitted = variant.fit()
    # The same fit says what the jumps are without the family: influence need not make it again.
    keep_jumps(variant, fitted, cache)
    posterior = thinned(fitted.idata["posterior"].to_dataset())
    draws = predicted_cells(posterior, fitted)
    found = predict(draws, fitted.design, variant.settings.random_seed, unit.hidden)
    where = np.nonzero(unit.hidden)
    expected = draws["accuracy"].to_numpy()[:, where[0], where[1]].mean(axis=1)
    rhat, ess = mixing_of(expected, posterior.sizes["chain"])
    scored = log_scores(draws, fitted.design, unit.hidden)
    table = compare_groups(found, ("lm_family",))
    table = table.assign(log_score=float(scored["log_score"].mean()), rhat=rhat, ess=ess)
    return table[list(COLUMNS)]
