"""How many tokens the right answer to each item has, where a study knows it.

``token_lengths.csv`` in a study's folder has a row per item: its task, the two metrics of the task
that are to be compared, one of single tokens and one of whole answers, and the number of tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from toolkit.errors import ScoresError, did_you_mean
from toolkit.study.scores import Scores, table_column
from toolkit.tables import first_row, line_of, read_table, shortened

LENGTHS_FILE = "token_lengths.csv"
METRICS = ("token_metric", "exact_metric")
LENGTHS_SCHEMA = pa.DataFrameSchema(
    {
        "task": table_column(str, "name, as in tasks.csv"),
        "item": table_column(str, "name of the item"),
        "token_metric": table_column(str, "metric that scores each token"),
        "exact_metric": table_column(str, "metric that asks for the whole answer"),
        "n_tokens": table_column(
            float,
            "tokens of the right answer",
            pa.Check(lambda x: (x >= 1) & (x % 1 == 0), error="a whole number, 1 or more"),
        ),
    },
    unique=["task", "item"],
    report_duplicates="exclude_first",
)


@dataclass(frozen=True)
class TokenLengths:
    """Tokens of every item's answer, and which two metrics of the task to compare."""

    token_metric: str
    exact_metric: str
    n_tokens: tuple[int, ...]


def read_token_lengths(folder: Path, scores: Scores) -> Mapping[str, TokenLengths]:
    """Return what token_lengths.csv of a study folder says, by task; nothing without the file.

    Raises
    ------
    ScoresError
        When the file is not as described, names what scores.csv lacks, or gives one task several
        pairs of metrics.
    """
    path = folder / LENGTHS_FILE
    if not path.exists():
        return {}
    table = read_table(path, LENGTHS_SCHEMA)
    _check_known(table, "task", scores.tasks["task"].tolist(), path)
    for column in METRICS:
        _check_known(table, column, scores.frame["metric"].unique().tolist(), path)
    pairs = table.groupby("task")[list(METRICS)].transform("first")
    others = (table[list(METRICS)] != pairs).any(axis=1)
    if others.any():
        at = first_row(others)
        task = shortened(table["task"][at])
        msg = (
            f"{path} line {line_of(at)}: got other metrics of task {task!r} than above, expected "
            "one pair of metrics for all its items; correct the line."
        )
        raise ScoresError(msg)
    return {
        str(task): TokenLengths(
            own["token_metric"].iloc[0],
            own["exact_metric"].iloc[0],
            tuple(own["n_tokens"].astype(int)),
        )
        for task, own in table.groupby("task")
    }


def _check_known(table: pd.DataFrame, column: str, known: list[str], path: Path) -> None:
    unknown = ~table[column].isin(known)
    if unknown.any():
        at = first_row(unknown)
        got = shortened(table[column][at])
        msg = (
            f"{path} line {line_of(at)} column '{column}': got {got!r}{did_you_mean(got, known)}, "
            f"expected one that scores.csv has: {shortened(', '.join(known))}."
        )
        raise ScoresError(msg)
