"""Brown et al. 2020 (GPT-3): scores by size with no, one and many demonstrations, Table H.1.

Upstream: ``gpt3_table_h1.csv``, a transcription of the printed table. The choices that change a
number are these.

Kept
    The 16 tasks whose number of items the paper gives: ten arithmetic tasks of 2,000 items, five
    word tasks of 10,000, and the SAT analogies of 374.
Left out
    The 21 standard benchmarks: the table does not print their numbers of items, so that neither a
    count nor an error can be made. Among them are WiC, which is 0.00 without demonstrations at
    every size, and CB, 0.00 at the smallest (answers in a form that the scorer can't read);
    MultiRC, whose one-shot row repeats the zero-shot row; ReCoRD, an F1; and all tasks without a
    one-shot row.
Empty cells
    Five of the 4-digit subtraction row with one demonstration: the text copy had one cell too many
    there, so that which score belongs to which size is not known. Any other empty cell is an error.
Rounding
    Percentages have three digits: a step of 0.01 points below 10, of 0.1 from 10 on. A count is
    made where exactly one whole number of items rounds to the printed figure. Elsewhere there is no
    ``n_correct``; ``score_se`` covers the items drawn and the rounding. This also holds for figures
    that no whole number rounds to (2.54% of 2,000).
Shots
    Zero-shot and few-shot cells are one prompt format, ``completion``. Cells with one demonstration
    stand apart as ``completion-one-shot``: they are the same items and checkpoints again, and two
    few-shot arms of one checkpoint would count its items twice.
Metrics
    Arithmetic and word tasks are free answers that must match (``exact_match``, floor and chance
    0); the analogies are the likeliest of five options (``accuracy``).
"""

from pathlib import Path

import numpy as np
import pandas as pd

from toolkit.sources.upstream import (
    as_scores,
    check_columns,
    check_hash,
    check_known,
    check_unit,
    refuse,
    rounded_counts,
    rounded_score_se,
)

SHA256 = "ed6417be1c29f20d2b19fabdbd2205833dc9e05683ad5821e74feea08bdf0e25"
COLUMNS = ["task", "metric", "setting", "k_shots", "params_b", "score_pct"]
ARITHMETIC = {
    "2D+": "addition_2_digits",
    "2D-": "subtraction_2_digits",
    "3D+": "addition_3_digits",
    "3D-": "subtraction_3_digits",
    "4D+": "addition_4_digits",
    "4D-": "subtraction_4_digits",
    "5D+": "addition_5_digits",
    "5D-": "subtraction_5_digits",
    "2Dx": "multiplication_2_digits",
    "1DC": "three_operations_1_digit",
}
WORDS = ("anagrams_1", "anagrams_2", "cycled_letters", "reversed_words", "symbol_insertion")
ANALOGIES = "sat_analogies"
N_ITEMS = {**dict.fromkeys(ARITHMETIC, 2000), **dict.fromkeys(WORDS, 10000), ANALOGIES: 374}
LEFT_OUT_TASKS = (
    "anli_r1", "anli_r2", "anli_r3", "arc_challenge", "arc_easy", "boolq", "cb", "copa",
    "hellaswag", "lambada", "multirc", "openbookqa", "piqa", "race", "record", "rte", "triviaqa",
    "webqs", "wic", "winogrande", "wsc",
)  # fmt: skip
CHECKPOINTS = {
    0.125: "gpt3-125m",
    0.35: "gpt3-350m",
    0.76: "gpt3-760m",
    1.3: "gpt3-1.3b",
    2.7: "gpt3-2.7b",
    6.7: "gpt3-6.7b",
    13.0: "gpt3-13b",
    175.0: "gpt3-175b",
}
PROMPT_FORMATS = {"zero": "completion", "few": "completion", "one": "completion-one-shot"}
EMPTY_ROW = ("4D-", "one", 2.7)  # task, setting, largest size (billions) with an empty cell


def import_scores(path: Path) -> dict[str, pd.DataFrame]:
    """Return the study's ``scores.csv``.

    Raises
    ------
    SourceError
        When the file is missing, is not the recorded version, or is not as described above.
    """
    check_hash(path, SHA256, "gpt3_table_h1.csv (Table H.1, transcribed)", "gpt3-brown2020")
    return convert(pd.read_csv(path), str(path))


def convert(raw: pd.DataFrame, where: str) -> dict[str, pd.DataFrame]:
    """Return the tables made from the upstream frame; separate from the hash for its tests."""
    check_columns(raw, COLUMNS, where)
    check_known(raw, "task", [*N_ITEMS, *LEFT_OUT_TASKS], where)
    check_known(raw, "setting", PROMPT_FORMATS, where)
    check_known(raw, "params_b", CHECKPOINTS, where)
    rows = _without_shifted_row(raw[raw["task"].isin(list(N_ITEMS))])
    score, half_unit = _score_and_half_unit(rows, where)
    _check_shots(rows, where)
    n_items = rows["task"].map(N_ITEMS)
    count = rounded_counts(score, n_items, half_unit)
    se = rounded_score_se(score, n_items, half_unit)
    cells = pd.DataFrame(
        {
            "checkpoint": rows["params_b"].map(CHECKPOINTS),
            "task": rows["task"].replace(ARITHMETIC),
            "metric": np.where(rows["task"] == ANALOGIES, "accuracy", "exact_match"),
            "prompt_format": rows["setting"].map(PROMPT_FORMATS),
            "n_shots": rows["k_shots"],
            "n_items": n_items,
            "n_correct": count,
            "score": (count / n_items).fillna(score),
            "score_se": se.where(count.isna()),
        }
    )
    return {"scores.csv": as_scores(cells)}


def _without_shifted_row(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows without the empty cells whose scores are known, but not their order."""
    task, setting, largest = EMPTY_ROW
    shifted = (rows["task"] == task) & (rows["setting"] == setting) & (rows["params_b"] <= largest)
    return rows[~(shifted & rows["score_pct"].isna())]


def _score_and_half_unit(rows: pd.DataFrame, where: str) -> tuple[pd.Series, pd.Series]:
    """Return proportions and half a step of their last printed digit."""
    percent = rows["score_pct"]
    score = percent / 100
    check_unit(score, where)
    digits = pd.Series(np.where(percent < 10, 2, 1), index=rows.index)
    step = 10.0**-digits
    refuse(
        (percent / step - (percent / step).round()).abs() > 1e-6,
        where,
        lambda at: (
            f"got {percent.loc[at]}%, expected three digits, a multiple of {step.loc[at]:g} points."
        ),
    )
    return score, step / 200


def _check_shots(rows: pd.DataFrame, where: str) -> None:
    """Raise unless the number of demonstrations is what the setting says."""
    shots = rows["k_shots"]
    right = np.where(
        rows["setting"] == "few", shots > 1, shots == rows["setting"].map({"zero": 0, "one": 1})
    )
    refuse(
        ~pd.Series(right.astype(bool), index=rows.index),
        where,
        lambda at: (
            f"got k_shots {shots.loc[at]} in the setting '{rows.loc[at, 'setting']}', expected 0, "
            "1, or more than 1 for zero, one, few."
        ),
    )
