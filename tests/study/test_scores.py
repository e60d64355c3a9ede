"""Cells that can't be true: one message with line, column, got, expected and what to do."""

import numpy as np
import pytest

from toolkit.errors import ScoresError
from toolkit.study.scores import read_scores

FIRST = {
    "checkpoint": "fern-s",
    "task": "sorting",
    "metric": "accuracy",
    "prompt_format": "closed",
    "n_shots": "0",
    "n_items": "200",
    "n_correct": "51",
    "n_repeats": "2",
    "repeat_sd": "0.01414213562",
    "score": "0.255",
}
A_COUNT, FROM_ONE = "expected a whole number, 0 or more", "expected a whole number, 1 or more"
A_SHARE = "expected a proportion in [0, 1]; divide percentages by 100"
A_NUMBER = "expected a number; correct the cell"


@pytest.fixture
def spoilt(tiny_study, edit, refusal):
    """Return a function that gives the message for a first row with other cells."""

    def message(**cells):
        edit(
            tiny_study / "scores.csv",
            ",".join(FIRST.values()),
            ",".join({**FIRST, **cells}.values()),
        )
        said = refusal(tiny_study, ScoresError)
        assert said.startswith(f"{tiny_study / 'scores.csv'} line 2")
        return said

    return message


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        ("score", "63.2", A_SHARE),
        ("score", "-0.1", A_SHARE),
        ("score", "inf", A_SHARE),
        ("score", "NaN", A_NUMBER),
        ("score", "", "got nothing, expected a value"),
        ("n_items", "big", A_NUMBER),
        ("n_items", "inf", FROM_ONE),
        ("n_items", "-200", FROM_ONE),
        ("n_items", "0", FROM_ONE),
        ("n_items", "200.5", FROM_ONE),
        ("n_items", "", "got nothing, expected a value"),
        ("n_correct", "-51", A_COUNT),
        ("n_correct", "51.25", A_COUNT),
        ("n_correct", "nan", A_NUMBER),
        ("n_correct", "1e999", A_COUNT),
        ("n_shots", "-1", A_COUNT),
        ("n_shots", "0.5", A_COUNT),
        ("n_shots", "zero", A_NUMBER),
        ("n_repeats", "0", FROM_ONE),
        ("n_repeats", "1.5", FROM_ONE),
        ("n_repeats", "0x2", A_NUMBER),
        ("repeat_sd", "-0.1", "expected"),
        ("repeat_sd", "inf", "expected"),
        ("checkpoint", "", "got nothing, expected a value"),
        ("metric", " ", "got nothing, expected a value"),
    ],
)
def test_scores_wrong_cell_is_named(spoilt, column, cell, expected):
    message = spoilt(**{column: cell})
    assert f"column '{column}'" in message
    assert expected in message
    if cell.strip() and cell != "1e999":
        assert f"got '{cell}" in message


@pytest.mark.parametrize(
    ("cells", "parts"),
    [
        ({"n_correct": "201"}, ["n_correct=201", "no more correct than items"]),
        ({"score": "0.3"}, ["score=0.3", "n_correct=51", "score = n_correct / n_items"]),
        ({"n_correct": ""}, ["expected a count (n_correct) or a standard error above 0"]),
        ({"checkpoint": "fern-x"}, ["got checkpoint 'fern-x' (did you mean 'fern-", "checkpoints"]),
        ({"checkpoint": "Fern-S"}, ["got checkpoint 'Fern-S'", "add a line for it"]),
        ({"task": "sortin"}, ["got task 'sortin' (did you mean 'sorting'?)", "tasks.csv"]),
    ],
)
def test_scores_wrong_row_is_named(spoilt, cells, parts):
    message = spoilt(**cells)
    for part in parts:
        assert part in message


@pytest.mark.parametrize("n_shots", ["0", "0.0", "0e5"])
def test_scores_cell_twice_names_the_second_line(tiny_study, refusal, n_shots):
    with (tiny_study / "scores.csv").open("a") as file:
        file.write(",".join({**FIRST, "n_shots": n_shots}.values()) + "\n")
    message = refusal(tiny_study, ScoresError)
    assert "scores.csv line 26" in message
    assert "checkpoint=fern-s, task=sorting" in message
    assert "one line per cell; remove the second line, or collapse repeats" in message


@pytest.mark.parametrize("score_se", ["-0.01", "0", "inf", "NaN", "small"])
def test_scores_without_count_need_a_standard_error(tiny_study, refusal, score_se):
    lines = (tiny_study / "scores.csv").read_text().splitlines()
    lines[0] += ",score_se"
    lines[1] = ",".join({**FIRST, "n_correct": ""}.values()) + f",{score_se}"
    lines[2:] = [line + "," for line in lines[2:]]
    (tiny_study / "scores.csv").write_text("\n".join(lines) + "\n")
    message = refusal(tiny_study, ScoresError)
    assert "scores.csv line 2" in message
    assert "expected a" in message


def test_scores_without_count_but_standard_error_are_kept(tiny_study):
    lines = (tiny_study / "scores.csv").read_text().splitlines()
    lines[0] += ",score_se"
    lines[1] = ",".join({**FIRST, "n_correct": ""}.values()) + ",0.03"
    lines[2:] = [line + "," for line in lines[2:]]
    (tiny_study / "scores.csv").write_text("\n".join(lines) + "\n")
    row = read_scores(tiny_study).frame.iloc[0]
    assert np.isnan(row["n_correct"])
    assert (row["score"], row["score_se"]) == (0.255, 0.03)


