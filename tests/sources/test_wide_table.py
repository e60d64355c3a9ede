"""Wide tables: guided by what --describe prints, then read as the user's file says."""

import tomllib

import pandas as pd
import pytest

from tests.sources.by_hand_cells import by_cell
from toolkit.importing.flow import Request, describe_study

TABLE = """\
Model,Params,Hindu,Sums,Note
gpt2,124,30.0,5,small
gpt2-xl,1500,45.5,,
facebook/opt-1.3b,1300,-,7.5,
"""
MAP = """\
checkpoint = "Model"
metric = "accuracy"
prompt_format = "closed"
n_shots = 0
percent = true

[[task]]
column = "Hindu"
name = "hindu_knowledge"
n_items = 200
chance = 0.25
chance_source = "four options in every item"

[[task]]
column = "Sums"
name = "sums"
n_items = 40
n_shots = 5
chance = 0.0
chance_source = "free text"
"""
GPT2, XL = "openai-community/gpt2", "openai-community/gpt2-xl"


def file(folder, text, name):
    path = folder / name
    path.write_text(text)
    return path


@pytest.fixture
def table(tmp_path):
    return file(tmp_path, TABLE, "table.csv")


def test_cells_are_counts_of_the_items_that_the_user_says(table, tmp_path, imported):
    scores, _, report = imported("wide", table, columns=file(tmp_path, MAP, "map.toml"))
    assert by_cell(scores) == {
        (GPT2, "hindu_knowledge", "accuracy", "closed", 0): (200, 60, 0.3),
        (XL, "hindu_knowledge", "accuracy", "closed", 0): (200, 91, 0.455),
        (GPT2, "sums", "accuracy", "closed", 5): (40, 2, 0.05),
        ("facebook/opt-1.3b", "sums", "accuracy", "closed", 5): (40, 3, 0.075),
    }
    assert scores.tasks.set_index("task")["chance"].to_dict() == {
        "hindu_knowledge": 0.25,
        "sums": 0,
    }
    assert "Dropped: cells of hindu_knowledge, 1 time (no score)." in report
    assert "Dropped: cells of sums, 1 time (no score)." in report
    assert "Chance 0.25 (four options in every item): hindu_knowledge." in report
    assert "Arm zero-shot, base: 1 task, 2 sizes" in report


def test_parquet_says_the_same_as_csv(table, tmp_path, imported):
    pd.read_csv(table, dtype=str, na_filter=False).to_parquet(tmp_path / "t.parquet")
    given = file(tmp_path, MAP, "map.toml")
    from_csv = imported("wide", table, columns=given)[0].frame
    from_parquet = imported("wide", tmp_path / "t.parquet", columns=given)[0].frame
    pd.testing.assert_frame_equal(from_parquet, from_csv)


def test_describe_says_what_each_column_seems_to_hold(table, tmp_path):
    said = describe_study(Request("wide", table))
    assert said[:6] == (
        f"{table}: 3 rows, 5 columns.",
        "Column 'Model': names, each once.",
        "Column 'Params': numbers that are no scores, 124 to 1500.",
        "Column 'Hindu': scores in per cent, 30 to 45.5, 1 empty.",
        "Column 'Sums': scores in per cent, 5 to 7.5, 1 empty.",
        "Column 'Note': texts that recur, 2 empty.",
    )
    assert [p.name for p in tmp_path.iterdir()] == ["table.csv"]


def test_file_that_describe_prints_is_taken_once_filled_in(table, tmp_path, imported):
    said = describe_study(Request("wide", table))
    printed = "\n".join(said[7:])
    filled = (
        printed.replace("N_SHOTS", "0").replace("N_ITEMS", "200").replace("CHANCE", "0.25")
    )  # fmt: skip
    assert [t["column"] for t in tomllib.loads(filled)["task"]] == ["Hindu", "Sums"]
    scores, _, _ = imported("wide", table, columns=file(tmp_path, filled, "map.toml"))
    assert by_cell(scores)[GPT2, "Hindu", "METRIC", "PROMPT_FORMAT", 0] == (200, 60, 0.3)


def test_table_without_its_map_is_not_guessed_at(table, refused_import):
    assert "got no --columns FILE" in refused_import("wide", table)


def test_two_names_of_one_checkpoint_are_an_error_with_both_rows(tmp_path, refused_import):
    given = file(tmp_path, MAP, "map.toml")
    twice = file(tmp_path, TABLE + f"{GPT2},124,31.0,5,\n", "table.csv")
    message = refused_import("wide", twice, columns=given)
    assert f"line 5: got {GPT2}, hindu_knowledge, accuracy, closed, 0 again" in message
    assert f"(first {twice} line 2 as gpt2, the same checkpoint)" in message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("Model,", "Name,"), "got no column 'Model', expected it as --columns FILE says"),
        (("gpt2-xl", "gpt2"), "line 3: got checkpoint 'gpt2' again (first "),
        (("30.0", "30.1"), "line 2 column 'Hindu': got '30.1', 60.2 of 200 items"),
        (("30.0", "130"), "got '130', expected a score in [0, 100]"),
        (("30.0", "nan"), "column 'Hindu': got 'nan', expected a number"),
        (("gpt2,", "<b>gpt2</b>,"), "got markup in the checkpoint"),
        (("gpt2,", "../gpt2,"), "got a step out of its folder in the checkpoint"),
        (("gpt2,", ","), "got checkpoint 0 characters"),
        (("gpt2,", f"{'x' * 100_000},"), "got checkpoint 100000 characters"),
        (("7.5,\n", "7.5"), "line 4: got 4 fields, expected 5"),
    ],
)
def test_spoilt_table_is_one_error_and_leaves_nothing(tmp_path, refused_import, change, said):
    given = file(tmp_path, MAP, "map.toml")
    table = file(tmp_path, TABLE.replace(*change, 1), "table.csv")
    assert said in refused_import("wide", table, columns=given)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("n_items = 200", "n_items = 0"), "task 1: got 0 items for 'hindu_knowledge'"),
        (('name = "sums"', 'name = "hindu_knowledge"'), "and each name once"),
        (("chance = 0.25", "chance = 25"), "task 1 chance: got 25.0, expected a proportion"),
        (("free text", "x" * 200_000), "task 2: got chance_source 200000 characters"),
        (("chance = 0.25\n", ""), "key 'chance' is missing"),
        (("percent", "per_cent"), "unknown key 'per_cent' (did you mean 'percent'?)"),
        (("n_items = 200", "n_items = nan"), "key 'n_items': got nan, expected int"),
    ],
)
def test_spoilt_map_is_one_error_and_leaves_nothing(table, tmp_path, refused_import, change, said):
    spoilt = file(tmp_path, MAP.replace(*change), "map.toml")
    assert said in refused_import("wide", table, columns=spoilt)
