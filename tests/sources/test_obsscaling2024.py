"""One trap of the upstream files per test, on rows written by hand."""

import numpy as np
import pandas as pd
import pytest

from toolkit import paths
from toolkit.analysis.study_folder import load_study_folder
from toolkit.errors import SourceError
from toolkit.sources import obsscaling2024 as source
from toolkit.study.scores import CELL

EMPTY = dict.fromkeys(source.TASKS, np.nan)


def raw(*rows):
    """Return upstream rows: a name with the scores of the tasks that it was run on."""
    frame = pd.DataFrame([{"Model": name, **EMPTY, **scores} for name, scores in rows])
    return frame.assign(**{source.NO_PROPORTION: 27.2})


def converted(*rows):
    return source.convert(raw(*rows), "x")["scores.csv"].set_index(CELL)


def test_scores_become_counts_and_empty_cells_have_no_row():
    scores = converted(
        ("a/b", {"parsinlu_qa_2_acc": 264 / 1050, "word_unscrambling_2_exact_match": 0.089}),
        ("a/c", {"ipa_transliterate_2_exact_match": 72 / 1003, "arithmetic_3ds_2_acc": 0.859}),
    )
    assert {c: list(r) for c, r in scores[["n_items", "n_correct"]].T.items()} == {
        ("a/b", "parsinlu_qa_mc", "accuracy", "completion", 2): [1050, 264],
        ("a/b", "word_unscrambling", "exact_match", "completion", 2): [2000, 178],
        ("a/c", "ipa_transliterate", "exact_match", "completion", 2): [1003, 72],
        ("a/c", "subtraction_3_digits", "accuracy", "completion", 2): [2000, 1718],
    }


def test_bleu_is_no_proportion_and_is_left_out():
    scores = converted(("a/b", {"arithmetic_2da_2_acc": 0.5}))
    assert scores.index.get_level_values("task").tolist() == ["addition_2_digits"]


@pytest.mark.parametrize(
    "column",
    [
        "bbh_fewshot_snarks_3_exact_match,strict-match",
        "bbh_fewshot_snarks_3_exact_match,flexible-extract,norm",
        "gsm8k_cot_zeroshot_0_exact_match,strict-match",
    ],
)
def test_normalised_or_strictly_matched_columns_are_refused(column):
    odd = raw(("a/b", {"arithmetic_2da_2_acc": 0.5})).assign(**{column: -1.0})
    with pytest.raises(SourceError, match=r"x: got columns \['"):
        source.convert(odd, "x")


@pytest.mark.parametrize("name", source.LEFT_OUT_CHECKPOINTS)
def test_sparse_checkpoint_of_total_or_unclear_size_is_left_out(name):
    scores = converted(
        (name, {"arithmetic_2da_2_acc": 0.5}),
        ("deepseek-ai/DeepSeek-V2", {"arithmetic_2da_2_acc": 0.9}),
    )
    assert scores.index.get_level_values("checkpoint").tolist() == ["deepseek-ai/DeepSeek-V2"]


def test_transliterations_on_another_number_of_items_are_left_out():
    scores = converted(
        ("Qwen/Qwen-72B", {"ipa_transliterate_2_exact_match": 0.014, "arithmetic_2da_2_acc": 1.0})
    )
    assert scores.index.get_level_values("task").tolist() == ["addition_2_digits"]


def test_other_count_that_is_not_whole_is_an_error():
    with pytest.raises(SourceError, match=r"x column 'ipa.*' line 2: score 0\.014 of 1003 items"):
        converted(("Qwen/Qwen-7B", {"ipa_transliterate_2_exact_match": 0.014}))


def test_score_below_zero_is_an_error():
    with pytest.raises(SourceError, match=r"line 2: got score -1\.0, expected a proportion"):
        converted(("a/b", {"arithmetic_2da_2_acc": -1.0}))


def test_second_row_of_a_checkpoint_is_an_error():
    with pytest.raises(SourceError, match=r"x line 3: a second row of a/b"):
        converted(*[("a/b", {"arithmetic_2da_2_acc": 0.5})] * 2)


@pytest.fixture(scope="module")
def committed():
    return load_study_folder(str(paths.CHECKOUT / "data" / "obsscaling2024"))


def test_committed_numbers_checked_by_hand(committed):
    cells = committed.scores.frame.set_index(["checkpoint", "task"])
    # 0.2514285714 of 1,050 and 0.0717846461 of 1,003 items
    llama = cells.loc["meta-llama/Llama-2-7b-hf"]
    assert llama.loc["parsinlu_qa_mc", "n_correct"] == 264
    assert llama.loc["ipa_transliterate", "n_correct"] == 72
    assert llama.loc["multiplication_2_digits", "n_correct"] == 831
    assert cells["n_correct"].notna().all()


def test_committed_sizes_of_mixtures_are_active_parameters(committed):
    facts = committed.scores.checkpoints.set_index("checkpoint")
    assert facts.loc["mistralai/Mixtral-8x22B-v0.1", "n_params"] == 39e9
    assert facts.loc["deepseek-ai/DeepSeek-V2", "n_params"] == 21e9
    # 6 x 21e9 x 8.1e12
    assert facts.loc["deepseek-ai/DeepSeek-V2", "train_flop"] == pytest.approx(1.0206e24)
    assert not set(source.LEFT_OUT_CHECKPOINTS) & set(facts.index)


def test_checkpoints_without_known_tokens_have_no_flop(committed):
    facts = committed.scores.checkpoints.set_index("checkpoint")
    assert pd.isna(facts.loc["mistralai/Mistral-7B-v0.1", "train_flop"])
    assert facts.loc["meta-llama/Llama-2-7b-hf", "train_flop"] == 8.4e22


def test_code_and_textbook_checkpoints_are_families_of_their_own(committed):
    families = committed.scores.checkpoints.groupby("lm_family")["checkpoint"].agg(set)
    assert families["Phi"] == {"microsoft/phi-1_5", "microsoft/phi-2"}
    assert all(name.startswith("bigcode/") for name in families["StarCoder"])
    assert families["DeepSeek-Coder-V2"] == {"deepseek-ai/DeepSeek-Coder-V2-Base"}
