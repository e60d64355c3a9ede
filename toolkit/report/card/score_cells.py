"""The published scores of a study as tidy cells for the charts of its cards."""

import numpy as np
import pandas as pd
from scipy import stats

from toolkit.analysis.study_folder import StudyFolder
from toolkit.estimands.estimate import CI_PROB
from toolkit.study.claims import ARM_LABELS, Arm

TAILS = ((1 - CI_PROB) / 2, 1 - (1 - CI_PROB) / 2)
COLUMNS = (
    "task", "checkpoint", "lm_family", "arm", "metric", "prompt_format", "of_record", "n_params",
    "train_flop", "n_items", "score", "low", "high", "chance",
)  # fmt: skip
DIGITS = {"score": 4, "low": 4, "high": 4, "chance": 4}


def published_cells(source: StudyFolder) -> pd.DataFrame:
    """Return every published score of a study with its interval (``COLUMNS``).

    Scores, intervals and chance are proportions; ``train_flop`` is NaN where it is unknown, and
    ``chance`` where a metric has none.
    ``of_record`` marks the cells that the verdicts rest on: the task's metric of record in the
    prompt format of the analysis.
    """
    frame, record = source.every_proportion.frame, source.record.frame
    metric = frame["task"].map(source.scores.tasks.set_index("task")["metric_of_record"])
    fitted = (frame["metric"] == metric) & (frame["prompt_format"] == source.plan.prompt_format)
    both = pd.concat(
        [record.assign(of_record=True), frame[~fitted].assign(of_record=False)], ignore_index=True
    )
    cells = with_intervals(both)
    cells = cells.assign(arm=arm_labels(cells), train_flop=cells["train_flop"].astype(float))
    return cells[list(COLUMNS)].round(DIGITS)


def with_intervals(cells: pd.DataFrame) -> pd.DataFrame:
    """Return cells with a 90% interval for their number of items (low, high).

    Jeffreys' for counts; normal, kept inside [0, 1], for scores that come with an error only.
    """
    k, n = cells["n_correct"], cells["n_items"]
    bounds = []
    for tail in TAILS:
        counted = stats.beta.ppf(tail, k + 0.5, n - k + 0.5)
        normal = stats.norm.ppf(tail, cells["score"], cells["score_se"]).clip(0, 1)
        bounds.append(np.where(k.isna(), normal, counted))
    return cells.assign(low=bounds[0], high=bounds[1])


def arm_labels(cells: pd.DataFrame) -> list[str]:
    """Return the arm of each cell in words."""
    shots, tuned = cells["n_shots"] > 0, cells["instruction_tuned"]
    return [Arm(bool(s), bool(t)).label for s, t in zip(shots, tuned, strict=True)]


def arms_among(cells: pd.DataFrame) -> list[str]:
    """Return the arms that have cells, in the order of the models."""
    there = set(cells["arm"])
    return [label for label in ARM_LABELS if label in there]


def chance_levels(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the chance level of each metric that has one (metric, chance)."""
    return cells[["metric", "chance"]].dropna().drop_duplicates()
