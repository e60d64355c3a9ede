"""Biderman et al. 2023 (Pythia): one suite, eight sizes, with no and five demonstrations.

Upstream: ``pythia_v1_general_tasks.csv`` and ``pythia_v1_mmlu_final_step.csv``, the result files of
EleutherAI/pythia in long form, Apache-2.0. Most tasks stand at chance at every size: the study is a
negative control. The choices that change a number are these.

Kept
    The last training step; plain accuracy of seven general tasks and the 57 subjects of MMLU; the
    16 checkpoints of the retrained suite. Deduplicated and plain corpora are two families. There is
    no plain 1b at full precision: the bfloat16 run stands in its place.
Left out
    ``wsc``: with five demonstrations every checkpoint gives the same answer (0.365 of 104 items).
    Perplexity, and accuracy normalised by length. Earlier steps: steps of one run are no further
    checkpoints, the first two are identical, and files of the 2.8b pair are copies of each other at
    some steps. Two checkpoints with equal scores on every task are an error at the last step.
Counts
    The files have a score and a standard error: items = acc (1 - acc) / stderr^2 + 1, a whole
    number that is the same in all rows of a task. Right answers are a whole number of them.
"""

from itertools import combinations
from pathlib import Path

import pandas as pd

from toolkit.errors import SourceError
from toolkit.sources.upstream import (
    as_scores,
    check_columns,
    check_hash,
    check_known,
    exact_counts,
    refuse,
)

FILE = "pythia_v1_general_tasks.csv"
SHA256 = "fb15a1b571377f0a6a505a65619202352378d1ee4989bd9d32c6feceb37cde99"
MMLU_FILE = "pythia_v1_mmlu_final_step.csv"
MMLU_SHA256 = "30abb9b1973ce776827710180976a43ce5390e36d0ad5c50bbe0ce63e944c392"
COLUMNS = ["model", "step", "num_fewshot", "task", "metric", "value", "stderr"]
LAST_STEP = 143000
TASKS = (
    "arc_challenge", "arc_easy", "lambada_openai", "logiqa", "piqa", "sciq", "winogrande",
)  # fmt: skip
LEFT_OUT_TASK = "wsc"
MMLU = "hendrycksTest-"
LEFT_OUT_METRICS = ("acc_norm", "ppl")
# Equal scores on fewer tasks than this may be chance.
COPIES_FROM = 3
WHOLE = 1e-3


def import_scores(path: Path) -> dict[str, pd.DataFrame]:
    """Return the study's ``scores.csv``; ``path`` is one of the two files or their folder.

    Raises
    ------
    SourceError
        When a file is missing, is not the recorded version, or is not as described above.
    """
    folder = path if path.is_dir() else path.parent
    parts = []
    for name, sha256 in ((FILE, SHA256), (MMLU_FILE, MMLU_SHA256)):
        check_hash(folder / name, sha256, f"{name} (EleutherAI/pythia, long form)", "pythia2023")
        parts.append(_kept(pd.read_csv(folder / name), str(folder / name)))
    return {"scores.csv": as_scores(_cells(pd.concat(parts, ignore_index=True), str(folder)))}


def convert(raw: pd.DataFrame, where: str) -> dict[str, pd.DataFrame]:
    """Return the tables made from one upstream frame; separate from the hash for its tests."""
    return {"scores.csv": as_scores(_cells(_kept(raw, where), where))}


def _kept(raw: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return the rows of accuracy at the last step, with the number of items of their task."""
    check_columns(raw, COLUMNS, where)
    general = raw[~raw["task"].str.startswith(MMLU)]
    check_known(general, "task", [*TASKS, LEFT_OUT_TASK], where)
    check_known(raw, "metric", ["acc", *LEFT_OUT_METRICS], where)
    check_known(raw, "num_fewshot", [0, 5], where)
    rows = raw[
        (raw["metric"] == "acc") & (raw["step"] == LAST_STEP) & (raw["task"] != LEFT_OUT_TASK)
    ]
    return rows.assign(n_items=_items(rows, where))


def _items(rows: pd.DataFrame, where: str) -> pd.Series:
    """Return the items of every row, from the scores and standard errors of its task."""
    found = rows["value"] * (1 - rows["value"]) / rows["stderr"] ** 2 + 1
    certain = found.where(rows["stderr"] > 0)
    of_task = certain.groupby(rows["task"]).transform("median")
    refuse(
        ((certain - of_task.round()).abs() > WHOLE) | of_task.isna(),
        where,
        lambda at: (
            f"score and standard error give {found.loc[at]:.3f} items of {rows.loc[at, 'task']}, "
            "expected the whole number of its other rows."
        ),
    )
    return of_task.round()


def _cells(rows: pd.DataFrame, where: str) -> pd.DataFrame:
    _check_no_copies(rows, where)
    count = exact_counts(rows["value"], rows["n_items"], where)
    return pd.DataFrame(
        {
            "checkpoint": rows["model"],
            "task": rows["task"].str.replace(MMLU, "mmlu_"),
            "metric": "accuracy",
            "prompt_format": "ranked",
            "n_shots": rows["num_fewshot"],
            "n_items": rows["n_items"],
            "n_correct": count,
            "score": count / rows["n_items"],
        }
    )


def _check_no_copies(rows: pd.DataFrame, where: str) -> None:
    """Raise when two checkpoints have the same scores on all tasks: one file was copied."""
    scores = rows.pivot_table(index=["num_fewshot", "task"], columns="model", values="value")
    for shots, of_shots in scores.groupby("num_fewshot"):
        for one, other in combinations(of_shots.columns, 2):
            both = of_shots[[one, other]].dropna()
            if len(both) >= COPIES_FROM and (both[one] == both[other]).all():
                msg = (
                    f"{where}: {one} and {other} have equal scores on all {len(both)} tasks with "
                    f"{shots} demonstrations, expected two runs; one of them is a copy."
                )
                raise SourceError(msg)
