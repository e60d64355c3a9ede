"""What a study knows of its options beside counts: Brier scores and log-probabilities, per cell.

``options.csv`` holds them, written by ``emergence import`` and ``emergence evaluate`` or by hand.
They become scores of which more is better, in the form of ``Scores.frame``, so that a claim is read
under them as under any other metric:

``1 - brier/2``
    from ``brier``, summed over the options of an item, 0 to 2;
``1 - tc_brier``
    from ``tc_brier``, of the right option only, 0 to 1 (Wu and Lo 2025);
``target_log_prob``
    mean log-probability of the right option, in nats: no proportion, so that no chart and no
    comparison of rises has it.

None has a chance level: a checkpoint that is wrong and sure scores below an even guess.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa

from toolkit.errors import ScoresError
from toolkit.study.scores import CELL, SCORES_SCHEMA, SPREAD, Scores, join_scores, table_column
from toolkit.tables import read_table

OPTIONS_FILE = "options.csv"
OPTIONS_CELL = [name for name in CELL if name != "metric"]
SE = "_se"
ROUNDING = 1e-6


@dataclass(frozen=True)
class Measure:
    """A column of options.csv: 0 is the best value, and ``worst`` the worst, if there is one."""

    metric: str
    description: str
    worst: float | None

    @property
    def check(self) -> pa.Check:
        """Return what a value must fulfil."""
        if self.worst is None:
            return pa.Check(
                lambda x: (x <= ROUNDING) & np.isfinite(x), error="a finite number, 0 or less"
            )
        return pa.Check.in_range(
            -ROUNDING, self.worst + ROUNDING, error=f"a number from 0 to {self.worst:g}"
        )

    def scores(self, values: pd.Series) -> pd.Series:
        """Return values as scores: of a proportion from 0, the worst, to 1."""
        return values if self.worst is None else (1 - values / self.worst).clip(0, 1)

    def errors(self, values: pd.Series, given: pd.Series, n_items: pd.Series) -> pd.Series:
        """Return the standard errors of the scores; where none was given, the largest possible.

        Values between 0 and 1 with mean m have a variance of at most m (1 - m) (Bhatia and Davis
        2000). Without bounds there is none: NaN, and the value is not read.
        """
        if self.worst is None:
            return given
        share = self.scores(values)
        return (given / self.worst).fillna(np.sqrt(share * (1 - share) / n_items))


MEASURES: Mapping[str, Measure] = {
    "target_log_prob": Measure("target_log_prob", "mean log-probability of the right option", None),
    "brier": Measure("1 - brier/2", "mean Brier score over the options", 2.0),
    "tc_brier": Measure("1 - tc_brier", "mean Brier score of the right option", 1.0),
}
# Scores that are no proportions.
UNBOUNDED = frozenset(m.metric for m in MEASURES.values() if m.worst is None)

OPTIONS_SCHEMA = pa.DataFrameSchema(
    {name: SCORES_SCHEMA.columns[name] for name in (*OPTIONS_CELL, "n_items")}
    | {
        name + end: table_column(float, words, check, nullable=True, required=False)
        for name, measure in MEASURES.items()
        for end, words, check in (
            ("", measure.description, measure.check),
            (SE, "its standard error", SPREAD),
        )
    },
    unique=OPTIONS_CELL,
    report_duplicates="exclude_first",
)


def read_option_measures(folder: Path, scores: Scores) -> pd.DataFrame:
    """Return what options.csv of a study folder says, as rows of ``Scores.frame``.

    There are no rows where the study has no such file. ``n_correct`` and ``chance`` are NaN.

    Raises
    ------
    ScoresError
        When the file is not as described, or names what the study does not know.
    """
    path = folder / OPTIONS_FILE
    if not path.exists():
        return scores.frame.iloc[:0]
    table = read_table(path, OPTIONS_SCHEMA)
    rows = [_scored(table, name, measure) for name, measure in MEASURES.items() if name in table]
    if not rows:
        msg = f"{path} line 1: no column of values; add one of {', '.join(MEASURES)}."
        raise ScoresError(msg)
    cells = pd.concat(rows)
    frame = join_scores(folder.name, cells, scores.checkpoints, scores.tasks, str(path)).frame
    return frame.assign(chance=np.nan)


def _scored(table: pd.DataFrame, name: str, measure: Measure) -> pd.DataFrame:
    """Return the cells of one measure; rows keep their labels, by which faults are named."""
    given = table[name + SE] if name + SE in table else pd.Series(np.nan, table.index)
    cells = table[[*OPTIONS_CELL, "n_items"]].assign(
        metric=measure.metric,
        n_correct=np.nan,
        n_repeats=1.0,
        score=measure.scores(table[name]),
        score_se=measure.errors(table[name], given, table["n_items"]),
    )
    # Without its error a score can't be told from another.
    return cells[cells["score"].notna() & cells["score_se"].notna()]
