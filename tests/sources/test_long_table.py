"""Long tables, by item and by cell; any table is kept count by count, or refused."""

import math
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sources.by_hand_cells import by_cell
from toolkit.errors import ToolkitError
from toolkit.importing.flow import Request, describe_study, import_study
from toolkit.sources.table_rows import counted
from toolkit.study.scores import read_scores

ITEMS = """\
model,question_id,is_right,options,log_p,brier,pass
gpt2,q1,true,4,-0.5,0.25,a
gpt2,q2,false,2,-2,1.5,a
gpt2,q1,1,4,-0.5,0.25,b
gpt2,q2,1,2,-0.25,0.125,b
gpt2-xl,q1,1,4,-0.125,0.5,a
gpt2-xl,q2,1,2,-0.125,0.5,a
"""
MAP = """\
[columns]
checkpoint = "model"
item = "question_id"
correct = "is_right"
n_options = "options"
target_log_prob = "log_p"
repeat = "pass"
[constants]
task = "riddles"
metric = "exact_match"
prompt_format = "closed"
n_shots = 2
"""
CELLS = """\
checkpoint,task,metric,prompt_format,n_shots,n_items,n_correct,score,score_se,comment
gpt2,riddles,acc,closed,0,10,3,,,x
gpt2,riddles,acc,closed,5,65,,56.9,,y
gpt2,riddles,f1,closed,0,10,,61.5,4,z
"""
GPT2, XL = "openai-community/gpt2", "openai-community/gpt2-xl"
CELL_COLUMNS = ["checkpoint", "task", "metric", "prompt_format", "n_shots", "n_items", "n_correct"]


def file(folder, text, name):
    path = folder / name
    path.write_text(text)
    return path


@pytest.fixture
def column_map(tmp_path):
    return file(tmp_path, MAP, "map.toml")


def test_rows_of_items_are_counted_by_run(tmp_path, column_map, imported):
    path = file(tmp_path, ITEMS, "items.csv")
    scores, folder, _ = imported("long", path, columns=column_map)
    # gpt2: 1 and 2 of 2 in two passes; gpt2-xl: 2 of 2
    assert by_cell(scores) == {
        (GPT2, "riddles", "exact_match", "closed", 2): (2, 2, 0.75),
        (XL, "riddles", "exact_match", "closed", 2): (2, 2, 1.0),
    }
    assert scores.frame.set_index("checkpoint")["n_repeats"].to_dict() == {GPT2: 2, XL: 1}
    assert scores.tasks["chance"].tolist() == [pytest.approx(3 / 8)]
    items = pd.read_parquet(folder / "items.parquet")
    assert items["item"].tolist() == ["q1", "q2"] * 3
    assert items["score"].tolist() == [1, 0, 1, 1, 1, 1]
    assert items["target_log_prob"].tolist() == [-0.5, -2, -0.5, -0.25, -0.125, -0.125]
    assert items["brier"].tolist() == [0.25, 1.5, 0.25, 0.125, 0.5, 0.5]
    assert items["run"].tolist() == ["a", "a", "b", "b", "a", "a"]


def test_brier_and_log_probability_of_every_item_are_means_in_a_file(
    tmp_path, column_map, imported
):
    _, folder, _ = imported("long", file(tmp_path, ITEMS, "items.csv"), columns=column_map)
    options = pd.read_csv(folder / "options.csv").set_index("checkpoint")
    # gpt2: means over two passes
    assert options.loc[GPT2, "target_log_prob"] == pytest.approx((-0.5 - 2 - 0.5 - 0.25) / 4)
    assert options.loc[GPT2, "brier"] == pytest.approx((0.25 + 1.5 + 0.25 + 0.125) / 4)
    # the root of the mean variance over passes: two items at 0.25 and 1.5, at 0.25 and 0.125
    variance = ((1.25**2 + 0.125**2) / 2) / 2
    assert options.loc[GPT2, "brier_se"] == pytest.approx(math.sqrt(variance / 2))
    assert options.loc[XL].to_dict() == {
        "task": "riddles", "prompt_format": "closed", "n_shots": 2, "n_items": 2,
        "target_log_prob": -0.125, "target_log_prob_se": 0, "brier": 0.5, "brier_se": 0,
    }  # fmt: skip


