"""Ruan et al. 2024 (Observational Scaling): tasks called emergent, over 81 checkpoints.

Upstream: ``base_llm_emergent_capability_eval.csv`` of ryoungj/ObsScaling, one row per base
checkpoint, Apache-2.0. The choices that change a number are these.

Kept
    The seven tasks scored as right or wrong, all with two demonstrations.
Left out
    BLEU of the transliterations: 0 to 100 and no proportion of items. The repository's other files:
    columns ending in ``,norm`` are scores with chance taken away (down to -1), ``strict-match``
    of direct BBH answers is 0 almost everywhere because its pattern only fits chains of thought,
    and zero-shot GSM8K differs by how the answer is extracted; none of them is needed for these
    claims, and this reader refuses such columns.
Sparse checkpoints
    Upstream sizes of mixtures of experts mix total and active parameters. Those known to be the
    active ones stay (Mixtral-8x22B, DeepSeek-V2, DeepSeek-Coder-V2: what a token meets, as in every
    dense checkpoint). Mixtral-8x7B (total), Qwen2-57B-A14B (24 billion, neither its total nor its
    active number) and Jamba (not said which) are left out.
Empty cells
    A checkpoint that was not run on a task has no row.
Metrics
    Upstream's own: word unscrambling and transliteration are free answers that must match; the
    arithmetic tasks are right where the target is the likeliest continuation, Persian QA where it
    is the likeliest option.
Counts
    The file has no numbers of items. Every value is a whole count of 2,000 (arithmetic, word
    unscrambling), 1,050 (Persian QA) or 1,003 items (transliteration), which is checked; the
    transliterations of Qwen-72B and Qwen1.5-72B are not, were run on another number, and are left
    out.
"""

from pathlib import Path

import pandas as pd

from toolkit.errors import SourceError
from toolkit.sources.upstream import (
    as_scores,
    check_columns,
    check_hash,
    check_once,
    exact_counts,
)

SHA256 = "a156beee73c39b7833c3c53535c473939105512d85e90b0143be7325e516ef7c"
# column: task, metric, items
TASKS = {
    "parsinlu_qa_2_acc": ("parsinlu_qa_mc", "accuracy", 1050),
    "word_unscrambling_2_exact_match": ("word_unscrambling", "exact_match", 2000),
    "ipa_transliterate_2_exact_match": ("ipa_transliterate", "exact_match", 1003),
    "arithmetic_3ds_2_acc": ("subtraction_3_digits", "accuracy", 2000),
    "arithmetic_3da_2_acc": ("addition_3_digits", "accuracy", 2000),
    "arithmetic_2dm_2_acc": ("multiplication_2_digits", "accuracy", 2000),
    "arithmetic_2da_2_acc": ("addition_2_digits", "accuracy", 2000),
}
NO_PROPORTION = "ipa_transliterate_2_bleu"
N_SHOTS = 2
LEFT_OUT_CHECKPOINTS = (
    "mistralai/Mixtral-8x7B-v0.1",
    "Qwen/Qwen2-57B-A14B",
    "ai21labs/Jamba-v0.1",
)
OTHER_ITEMS = {
    ("Qwen/Qwen-72B", "ipa_transliterate"),
    ("Qwen/Qwen1.5-72B", "ipa_transliterate"),
}


def import_scores(path: Path) -> dict[str, pd.DataFrame]:
    """Return the study's ``scores.csv``.

    Raises
    ------
    SourceError
        When the file is missing, is not the recorded version, or is not as described above.
    """
    file = "base_llm_emergent_capability_eval.csv from ryoungj/ObsScaling"
    check_hash(path, SHA256, file, "obsscaling2024")
    return convert(pd.read_csv(path), str(path))


def convert(raw: pd.DataFrame, where: str) -> dict[str, pd.DataFrame]:
    """Return the tables made from the upstream frame; separate from the hash for its tests."""
    check_columns(raw, ["Model", *TASKS], where)
    _check_no_other_columns(raw, where)
    check_once(raw, ["Model"], where)
    rows = raw[~raw["Model"].isin(LEFT_OUT_CHECKPOINTS)]
    parts = [_cells(rows, column, where) for column in TASKS]
    return {"scores.csv": as_scores(pd.concat(parts, ignore_index=True))}


def _check_no_other_columns(raw: pd.DataFrame, where: str) -> None:
    """Refuse columns that no choice was made for, such as normalised or strictly matched scores."""
    others = sorted(set(raw.columns) - {"Model", NO_PROPORTION, *TASKS})
    if others:
        msg = f"{where}: got columns {others}, expected none besides those of the described file."
        raise SourceError(msg)


def _cells(rows: pd.DataFrame, column: str, where: str) -> pd.DataFrame:
    """Return the cells of one task; a checkpoint that was not run on it has none."""
    task, metric, n_items = TASKS[column]
    other = [(model, task) in OTHER_ITEMS for model in rows["Model"]]
    run = rows[rows[column].notna() & ~pd.Series(other, index=rows.index)]
    items = pd.Series(n_items, index=run.index)
    count = exact_counts(run[column], items, f"{where} column '{column}'")
    return pd.DataFrame(
        {
            "checkpoint": run["Model"],
            "task": task,
            "metric": metric,
            "prompt_format": "completion",
            "n_shots": N_SHOTS,
            "n_items": items,
            "n_correct": count,
            "score": count / items,
        }
    )
