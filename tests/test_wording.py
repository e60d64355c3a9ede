"""Sizes and lists as readers write them."""

import math

import pytest

from toolkit.wording import duration, first_listed, listed, size_label


@pytest.mark.parametrize(
    ("n_params", "label"),
    [(1.17e8, "117M"), (1e9, "1B"), (1.75e11, "175B"), (6.7e9, "6.7B"), (1.71e12, "1.71T")],
)
def test_size_label_reads_as_people_write(n_params, label):
    assert size_label(math.log10(n_params)) == label


def test_list_in_words_has_and_before_the_last():
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a", "b"]) == "a and b"
    assert listed(["a"]) == "a"
    assert listed([]) == ""


def test_first_of_a_list_says_how_many_there_are_besides():
    assert first_listed(["a", "b", "c"], 2) == "a, b and 1 more"
    assert first_listed(["a", "b"], 2) == "a, b"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (99, "99 s"), (101, "2 min"), (3540, "59 min"), (3600, "1 h 0 min"),
     (7380, "2 h 3 min")],
)  # fmt: skip
def test_duration_is_said_in_the_unit_that_fits(seconds, said):
    assert duration(seconds) == said
