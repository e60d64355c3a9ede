"""Chung et al. 2022 (Flan): base against instruction-tuned by size, direct and chain of thought.

Upstream: ``flan_bbh_tables_17_19.csv``, a transcription of the paper's Tables 17 to 19: 27
BIG-Bench Hard tasks with three demonstrations. The choices that change a number are these.

Kept
    The 20 checkpoints of known size: T5 (the language-model-adapted ones) and PaLM with their Flan
    partners, and the cont-PaLM and U-PaLM pairs, which have a family name of their own since they
    share 62 and 540 billion parameters with PaLM.
Left out
    The four GPT-3 checkpoints: their sizes are not published, and whether code-davinci-002 is a
    base checkpoint can be argued. The averages over tasks. Table 21 (MGSM): its numbers of items
    and of demonstrations are not printed.
Empty cells
    Lost in the copy of the tables, not zero: such a cell has no row.
Prompt formats
    ``direct`` and ``cot`` are two ways to put the question. Small T5 never reaches an answer after
    a chain of thought and scores 0, far below chance: a floor of format that makes the ability
    seem to appear with size. The claims rest on ``direct``.
Counts
    Percentages have one digit; of 250 items (snarks 178, penguins 146, causal judgement 187)
    exactly one whole number rounds to each, else it is an error.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from toolkit.sources.bbh_items import ITEMS
from toolkit.sources.upstream import (
    as_scores,
    check_columns,
    check_hash,
    check_known,
    check_unit,
    refuse,
    rounded_counts,
)

SHA256 = "4c637f1f41e0904c3da53e2135eb8a8e251f0c9411560df0da6094b5f74230a4"
COLUMNS = ["family", "model", "params_b", "instruction_tuned", "task", "prompting", "k_shots",
           "accuracy_pct"]  # fmt: skip
AVERAGE = "AVERAGE"
FAMILIES = ("T5", "PaLM", "cont-PaLM", "U-PaLM")
SIZE_NOT_PUBLISHED = "GPT-3"
N_SHOTS = 3
HALF_UNIT = 0.0005


def import_scores(path: Path) -> dict[str, pd.DataFrame]:
    """Return the study's ``scores.csv``.

    Raises
    ------
    SourceError
        When the file is missing, is not the recorded version, or is not as described above.
    """
    file = "flan_bbh_tables_17_19.csv (Tables 17 to 19, transcribed)"
    check_hash(path, SHA256, file, "flan-chung2022")
    return convert(pd.read_csv(path), str(path))


def convert(raw: pd.DataFrame, where: str) -> dict[str, pd.DataFrame]:
    """Return the tables made from the upstream frame; separate from the hash for its tests."""
    check_columns(raw, COLUMNS, where)
    check_known(raw, "family", [*FAMILIES, SIZE_NOT_PUBLISHED], where)
    check_known(raw, "task", [*ITEMS, AVERAGE], where)
    check_known(raw, "prompting", ["direct", "cot"], where)
    check_known(raw, "k_shots", [N_SHOTS], where)
    rows = raw[
        (raw["family"] != SIZE_NOT_PUBLISHED)
        & (raw["task"] != AVERAGE)
        & raw["accuracy_pct"].notna()
    ]
    _check_sizes(rows, where)
    n_items = rows["task"].map(ITEMS)
    count = _counts(rows["accuracy_pct"] / 100, n_items, where)
    cells = pd.DataFrame(
        {
            "checkpoint": rows["model"],
            "task": rows["task"],
            "metric": "exact_match",
            "prompt_format": rows["prompting"],
            "n_shots": rows["k_shots"],
            "n_items": n_items,
            "n_correct": count,
            "score": count / n_items,
        }
    )
    return {"scores.csv": as_scores(cells)}


def _check_sizes(rows: pd.DataFrame, where: str) -> None:
    refuse(
        rows["params_b"].isna(),
        where,
        lambda at: (
            f"got no size of {rows.loc[at, 'model']}, expected one for every family but "
            f"{SIZE_NOT_PUBLISHED}."
        ),
    )


def _counts(score: pd.Series, n_items: pd.Series, where: str) -> pd.Series:
    """Return the one whole number of items that rounds to each score."""
    check_unit(score, where)
    count = rounded_counts(score, n_items, pd.Series(np.full(len(score), HALF_UNIT), score.index))
    refuse(
        count.isna(),
        where,
        lambda at: (
            f"no single whole number of {n_items.loc[at]} items rounds to "
            f"{100 * score.loc[at]:.4g}%; the figure or the number of items is another."
        ),
    )
    return count
