"""Which checkpoint, family or task does a jump hang on? Each is left out, and the jump read again.

By Pareto-smoothed importance weights (Vehtari et al. 2024) where these are reliable; where they are
not, by a refit without the cells, as often as the budget allows. What neither could tell is said.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from toolkit.errors import FitError
from toolkit.estimands.estimate import ROPE
from toolkit.estimands.measured import jumps_of
from toolkit.fit.draws import Fitted
from toolkit.fit.sampling import FitSettings, Variation
from toolkit.robustness.hidden_cells import (
    Cells,
    Unit,
    cells_of,
    log_ratio,
    smoothed,
    units_of,
    worth,
)
from toolkit.robustness.sensitivity import LEAST_WORTH, PARETO_MAX, reweighted
from toolkit.robustness.variants import Variant, jump_table, mixed
from toolkit.study.claims import CONTROLLED_ARM, Arm, Claim
from toolkit.study.scores import Scores

REFITS = 12
REWEIGHTED, REFITTED = "reweighted", "refitted"
# p is P(jump > ROPE), with every cell (main) and without the unit's; ``reliable`` says whether the
# weights were, or the refit converged.
COLUMNS = (
    "kind", "unit", "n_cells", "how", "pareto_k", "reliable", "task", "arm", "p_main", "p_without",
    "change", "median_main", "median_without", "median_change",
)  # fmt: skip


@dataclass(frozen=True)
class Reweighted:
    """The jumps without a unit by importance weights; ``table`` has task, arm and the changes.

    ``n_worth`` is the number of draws of equal weight that the weights are worth.
    """

    unit: Unit
    pareto_k: float
    n_worth: float
    table: pd.DataFrame

    @property
    def reliable(self) -> bool:
        """Whether the weights may be used; with a k of NaN they may not."""
        return self.pareto_k <= PARETO_MAX and self.n_worth >= LEAST_WORTH

    @property
    def not_computed(self) -> str:
        """Return what is said instead of an unreliable number."""
        few = f", {self.n_worth:.0f} draws" if self.n_worth < LEAST_WORTH else ""
        return f"not computed (k = {self.pareto_k:.2f}{few})"

    @property
    def change(self) -> float:
        """Return the largest change of P(jump > ROPE), whether it can be relied on or not."""
        return float(self.table["change"].abs().max())


def _reweigh(cells: Cells, units: Sequence[Unit], done: Callable[[str], None]) -> list[Reweighted]:
    """Return every unit's importance-weighted jumps, reliable or not."""
    with_all, gain = cells.all_mixtures()
    jumps = cells.jumps(gain)
    main = reweighted(jumps, xr.ones_like(jumps.isel(task=0, arm=0, drop=True)))
    found = []
    for unit in units:
        without, gain = cells.mixtures(unit.hidden)
        weights, k = smoothed(log_ratio(cells, with_all, without))
        table = _changes(main, reweighted(cells.jumps(gain), weights), unit)
        found.append(Reweighted(unit, k, worth(weights), table))
    done(f"influence: {sum(f.reliable for f in found)} of {len(found)} by importance weights")
    return found


def _changes(main: pd.DataFrame, without: pd.DataFrame, unit: Unit) -> pd.DataFrame:
    """Return the changes by task and arm; a task that is left out has none of its own."""
    both = main.merge(without, on=["task", "arm"], suffixes=("_main", "_without"))
    both = both.rename(columns={"p_above_main": "p_main", "p_above_without": "p_without"})
    both = both.assign(
        change=both["p_without"] - both["p_main"],
        median_change=both["median_without"] - both["median_main"],
    )
    return both if unit.kind != "task" else both[both["task"] != unit.name]


