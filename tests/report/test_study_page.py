"""A study's page from draws and tables made by hand, as a reader meets it in a browser."""

import pytest
from browser import open_browser, open_page, visit_page, wait_until


@pytest.fixture(scope="module")
def page_file(tiny_site):
    return tiny_site / "tiny.html"


@pytest.fixture(scope="module")
def browser():
    with open_browser() as browser:
        yield browser


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 360)])
def test_page_draws_every_chart_quietly_and_fits(browser, page_file, scheme, width):
    visit = visit_page(browser, page_file, scheme=scheme, width=width)
    assert (visit.console_errors, visit.page_errors, visit.outside_requests) == ([], [], [])
    assert visit.n_charts > 8
    assert visit.n_drawn == visit.n_charts
    assert visit.overflow_px == 0


def test_page_with_everything_open_fits_a_phone(browser, page_file):
    with open_page(browser, page_file, width=360) as (page, visit):
        page.evaluate("document.querySelectorAll('main details').forEach(d => { d.open = true })")
        page.evaluate("window.drawAllCharts()")
        root = "document.documentElement"
        assert page.evaluate(f"{root}.scrollWidth - {root}.clientWidth") == 0
        assert visit.console_errors == []


def test_first_come_sentences_table_and_a_picture_for_each_claim(browser, page_file):
    with open_page(browser, page_file) as (page, _):
        headings = page.eval_on_selector_all("main h2", "nodes => nodes.map(n => n.id)")
        assert headings[:3] == ["sec-summary", "sec-verdicts", "sec-claims"]
        assert page.locator("main details.claim").count() == 2
        assert page.locator("main details.claim[open]").count() == 2
        assert page.locator("main details.fold").count() > 12
        assert page.locator("main details.fold[open]").count() == 0
        shown = "e => e.checkVisibility()"
        first = page.locator("details.claim .vega-chart").first
        assert first.evaluate(shown)
        assert not page.locator("details.fold .vega-chart").first.evaluate(shown)


def test_fold_opens_by_keyboard_and_draws_its_chart(browser, page_file):
    with open_page(browser, page_file) as (page, _):
        fold = page.locator("#sorting details.fold", has_text="The jump and its parts").first
        fold.locator("summary").first.focus()
        page.keyboard.press("Enter")
        assert fold.evaluate("e => e.open")
        fold.locator(".vega-chart").first.scroll_into_view_if_needed()
        wait_until(
            page, "document.querySelector('#sorting details.fold[open] .vega-chart svg.marks')"
        )


def test_sections_that_texts_link_to_are_there(browser, page_file):
    with open_page(browser, page_file) as (page, _):
        links = page.eval_on_selector_all(
            "main a[href^='#sec-'], main td a[href^='#']",
            "nodes => nodes.map(n => n.getAttribute('href').slice(1))",
        )
        assert {"sec-survivors", "sec-robustness", "sec-fit", "sorting"} <= set(links)
        missing = page.evaluate(
            "links => links.filter(id => !document.getElementById(id))", sorted(set(links))
        )
    assert missing == []
