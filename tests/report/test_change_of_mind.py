"""What would change our mind: every other fit in one strip, and what other verdicts would take."""

import html
import json
import re
from dataclasses import replace

import pytest

from toolkit.charts.card import NO
from toolkit.estimands.estimate import ROPE
from toolkit.report.card.card_sentences import why_sentence
from toolkit.report.card.change_of_mind import (
    CURVE,
    HERE,
    NOT_ASKED,
    PRIOR,
    SPECIFICATION,
    mind_block,
    other_side,
    strip_block,
    tried_rows,
    verdicts_table,
)
from toolkit.report.card.claim_card import cards_of
from toolkit.report.card.foretold import foretold_block, foretold_rows
from toolkit.report.robustness_file import claim_stability
from toolkit.verdict.gates import Outcome
from toolkit.verdict.support import no_jump_conditions

ARM = "zero-shot, base"


@pytest.fixture
def verdict(robust):
    return robust.verdicts[0]


@pytest.fixture
def tried(robust, verdict):
    return tried_rows(verdict, robust.robustness)


def test_strip_holds_everything_that_was_tried(robust, verdict, tried):
    own = tried[tried["arm"] == ARM]
    counts = own["kind"].value_counts().to_dict()
    assert counts == {HERE: 1, CURVE: 4, PRIOR: 2, "without a checkpoint": 1, SPECIFICATION: 3}
    here = own.loc[own["kind"] == HERE, "probability"].item()
    assert here == verdict.estimates["p_residual_jump"].median
    table = robust.robustness.tables["rivals"]
    rivals = table[(table["task"] == "sorting") & (table["arm"] == ARM)]
    assert own.loc[own["kind"] == CURVE, "probability"].tolist() == (
        rivals[f"p_above_{ROPE:g}"].tolist()
    )
    (left_out,) = own.loc[own["kind"] == "without a checkpoint", "unit"]
    assert left_out == "without moss-l"


def test_refit_that_did_not_converge_is_marked_and_one_without_number_left_out(robust, verdict):
    tables = dict(robust.robustness.tables)
    tables["rivals"] = tables["rivals"].assign(rhat=1.2)
    tables["influence"] = tables["influence"].assign(p_without=float("nan"))
    tried = tried_rows(verdict, replace(robust.robustness, tables=tables))
    assert set(tried.loc[tried["kind"] == CURVE, "sure"]) == {NO}
    assert not tried["kind"].str.startswith("without").any()


def test_strip_draws_every_fit_and_its_table_counts_them(verdict, tried):
    markup = strip_block(verdict, tried)
    (spec,) = re.findall(r'<script type="application/json">(.*?)</script>', markup, re.S)
    drawn = max(json.loads(spec)["datasets"].values(), key=len)
    assert len(drawn) == len(tried)
    assert markup.count(f"<td>{SPECIFICATION}</td>") == 2
    assert f"In the arm {ARM}, P(jump &gt; 5 points) is" in markup


def test_fits_on_the_other_side_of_a_limit_are_counted(tried):
    nowhere = tried.assign(probability=0.5)
    assert other_side(nowhere) == (
        "None of 20 other fits puts P(jump > 5 points) across 0.05 or 0.95."
    )
    moved = nowhere.copy()
    last = (moved["kind"] == PRIOR) & (moved["arm"] == ARM)
    moved.loc[last, "probability"] = [0.97, 0.02]
    assert other_side(moved) == (
        "2 of 20 other fits put P(jump > 5 points) across 0.05 or 0.95: jump's prior 2. The "
        "farthest is its size times 2 (zero-shot, base), with 0.02."
    )


