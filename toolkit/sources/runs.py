"""Cells of a study, the items that were scored in them, and passes over the items.

Items carry, where their options have log-probabilities, what these say of the right one
(``option_scores``).
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

from toolkit.errors import SourceError
from toolkit.sources.checks import name_of
from toolkit.tables import shortened

TARGET_PROB = "target_prob"


class Cell(NamedTuple):
    """One checkpoint on one task under one metric, prompt format and number of shots."""

    checkpoint: str
    task: str
    metric: str
    prompt_format: str
    n_shots: int


class Item(NamedTuple):
    """One scored item; what a format does not carry is None."""

    item: str
    score: float
    n_options: int | None = None
    target_log_prob: float | None = None
    target_prob: float | None = None
    brier: float | None = None


class Spread(NamedTuple):
    """The mean of a number over items, and its standard deviation between them."""

    mean: float
    sd: float


class Run(NamedTuple):
    """The totals of one pass over the items of a cell; ``items`` identifies them in any order."""

    n_items: int
    score: float
    score_sd: float
    whole: bool
    items: int | None
    score_se: float | None = None
    target_log_prob: Spread | None = None
    brier: Spread | None = None


class Mean(NamedTuple):
    """A mean over items that comes without them; ``may_be_count`` where it is of one pass."""

    n_items: int
    score: float
    standard_error: object = None
    may_be_count: bool = True

    @property
    def run(self) -> Run | None:
        """Return the run: a count of right items or a mean with its error, else None."""
        n_right, error = self.score * self.n_items, self.standard_error
        whole = self.may_be_count and math.isfinite(n_right)
        whole = whole and abs(n_right - round(n_right)) < 1e-6 * self.n_items
        spread = float(error) if isinstance(error, int | float) and 0 < error < math.inf else None
        if not whole and spread is None:
            return None
        return Run(self.n_items, self.score, 0.0, whole, None, spread)


def by_metric(closed: Iterable[tuple[Cell, Run]]) -> dict[str, list[Run]]:
    """Return the runs of cells that differ in their metrics only, by metric."""
    found: dict[str, list[Run]] = {}
    for cell, run in closed:
        found.setdefault(cell.metric, []).append(run)
    return found


def check_cell(cell: Cell, where: str) -> None:
    """Raise unless the names of a cell are names."""
    for what, value in zip(cell._fields[:4], cell[:4], strict=True):
        name_of(value, what, where)
    if not (isinstance(cell.n_shots, int) and 0 <= cell.n_shots <= 100_000):
        msg = f"{where}: got n_shots {shortened(cell.n_shots)}, expected a whole number, 0 or more."
        raise SourceError(msg)
