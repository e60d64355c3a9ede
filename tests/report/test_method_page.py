"""The method page: worked examples by the real rules, and every limit as the code has it."""

import ast
import inspect
import re

import numpy as np
import pytest

from toolkit import paths
from toolkit.estimands import estimate
from toolkit.fit import diagnose
from toolkit.report.pages import method_page, model_picture, reason_codes, thresholds
from toolkit.report.pages import worked_examples as examples
from toolkit.report.rendering.cells import Prose, read_qmd
from toolkit.report.rendering.front_matter import read_settings
from toolkit.report.sentences import REASON_IN_WORDS
from toolkit.verdict import gates, reasons, rules, support
from toolkit.verdict.gates import Outcome

REPORTS = paths.CHECKOUT / "reports"
DOCUMENT = REPORTS / "method.qmd"


def prose_of(document):
    """Return the words of a document without code, equations and addresses of links."""
    pieces = read_qmd(document, REPORTS).pieces
    text = "".join(piece.text for piece in pieces if isinstance(piece, Prose))
    return re.sub(r"\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)", " ", text, flags=re.S)


# --- Worked examples ----------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", Outcome)
def test_example_gets_its_verdict_from_the_real_rules(outcome):
    found = examples.example_of(outcome).verdict
    assert found.outcome is outcome
    assert found.diagnosis.passed is True


def test_example_of_undetermined_has_the_scores_of_explained_but_for_the_middle():
    def cells(outcome):
        frame = examples.example_of(outcome).scores.frame
        return frame.set_index(["n_params", "n_shots"])["score"]

    few, all_of_them = cells(Outcome.UNDETERMINED), cells(Outcome.EXPLAINED)
    kept = all_of_them[~np.isin(all_of_them.index.get_level_values(0), examples.MIDDLE)]
    assert len(few) == len(kept) < len(all_of_them)
    assert few.sort_index().equals(kept.sort_index())


def test_example_that_gets_another_verdict_stops_the_page(monkeypatch):
    other = examples.Setting("Riddles", "all arms", (0.5, 0.5))
    monkeypatch.setitem(examples.SETTINGS, Outcome.JUMP_REMAINS, other)
    examples.example_of.cache_clear()
    with pytest.raises(examples.ReportError, match="'Riddles' is judged 'undetermined', expected"):
        examples.example_of(Outcome.JUMP_REMAINS)
    examples.example_of.cache_clear()


def test_every_verdict_has_its_section():
    text = DOCUMENT.read_text()
    for outcome in Outcome:
        assert f'page.example("{outcome.name}")' in text
        assert f"{{#{outcome.value.replace(' ', '-')}}}" in text


# --- Thresholds ---------------------------------------------------------------------------------


def numbers_of(module):
    """Return the names of a module's own constants that are one number."""
    tree = ast.parse(inspect.getsource(module))
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    names = [node.targets[0].id for node in assigned if isinstance(node.targets[0], ast.Name)]
    return [name for name in names if type(getattr(module, name)) in (int, float)]


@pytest.mark.parametrize("module", [diagnose, estimate, gates, support, rules])
def test_every_number_of_the_rules_is_on_the_page(module):
    wanted = {(module, name) for name in numbers_of(module)}
    assert wanted
    assert wanted <= {(each.module, each.name) for each in thresholds.THRESHOLDS}


@pytest.mark.parametrize("each", thresholds.THRESHOLDS, ids=lambda each: each.constant)
def test_limit_on_the_page_is_that_of_the_code(each, monkeypatch):
    before = each.value
    assert f"{before:g}" in each.limit or f"{100 * before:g}" in each.limit
    monkeypatch.setattr(each.module, each.name, 0.777)
    assert re.search(r"0\.777|77\.7", thresholds.threshold_table(each.group))


def test_document_shows_every_group_and_types_no_limit():
    code = "".join(cell.code for cell in read_qmd(DOCUMENT, REPORTS).cells)
    for group in {each.group for each in thresholds.THRESHOLDS}:
        assert f'page.limits("{group}")' in code
    assert re.findall(r"\d+\.\d+|\d+\s*%", prose_of(DOCUMENT)) == []


def test_rules_name_the_limits_of_the_code(monkeypatch, capsys):
    monkeypatch.setattr(method_page, "show_html", print)
    method_page.rules()
    shown = capsys.readouterr().out
    assert f"{estimate.SURE:g}" in shown
    assert method_page.MATERIAL in shown


def test_every_reason_code_has_its_meaning():
    known = {**REASON_IN_WORDS, **reason_codes.OVERRULED, **reason_codes.CAUTION_IN_WORDS}
    code = re.compile(r'(?:Gate|Reason|Condition)\(\s*"([A-Z_]+)"')
    made = set()
    for module in (gates, reasons, support):
        made |= set(code.findall(inspect.getsource(module)))
    assert {"WIDE_GAP", "NOT_CONVERGED", "RIVAL_CURVES", "FEW_ITEMS"} <= made
    assert made | {reasons.LOCATION, reasons.ELSEWHERE} <= set(known)
    of_limits = {c.strip() for t in thresholds.THRESHOLDS for c in t.code.split(",") if c}
    assert of_limits - {"PRIOR_SENSITIVE"} <= set(known)


# --- The documents and the picture --------------------------------------------------------------


@pytest.mark.parametrize("name", ["method", "glossary"])
def test_document_uses_only_what_both_routes_have(name):
    qmd = read_qmd(REPORTS / f"{name}.qmd", REPORTS)
    assert read_settings(qmd, REPORTS).toc
    assert qmd.cells


def test_picture_has_words_and_the_colours_of_the_page():
    shown = model_picture.model_picture()
    assert 'role="img"' in shown
    assert "in none or some of" in shown
    assert re.search(r"#[0-9a-f]{3,6}\b|fill=|style=", shown) is None
