"""Counts and errors made from published figures, against hand-made ones."""

import numpy as np
import pandas as pd
import pytest

from toolkit.errors import SourceError
from toolkit.sources import upstream


def series(*values):
    return pd.Series(values, dtype=float)


def rounded(score, n, half):
    return upstream.rounded_counts(series(score), series(n), series(half)).iloc[0]


@pytest.mark.parametrize(
    ("score", "n", "half", "count"),
    [
        (0.0125, 2000, 0.00005, 25),  # steps of 0.05 points, printed to 0.01
        (0.356, 374, 0.0005, 133),  # steps of 0.27 points, printed to 0.1
        (0.0, 10000, 0.00005, 0),
    ],
)
def test_one_whole_number_that_rounds_to_the_figure_is_its_count(score, n, half, count):
    assert rounded(score, n, half) == count


@pytest.mark.parametrize(
    ("score", "n", "half"),
    [
        (0.769, 2000, 0.0005),  # 1,537 to 1,539 of 2,000
        (1.0, 2000, 0.0005),  # 1,999 or 2,000
        (0.0254, 2000, 0.00005),  # 50.8 of 2,000
    ],
)
def test_several_or_no_whole_numbers_give_no_count(score, n, half):
    assert np.isnan(rounded(score, n, half))


def test_se_covers_items_and_rounding():
    # p = (0.5 * 100 + 0.5) / 101 = 0.5; 0.25 / 100 + 0.03^2 / 3 = 0.0028
    found = upstream.rounded_score_se(series(0.5), series(100), series(0.03)).iloc[0]
    assert found == pytest.approx(np.sqrt(0.0028), abs=1e-15)


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_se_at_the_ends_is_above_zero(score):
    assert upstream.rounded_score_se(series(score), series(2000), series(0.0005)).iloc[0] > 0.0003


def test_exact_score_is_a_whole_count():
    assert upstream.exact_counts(series(1 / 3), series(177), "x").tolist() == [59]


def test_score_that_is_no_whole_count_names_its_line():
    with pytest.raises(SourceError, match=r"x line 3: score 0\.512 of 20 items is 10\.2400 right"):
        upstream.exact_counts(series(0.5, 0.512), series(20, 20), "x")


@pytest.mark.parametrize("value", [-1.0, 63.2, np.nan])
def test_score_that_is_no_proportion_names_its_line(value):
    with pytest.raises(SourceError, match=rf"x line 3: got score {value}, expected a proportion"):
        upstream.check_unit(series(0.5, value), "x")


def test_unknown_name_is_an_error_with_a_hint():
    raw = pd.DataFrame({"task": ["snarks", "snark"]})
    named = r"x line 3: got task 'snark' \(did you mean 'snarks'\?\)"
    with pytest.raises(SourceError, match=named):
        upstream.check_known(raw, "task", ["snarks"], "x")


def test_missing_column_is_an_error():
    with pytest.raises(SourceError, match=r"x: columns \['b'\] are missing"):
        upstream.check_columns(pd.DataFrame({"a": [1]}), ["a", "b"], "x")
