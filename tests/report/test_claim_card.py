"""A claim's card: the picture first, everything else folded, closed and complete."""

import html
import re
from dataclasses import replace

import pytest

from toolkit.definitions.rules import Definition
from toolkit.report.card.claim_card import cards_of
from toolkit.report.card.definition_table import ALONE, WEAK, answer
from toolkit.report.card.estimand_table import estimand_table
from toolkit.report.card.stability_block import FLAGS, specification_figure
from toolkit.report.html_tables import gate_table
from toolkit.report.reason_words import CAUTION_IN_WORDS
from toolkit.report.robustness_file import claim_stability
from toolkit.study.claims import CONTROLLED_ARM
from toolkit.verdict.gates import DECIDED, WITH_JUMP
from toolkit.verdict.reasons import Reason

HOSTILE = "<script>alert(1)</script>"
FOLDS = [
    "Why",
    "What would change our mind",
    "The jump and its parts",
    "Six estimands",
    "Under other definitions",
    "Under other metrics",
    "The claim as published",
]
# Those that rest on fits besides the main one.
ROBUST_FOLDS = [*FOLDS[:3], "Foretold and seen", "Does it hold?", *FOLDS[3:]]


def fold_of(markup, title):
    """Return what stands in one fold of a card."""
    (start,) = [
        match.end() for match in re.finditer(re.escape(f"<summary>{title}</summary>"), markup)
    ]
    end = markup.find('<details class="fold">', start)
    return markup[start : end if end > 0 else len(markup)]


@pytest.fixture
def card(analysis):
    return cards_of(analysis).card(analysis.verdicts[0])


@pytest.fixture
def robust_card(robust):
    return cards_of(robust).card(robust.verdicts[0])


def test_card_shows_one_picture_and_folds_the_rest(card):
    head, *_ = card.split('<div class="folds">')
    assert head.startswith('<details class="claim" open id="sorting"><summary>')
    assert head.count('class="vega-chart"') == 2  # as published, and ours
    assert re.findall(r'<details class="fold"><summary>([^<]+)', card) == FOLDS
    assert '<details class="fold" open' not in card


def test_card_has_all_six_estimands_with_unit_and_error(card, analysis):
    part = fold_of(card, "Six estimands")
    assert {f"E{n}" for n in range(1, 7)} == set(re.findall(r"<td>(E\d)</td>", part))
    for unit in ("points", "decades", "parameters", "probability"):
        assert f"<td>{unit}</td>" in part
    verdict = analysis.verdicts[0]
    error = f"{100 * verdict.estimates['residual_jump'].mcse:.2f}"
    assert f'<td class="num">{error}</td>' in part
    assert '<a href="#sec-survivors">' in part
    assert part.count("Shapley") == 2
    # Sorting was published few-shot and base: one factor has the whole change.
    assert "all of it is few-shot prompting" in part


def test_estimands_of_both_factors_have_one_route(analysis):
    naming = analysis.verdicts[1]
    markup = estimand_table(naming, None, "tiny")
    assert markup.count("change to few-shot, instruction-tuned") == 1
    assert "all of it is" not in markup


def test_card_without_robustness_says_how_to_run_it_once_and_has_no_empty_folds(card):
    assert "Not run: emergence robustness tiny." in fold_of(card, "Six estimands")
    assert "(emergence robustness)" in fold_of(card, "What would change our mind")
    assert "Does it hold?" not in card


def test_card_with_robustness_has_every_fold(robust_card):
    assert re.findall(r'<details class="fold"><summary>([^<]+)', robust_card) == ROBUST_FOLDS


def test_cautions_stand_on_the_card_before_its_picture(analysis):
    verdict = analysis.verdicts[0]
    few = replace(verdict, cautions=(Reason("FEW_ITEMS", "12 items"),))
    head, *_ = cards_of(analysis).card(few).split('class="vega-chart"')
    assert f"Be wary: {CAUTION_IN_WORDS['FEW_ITEMS']}." in head
    head, *_ = cards_of(analysis).card(replace(verdict, cautions=())).split('class="vega-chart"')
    assert "Be wary" not in head


