"""One trap of the upstream file per test, on rows written by hand."""

import pandas as pd
import pytest

from toolkit import paths
from toolkit.analysis.study_folder import load_study_folder
from toolkit.errors import SourceError
from toolkit.sources import wulo2025 as source
from toolkit.study.compute_sizes import best_parameters
from toolkit.study.scores import CELL

FOLDER = paths.CHECKOUT / "data" / "wulo2025"


def row(task="hindu_knowledge", model="a/b", params=7.0, n=175, correct=70, brier=0.5, flop=42.0):
    return [task, model, params, flop, n, correct / n, brier]


def converted(*rows):
    return source.convert(pd.DataFrame(list(rows), columns=source.COLUMNS), "x")


def test_rows_become_counts_and_the_brier_score_stands_apart():
    tables = converted(row(correct=121, brier=0.25), row("mmlu", n=14042, correct=5000, brier=0.6))
    scores = tables["scores.csv"].set_index(CELL)
    assert {c: list(r) for c, r in scores[["n_items", "n_correct"]].T.items()} == {
        ("a/b", "hindu_knowledge", "accuracy", "ranked", 2): [175, 121],
        ("a/b", "mmlu", "accuracy", "ranked", 5): [14042, 5000],
    }
    assert tables["options.csv"]["tc_brier"].tolist() == [0.25, 0.6]
    assert list(tables["options.csv"].columns) == [
        "checkpoint", "task", "prompt_format", "n_shots", "n_items", "tc_brier",
    ]  # fmt: skip


def test_count_that_is_not_whole_is_an_error():
    with pytest.raises(SourceError, match=r"x line 2: score 0\.4028\d* of 175 items is 70\.5000"):
        converted(row(correct=70.5))


def test_task_without_chance_level_is_left_out_with_its_wrong_labels():
    tables = converted(
        row(),
        row("arithmetic", "openai-community/gpt2", 0.124, 15023, 3000),
        row("arithmetic", "openai-community/gpt2", 0.355, 15023, 4000),
    )
    assert tables["scores.csv"]["task"].tolist() == ["hindu_knowledge"]


def test_one_name_for_two_rows_is_an_error():
    with pytest.raises(SourceError, match=r"x line 3: a second row of a/b on hindu_knowledge"):
        converted(row(), row(params=0.355))


def test_one_name_for_two_sizes_is_an_error():
    with pytest.raises(
        SourceError, match=r"x line 3: got a/b of 13 billion parameters, expected 7"
    ):
        converted(row(), row("arc", params=13.0, n=3548, correct=1000))


def test_size_that_counts_all_experts_is_left_out():
    tables = converted(row(), row(model=source.LEFT_OUT_CHECKPOINT, params=16.0))
    assert tables["scores.csv"]["checkpoint"].tolist() == ["a/b"]


def test_checkpoint_of_unknown_compute_is_left_out():
    tables = converted(row(), row(model="a/c", flop=float("nan")))
    assert tables["scores.csv"]["checkpoint"].tolist() == ["a/b"]
    assert tables["options.csv"]["checkpoint"].tolist() == ["a/b"]


def test_small_checkpoints_trained_for_long_stay():
    tables = converted(row(model="microsoft/phi-2"), row(model="Qwen/Qwen1.5-0.5B"))
    assert len(tables["scores.csv"]) == 2


def test_unknown_task_is_an_error():
    with pytest.raises(SourceError, match=r"x line 2: got task 'hindu_knowlodge' .*did you mean"):
        converted(row("hindu_knowlodge"))


@pytest.mark.parametrize("value", [1.2, -0.1])
def test_brier_score_outside_the_unit_is_an_error(value):
    with pytest.raises(SourceError, match=rf"x line 2: got score {value}"):
        converted(row(brier=value))


@pytest.fixture(scope="module")
def committed():
    return load_study_folder(str(FOLDER))


def test_committed_numbers_checked_by_hand(committed):
    cells = committed.scores.frame.set_index(["checkpoint", "task"])
    # 0.702857... of 175 and 0.805714... of 175 items
    assert cells.loc[("meta-llama/Llama-2-7b-hf", "hindu_knowledge"), "n_correct"] == 123
    assert cells.loc[("meta-llama/Llama-2-13b-hf", "hindu_knowledge"), "n_correct"] == 141
    assert cells.xs("hindu_knowledge", level="task")["score"].min() == pytest.approx(0.24)
    assert cells.xs("hindu_knowledge", level="task")["score"].max() == pytest.approx(149 / 175)


def test_committed_sizes_are_compute_with_wrong_ones_corrected(committed):
    flop = committed.scores.checkpoints.set_index("checkpoint")["train_flop"]
    assert committed.from_compute
    assert flop["meta-llama/Llama-2-7b-hf"] == 8.4e22
    assert flop["openlm-research/open_llama_7b_v2"] == pytest.approx(6 * 7e9 * 1e12)
    assert flop["openlm-research/open_llama_13b"] == pytest.approx(6 * 13e9 * 1e12)
    assert flop["stabilityai/stablelm-base-alpha-7b"] == pytest.approx(6 * 7e9 * 800e9)


def test_claims_are_judged_where_the_paper_has_them_begin(committed):
    sizes = {claim.task: claim.threshold_n_params for claim in committed.claims}
    assert sizes["hindu_knowledge"] == pytest.approx(best_parameters(1e22))
    assert sizes["parsinlu_qa_mc"] == pytest.approx(best_parameters(2e23))
    chosen = {claim.task for claim in committed.claims if claim.size_chosen}
    assert chosen == {"arc", "hellaswag", "abstract_narrative_understanding"}


def test_committed_brier_scores_are_of_the_same_cells(committed):
    brier = pd.read_csv(FOLDER / "options.csv").set_index(["checkpoint", "task"])
    cells = committed.scores.frame.set_index(["checkpoint", "task"])
    assert brier.index.equals(cells.sort_index().index)
    # the two go opposite ways
    both = brier["tc_brier"].groupby("task").corr(cells["score"].sort_index())
    assert (both < 0).all()


def test_few_shot_base_is_the_only_arm(committed):
    frame = committed.scores.frame
    assert not frame["instruction_tuned"].any()
    assert frame.groupby("task")["n_shots"].nunique().eq(1).all()
    assert frame.groupby("task")["n_shots"].first()[["mmlu", "arc", "hellaswag"]].tolist() == [
        5, 1, 1,
    ]  # fmt: skip


def test_chance_is_that_of_the_options(committed):
    chance = committed.scores.tasks.set_index("task")["chance"]
    assert chance["analogical_similarity"] == pytest.approx(1 / 7, abs=1e-4)
    several = (1 / 5 + 1 / 10 + 1 / 100) / 3
    assert chance["abstract_narrative_understanding"] == pytest.approx(several, abs=1e-4)
    others = ["analogical_similarity", "abstract_narrative_understanding"]
    assert (chance.drop(others) == 0.25).all()
