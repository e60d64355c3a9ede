"""Any table of cells is either refused with its line, or comes back as it was written."""

import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.errors import ScoresError
from toolkit.study.scores import CELL, SCORES_SCHEMA
from toolkit.tables import read_table, write_table

# A cell's spaces at its ends are no part of it; a name has none.
names = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t"),
    min_size=1,
    max_size=6,
).filter(lambda name: name == name.strip())
few_names = st.sampled_from(["a", "b", "nan", "1", 'say "x, y"', "<i>"])
shots = st.sampled_from([0, 1, 5])


def cell(row):
    return tuple(row[: len(CELL)])


@st.composite
def true_cells(draw, checkpoints=few_names | names):
    """Return a row of cells that agree with one another."""
    n_items = draw(st.integers(1, 100_000))
    n_correct = draw(st.integers(0, n_items))
    repeat_sd = draw(st.none() | st.sampled_from([0.0, 0.125]))
    return [
        draw(checkpoints), draw(few_names), "accuracy", "closed", draw(shots),
        n_items, n_correct, draw(st.integers(1, 9)), repeat_sd,
        float(f"{n_correct / n_items:.10g}"),
    ]  # fmt: skip


wrong_cells = st.sampled_from(
    ["", " ", "inf", "-inf", "NaN", "-1", "1.5", "1e999", "63.2", "ten", "1_000", "0x1", "1,5", "½"]
)


def frame_of(rows):
    """Return rows as a table with whole columns of text or numbers, as ``read_table`` does."""
    columns = [*CELL, "n_items", "n_correct", "n_repeats", "repeat_sd", "score"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype({name: str if name in CELL[:-1] else float for name in frame})


def written_and_read(frame):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scores.csv"
        write_table(frame, path)
        return read_table(path, SCORES_SCHEMA)


@settings(max_examples=60, deadline=None)
@given(st.lists(true_cells(), min_size=1, max_size=6, unique_by=cell))
def test_true_table_comes_back_unchanged(rows):
    frame = frame_of(rows)
    pd.testing.assert_frame_equal(written_and_read(frame), frame)


@settings(max_examples=60, deadline=None)
@given(st.lists(true_cells(few_names), min_size=1, max_size=6, unique_by=cell), st.data())
def test_spoilt_table_is_refused_with_its_line_or_comes_back_unchanged(rows, data):
    frame = frame_of(rows).astype(object)
    at = data.draw(st.integers(0, len(rows) - 1))
    frame.loc[at, data.draw(st.sampled_from(list(frame)))] = data.draw(wrong_cells)
    try:
        read = written_and_read(frame)
    except ScoresError as error:
        assert f"scores.csv line {at + 2}" in str(error)
        assert "expected" in str(error)
    else:
        pd.testing.assert_frame_equal(written_and_read(read), read)


@settings(max_examples=20, deadline=None)
@given(st.lists(true_cells(), min_size=1, max_size=4, unique_by=cell))
def test_table_with_one_cell_twice_is_refused(rows):
    frame = frame_of([*rows, rows[0]])
    with pytest.raises(ScoresError, match="one line per cell"):
        written_and_read(frame)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 10**12))
def test_number_of_parameters_comes_back_to_the_last_digit(n_params):
    frame = pd.DataFrame({"n_params": [float(n_params)]})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoints.csv"
        write_table(frame, path)
        assert float(path.read_text().split()[1]) == n_params
