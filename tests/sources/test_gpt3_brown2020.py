"""One trap of the printed table per test, on rows written by hand."""

import numpy as np
import pandas as pd
import pytest

from toolkit import paths
from toolkit.analysis.study_folder import load_study_folder
from toolkit.errors import SourceError
from toolkit.sources import gpt3_brown2020 as source
from toolkit.study.scores import CELL


def row(task, setting, k, params, percent):
    return [task, "acc", setting, k, params, percent]


def raw(*rows):
    return pd.DataFrame(list(rows), columns=source.COLUMNS)


def converted(*rows):
    return source.convert(raw(*rows), "x")["scores.csv"].set_index(CELL)


def test_rows_become_exactly_these_cells():
    scores = converted(
        row("3D+", "zero", 0, 13.0, 1.4),
        row("3D+", "one", 1, 13.0, 15.4),
        row("3D+", "few", 50, 13.0, 8.4),
        row("sat_analogies", "few", 20, 175.0, 65.2),
        row("anagrams_1", "few", 100, 0.125, 0.5),
    )
    expected = {
        ("gpt3-125m", "anagrams_1", "exact_match", "completion", 100): [10000, 50],
        ("gpt3-13b", "addition_3_digits", "exact_match", "completion", 0): [2000, 28],
        ("gpt3-13b", "addition_3_digits", "exact_match", "completion", 50): [2000, 168],
        ("gpt3-175b", "sat_analogies", "accuracy", "completion", 20): [374, 244],
    }
    counted = scores[scores["n_correct"].notna()]
    assert {c: list(r) for c, r in counted[["n_items", "n_correct"]].T.items()} == expected
    one = scores.loc[("gpt3-13b", "addition_3_digits", "exact_match", "completion-one-shot", 1)]
    assert np.isnan(one["n_correct"])  # 307 to 309 of 2,000
    assert one["score"] == pytest.approx(0.154, abs=1e-12)
    assert one["score_se"] == pytest.approx(np.sqrt(0.154 * 0.846 / 2000), rel=2e-3)


def test_percentages_are_proportions_and_a_counted_cell_has_its_exact_score():
    scores = converted(row("sat_analogies", "zero", 0, 175.0, 53.7))
    assert scores["score"].tolist() == [201 / 374]  # 53.74%
    assert scores["score_se"].isna().all()


def test_figure_that_no_count_rounds_to_keeps_the_score():
    scores = converted(row("2D+", "zero", 0, 6.7, 2.54))
    assert scores["n_correct"].isna().all()
    assert scores["score"].tolist() == [pytest.approx(0.0254)]
    assert (scores["score_se"] > 0.003).all()


def test_shifted_row_loses_its_empty_cells_only():
    cells = [row("4D-", "one", 1, size, np.nan) for size in (0.125, 0.35, 0.76, 1.3, 2.7)]
    scores = converted(*cells, row("4D-", "one", 1, 13.0, 0.5))
    assert scores.index.get_level_values("checkpoint").tolist() == ["gpt3-13b"]


@pytest.mark.parametrize(
    "odd", [row("4D-", "one", 1, 6.7, np.nan), row("4D-", "few", 50, 2.7, np.nan),
            row("4D+", "one", 1, 2.7, np.nan), row("2D+", "zero", 0, 13.0, -1.0)]
)  # fmt: skip
def test_other_empty_cell_or_sentinel_is_an_error(odd):
    with pytest.raises(SourceError, match=r"x line 2: got score .*expected a proportion"):
        converted(odd)


@pytest.mark.parametrize("task", ["wic", "cb", "multirc", "record", "hellaswag", "race"])
def test_standard_benchmark_without_item_count_is_left_out(task):
    scores = converted(row(task, "zero", 0, 13.0, 0.0), row("5D+", "zero", 0, 13.0, 0.0))
    assert set(scores.index.get_level_values("task")) == {"addition_5_digits"}


def test_every_task_of_the_table_is_kept_or_left_out_by_name():
    assert len(source.N_ITEMS) + len(source.LEFT_OUT_TASKS) == 37
    assert not set(source.N_ITEMS) & set(source.LEFT_OUT_TASKS)


@pytest.mark.parametrize(
    ("odd", "what"),
    [
        (row("6D+", "zero", 0, 13.0, 0.0), "task '6D+'"),
        (row("2D+", "some", 0, 13.0, 0.0), "setting 'some'"),
        (row("2D+", "zero", 0, 6.0, 0.0), "params_b '6.0'"),
    ],
)
def test_unknown_name_is_an_error(odd, what):
    with pytest.raises(SourceError) as caught:
        converted(odd)
    assert f"x line 2: got {what}" in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "k"), [("zero", 1), ("one", 0), ("one", 5), ("few", 1), ("few", 0)]
)
def test_shots_that_contradict_the_setting_are_an_error(setting, k):
    with pytest.raises(SourceError, match=rf"x line 2: got k_shots {k} in the setting '{setting}'"):
        converted(row("2D+", setting, k, 13.0, 0.0))


def test_more_digits_than_printed_are_an_error():
    with pytest.raises(SourceError, match=r"x line 2: got 15\.45%, expected three digits"):
        converted(row("2D+", "zero", 0, 13.0, 15.45))


@pytest.fixture(scope="module")
def committed():
    return load_study_folder(str(paths.CHECKOUT / "data" / "gpt3-brown2020"))


def test_committed_cells_are_those_of_the_table(committed):
    frame = committed.scores.frame
    assert frame.groupby("prompt_format").size().to_dict() == {
        "completion": 16 * 8 * 2,
        "completion-one-shot": 16 * 8 - 5,
    }
    assert int(frame["n_correct"].isna().sum()) == 56
    cells = frame.set_index(["checkpoint", "task", "n_shots"])
    assert cells.loc[("gpt3-175b", "addition_2_digits", 50), "score"] == 1.0
    assert cells.loc[("gpt3-175b", "subtraction_5_digits", 0), "n_correct"] == 16
    assert cells.loc[("gpt3-13b", "symbol_insertion", 0), "n_correct"] == 89


def test_verdicts_rest_on_one_few_shot_cell_per_checkpoint(committed):
    record = committed.record.frame
    assert not record.duplicated(["checkpoint", "task", "n_shots"]).any()
    assert record.groupby(["checkpoint", "task"]).size().eq(2).all()


def test_shots_differ_by_task_and_chance_of_free_answers_is_zero(committed):
    most = committed.record.frame.groupby("task")["n_shots"].max()
    assert most[["addition_2_digits", "anagrams_1", "sat_analogies"]].tolist() == [50, 100, 20]
    chance = committed.scores.tasks.set_index("task")["chance"]
    assert chance["sat_analogies"] == 0.2
    assert (chance.drop("sat_analogies") == 0).all()
