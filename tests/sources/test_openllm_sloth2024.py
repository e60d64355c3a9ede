"""One trap of the upstream file per test, on rows written by hand."""

import numpy as np
import pandas as pd
import pytest

from toolkit import paths
from toolkit.analysis.study_folder import load_study_folder
from toolkit.errors import SourceError
from toolkit.sources import openllm_sloth2024 as source
from toolkit.sources.mmlu_items import ITEMS
from toolkit.study.scores import CELL


def row(name="a-7b", family="a", right=0.5, bbh=True, **changes):
    """Return one upstream row: ``right`` of each subject's items, and half of each task's."""
    counts = {k: np.floor(right * n) for k, n in ITEMS.items()}
    subjects = {source.SUBJECT + k: counts[k] / n for k, n in ITEMS.items()}
    fewer = ord(name[0]) - ord("a")  # no two checkpoints have the same scores
    tasks = {
        source.BBH + k: (n // 2 - fewer) / n if bbh else np.nan for k, n in source.BBH_ITEMS.items()
    }
    average = {source.AVERAGE: float(np.mean(list(subjects.values())))}
    return {"Model": name, "Family": family, **subjects, **tasks, **average, **changes}


def converted(*rows):
    return source.convert(pd.DataFrame(list(rows)), "x")["scores.csv"].set_index(CELL)


def of(scores, task):
    return scores.xs(task, level="task")


def test_mmlu_is_the_sum_over_subjects():
    scores = converted(row())
    cell = scores.loc[("a-7b", "mmlu", "accuracy", "ranked", 5)]
    assert cell["n_items"] == 14042
    assert cell["n_correct"] == sum(n // 2 for n in ITEMS.values())


def test_tasks_have_their_own_items_and_three_demonstrations():
    scores = converted(row())
    assert of(scores, "snarks")[["n_items", "n_correct"]].to_numpy().tolist() == [[178, 89]]
    assert of(scores, "causal_judgement")["n_items"].tolist() == [187]
    assert of(scores, "penguins_in_a_table")["n_items"].tolist() == [146]
    assert of(scores, "navigate").index.get_level_values("n_shots").tolist() == [3]
    assert len(scores) == 1 + 20


def test_parts_of_a_task_are_added_up_where_all_were_run():
    five = source.BBH + "logical_deduction_five_objects"
    scores = converted(row(**{five: 0.2}), row("b-7b", **{five: np.nan}))
    (cell,) = of(scores, "logical_deduction").to_dict("records")
    assert (cell["n_items"], cell["n_correct"]) == (750, 125 + 50 + 125)


def test_checkpoint_that_was_not_run_on_a_task_has_no_row():
    scores = converted(row(bbh=False), row("b-7b"))
    assert of(scores, "snarks").index.get_level_values("checkpoint").tolist() == ["b-7b"]


def test_average_without_all_subjects_is_no_count():
    lacking = row(**{source.SUBJECT + "virology": np.nan})
    assert "mmlu" not in converted(lacking).index.get_level_values("task")


@pytest.mark.parametrize("name", source.LEFT_OUT_MMLU)
def test_mmlu_on_ten_items_or_of_another_run_is_left_out(name):
    ten = {source.SUBJECT + "virology": 0.3, source.AVERAGE: 0.2}
    tasks = converted(row(name, **ten)).index.get_level_values("task")
    assert "mmlu" not in tasks
    assert "snarks" in tasks


def test_other_subject_that_is_no_whole_count_is_an_error():
    with pytest.raises(SourceError, match=r"column 'hendrycksTest-virology' line 2: score 0\.3 of"):
        converted(row(**{source.SUBJECT + "virology": 0.3}))


def test_other_average_far_from_its_subjects_is_an_error():
    with pytest.raises(SourceError, match=r"x line 3: the subjects of b-7b average 0\.49\d\d"):
        converted(row(), row("b-7b", **{source.AVERAGE: 0.6}))


def test_size_of_one_expert_is_left_out():
    scores = converted(row(), row("mixtral-8x7b-v0.1", source.LEFT_OUT_FAMILY))
    assert set(scores.index.get_level_values("checkpoint")) == {"a-7b"}


@pytest.mark.parametrize("name", source.COPIES)
def test_one_set_of_scores_under_four_names_is_left_out(name):
    scores = converted(row(), row(name))
    assert of(scores, "snarks").index.get_level_values("checkpoint").tolist() == ["a-7b"]


def test_scores_of_another_checkpoint_are_an_error():
    with pytest.raises(SourceError, match=r"x line 3: a-9b has the scores of another checkpoint"):
        converted(row(), row("a-9b"))


def test_second_row_of_a_checkpoint_is_an_error():
    with pytest.raises(SourceError, match=r"x line 3: a second row of a-7b"):
        converted(row(), row())


def test_items_of_subjects_are_those_of_the_pythia_suite():
    pythia = pd.read_csv(paths.CHECKOUT / "data" / "pythia2023" / "scores.csv")
    items = pythia[pythia["task"].str.startswith("mmlu_")].groupby("task")["n_items"].first()
    assert {name.removeprefix("mmlu_"): n for name, n in items.items()} == ITEMS


@pytest.fixture(scope="module")
def committed():
    return load_study_folder(str(paths.CHECKOUT / "data" / "openllm-sloth2024"))


def test_committed_numbers_checked_by_hand(committed):
    cells = committed.scores.frame.set_index(["checkpoint", "task"])
    # 0.892 of 250, 0.6203208556 of 187 and 0.5547945205 of 146 items
    assert cells.loc[("yi-1.5-34b", "boolean_expressions"), "n_correct"] == 223
    assert cells.loc[("yi-1.5-34b", "causal_judgement"), "n_correct"] == 116
    assert cells.loc[("yi-1.5-34b", "penguins_in_a_table"), "n_correct"] == 81
    assert ("llama-2-7b", "mmlu") not in cells.index
    assert not set(source.COPIES) & set(cells.index.get_level_values("checkpoint"))


def test_several_tuned_checkpoints_are_nested_in_one_base(committed):
    facts = committed.scores.checkpoints.set_index("checkpoint")
    tuned = facts[facts["instruction_tuned"]]
    assert tuned["base_checkpoint"].notna().all()
    bases = facts.loc[tuned["base_checkpoint"]]
    assert not bases["instruction_tuned"].any()
    assert (bases["n_params"].to_numpy() == tuned["n_params"].to_numpy()).all()
    assert (bases["lm_family"].to_numpy() == tuned["lm_family"].to_numpy()).all()
    of_llama = tuned.index[tuned["base_checkpoint"] == "llama-2-7b"]
    assert {"llama-2-7b-chat", "orca-2-7b", "openhermes-7b"} <= set(of_llama)


def test_rounded_and_wrong_sizes_are_replaced(committed):
    sizes = committed.scores.checkpoints.set_index("checkpoint")["n_params"]
    assert sizes["bloom-1b1"] == 1.1e9
    assert sizes["stablelm-2-1_6b"] == sizes["stablelm-2-1_6b-chat"] == 1.6e9
    assert sizes["open_llama_7b_v2"] == 7e9


def test_tuned_checkpoints_have_no_pretraining_flop_of_their_own(committed):
    facts = committed.scores.checkpoints
    assert facts.loc[facts["instruction_tuned"], "train_flop"].isna().all()


def test_chance_comes_from_options_and_not_from_scores(committed):
    chance = committed.scores.tasks.set_index("task")["chance"]
    assert chance["mmlu"] == 0.25
    assert chance["object_counting"] == pytest.approx(1 / 19, abs=1e-4)
    several = (1 / 3 + 1 / 5 + 1 / 7) / 3
    assert chance["logical_deduction"] == pytest.approx(several, abs=1e-4)


def test_deduplicated_pythia_is_another_family_without_tuned_variants(committed):
    facts = committed.scores.checkpoints
    family = facts.set_index("checkpoint")["lm_family"]
    assert family["pythia-12b-deduped"] != family["pythia-12b"]
    tuned = facts[facts["instruction_tuned"]]
    assert "pythia-12b" in set(tuned["base_checkpoint"])
    assert not tuned["base_checkpoint"].str.contains("deduped").any()
