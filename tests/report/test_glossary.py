"""The glossary: each word once, and every link of the documents leads to a word that is there."""

import re

import pytest

from toolkit import paths
from toolkit.report.pages import glossary
from toolkit.report.pages.thresholds import limit

REPORTS = paths.CHECKOUT / "reports"
ANCHORS = [term.anchor for term in glossary.TERMS]


def test_every_word_stands_once_in_a_group_that_is_shown():
    assert len(set(ANCHORS)) == len(ANCHORS)
    document = (REPORTS / "glossary.qmd").read_text()
    shown = {
        getattr(glossary, name)
        for name in re.findall(r"glossary\.terms\(glossary\.(\w+)", document)
    }
    assert shown == set(glossary.GROUPS)


@pytest.mark.parametrize("group", glossary.GROUPS)
def test_links_inside_lead_to_words_that_are_there(group):
    shown = glossary.term_list(group)
    assert "[[" not in shown
    assert set(re.findall(r'href="#([^"]+)"', shown)) <= set(ANCHORS)


def test_links_from_documents_lead_to_words_that_are_there():
    for document in REPORTS.rglob("*.qmd"):
        named = re.findall(r"glossary\.html#([\w-]+)", document.read_text())
        assert set(named) <= set(ANCHORS), document.name


def test_numbers_are_those_of_the_code():
    assert limit("diagnose.RHAT_MAX") in glossary.term_named("R-hat").text
    assert limit("estimate.CI_PROB") in glossary.term_named("interval").text


def test_meaning_is_escaped():
    term = glossary.Term("x", "invented", "a <b> & [[arm]]")
    assert glossary.linked(term.text) == 'a &lt;b&gt; &amp; <a href="#term-arm">arm</a>'
