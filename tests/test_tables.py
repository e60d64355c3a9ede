"""Files that are not the table they should be: one message, naming file and line."""

from pathlib import Path

import pandas as pd
import pytest

from toolkit.errors import ScoresError
from toolkit.study.scores import SCORES_SCHEMA, TASKS_SCHEMA, read_scores
from toolkit.tables import check_table, read_table, write_table

FIRST = "fern-s,sorting,accuracy,closed,0,200,51,2,0.01414213562,0.255"


def spoil(path, change):
    """Replace a file by what ``change`` makes of its bytes."""
    path.write_bytes(change(path.read_bytes()))


def test_table_missing_file_is_named(tiny_study, refusal):
    (tiny_study / "scores.csv").unlink()
    message = refusal(tiny_study, ScoresError)
    assert "scores.csv: file not found" in message
    assert "needs it" in message


@pytest.mark.parametrize("name", ["scores.csv", "claims.toml"])
def test_table_folder_in_place_of_a_file_is_named(tiny_study, refusal, name):
    (tiny_study / name).unlink()
    (tiny_study / name).mkdir()
    assert name in refusal(tiny_study)


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        pytest.param(lambda b: b"", ["the file is empty", "restore it"], id="empty"),
        pytest.param(
            lambda b: b.split(b"\n")[0] + b"\n",
            ["got a header and no rows", "expected at least one row", "restore"],
            id="header only",
        ),
        pytest.param(
            lambda b: b[:-20],
            ["line 25", "got 4 fields, expected 10", "may be truncated"],
            id="cut in a row",
        ),
        pytest.param(
            lambda b: b[:-3],
            ["line 25", "the last line does not end", "Restore it"],
            id="cut in the last cell",
        ),
        pytest.param(
            lambda b: b[:-1],
            ["line 25", "the last line does not end", "end it with a newline"],
            id="no final newline",
        ),
        pytest.param(
            lambda b: b.replace(b"fern-s", "férn".encode("latin-1")),
            ["not UTF-8", "byte 90", "save it as UTF-8"],
            id="latin-1",
        ),
        pytest.param(
            lambda b: b.decode().encode("utf-16"), ["not UTF-8", "save it as UTF-8"], id="utf-16"
        ),
        pytest.param(
            lambda b: b.replace(b"score\n", b"scoer\n", 1),
            ["line 1", "unknown column 'scoer' (did you mean 'score'?)", "known: checkpoint"],
            id="misspelt column",
        ),
        pytest.param(
            lambda b: b.replace(b"repeat_sd,score\n", b"score,score\n", 1),
            ["line 1", "column 'score' stands there twice", "keep one"],
            id="column twice",
        ),
        pytest.param(
            lambda b: b"\n".join(line.split(b",", 1)[-1] for line in b.split(b"\n")),
            ["line 1", "column 'checkpoint' is missing", "add it (name of the language model"],
            id="no column of checkpoints",
        ),
        pytest.param(
            lambda b: b.replace(b"fern-s,", b"fern,s,", 1),
            ["line 2", "got 11 fields, expected 10", "a comma is not quoted"],
            id="unquoted comma",
        ),
        pytest.param(
            lambda b: b.replace(b",0.255\n", b',"0,255"\n'),
            ["line 2", "column 'score'", "got '0,255'", "expected a number", "correct the cell"],
            id="decimal comma",
        ),
    ],
)
def test_table_unreadable_gives_one_message(tiny_study, refusal, change, parts):
    spoil(tiny_study / "scores.csv", change)
    message = refusal(tiny_study, ScoresError)
    assert message.startswith(str(tiny_study / "scores.csv"))
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("column", "cell"),
    [(0, "x"), (9, "1")],
    ids=["in a column of text", "in a column of numbers"],
)
def test_table_cell_of_ten_megabytes_gives_one_short_message(tiny_study, refusal, column, cell):
    cells = FIRST.split(",")
    cells[column] = cell * 10_000_000
    spoil(
        tiny_study / "scores.csv",
        lambda b: b.replace(FIRST.encode(), ",".join(cells).encode()),
    )
    assert "line 2" in refusal(tiny_study, ScoresError)


