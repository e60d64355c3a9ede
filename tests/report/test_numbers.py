"""Numbers and hedges in words: rounding by Monte Carlo error, one word for a probability."""

from dataclasses import replace
from itertools import pairwise
from math import inf, nan, nextafter

import pytest

from toolkit.estimands.estimate import Estimate
from toolkit.report.numbers import (
    HEDGES,
    NOT_MEASURED,
    chance_of,
    counted,
    digits,
    equals,
    hedge,
    interval,
    points,
)

JUMP = Estimate("a jump", "proportion", 0.0943, -0.0021, 0.2318, 0.9, "eti", 0.0004)


def chance(p, error=0.002):
    return chance_of(Estimate("p", "probability", p, p, p, 0.9, "mcse", error))


def test_hedges_cover_every_probability_once_from_high_to_low():
    floors = [floor for floor, _ in HEDGES]
    assert floors == sorted(floors, reverse=True)
    assert floors[-1] == 0
    assert len({word for _, word in HEDGES}) == len(HEDGES)


@pytest.mark.parametrize(("above", "below"), list(pairwise(HEDGES)))
def test_hedge_changes_at_its_floor_and_nowhere_else(above, below):
    floor, word = above
    assert hedge(floor) == word
    assert hedge(nextafter(floor, -inf)) == below[1]


def test_hedges_of_a_probability_and_its_opposite_are_opposite():
    opposite = {"probably": "probably not", "very probably": "very probably not"}
    for p, word in ((0.9, "probably"), (0.97, "very probably")):
        assert hedge(p) == word
        assert hedge(1 - p) == opposite[word]


def test_hedge_of_nothing_measured_says_so():
    assert hedge(nan) == NOT_MEASURED


@pytest.mark.parametrize(
    ("error", "finest", "expected"),
    [(0.0, 1, 1), (nan, 2, 2), (0.15, 1, 1), (0.2, 1, 1), (0.21, 1, 0), (0.8, 1, 0), (0.03, 2, 1),
     (0.02, 2, 2), (30.0, 2, 0), (1e-9, 3, 3)],
)  # fmt: skip
def test_last_digit_is_worth_half_a_monte_carlo_error(error, finest, expected):
    assert digits(error, finest) == expected


def test_interval_is_in_points_and_rounded_by_its_error():
    assert interval(JUMP) == "9.4 [-0.2, 23.2]"
    assert interval(replace(JUMP, mcse=0.008)) == "9 [0, 23]"
    assert interval(replace(JUMP, mcse=nan)) == "9.4 [-0.2, 23.2]"
    # Of draws that are mostly zero the median is sure, and the ends are not.
    assert interval(replace(JUMP, mcse=0.0, mcse_low=0.001, mcse_high=0.02)) == "9.4 [-0.2, 23]"
    assert interval(replace(JUMP, median=nan)) == NOT_MEASURED


def test_points_have_no_negative_zero():
    assert points(-0.0001) == "0.0"
    assert points(-0.001, 0.01) == "0"


@pytest.mark.parametrize(
    ("p", "error", "expected"),
    [(0.56, 0.002, "0.56"), (0.56, 0.022, "0.6"), (0.5612, 0.0004, "0.561"), (0.97, 0.03, "0.97"),
     (0.03, 0.03, "0.03"), (0.0, 0.0, "< 0.01"), (1.0, 0.0, "> 0.99"), (0.5, nan, "0.50"),
     (nan, nan, NOT_MEASURED)],
)  # fmt: skip
def test_probability_is_rounded_by_its_error_and_kept_off_0_and_1(p, error, expected):
    assert chance(p, error) == expected


def test_bounded_probability_has_its_sign_as_the_right_side_of_an_equation():
    assert equals("< 0.01") == "< 0.01"
    assert equals("0.56") == "= 0.56"


def test_nouns_have_their_plural():
    assert [counted(n, "claim") for n in (0, 1, 2)] == ["0 claims", "1 claim", "2 claims"]
