"""Wu and Lo 2025: nine tasks on 65 open base checkpoints, accuracy and a Brier score.

Upstream: ``overall.csv``, the authors' tables (tony10101105/ExpEmergence, MIT) in long form. The
choices that change a number are these.

Kept
    Eight tasks. The paper drops small checkpoints that were trained for long (Phi, small Qwen 1.5)
    by hand; they stay here: who is dropped after a look at the curve decides what the curve shows.
Size
    Training compute, the paper's axis; checkpoints.csv has no parameters.
Left out
    ``arithmetic``: the number of options varies, and its smallest checkpoints score far below the
    chance level in the authors' code. DeepSeek-MoE: its size counts all experts, that of the others
    the parameters a token meets. Checkpoints without FLOP: their tokens are not published.
Wrong labels
    Two rows of ``arithmetic`` are named gpt2 and gpt2-large at 355 million and 1.5 billion
    parameters; they leave with the task, and a checkpoint of two sizes is an error elsewhere. The
    size of open_llama_7b_v2 is 13 billion upstream; checkpoints.csv has the FLOP of 7 billion.
Counts
    Accuracy times items is a whole number in every row, else it is an error.
Brier
    ``tc_brier`` (lower is better) has another chance level than accuracy, no count and no error
    without the items. It stands in ``options.csv``, for the same cells; intervals are the widest
    that its mean allows.
Shots
    Two for the BIG-bench tasks, five for MMLU, one for ARC and HellaSwag: the authors' scripts.
Scoring
    The option with the highest log-likelihood is the answer (``ranked``): no format to fail.
"""

from pathlib import Path

import pandas as pd

from toolkit.sources.upstream import (
    as_scores,
    check_columns,
    check_hash,
    check_known,
    check_once,
    check_unit,
    exact_counts,
    refuse,
)
from toolkit.study.option_measures import OPTIONS_CELL, OPTIONS_FILE

SHA256 = "ebcd649d42983f20709873e808347507f3544996e74393478c5a5503562ca5f6"
COLUMNS = ["task", "model", "params_b", "flops_1e21", "n_items", "acc", "tc_brier"]
N_SHOTS = {
    "abstract_narrative_understanding": 2,
    "analogical_similarity": 2,
    "arc": 1,
    "conceptual_combinations": 2,
    "hellaswag": 1,
    "hindu_knowledge": 2,
    "mmlu": 5,
    "parsinlu_qa_mc": 2,
}
LEFT_OUT_TASK = "arithmetic"
LEFT_OUT_CHECKPOINT = "deepseek-ai/deepseek-moe-16b-base"


def import_scores(path: Path) -> dict[str, pd.DataFrame]:
    """Return the study's tables by file name: ``scores.csv`` and ``options.csv``.

    Raises
    ------
    SourceError
        When the file is missing, is not the recorded version, or is not as described above.
    """
    check_hash(path, SHA256, "overall.csv (tony10101105/ExpEmergence, long form)", "wulo2025")
    return convert(pd.read_csv(path), str(path))


def convert(raw: pd.DataFrame, where: str) -> dict[str, pd.DataFrame]:
    """Return the tables made from the upstream frame; separate from the hash for its tests."""
    check_columns(raw, COLUMNS, where)
    check_known(raw, "task", [*N_SHOTS, LEFT_OUT_TASK], where)
    taken = (raw["task"] != LEFT_OUT_TASK) & (raw["model"] != LEFT_OUT_CHECKPOINT)
    rows = raw[taken & raw["flops_1e21"].notna()]
    check_once(rows, ["model", "task"], where, "; one of the two has a wrong label")
    _check_one_size_each(rows, where)
    check_unit(rows["tc_brier"], where)
    count = exact_counts(rows["acc"], rows["n_items"], where)
    cells = pd.DataFrame(
        {
            "checkpoint": rows["model"],
            "task": rows["task"],
            "metric": "accuracy",
            "prompt_format": "ranked",
            "n_shots": rows["task"].map(N_SHOTS),
            "n_items": rows["n_items"],
            "n_correct": count,
            "score": count / rows["n_items"],
            "tc_brier": rows["tc_brier"],
        }
    )
    brier = cells[[*OPTIONS_CELL, "n_items", "tc_brier"]]
    return {
        "scores.csv": as_scores(cells),
        OPTIONS_FILE: brier.sort_values(OPTIONS_CELL, kind="stable").reset_index(drop=True),
    }


def _check_one_size_each(rows: pd.DataFrame, where: str) -> None:
    first = rows.groupby("model")["params_b"].transform("first")
    refuse(
        rows["params_b"] != first,
        where,
        lambda at: (
            f"got {rows.loc[at, 'model']} of {rows.loc[at, 'params_b']:g} billion parameters, "
            f"expected {first.loc[at]:g} as in its other rows; size or name is wrong."
        ),
    )