@pytest.mark.parametrize("old", [b"0.255\n", b"fern-s,sorting,accuracy,closed,0"])
def test_table_long_cell_gives_one_short_message(tiny_study, refusal, old):
    spoil(tiny_study / "scores.csv", lambda b: b.replace(old, b"x" * 5_000 + old, 1))
    assert "line 2" in refusal(tiny_study, ScoresError)


def test_table_open_quote_does_not_swallow_rows(tiny_study, refusal):
    (tiny_study / "tasks.csv").write_text(
        "task,metric_of_record,chance,chance_source\n"
        "sorting,accuracy,0.25,four options\n"
        "naming,accuracy,0.5,two options\n"
        'spare,accuracy,0.5,"two options\n'
        "other,accuracy,0.5,two options\n"
    )
    message = refusal(tiny_study, ScoresError)
    assert "tasks.csv line 4" in message


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda b: b"\xef\xbb\xbf" + b, id="byte order mark"),
        pytest.param(lambda b: b.replace(b"\n", b"\r\n"), id="windows line ends"),
        pytest.param(lambda b: b.replace(b"fern-s,", b'"fern-s",'), id="needless quotes"),
        pytest.param(lambda b: b.replace(b"fern-s,", b" fern-s ,"), id="spaces around a cell"),
    ],
)
def test_table_harmless_variant_gives_the_same_rows(tiny_study, change):
    before = read_scores(tiny_study).frame
    for name in ("scores.csv", "checkpoints.csv", "tasks.csv"):
        spoil(tiny_study / name, change)
    pd.testing.assert_frame_equal(read_scores(tiny_study).frame, before)


def test_table_quoted_comma_is_part_of_the_cell(tiny_study, edit):
    edit(tiny_study / "tasks.csv", "four options", '"four options, shuffled"')
    tasks = read_table(tiny_study / "tasks.csv", TASKS_SCHEMA)
    assert tasks["chance_source"].tolist() == ["four options, shuffled", "two options"]


def test_table_cell_of_two_lines_is_refused_so_that_lines_can_be_named(tiny_study, edit, refusal):
    edit(tiny_study / "tasks.csv", "four options", '"four\noptions"')
    edit(tiny_study / "tasks.csv", "naming,accuracy,0.5", "naming,accuracy,50")
    assert "tasks.csv line 2" in refusal(tiny_study, ScoresError)


def test_table_two_faults_are_counted_in_one_message(tiny_study, edit, refusal):
    edit(tiny_study / "tasks.csv", "0.25", "25")
    edit(tiny_study / "tasks.csv", "0.5", "50")
    message = refusal(tiny_study, ScoresError)
    assert "line 2" in message
    assert "Further faults in this file: 1." in message


def test_check_table_names_where_and_line():
    frame = pd.DataFrame(
        {
            "task": ["a", "b"],
            "metric_of_record": "accuracy",
            "chance": [0.5, 2.0],
            "chance_source": "x",
        }
    )
    with pytest.raises(ScoresError, match=r"made up line 3 column 'chance': got '2.0'"):
        check_table(frame, TASKS_SCHEMA, "made up")


def test_write_table_failure_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    def full_disk(*_, **__):
        raise OSError(28, "No space left on device")

    path = tmp_path / "scores.csv"
    path.write_text("old\n")
    monkeypatch.setattr(Path, "write_text", full_disk)
    with pytest.raises((OSError, ScoresError), match="No space left"):
        write_table(pd.DataFrame({"checkpoint": ["fern-s"]}), path)
    assert [p.name for p in tmp_path.iterdir()] == ["scores.csv"]
    assert path.read_text() == "old\n"


def test_write_table_gives_the_bytes_that_were_read(tiny_study, tmp_path):
    written = tmp_path / "again.csv"
    write_table(read_table(tiny_study / "scores.csv", SCORES_SCHEMA), written)
    assert written.read_bytes() == (tiny_study / "scores.csv").read_bytes()
