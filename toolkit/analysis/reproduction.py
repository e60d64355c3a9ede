"""Reproduce the published quantities first; only then re-judge them.

Three kinds of check, each from the study's own folder: the mean over repeats of every cell from
the counts of its runs; whether the score that a claim rests on stands above its baseline, as
published; and whether a rise that the paper marks as marginal is one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa

from toolkit.errors import ScoresError
from toolkit.study.claims import Claim, arm_named
from toolkit.study.scores import CELL, COUNT, COUNT_FROM_1, Scores
from toolkit.tables import read_table
from toolkit.verdict.gates import in_arm

# scores.csv writes ten digits.
MEAN_TOLERANCE = 1e-9
MARGINAL_RISE = 0.05
REPEATS_FILE = "repeats.csv"
# The kind of what says little: that a score is above its baseline, or not.
SIDE = "above baseline"

REPEATS_SCHEMA = pa.DataFrameSchema(
    {
        **{name: pa.Column(str, description="as in scores.csv") for name in CELL[:-1]},
        **{
            name: pa.Column(float, check, coerce=True, description=text)
            for name, (check, text) in {
                "n_shots": (COUNT, "demonstrations in the prompt"),
                "seed": (COUNT, "seed of the run; 0 where it had none"),
                "n_items": (COUNT_FROM_1, "items scored"),
                "n_correct": (COUNT, "items right in this run"),
            }.items()
        },
    },
    checks=[
        pa.Check(
            lambda f: f["n_correct"] <= f["n_items"],
            error="no more correct than items; check both counts",
        )
    ],
    unique=[*CELL, "seed"],
    report_duplicates="exclude_first",
)


@dataclass(frozen=True)
class Reproduced:
    """One published quantity against the same quantity from the scores."""

    kind: str
    subject: str
    published: str
    recomputed: str
    agrees: bool


def reproduce(
    folder: Path, scores: Scores, claims: Sequence[Claim], prompt_format: str
) -> list[Reproduced]:
    """Return every published quantity that the scores determine, recomputed."""
    record = scores.of_record(prompt_format)
    rows = [row for claim in claims for row in _claim_rows(claim, record)]
    means = recompute_means(folder, scores)
    return rows if means is None else rows + _mean_rows(means, scores)


def read_repeats(folder: Path) -> pd.DataFrame | None:
    """Return the counts of single runs, one row per run and metric; None where a study has none."""
    path = folder / REPEATS_FILE
    return read_table(path, REPEATS_SCHEMA) if path.exists() else None


def largest_judged(claim: Claim, record: Scores) -> pd.Series:
    """Return the cell of the largest checkpoint in the arm that the published verdict speaks of."""
    cells = in_arm(record.frame[record.frame["task"] == claim.task], arm_named(claim.judged_arm))
    if cells.empty:
        msg = (
            f"task '{claim.task}': got no cell in the arm '{claim.judged_arm}', expected the "
            "cell that the published verdict rests on; add it or drop the claim."
        )
        raise ScoresError(msg)
    return cells.sort_values("n_params", kind="stable").iloc[-1]


def _claim_rows(claim: Claim, record: Scores) -> list[Reproduced]:
    cell = largest_judged(claim, record)
    rise = cell["score"] - cell["chance"]
    against = f"{cell['score']:.3f} against chance {cell['chance']:.3f} ({rise:+.3f})"
    recomputed = f"{cell['checkpoint']}: {against}"
    if claim.published_baseline is not None:
        recomputed += f"; published baseline: {claim.published_baseline:.2f}"
    rows = [
        Reproduced(
            SIDE,
            claim.row,
            "above" if claim.published_above_baseline else "not above",
            recomputed,
            bool(rise > 0) == claim.published_above_baseline,
        )
    ]
    if claim.published_emergent:
        limit = f"{100 * MARGINAL_RISE:g}"
        rows.append(
            Reproduced(
                "marginal rise",
                claim.row,
                f"under {limit} points" if claim.published_marginal else f"{limit} points or more",
                f"{100 * rise:+.1f} points",
                bool(rise < MARGINAL_RISE - 1e-12) == claim.published_marginal,
            )
        )
    return rows


def recompute_means(folder: Path, scores: Scores) -> pd.DataFrame | None:
    """Return every cell with the mean over its runs, recomputed, and whether it agrees.

    Columns: those of a cell, n_repeats, score, mean, runs, agrees. None where there are no runs.
    """
    runs = read_repeats(folder)
    if runs is None:
        return None
    runs = runs.assign(accuracy=runs["n_correct"] / runs["n_items"])
    means = runs.groupby(CELL).agg(mean=("accuracy", "mean"), runs=("accuracy", "size"))
    cells = scores.frame[[*CELL, "n_repeats", "score"]].merge(
        means.reset_index(), on=CELL, how="left"
    )
    strangers = means.index.difference(pd.MultiIndex.from_frame(scores.frame[CELL]))
    if len(strangers):
        msg = (
            f"{folder / REPEATS_FILE}: got runs of {dict(zip(CELL, strangers[0], strict=True))}, "
            "expected runs of cells that stand in scores.csv; correct the names or remove them."
        )
        raise ScoresError(msg)
    same = (cells["mean"] - cells["score"]).abs() <= MEAN_TOLERANCE
    return cells.assign(agrees=same & (cells["runs"] == cells["n_repeats"]))


def _mean_rows(means: pd.DataFrame, scores: Scores) -> list[Reproduced]:
    """Return one row per task: how many of its means over repeats come out as in the table."""
    titles = scores.tasks.set_index("task")
    shown = titles["title"] if "title" in titles else titles.index.to_series()
    rows = []
    for task, cells in means.groupby("task"):
        several = int((cells["n_repeats"] > 1).sum())
        wrong = cells[~cells["agrees"]]
        text = f"{int(cells['agrees'].sum())} means equal to {MEAN_TOLERANCE:g}"
        if len(wrong):
            text += f"; first that differs: {wrong.iloc[0][CELL].to_dict()}"
        rows.append(
            Reproduced(
                "mean over repeats",
                str(shown[task]),
                f"{len(cells)} means, {several} of them over several runs",
                text,
                wrong.empty,
            )
        )
    return rows


@dataclass(frozen=True)
class ReplicateAudit:
    """How far repeats of a cell agree: near-copies must not be counted as more items."""

    n_cells: int
    n_identical: int
    variance_ratio: float
    icc: float


def runs_of_record(runs: pd.DataFrame, scores: Scores, prompt_format: str) -> pd.DataFrame:
    """Return the runs of the cells that the verdicts rest on."""
    record = scores.tasks.set_index("task")["metric_of_record"]
    kept = (runs["prompt_format"] == prompt_format) & (runs["metric"] == runs["task"].map(record))
    return runs[kept]


def audit_replicates(runs: pd.DataFrame) -> ReplicateAudit:
    """Return the agreement of repeats over cells with several runs.

    ``variance_ratio`` is the pooled variance between runs over the binomial variance of a mean of
    independent items; ``icc`` is 1 minus it.
    """
    runs = runs.assign(accuracy=runs["n_correct"] / runs["n_items"])
    cells = runs.groupby(CELL).agg(
        p=("accuracy", "mean"),
        variance=("accuracy", "var"),
        n_runs=("accuracy", "size"),
        n_values=("n_correct", "nunique"),
        n_items=("n_items", "first"),
    )
    cells = cells[cells["n_runs"] > 1]
    binomial = cells["p"] * (1 - cells["p"]) / cells["n_items"]
    # Where every run is all right or all wrong, there is no variance to compare.
    expected = float(binomial.mean()) if len(cells) else 0.0
    ratio = float(cells["variance"].mean()) / expected if expected > 0 else np.nan
    identical = int((cells["n_values"] == 1).sum())
    return ReplicateAudit(len(cells), identical, ratio, 1 - ratio)