def test_other_verdicts_name_probabilities_and_what_stands_in_the_way(verdict):
    markup = verdicts_table(verdict)
    for outcome in Outcome:
        assert (f">{outcome.value}</a>" in markup) == (outcome is not Outcome.UNDETERMINED)
    closed = [g.code for g in verdict.gates if not g.open and Outcome.NO_JUMP in g.forbids]
    assert closed
    row = re.search(r"no jump</a>.*?</tr>", markup)[0]
    found = set(re.findall(r"<code>(\w+)</code>", row))
    held = no_jump_conditions(verdict.estimates)[0].met is True
    assert found == set(closed) | (set() if held else {"OTHER_TASKS"})
    # Where the posterior says that there is none, neither place nor support of one was looked at.
    none = {
        name: replace(verdict.estimates[name], median=0.01)
        for name in ("p_residual_jump", "p_published_jump")
    }
    flat = replace(verdict, estimates={**verdict.estimates, **none}, support=(), gates=())
    for name in ("jump remains", "explained"):
        row = re.search(rf"{name}</a>.*?</tr>", verdicts_table(flat))[0]
        assert html.escape(NOT_ASKED) in row
        assert "OTHER_TASKS" not in row
    decided = replace(verdict, outcome=Outcome.NO_JUMP, gates=())
    assert ">no jump</a>" not in verdicts_table(decided)
    assert "<code>" in verdicts_table(decided)  # the conditions of a jump are still not met


def test_support_in_one_arm_does_not_stand_in_the_way_of_the_other(verdict):
    def row_of(outcome, of):
        return re.search(rf"{outcome.value}</a>.*?</tr>", verdicts_table(of))[0]

    def placed(p_residual, p_published, p_difference):
        values = dict(verdict.estimates)
        for name, p in (("residual_jump", p_residual), ("published_jump", p_published),
                        ("difference", p_difference)):  # fmt: skip
            values[f"p_{name}"] = replace(values[f"p_{name}"], median=p)
        return replace(verdict, estimates=values)

    unmet_code = next(c.code for c in verdict.support if c.met is not True)
    undecided, explained = placed(0.5, 0.5, 0.5), placed(0.01, 0.99, 0.99)
    for of, asked, other in (
        (undecided, Outcome.JUMP_REMAINS, Outcome.EXPLAINED),
        (explained, Outcome.EXPLAINED, Outcome.JUMP_REMAINS),
        (placed(float("nan"), 0.5, float("nan")), Outcome.EXPLAINED, Outcome.JUMP_REMAINS),
    ):
        assert unmet_code in row_of(asked, of)
        assert NOT_ASKED.split(",")[0] not in html.unescape(row_of(asked, of))
        assert unmet_code not in row_of(other, of)
        assert NOT_ASKED in html.unescape(row_of(other, of))


def test_mind_says_when_nothing_was_tried(verdict):
    assert "was not tried" in mind_block(verdict, None)
    measure = html.escape(verdict.next_measurement[1:])
    assert measure in mind_block(verdict, None)


def test_reason_in_plain_words_is_on_the_card(robust, verdict):
    said = why_sentence(verdict)
    assert said.startswith("Undetermined because ")
    assert html.escape(said) in cards_of(robust).card(verdict)
    decided = replace(verdict, outcome=Outcome.NO_JUMP)
    assert why_sentence(decided).startswith("No jump of 5 points")


def test_foretold_and_seen_are_those_of_the_table(robust, verdict):
    found = claim_stability(robust, verdict)
    rows = foretold_rows(found)
    assert list(dict.fromkeys(rows["upto"])) == ["1B", "3B"]
    assert set(rows["arm"]) == {"zero-shot, base", "few-shot, base"}
    assert (rows["seen"] == 0.5).all()
    assert rows["foretold"].tolist() == pytest.approx([0.4] * 4)
    table = robust.robustness.tables["extrapolation"]
    markup = foretold_block(verdict.claim, found, table)
    (spec,) = re.findall(r'<script type="application/json">(.*?)</script>', markup, re.S)
    singles = [r for r in json.loads(spec)["datasets"].values() if "model" in r[0]]
    assert len(singles[0]) == 4 * len(rows)  # four smooth curves at each cut and arm
    nothing = [replace(each, extrapolation=(), at_claim=None) for each in found]
    assert "no cut with three sizes" in foretold_block(verdict.claim, nothing, table)
