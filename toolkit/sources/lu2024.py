"""Lu et al. 2024, the scores behind "Are Emergent Abilities ... just In-Context Learning?".

Upstream: ``evaluation_scores.csv`` of UKPLab/on-emergence, one row per run, CC BY-SA 4.0.
``import_scores`` re-expresses it in our table; the choices that change a number are these.

Kept
    The 22 tasks of the paper; the prompt formats ``closed`` (options listed, completion style) and
    ``letter`` (upstream ``closed-adv``: lettered options, the letter is the answer); every
    checkpoint whose size, series and base are public, hence also the two Alpaca checkpoints, which
    the paper's Table 1 does not list: they are instruction-tuned partners of LLaMA.
Left out
    ``code`` and ``gpt-4``: not in the paper's table, of unknown size. The transliteration task:
    not in the paper. Prompt format ``open``: no options are shown, the paper sets it aside, and
    davinci was not run on it. The letter prompt of codenames: the published prompt code lists the
    right answer as the only option, so its scores measure nothing.
Sentinels
    -100 means "not computed". Such a metric has no row here; it is never averaged. Any other value
    outside [0, 1] is an error, so that a new sentinel can't slip in.
Metrics
    ``bert_score`` (the option nearest to the generated text counts as the answer) and
    ``exact_match`` stand side by side. The paper's metric of record is the first, but exact match
    for codenames, gsm8k and modified arithmetic; BERTScore of those three exists for some
    checkpoints only, is not used by the paper and is left out.
Repeats
    Local checkpoints were run with three seeds at temperature 0.01: near-copies on the same items,
    not three draws of items. A cell is one row: ``score`` is the mean over its runs, ``n_correct``
    the mean count rounded to a whole item, ``n_repeats`` and ``repeat_sd`` keep the agreement, and
    ``repeats.csv`` keeps every run's count so that each mean can be recomputed.
Duplicates
    Three rows occur twice with the same run id and content; one of each stays. Two different rows
    for one seed of a cell would be an error.
Item counts
    Falcon was scored on 300 and 750 items of two tasks where the others have 295 and 745 (five went
    to the demonstrations). Each row keeps its own count.
Shots
    "Five-shot" is two-shot for causal judgment and four-shot for strange stories; ``n_shots`` keeps
    the true number.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from toolkit.errors import SourceError
from toolkit.sources.upstream import check_columns, check_hash, check_known, refuse
from toolkit.study.scores import CELL, SCORES_SCHEMA
from toolkit.tables import check_table, first_row, line_of

SHA256 = "43159449c7c9a52e25f0f8499441f325ab72fbfdea55f51cf9547f3f24474a99"
# Not in the paper's table.
LEFT_OUT_CHECKPOINTS = ("code", "gpt-4")
LEFT_OUT_TASK = "international_phonetic_alphabet_transliterate"
PROMPT_FORMATS = {"closed": "closed", "closed-adv": "letter"}
METRICS = {"exact_match_accuracy": "exact_match", "bert_score_accuracy": "bert_score"}
EXACT_MATCH_OF_RECORD = ("codenames", "gsm8k", "modified_arithmetic")
NOT_COMPUTED = -100
RENAMED_CHECKPOINTS = {
    "models--llama/7B": "llama-7b",
    "models--llama/13B": "llama-13b",
    "models--llama/30B": "llama-30b",
}
COLUMNS = [
    "run_id", "filename", "number_of_data", "model", "prompt_type", "number_of_shots", "seed",
    *METRICS,
]  # fmt: skip


def import_scores(path: Path) -> dict[str, pd.DataFrame]:
    """Return the study's tables by file name: ``scores.csv`` and ``repeats.csv``.

    Raises
    ------
    SourceError
        When the file is missing, is not the recorded version, or is not as described above.
    """
    check_hash(path, SHA256, "evaluation_scores.csv from UKPLab/on-emergence", "lu2024")
    return convert(pd.read_csv(path, dtype={"model": str, "seed": float}), str(path))


def convert(raw: pd.DataFrame, where: str) -> dict[str, pd.DataFrame]:
    """Return the tables made from the upstream frame; separate from the hash for its tests."""
    check_columns(raw, COLUMNS, where)
    repeats = _counts(_one_row_per_run(_kept_rows(raw, where), where), where)
    scores = _collapse(repeats)
    return {"scores.csv": check_table(scores, SCORES_SCHEMA, "scores.csv"), "repeats.csv": repeats}


def _kept_rows(raw: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return the rows and names of this study; an unknown prompt format is an error."""
    rows = raw[COLUMNS].assign(task=raw["filename"].str.removesuffix("/task.json"))
    check_known(rows, "prompt_type", [*PROMPT_FORMATS, "open"], where)
    keep = (
        ~rows["model"].isin(LEFT_OUT_CHECKPOINTS)
        & (rows["task"] != LEFT_OUT_TASK)
        & (rows["prompt_type"] != "open")
        & ~((rows["task"] == "codenames") & (rows["prompt_type"] == "closed-adv"))
    )
    rows = rows[keep]
    return rows.assign(
        checkpoint=rows["model"].replace(RENAMED_CHECKPOINTS),
        prompt_format=rows["prompt_type"].map(PROMPT_FORMATS),
    )