def test_checkpoint_with_an_item_that_lacks_a_brier_score_is_not_in_the_file(
    tmp_path, column_map, imported
):
    path = file(tmp_path, ITEMS.replace("-2,1.5", "-2,"), "items.csv")
    _, folder, _ = imported("long", path, columns=column_map)
    assert pd.read_csv(folder / "options.csv")["checkpoint"].tolist() == [XL]


TWO_METRICS = """\
checkpoint,task,metric,prompt_format,n_shots,item,correct,n_options,target_log_prob,brier
gpt2,riddles,acc,closed,0,a,1,4,-0.5,0.25
gpt2,riddles,acc,closed,0,b,0,4,-1,1
gpt2,riddles,f1,closed,0,b,0,4,-1,1
gpt2,riddles,f1,closed,0,a,1,4,-0.5,{brier}
"""


def test_options_under_two_metrics_stand_once(tmp_path, imported):
    _, folder, _ = imported("long", file(tmp_path, TWO_METRICS.format(brier=0.25), "items.csv"))
    assert pd.read_csv(folder / "options.csv")["brier"].tolist() == [0.625]


def test_options_that_differ_between_metrics_are_an_error(tmp_path, refused_import):
    message = refused_import("long", file(tmp_path, TWO_METRICS.format(brier=0.5), "items.csv"))
    assert "got target_log_prob or brier that differ between acc and f1" in message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("-2,1.5", "-2,2.1"), "line 3 column 'brier': got '2.1', expected a Brier score summed"),
        (("-2,1.5", "-2,-0.1"), "column 'brier': got '-0.1', expected a Brier score summed"),
        (("-2,1.5", "0.1,1.5"), "column 'target_log_prob': got '0.1', expected the natural log"),
        (("-2,1.5", "-inf,1.5"), "column 'target_log_prob': got '-inf', expected a number"),
    ],
)
def test_value_of_options_out_of_range_is_an_error(
    tmp_path, column_map, refused_import, change, said
):
    path = file(tmp_path, ITEMS.replace(*change, 1), "items.csv")
    assert said in refused_import("long", path, columns=column_map)


def test_value_of_options_may_leave_its_range_by_rounding(tmp_path, column_map, imported):
    path = file(tmp_path, ITEMS.replace("-2,1.5", "1e-7,2.0000001"), "items.csv")
    imported("long", path, columns=column_map)


def test_parquet_says_the_same_as_csv(tmp_path, column_map, imported):
    csv = file(tmp_path, ITEMS, "items.csv")
    frame = pd.read_csv(csv, dtype=str).assign(brier=pd.read_csv(csv)["brier"])
    frame.to_parquet(tmp_path / "items.parquet")
    from_csv = imported("long", csv, columns=column_map)[0].frame
    from_parquet = imported("long", tmp_path / "items.parquet", columns=column_map)[0].frame
    pd.testing.assert_frame_equal(from_parquet, from_csv)


def test_rows_of_cells_keep_counts_and_standard_errors(tmp_path, imported, tasks_file):
    path = file(tmp_path, CELLS, "cells.csv")
    percent = file(tmp_path, "percent = true\n", "map.toml")
    chance = tasks_file(("riddles", "acc", 0.25))
    scores, folder, report = imported("long", path, columns=percent, tasks=chance)
    found = by_cell(scores)
    f1 = found.pop((GPT2, "riddles", "f1", "closed", 0))
    assert found == {
        (GPT2, "riddles", "acc", "closed", 0): (10, 3, 0.3),
        # 56.9 per cent of 65 is 37
        (GPT2, "riddles", "acc", "closed", 5): (65, 37, pytest.approx(37 / 65, abs=1e-9)),
    }
    assert (f1[0], f1[2]) == (10, 0.615)
    assert scores.frame["score_se"].dropna().tolist() == [0.04]
    assert "Note: columns not read: comment." in report
    assert not (folder / "items.parquet").exists()