@pytest.mark.parametrize(
    ("name", "old", "new", "parts"),
    [
        (
            "checkpoints.csv", "true,fern-m\n", "true,fern-n\n",
            ["line 4", "base_checkpoint 'fern-n' (did you mean 'fern-", "add the base or leave"],
        ),
        (
            "checkpoints.csv", "true,fern-m\n", "true,fern-m-chat\n",
            ["line 4", "base_checkpoint", "fern-m-chat", "expected"],
        ),
        (
            "checkpoints.csv", "true,fern-m\n", "yes,fern-m\n",
            ["line 4", "column 'instruction_tuned'", "got 'yes'", "expected true or false"],
        ),
        (
            "checkpoints.csv", "true,fern-m\n", ",fern-m\n",
            ["line 4", "column 'instruction_tuned'", "got ''", "expected true or false"],
        ),
        (
            "checkpoints.csv", "moss-m,moss,3000000000", "moss-m,moss,3B",
            ["line 5", "column 'n_params'", "got '3B'", A_NUMBER],
        ),
        (
            "checkpoints.csv", "moss-m,moss,3000000000", "moss-m,moss,0",
            ["line 5", "column 'n_params'", "got '0'", "expected a finite number above 0"],
        ),
        (
            "checkpoints.csv", "moss-m,moss,3000000000", "moss-m,moss,inf",
            ["line 5", "column 'n_params'", "got 'inf'", "expected a finite number above 0"],
        ),
        (
            "checkpoints.csv", "6e+21", "inf",
            ["line 5", "column 'train_flop'", "got 'inf'", "expected a finite number above 0"],
        ),
        (
            "checkpoints.csv", "fern-m,fern,1000000000,", "fern-s,fern,1000000000,",
            ["checkpoints.csv line", "column 'checkpoint'", "'fern-s'", "remove one of the two"],
        ),
        (
            "tasks.csv", "0.25", "25",
            ["line 2", "column 'chance'", "got '25", "expected a proportion below 1"],
        ),
        (
            "tasks.csv", "0.25", "1",
            ["line 2", "column 'chance'", "got '1", "expected a proportion below 1"],
        ),
        (
            "tasks.csv", "naming,", "sorting,",
            ["tasks.csv line", "column 'task'", "'sorting'", "remove one of the two"],
        ),
        (
            "tasks.csv", "naming,accuracy,0.5,two options\n", "",
            ["scores.csv line 4", "got task 'naming'", "add a line for it to tasks.csv"],
        ),
        (
            "tasks.csv", "naming,accuracy", "naming,accuracies",
            ["tasks.csv line 3", "metric_of_record", "accuracies", "did you mean 'accuracy'"],
        ),
    ],
)  # fmt: skip
def test_registers_wrong_line_is_named(tiny_study, edit, refusal, name, old, new, parts):
    edit(tiny_study / name, old, new)
    message = refusal(tiny_study, ScoresError)
    for part in parts:
        assert part in message


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "[bold]", "=1+1", "nan", "NA", "0"])
def test_checkpoint_strange_name_is_kept_as_text(tiny_study, name):
    for file in ("scores.csv", "checkpoints.csv"):
        path = tiny_study / file
        path.write_text(path.read_text().replace("fern-s,", f"{name},"))
    frame = read_scores(tiny_study).frame
    assert frame["checkpoint"].iloc[0] == name
    assert (frame["checkpoint"] == name).sum() == 4


def test_scores_joined_row_holds_the_facts_of_its_checkpoint_and_task(tiny_study):
    row = read_scores(tiny_study).frame.iloc[22]
    assert row["checkpoint"] == "moss-l-chat"
    assert row["base_checkpoint"] == "moss-l"
    assert bool(row["instruction_tuned"])
    assert (row["study"], row["task"], row["chance"]) == ("tiny", "naming", 0.5)
    assert (row["n_params"], row["n_items"], row["n_correct"]) == (1e10, 100, 60)


def test_scores_joined_rows_keep_the_order_of_the_file(tiny_study):
    frame = read_scores(tiny_study).frame
    lines = (tiny_study / "scores.csv").read_text().splitlines()[1:]
    assert [f"{c},{t}" for c, t in zip(frame["checkpoint"], frame["task"], strict=True)] == [
        ",".join(line.split(",")[:2]) for line in lines
    ]


@pytest.mark.parametrize(
    ("score", "error", "n_items", "n_correct"),
    [
        # 0.2 * 0.8 / 0.04**2 is 100: half of the published items.
        ("0.2", "0.04", 100, 20),
        # An error smaller than the items allow does not make more of them.
        ("0.2", "0.001", 200, 40),
        ("0", "0.01", 200, 0),
        ("1", "0.01", 200, 200),
        ("0.5", "0.9", 1, 0),
    ],
)
def test_cell_with_an_error_counts_as_many_items_as_give_it(
    tiny_study, edit, score, error, n_items, n_correct
):
    path = tiny_study / "scores.csv"
    lines = path.read_text().splitlines()
    rows = [f"{line}," for line in lines[2:]]
    bare = {**FIRST, "n_correct": "", "n_repeats": "1", "repeat_sd": "", "score": score}
    first = ",".join([*bare.values(), error])
    path.write_text("\n".join([f"{lines[0]},score_se", first, *rows, ""]))
    scores = read_scores(tiny_study)
    cells = scores.of_record("closed").frame
    cell = cells[
        (cells["checkpoint"] == FIRST["checkpoint"])
        & (cells["task"] == FIRST["task"])
        & (cells["n_shots"] == 0)
    ].iloc[0]
    assert (cell["n_items"], cell["n_correct"]) == (n_items, n_correct)
    assert cell["score"] == float(score)
    others = scores.frame["n_correct"].notna()
    assert cells["n_correct"].notna().all()
    assert cells["n_items"].to_numpy()[others].tolist() == scores.frame["n_items"][others].tolist()