def _one_row_per_run(rows: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return the rows without exact duplicates; two different runs of one seed are an error."""
    rows = rows.drop_duplicates()
    run = ["checkpoint", "task", "prompt_format", "number_of_shots", "seed"]
    refuse(
        rows.duplicated(run),
        where,
        lambda at: (
            f"a second, different run of {rows.loc[at, run].to_dict()}; expected one run per seed."
        ),
    )
    return rows


def _counts(rows: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return one row per run and metric with its whole count of correct items."""
    long = rows.melt(
        id_vars=[
            "checkpoint",
            "task",
            "prompt_format",
            "number_of_shots",
            "number_of_data",
            "seed",
        ],
        value_vars=list(METRICS),
        var_name="metric",
        value_name="accuracy",
        ignore_index=False,
    )
    # Labels are those of upstream rows, and each stands here once per metric.
    long = long.rename_axis("row").reset_index()
    long["metric"] = long["metric"].map(METRICS)
    long = long[long["accuracy"] != NOT_COMPUTED]
    used = (long["metric"] == "exact_match") | ~long["task"].isin(EXACT_MATCH_OF_RECORD)
    long = long[used]
    outside = ~long["accuracy"].between(0, 1)
    if outside.any():
        at, row = first_row(outside), int(long["row"].to_numpy()[outside.to_numpy()][0])
        msg = (
            f"{where} line {line_of(row)}: got accuracy {long.loc[at, 'accuracy']}, "
            f"expected a proportion in [0, 1] or {NOT_COMPUTED} for 'not computed'."
        )
        raise SourceError(msg)
    count = long["accuracy"] * long["number_of_data"]
    fraction = (count - count.round()).abs() > 1e-4
    if fraction.any():
        at, row = first_row(fraction), int(long["row"].to_numpy()[fraction.to_numpy()][0])
        msg = (
            f"{where} line {line_of(row)}: accuracy times items is {count.loc[at]:.4f}, "
            "expected a whole count."
        )
        raise SourceError(msg)
    return (
        long.assign(
            n_shots=long["number_of_shots"].astype(int),
            n_items=long["number_of_data"].astype(int),
            n_correct=count.round().astype(int),
            # API checkpoints ran once, without a seed.
            seed=long["seed"].fillna(0).astype(int),
        )[[*CELL, "seed", "n_items", "n_correct"]]
        .sort_values([*CELL, "seed"], kind="stable")
        .reset_index(drop=True)
    )


def _collapse(repeats: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cell: the mean over runs on the same items, and how far they agree."""
    runs = repeats.assign(accuracy=repeats["n_correct"] / repeats["n_items"])
    cells = runs.groupby(CELL, sort=True)
    several = cells["n_items"].max() > cells["n_items"].min()
    if several.any():
        cell = dict(zip(CELL, several.index[several][0], strict=True))
        msg = f"repeats of {cell} have different numbers of items; they can't be collapsed."
        raise SourceError(msg)
    table = cells.agg(
        n_items=("n_items", "first"),
        total=("n_correct", "sum"),
        n_repeats=("n_correct", "size"),
        repeat_sd=("accuracy", "std"),
    ).reset_index()
    mean_count = table["total"] / table["n_repeats"]
    table["n_correct"] = np.rint(mean_count).astype(int)
    table["score"] = mean_count / table["n_items"]
    return table[[*CELL, "n_items", "n_correct", "n_repeats", "repeat_sd", "score"]]