@pytest.mark.parametrize(
    ("text", "n_items", "percent", "share"),
    [
        ("0.5692307692", 65, False, 37 / 65),
        ("56.9", 65, True, 37 / 65),
        ("33.3", 3, True, 1 / 3),
        ("0", 9, False, 0),
        ("100", 9, True, 1),
        ("57", 1000, True, 0.57),  # too coarse for one count: kept as it is
    ],
)
def test_share_of_items_undoes_the_rounding(text, n_items, percent, share):
    assert counted(text, n_items, percent, "x", "score") == pytest.approx(share, abs=1e-12)


def test_score_that_is_no_share_of_its_items_is_an_error():
    with pytest.raises(ToolkitError, match=r"got '0\.512', 10\.24 of 20 items, expected a whole"):
        counted("0.512", 20, False, "x line 2", "score")


@pytest.mark.parametrize("text", ["0e999999999", "0e400", "0e9999999999999999999"])
def test_score_without_a_last_place_is_an_error(text):
    with pytest.raises(ToolkitError, match=f"column 'score': got '{text}', expected a score of"):
        counted(text, 20, False, "x line 2", "score")


def test_score_with_a_tiny_exponent_is_none_right():
    assert counted("1e-999999999", 20, False, "x", "score") == 0


def test_score_in_per_cent_that_is_not_said_is_an_error(tmp_path, refused_import):
    message = refused_import("long", file(tmp_path, CELLS, "cells.csv"))
    assert (
        "line 3 column 'score': got '56.9', expected a score in [0, 1]; is it in per cent?"
        in message
    )


def row(**change):
    cells = dict(
        zip(CELL_COLUMNS, ["gpt2", "riddles", "acc", "closed", "0", "10", "3"], strict=True)
    )
    cells |= change
    return ",".join(cells) + "\n" + ",".join(cells.values()) + "\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "got an empty file"),
        ("a,b\n", "got a header and no rows"),
        ("a,a\n1,2\n", "line 1: got column 'a' twice"),
        ("a,b\n1\n", "line 2: got 1 fields, expected 2"),
        (row()[:-1], "got a last line that does not end"),
        (row().replace("gpt2", '"gpt2'), "expected one row of cells per line"),
        (row(n_shots="-1"), "got '-1', expected a whole number, 0 or more"),
        (row(n_shots="nan"), "column 'n_shots': got 'nan', expected a number"),
        (row(n_items="0"), "got '0', expected a whole number, 1 or more"),
        (row(n_correct="11"), "got 1.1, expected a proportion"),
        (row(n_correct="NaN"), "got 'NaN', expected a number"),
        (row(task=""), "line 2 column 'task': got an empty cell"),
        (row(task="../x"), "got a step out of its folder in the task"),
        (row(task="<b>x</b>"), "got markup in the task"),
        (row(metric="x" * 500), "got metric 500 characters"),
        (row(checkpoint="x" * 10_000_000), "got field larger than field limit"),
        (row(checkpoint="unheard-of"), "checkpoint 'unheard-of': not in the registry"),
        (row() + row().split("\n")[1] + "\n", "line 3: got gpt2, riddles, acc, closed, 0 again"),
        (
            row(n_correct="")
            .replace("n_correct", "score_se,score")
            .replace("10,\n", "10,-0.1,0.3\n"),
            "line 2 column 'score_se': got '-0.1', expected a standard error, 0 or more",
        ),
        (row().replace("task", "tsak"), "column 'task': got no such column (did you mean 'tsak'?)"),
        (row().replace("n_correct", "right"), "column 'score': got no such column"),
    ],
)
def test_spoilt_table_is_one_error_and_leaves_nothing(
    tmp_path, refused_import, tasks_file, text, said
):
    chance = tasks_file(("riddles", "acc", 0.25))
    assert said in refused_import("long", file(tmp_path, text, "cells.csv"), tasks=chance)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ("is_right", "right"),
            "got no column 'right' (did you mean 'is_right'?), expected it as correct",
        ),
        (("[constants]", "[constant]"), "unknown key 'constant' (did you mean 'constants'?)"),
        (("n_shots = 2", 'n_shots = "2"'), "key 'n_shots': got '2', expected int"),
        (("[columns]", "[columns"), "not valid TOML"),
    ],
)
def test_spoilt_map_is_one_error(tmp_path, refused_import, change, said):
    spoilt = file(tmp_path, MAP.replace(*change), "map.toml")
    assert said in refused_import("long", file(tmp_path, ITEMS, "i.csv"), columns=spoilt)