def leave_out(
    fitted: Fitted,
    record: Scores,
    settings: FitSettings,
    cache: Path,
    refits: int = REFITS,
    done: Callable[[str], None] = lambda _: None,
) -> pd.DataFrame:
    """Return the jumps of a fit without each checkpoint, family and task (``COLUMNS``).

    ``record`` is the table that was fitted, ``settings`` are those of a refit. Leaving a task out
    has rows for the other tasks only. ``how`` is "reweighted", "refitted", or says why the changes
    are missing: at most ``refits`` units are refitted.
    """
    units = units_of(fitted.design)
    found = _reweigh(cells_of(fitted, settings.random_seed), units, done)
    chosen = _first(found, refits)
    jumps = jumps_of(fitted)
    main = reweighted(jumps, xr.ones_like(jumps.isel(task=0, arm=0, drop=True)))
    tables = []
    for place, one in enumerate(found):
        table, how, reliable = one.table, REWEIGHTED, True
        if place in chosen:
            variation = Variation(hidden=one.unit.hidden)
            variant = Variant(record, fitted.model.name, settings, variation)
            table, how, reliable = _refit(variant, cache, main, one)
            done(f"without {one.unit.kind} {one.unit.name}: {how}")
        elif not one.reliable:
            table, how, reliable = _unknown(one.table), one.not_computed, False
        table = table.assign(
            kind=one.unit.kind, unit=one.unit.name, n_cells=int(one.unit.hidden.sum()), how=how,
            pareto_k=one.pareto_k, reliable=reliable,
        )  # fmt: skip
        tables.append(table[list(COLUMNS)])
    return pd.concat(tables, ignore_index=True)


def _first(found: Sequence[Reweighted], refits: int) -> set[int]:
    """Return the places of the units to refit: the worst k, or the largest apparent change."""
    unsure = {place: one for place, one in enumerate(found) if not one.reliable}
    k = pd.Series({place: one.pareto_k for place, one in unsure.items()}, dtype=float)
    change = pd.Series({place: one.change for place, one in unsure.items()}, dtype=float)
    # A k that is small or NaN although the weights are worth nothing is the worst.
    ranks = pd.DataFrame({"k": k.where(k > PARETO_MAX, np.inf), "change": change})
    first = ranks.rank(ascending=False).min(axis=1).sort_values(kind="stable")
    return set(first.index[:refits])


def _refit(
    variant: Variant, cache: Path, main: pd.DataFrame, one: Reweighted
) -> tuple[pd.DataFrame, str, "bool | pd.Series[bool]"]:
    """Return the changes from a refit, how it went, and which rows converged."""
    try:
        refitted = jump_table(variant, cache)
    except FitError as error:
        return _unknown(one.table), f"{one.not_computed}: {error}", False
    refitted = refitted.assign(p_above=refitted[f"p_above_{ROPE:g}"], converged=mixed(refitted))
    kept = refitted[["task", "arm", "median", "p_above", "converged"]]
    table = _changes(main, kept, one.unit)
    return table, REFITTED, table["converged"]


def _unknown(table: pd.DataFrame) -> pd.DataFrame:
    missing = ["p_without", "change", "median_without", "median_change"]
    return table.assign(**dict.fromkeys(missing, np.nan))


@dataclass(frozen=True)
class Influential:
    """The unit whose absence changes a claim's P(jump > ROPE) most, in one arm.

    ``n_not_computed`` units could not be looked at: one of them may matter more.
    """

    claim: str
    arm: str
    kind: str
    unit: str
    how: str
    reliable: bool
    p_main: float
    p_without: float
    change: float
    median_change: float
    n_not_computed: int


def most_influential(
    table: pd.DataFrame, claim: Claim, arm: Arm = CONTROLLED_ARM
) -> Influential | None:
    """Return the most influential unit of a claim in one arm; None where none was computed."""
    own = table[(table["task"] == claim.task) & (table["arm"] == arm.label)]
    computed = own[own["change"].notna()]
    if computed.empty:
        return None
    row = computed.iloc[int(computed["change"].abs().to_numpy().argmax())]
    return Influential(
        claim.slug, arm.label, str(row["kind"]), str(row["unit"]), str(row["how"]),
        bool(row["reliable"]), float(row["p_main"]), float(row["p_without"]),
        float(row["change"]), float(row["median_change"]), len(own) - len(computed),
    )  # fmt: skip
