"""Maia Polo et al. 2024 (Sloth): Open LLM Leaderboard scores of families with tuned variants.

Upstream: ``data_v1.csv`` of felipemaiapolo/sloth, one row per checkpoint, MIT. The choices that
change a number are these.

Kept
    MMLU with five demonstrations, as right answers over all 14,042 items: the subjects' counts
    added up, for checkpoints that have all 57. 20 tasks of BIG-Bench Hard with three: logical
    deduction and tracking of shuffled objects are one each, as the literature speaks of them, and
    not one for three, five and seven objects.
Left out
    Other benchmarks: no claim here rests on them. Mixtral: its size is that of one expert. The
    printed MMLU average where subjects are missing: an average of unequal subjects is no count.
    MMLU of llama-2-7b: its subjects ran on ten items each. MMLU of codellama-7b-instruct: its
    subjects are two points from the printed average, so that one of the two is another run.
    BIG-Bench Hard of ``COPIES``: one set of scores under four names.
Empty cells
    A checkpoint that was not run on a task has no row.
Counts
    The file has no numbers of items: MMLU's are those of ``ITEMS``, BIG-Bench Hard's 250 (snarks
    178, penguins 146, causal judgement 187). A score that is no whole count is an error.
Tuned checkpoints
    Nested in the base of their family and size: several stand on one base, and none is a further
    size. The leaderboard ran most of them with their chat template and bases without, on BIG-Bench
    Hard; part of a difference may be the template.
"""

from pathlib import Path

import pandas as pd

from toolkit.sources import bbh_items
from toolkit.sources.mmlu_items import ITEMS
from toolkit.sources.upstream import (
    as_scores,
    check_columns,
    check_hash,
    check_once,
    exact_counts,
    refuse,
)

SHA256 = "3394fce53c5b53dfa57691f6c4a01a5c977f74af09e619210e023e08184fb975"
SUBJECT = "hendrycksTest-"
AVERAGE = "MMLU"
# How far the mean over subjects may lie from the printed average, which has four digits.
AVERAGE_TOLERANCE = 0.01
BBH = "bbh_"
NOT_IN_THE_FILE = ("dyck_languages", "multistep_arithmetic", "word_sorting")
BBH_ITEMS = {name: n for name, n in bbh_items.ITEMS.items() if name not in NOT_IN_THE_FILE}
# One task of BIG-bench, which this file has in parts.
PARTS = {
    task: tuple(f"{task}_{n}_objects" for n in ("three", "five", "seven"))
    for task in ("logical_deduction", "tracking_shuffled_objects")
}
SINGLE = [name for name in BBH_ITEMS if not any(name in parts for parts in PARTS.values())]
TASKS = {name: (name,) for name in SINGLE} | PARTS
N_SHOTS = {"mmlu": 5, BBH: 3}
LEFT_OUT_FAMILY = "mixtral-8x-v0.1"
LEFT_OUT_MMLU = ("llama-2-7b", "codellama-7b-instruct")
# The same score on each of 23 tasks, though their sizes differ a hundredfold; other checkpoints
# share 9 at most. WizardLM 13B V1.0 was published as a difference of weights, which is no model.
COPIES = (
    "smollm-135m-instruct",
    "smollm-360m-instruct",
    "smollm-1.7b-instruct",
    "wizardlm-13b-v1.0",
)


def import_scores(path: Path) -> dict[str, pd.DataFrame]:
    """Return the study's ``scores.csv``.

    Raises
    ------
    SourceError
        When the file is missing, is not the recorded version, or is not as described above.
    """
    check_hash(path, SHA256, "data_v1.csv from felipemaiapolo/sloth", "openllm-sloth2024")
    return convert(pd.read_csv(path), str(path))


def convert(raw: pd.DataFrame, where: str) -> dict[str, pd.DataFrame]:
    """Return the tables made from the upstream frame; separate from the hash for its tests."""
    subjects = [SUBJECT + name for name in ITEMS]
    tasks = [BBH + name for name in BBH_ITEMS]
    check_columns(raw, ["Model", "Family", AVERAGE, *subjects, *tasks], where)
    check_once(raw, ["Model"], where)
    rows = raw[raw["Family"] != LEFT_OUT_FAMILY]
    own = rows[~rows["Model"].isin(COPIES) & rows[tasks].notna().any(axis=1)]
    refuse(
        own.duplicated(tasks),
        where,
        lambda at: (
            f"{own.loc[at, 'Model']} has the scores of another checkpoint on all tasks of "
            "BIG-Bench Hard, expected its own; one of the two is a copy."
        ),
    )
    parts = [_mmlu(rows, where), *(_bbh(own, name, where) for name in TASKS)]
    return {"scores.csv": as_scores(pd.concat(parts, ignore_index=True))}


def _mmlu(rows: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return the cells of MMLU: right answers added up over the subjects."""
    columns = [SUBJECT + name for name in ITEMS]
    complete = rows[columns].notna().all(axis=1) & ~rows["Model"].isin(LEFT_OUT_MMLU)
    run = rows[complete]
    refuse(
        (run[columns].mean(axis=1) - run[AVERAGE]).abs() > AVERAGE_TOLERANCE,
        where,
        lambda at: (
            f"the subjects of {run.loc[at, 'Model']} average {run.loc[at, columns].mean():.4f}, "
            f"expected {run.loc[at, AVERAGE]:.4f} as printed; one of the two is another run."
        ),
    )
    right = pd.Series(0.0, index=run.index)
    for name, n_items in ITEMS.items():
        column = SUBJECT + name
        items = pd.Series(n_items, index=run.index)
        right += exact_counts(run[column], items, f"{where} column '{column}'")
    return _cells(run, "mmlu", right, sum(ITEMS.values()), N_SHOTS["mmlu"])


def _bbh(rows: pd.DataFrame, name: str, where: str) -> pd.DataFrame:
    """Return the cells of one task of BIG-Bench Hard, its parts added up."""
    columns = {BBH + part: BBH_ITEMS[part] for part in TASKS[name]}
    run = rows[rows[list(columns)].notna().all(axis=1)]
    right = pd.Series(0.0, index=run.index)
    for column, n_items in columns.items():
        items = pd.Series(n_items, index=run.index)
        right += exact_counts(run[column], items, f"{where} column '{column}'")
    return _cells(run, name, right, sum(columns.values()), N_SHOTS[BBH])


def _cells(
    run: pd.DataFrame, task: str, right: pd.Series, n_items: int, n_shots: int
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "checkpoint": run["Model"],
            "task": task,
            "metric": "accuracy",
            "prompt_format": "ranked",
            "n_shots": n_shots,
            "n_items": n_items,
            "n_correct": right,
            "score": right / n_items,
        }
    )
