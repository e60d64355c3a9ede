"""What every reader of a published file does: check version, columns and names; make counts.

A count is only made where the published figure leaves no choice: a figure that is exact gives a
whole number, a rounded one gives a count where a single whole number rounds to it. Elsewhere the
score keeps a standard error that covers the items drawn and the rounding.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from toolkit.errors import SourceError, did_you_mean
from toolkit.paths import sha256_of
from toolkit.study.scores import CELL, SCORES_SCHEMA
from toolkit.tables import check_table, first_row, line_of

# Figures with all their digits are whole counts up to floating point.
EXACT = 1e-6


def check_hash(path: Path, sha256: str, file: str, study: str) -> None:
    """Raise ``SourceError`` unless the file is there and has the recorded sha256."""
    named = f"the commit named in data/{study}/study.toml"
    try:
        found = sha256_of(path)
    except (FileNotFoundError, IsADirectoryError):
        msg = f"{path}: no such file; give the path of {file} at {named}."
        raise SourceError(msg) from None
    if found != sha256:
        msg = f"{path}: got sha256 {found}, expected {sha256}; take the file at {named}."
        raise SourceError(msg)


def refuse(wrong: pd.Series, where: str, say: Callable[[int], str]) -> None:
    """Raise ``SourceError`` for the first wrong row, naming its line; ``say`` words the fault."""
    if wrong.any():
        at = first_row(wrong)
        msg = f"{where} line {line_of(at)}: {say(at)}"
        raise SourceError(msg)


def check_once(raw: pd.DataFrame, columns: list[str], where: str, why: str = "") -> None:
    """Raise ``SourceError`` for a second row of one checkpoint, or of one on the same task."""
    refuse(
        raw.duplicated(columns),
        where,
        lambda at: (
            f"a second row of {' on '.join(str(raw.loc[at, name]) for name in columns)}, "
            f"expected one{why}."
        ),
    )


def check_columns(raw: pd.DataFrame, columns: Iterable[str], where: str) -> None:
    """Raise ``SourceError`` when a column that is read is missing."""
    missing = [name for name in columns if name not in raw]
    if missing:
        msg = f"{where}: columns {missing} are missing; this is not the described file."
        raise SourceError(msg)


def check_known(raw: pd.DataFrame, column: str, known: Iterable[object], where: str) -> None:
    """Raise ``SourceError`` for a name that no choice was made for."""
    names = list(known)

    def say(at: int) -> str:
        got = str(raw.loc[at, column])
        hint = did_you_mean(got, [str(name) for name in names])
        return (
            f"got {column} {got!r}{hint}, expected a name that this reader knows; decide what "
            "becomes of it."
        )

    refuse(~raw[column].isin(names), where, say)


def check_unit(score: pd.Series, where: str) -> None:
    """Raise ``SourceError`` unless every score is a proportion; a missing one is an error too."""
    refuse(
        ~score.between(0, 1),
        where,
        lambda at: (
            f"got score {score.loc[at]}, expected a proportion in [0, 1]; a sentinel or an empty "
            "cell needs a choice of its own."
        ),
    )


def exact_counts(score: pd.Series, n_items: pd.Series, where: str) -> pd.Series:
    """Return the whole counts behind scores that are given with all their digits."""
    check_unit(score, where)
    count = score * n_items
    refuse(
        (count - count.round()).abs() > EXACT,
        where,
        lambda at: (
            f"score {score.loc[at]} of {n_items.loc[at]:.0f} items is {count.loc[at]:.4f} right, "
            "expected a whole count; the number of items is another."
        ),
    )
    return count.round()


def rounded_counts(score: pd.Series, n_items: pd.Series, half_unit: pd.Series) -> pd.Series:
    """Return the count where exactly one rounds to the printed score, NaN elsewhere."""
    low = np.ceil((score - half_unit) * n_items - EXACT).clip(lower=0)
    high = np.floor((score + half_unit) * n_items + EXACT).clip(upper=n_items)
    return low.where(low == high)


def rounded_score_se(score: pd.Series, n_items: pd.Series, half_unit: pd.Series) -> pd.Series:
    """Return sqrt(p (1 - p) / n + h^2 / 3): the items drawn, and an even error of rounding.

    p is the score with half an item added to right and wrong, so that 0 and 1 keep an error.
    """
    p = (score * n_items + 0.5) / (n_items + 1)
    return np.sqrt(p * (1 - p) / n_items + half_unit**2 / 3)


def as_scores(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the checked table of cells in their order, one run each."""
    columns = [*CELL, "n_items", "n_correct", "n_repeats", "score"]
    if "score_se" in cells:
        columns.append("score_se")
    table = cells.assign(n_repeats=1)[columns].sort_values(CELL, kind="stable")
    return check_table(table.reset_index(drop=True), SCORES_SCHEMA, "scores.csv")