def test_card_with_robustness_says_what_moves_the_claim(robust_card, robust):
    part = fold_of(robust_card, "Does it hold?")
    assert "Not run" not in robust_card
    for arm in claim_stability(robust, robust.verdicts[0]):
        assert f"<h5>{arm.arm}</h5>" in part
        for rival in arm.rivals:
            assert f"<td>{rival.title}</td>" in part
        for flag in arm.flags:
            assert f"<code>{flag}</code> {FLAGS[flag]}" in part
    assert part.count('class="vega-chart"') == 3  # the strip, and a specification curve by arm
    assert "most depends on the checkpoint moss-l" in part
    assert "E5 at every cut" in fold_of(robust_card, "Foretold and seen")


def test_specification_figure_has_a_square_for_every_choice(robust):
    table = robust.robustness.tables["specifications"]
    claim = robust.source.claims[0]
    markup = specification_figure(claim, CONTROLLED_ARM.label, table)
    assert markup.count('"option":"api: ') == 4
    assert markup.count('"option":"curve: ') == 4
    assert "under 4 specifications" in markup
    nothing = specification_figure(
        replace(claim, threshold_n_params=1e15), CONTROLLED_ARM.label, table
    )
    assert nothing == ""


def test_definitions_stand_side_by_side_with_ours(card):
    part = fold_of(card, "Under other definitions")
    for definition in Definition:
        assert part.count(f"<td>{definition.value}</td>") == 3  # side by side, then by arm
    assert part.count("here: a step beyond a smooth curve") == 3
    assert "p over claims" in part
    assert "95% of null" in part


def test_answer_that_decides_little_is_called_weak(analysis):
    results = [r for results in analysis.definitions.values() for r in results]
    tested = [r for r in results if r.verdict != "not testable"]
    assert any(not r.decisive for r in tested)
    for result in results:
        weak = result in tested and not result.decisive
        assert (WEAK in answer(result)) == weak


def test_definition_met_by_one_claim_of_many_says_so(analysis):
    results = analysis.definitions[analysis.verdicts[0].claim.slug]
    met = replace(results[0], verdict="met", decisive=True)
    assert answer(met, 0.04) == answer(met) == "met"
    assert ALONE in answer(met, 0.06)
    assert ALONE not in answer(replace(met, verdict="not met"), 0.9)


def test_size_that_nobody_named_is_not_called_the_claimed_one(analysis):
    first = analysis.verdicts[0]
    assert "Nobody named a size" not in cards_of(analysis).card(first)
    chosen = replace(first.claim, size_chosen="the <largest> of the table")
    markup = cards_of(analysis).card(replace(first, claim=chosen))
    assert "judged at 3B, the &lt;largest&gt; of the table." in markup


def test_gate_says_which_verdicts_need_it(analysis):
    verdict = analysis.verdicts[0]
    gates = [replace(verdict.gates[0], forbids=f) for f in (DECIDED, WITH_JUMP, frozenset())]
    table = gate_table(replace(verdict, gates=tuple(gates)))
    roles = re.findall(r"<td>([^<]+)</td></tr>", table)
    assert roles == ["needed for any", "needed for a verdict with a jump", "caution only"]


def test_reasons_gates_and_conditions_stay_in_the_card(card, analysis):
    part = fold_of(card, "Why")
    verdict = analysis.verdicts[0]
    for reason in (*verdict.reasons, *verdict.cautions):
        assert f"<code>{reason.code}</code>" in part
    assert "RIVALS_NOT_COMPARED" in part
    assert "not looked at" in part
    measure = html.escape(verdict.next_measurement[1:])
    assert measure in fold_of(card, "What would change our mind")


def test_hostile_names_are_escaped_everywhere(analysis_of, tiny_study, edit):
    edit(tiny_study / "claims.toml", 'row = "Sorting"', f'row = "Sorting{HOSTILE}"')
    for name in ("scores.csv", "checkpoints.csv", "repeats.csv"):
        path = tiny_study / name
        path.write_text(path.read_text().replace("moss-l", f"moss-l{HOSTILE}"))
    analysis = analysis_of(tiny_study)
    markup = cards_of(analysis).card(analysis.verdicts[0])
    assert "<script>alert" not in markup
    assert "&lt;script&gt;alert" in markup