def test_item_that_stands_twice_in_a_run_is_an_error(tmp_path, column_map, refused_import):
    twice = file(tmp_path, ITEMS + "gpt2,q1,0,4,-1,1,a\n", "items.csv")
    message = refused_import("long", twice, columns=column_map)
    assert "one item id for records 1 and 3 of gpt2 on riddles (exact_match, 1 such)" in message


@pytest.mark.parametrize("kept", [0, 40, -10])
def test_parquet_that_is_cut_off_is_an_error(tmp_path, column_map, refused_import, kept):
    path = tmp_path / "items.parquet"
    pd.read_csv(file(tmp_path, ITEMS, "i.csv"), dtype=str).to_parquet(path)
    path.write_bytes(path.read_bytes()[:kept])
    assert "expected a Parquet file" in refused_import("long", path, columns=column_map)


names = st.sampled_from(["gpt2", "gpt2-xl", "facebook/opt-1.3b", "new", "<b>", "..", " x", ""])
counts = st.sampled_from(["0", "3", "10", "11", "1e1", "-1", "2.5", "nan", "inf", "ten", ""])
rows = st.tuples(
    names, st.sampled_from(["riddles", "sums", "a/../b"]), st.sampled_from(["acc", "perplexity"]),
    st.just("closed"), st.sampled_from(["0", "5", "-1", "x"]), counts, counts,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(rows, min_size=1, max_size=4))
def test_random_table_is_kept_count_by_count_or_refused_with_its_place(table):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "cells.csv"
        pd.DataFrame(table, columns=CELL_COLUMNS).to_csv(path, index=False)
        chance = file(
            folder,
            "task,metric_of_record,chance,chance_source\n"
            "riddles,acc,0.25,by hand\nsums,acc,0,by hand\na/../b,acc,0,by hand\n",
            "tasks.csv",
        )
        request = Request("long", path, tasks=chance)
        try:
            import_study(request, folder / "study")
        except ToolkitError as error:
            place = ("cells.csv", "not in the registry", "no usable score")
            assert any(part in str(error) for part in place)
            assert sorted(p.name for p in folder.iterdir()) == ["cells.csv", "tasks.csv"]
        else:
            found = read_scores(folder / "study").frame
            kept = [r for r in table if r[2] == "acc"]
            assert sorted(found["n_correct"]) == sorted(float(r[6]) for r in kept)
            assert sorted(found["n_items"]) == sorted(float(r[5]) for r in kept)


def test_describe_of_a_long_table_writes_nothing(tmp_path, column_map):
    path = file(tmp_path, ITEMS, "items.csv")
    said = "\n".join(describe_study(Request("long", path, columns=column_map)))
    assert "Read 1 file: 6 item records, 3 runs, 2 cells." in said
    assert "Checkpoint gpt2: openai-community/gpt2, GPT-2, 1.24e+08 parameters, base" in said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["items.csv", "map.toml"]
