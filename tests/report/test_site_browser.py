"""The small study's site as a reader uses it: links, filter, files, paper, and without scripts."""

import csv
import io
import json
import re

import pytest
from browser import open_browser, open_page, visit_page, wait_until

SCHEMES = ("light", "dark")
# Of an A4 page between its margins, in CSS pixels.
PAPER = 700
SLOWER = 10
WATCH_MOVES = """
window.moved = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.moved += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture(scope="module")
def browser():
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def study(tiny_site):
    """Return the record of the study in verdicts.json."""
    return json.loads((tiny_site / "verdicts.json").read_text())["studies"][0]


def in_view(page, selector):
    box = page.locator(selector).first.bounding_box()
    return box is not None and 0 <= box["y"] < page.viewport_size["height"]


def downloaded(page, click):
    with page.expect_download() as waiting:
        click()
    return waiting.value.suggested_filename, waiting.value.path().read_bytes()


def rows_of(content):
    return list(csv.DictReader(io.StringIO(content.decode())))


# --- Opening and moving about -------------------------------------------------------------------


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("name", ["index", "tiny", "method"])
def test_nothing_moves_while_charts_are_drawn(browser, tiny_site, name, width):
    with open_page(browser, tiny_site / f"{name}.html", width=width) as (page, visit):
        page.add_init_script(WATCH_MOVES)
        # A slow machine shows the page before its scripts have run.
        slow = page.context.new_cdp_session(page)
        slow.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        page.reload()
        for _ in range(12):
            page.mouse.wheel(0, 700)
            page.wait_for_timeout(120)
        assert page.evaluate("window.moved") < 0.01
        assert visit.console_errors == []


def test_link_to_a_far_section_shows_it_at_once(browser, tiny_site):
    with open_page(browser, tiny_site / "tiny.html") as (page, _):
        page.get_by_role("link", name="Priors").first.click()
        assert in_view(page, "#sec-priors")
        chart = (
            "[...document.querySelectorAll('.vega-chart')].find((each) => "
            "document.querySelector('#sec-priors').compareDocumentPosition(each) & 4)"
        )
        wait_until(page, f"{chart}.dataset.drawn")
        assert in_view(page, "#sec-priors")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_link_to_a_claim_opens_its_card_and_is_on_the_card(browser, tiny_site, scheme):
    file = tiny_site / "tiny.html"
    with open_page(browser, file, scheme=scheme) as (page, visit):
        link = page.locator("#naming .claim-link a")
        assert link.get_attribute("href") == "#naming"
        link.focus()
        page.keyboard.press("Enter")
        assert page.url.endswith("tiny.html#naming")
        assert in_view(page, "#naming")
        wait_until(page, "document.querySelector('#naming .vega-chart').dataset.drawn === 'true'")
        # Closed by hand, a link opens it again, though the address stays what it is.
        page.evaluate("document.querySelector('#naming').open = false")
        page.locator("td a[href='#naming']").first.click()
        wait_until(page, "document.querySelector('#naming').open")
        assert visit.page_errors == []


def test_shared_vega_that_is_missing_leaves_words_and_data(browser, tiny_site, tmp_path):
    (tmp_path / "alone.html").write_bytes((tiny_site / "tiny.html").read_bytes())
    with open_page(browser, tmp_path / "alone.html") as (page, _):
        page.evaluate("location.hash = 'sorting'")
        wait_until(page, "document.querySelector('#sorting .vega-chart').dataset.drawn")
        words = page.inner_text("#sorting .vega-chart")
        assert "Published scores on Sorting against size" in words
        assert re.search(r"vega-\S+\.js is not beside this page", words)
        assert page.locator("#sorting .data-table table").count() >= 2


def test_every_chart_has_words_and_a_table(browser, tiny_site):
    for name in ("index", "tiny", "method"):
        with open_page(browser, tiny_site / f"{name}.html") as (page, _):
            figures = page.locator("figure.chart")
            complete = page.locator(
                "figure.chart:has(> .vega-chart[role=img][aria-label]):has(table)"
            )
            assert figures.count() == complete.count() > 0


def test_pages_are_readable_without_scripts(browser, tiny_site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((tiny_site / "index.html").as_uri())
    assert not page.locator("form.claims-filter").is_visible()
    assert not page.locator("button.print").is_visible()
    assert page.locator("a.claim-cell").count() == 2
    page.locator("a.claim-cell").first.click()
    assert page.url.endswith("tiny.html#sorting")
    assert page.locator("#sorting").is_visible()
    context.close()


# --- The index ----------------------------------------------------------------------------------


def rows_shown(page):
    return page.locator("tr[data-claim]:visible").count()


def test_filter_takes_words_verdicts_and_studies(browser, tiny_site):
    with open_page(browser, tiny_site / "index.html") as (page, visit):
        status = page.locator(".claims-filter [role=status]")
        assert status.inner_text() == "2 of 2 claims"
        page.get_by_label("Search").fill("naming garden-no-such-word")
        assert (rows_shown(page), status.inner_text()) == (0, "0 of 2 claims")
        page.get_by_label("Search").fill("NAMING few_sizes")
        assert rows_shown(page) == 1
        assert page.locator("a.claim-cell.faded").count() == 1
        assert page.locator("a.claim-cell.faded").get_attribute("tabindex") == "-1"
        page.get_by_role("button", name="Show all").click()
        wait_until(page, "!document.querySelector('tr[data-claim][hidden]')")
        page.get_by_label("undetermined").uncheck()
        assert rows_shown(page) == 0
        page.get_by_label("undetermined").check()
        page.get_by_label("Study").select_option(label="Tiny 2024")
        assert rows_shown(page) == 2
        assert visit.console_errors == []


def test_square_says_verdict_and_probability_and_leads_to_the_card(browser, tiny_site, study):
    with open_page(browser, tiny_site / "index.html") as (page, _):
        cell = page.locator("a.claim-cell").first
        cell.focus()
        words = page.inner_text(".map-words")
        p = study["claims"][0]["p_residual_jump"]["median"]
        assert words.startswith("Sorting, Tiny 2024: undetermined.")
        assert f"{p:.2f}" in words
        assert cell.get_attribute("title") == words
        assert f"--p:{100 * p:.0f}%" in cell.get_attribute("style")
        page.keyboard.press("Enter")
        page.wait_for_url("**/tiny.html#sorting")
        assert page.locator("#sorting").evaluate("e => e.open")


def test_index_names_what_would_decide(browser, tiny_site, study):
    with open_page(browser, tiny_site / "index.html") as (page, _):
        text = page.inner_text("main")
    for claim in study["claims"]:
        assert claim["next_measurement"] in text
    assert "2 claims undetermined" in text
    assert (
        "On 1 task a jump had been claimed for a model family that is scored here: 0 keep" in text
    )
    assert "What keeps most of these open:" in text


# --- Files --------------------------------------------------------------------------------------


def test_verdicts_from_the_page_are_those_of_verdicts_json(browser, tiny_site, study):
    with open_page(browser, tiny_site / "tiny.html") as (page, visit):
        name, content = downloaded(page, page.get_by_text("Verdicts (JSON)").click)
        assert (name, json.loads(content)) == ("tiny-verdicts.json", study)
        _, content = downloaded(page, page.get_by_text("Verdicts (CSV)").click)
        for row, claim in zip(rows_of(content), study["claims"], strict=True):
            assert (row["slug"], row["outcome"]) == (claim["slug"], claim["outcome"])
            assert float(row["p_residual_jump"]) == claim["p_residual_jump"]["median"]
            assert float(row["residual_jump_high"]) == claim["residual_jump"]["ci_high"]
            assert row["next_measurement"] == claim["next_measurement"]
        _, content = downloaded(page, page.get_by_text("Every estimate (CSV)").click)
        found = {(r["slug"], r["quantity"]): r["median"] for r in rows_of(content)}
        for claim in study["claims"]:
            for quantity, estimate in claim["estimates"].items():
                value = found[claim["slug"], quantity]
                assert (float(value) if value else None) == estimate["median"]
        assert visit.outside_requests == []


def test_page_gives_citation_and_what_made_it(browser, tiny_site, study):
    with open_page(browser, tiny_site / "tiny.html") as (page, _):
        name, content = downloaded(page, page.get_by_role("link", name="BibTeX").click)
        assert name == "tiny.bib"
        assert "@misc{tiny2024," in content.decode()
        assert "author = {A. Fern and B. Moss}" in content.decode()
        assert content.decode().count("@misc{") == 2
        _, content = downloaded(page, page.get_by_text("How this was made").click)
        made = json.loads(content)
        assert made["fit"] == study["fit"]
        assert made["command"] == "emergence report tiny"
        assert {"draws", "random_seed"} <= set(made["fit"]["settings"])


def test_each_chart_is_saved_as_picture_and_as_numbers(browser, tiny_site):
    with open_page(browser, tiny_site / "tiny.html", scheme="dark") as (page, visit):
        figure = page.locator("#sorting figure.chart").first
        figure.locator("summary").click()
        found = {
            kind: downloaded(page, figure.get_by_role("button", name=f"Download as {kind}").click)
            for kind in ("SVG", "PNG", "CSV")
        }
        assert {name for name, _ in found.values()} == {
            f"sorting-as-published.{kind}" for kind in ("svg", "png", "csv")
        }
        assert found["SVG"][1].startswith(b"<svg")
        assert b'fill="white"' in found["SVG"][1]  # for paper, whatever the page is
        assert found["PNG"][1].startswith(b"\x89PNG")
        scores = {row["checkpoint"]: row["score"] for row in rows_of(found["CSV"][1])}
        assert scores["fern-s"] in ("0.255", "0.27")
        assert visit.console_errors == []


# --- Paper --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["index", "tiny", "method", "glossary"])
def test_nothing_is_cut_off_at_the_edge_of_the_paper(browser, tiny_site, name):
    with open_page(browser, tiny_site / f"{name}.html") as (page, visit):
        page.set_viewport_size({"width": PAPER, "height": 900})
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        page.evaluate("window.drawAllCharts()")
        page.emulate_media(media="print")
        edges = (
            "[...document.querySelectorAll('main table, main svg, main p')]"
            ".map(each => each.getBoundingClientRect().right)"
        )
        assert max(page.evaluate(edges)) <= PAPER
        assert visit.page_errors == []


def test_print_button_prints_with_everything_open_and_drawn(browser, tiny_site):
    with open_page(browser, tiny_site / "tiny.html") as (page, _):
        page.evaluate(
            "window.print = () => { window.printed = "
            "[...document.querySelectorAll('.vega-chart')].every(c => c.dataset.drawn) }"
        )
        page.locator("button.print").click()
        wait_until(page, "window.printed === true")
        assert page.locator("main details:not([open])").count() == 0


def test_page_on_paper_is_open_light_and_without_controls(browser, tiny_site, tmp_path):
    with open_page(browser, tiny_site / "tiny.html", scheme="dark") as (page, visit):
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        page.evaluate("window.drawAllCharts()")
        page.emulate_media(media="print", color_scheme="dark")
        assert page.locator("main details:not([open])").count() == 0
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
            "rgb(255, 255, 255)"
        )
        for gone in ("#toc", ".downloads", ".chart-files"):
            assert not page.locator(gone).first.is_visible()
        drawn = page.locator(".vega-chart[data-drawn=true]").count()
        assert drawn == page.locator(".vega-chart").count()
        label = page.locator(".vega-chart svg .role-axis-label text").first
        assert label.get_attribute("fill") == "#555e68"
        page.pdf(path=str(tmp_path / "page.pdf"))
        assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
        assert visit.page_errors == []


@pytest.mark.parametrize("name", ["index", "method", "glossary"])
def test_shared_page_fits_a_phone_and_asks_for_nothing(browser, tiny_site, name):
    visit = visit_page(browser, tiny_site / f"{name}.html", width=360)
    assert visit.overflow_px == 0
    assert visit.n_drawn == visit.n_charts
    assert (visit.console_errors, visit.page_errors, visit.outside_requests) == ([], [], [])


def test_equations_and_picture_fit_a_phone(browser, tiny_site):
    with open_page(browser, tiny_site / "method.html", width=360) as (page, _):
        page.evaluate("document.querySelectorAll('main details').forEach(d => { d.open = true })")
        wide = "[...document.querySelectorAll('.equation, math[display=block]')]"
        assert page.evaluate(f"{wide}.every(each => each.scrollWidth <= each.clientWidth)")
        words = page.locator(".model-picture text.line").first
        assert words.evaluate("e => e.getBoundingClientRect().height") >= 11


def test_method_page_on_paper_is_light_and_whole(browser, tiny_site, tmp_path):
    with open_page(browser, tiny_site / "method.html", scheme="dark") as (page, visit):
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        page.evaluate("window.drawAllCharts()")
        page.emulate_media(media="print", color_scheme="dark")
        assert page.locator("main details:not([open])").count() == 0
        fill = "getComputedStyle(document.querySelector('.model-picture text')).fill"
        assert page.evaluate(fill) == "rgb(28, 33, 38)"
        assert not page.locator(".site-links").is_visible()
        page.set_viewport_size({"width": 700, "height": 900})  # paper is narrower than the screen
        edges = "[...document.querySelectorAll('svg')].map(e => e.getBoundingClientRect().right)"
        assert max(page.evaluate(edges)) <= 700
        page.pdf(path=str(tmp_path / "method.pdf"))
        assert visit.page_errors == []
