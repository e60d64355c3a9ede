"""A finished page as a reader meets it: in Chromium, with no network."""

from pathlib import Path

import pytest
from browser import open_browser, open_page, visit_page, wait_until

import toolkit
from toolkit.report.rendering.render import render

CHECKOUT = Path(toolkit.__file__).parent.parent
DOCUMENT = """---
title: Charts
toc: true
---

```{python}
#| echo: false
import altair as alt
import pandas as pd
from toolkit.report.display import chart_html, show_chart, show_html

hostile = "<img src=x onerror=alert(1)><script>alert(1)</script>"
frame = pd.DataFrame({"x": [1, 2, 3], "y": [0.2, 0.4, 0.9], "group": [hostile, "b", "b"]})

def chart():
    return alt.Chart(frame).mark_point(size=4000).encode(
        x="x:Q", y="y:Q", color="group:N", tooltip=["group", "y"]
    )
```

## One

::: {.panel-tabset}
## First
```{python}
#| echo: false
show_chart(chart(), hostile, "<table><tr><td>1</td></tr></table>")
```
## Second
```{python}
#| echo: false
show_chart(chart(), "In a tab.")
```
:::

## Two

```{python}
#| echo: false
show_html(
    "<details class='claim' id='card'><summary>A claim</summary><p id='inside'>x</p>"
    + chart_html(chart(), "In a card.") + "</details>"
)
```

| a wide table | with | many | columns | that | do | not | fit | a | telephone |
|---|---|---|---|---|---|---|---|---|---|
| unbreakable | unbreakable | unbreakable | unbreakable | unbreakable | 1 | 2 | 3 | 4 | 5 |
"""


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    document = folder / "charts.qmd"
    document.write_text(DOCUMENT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(CHECKOUT))
        return render(document, folder / "charts.html", renderer="embedded").path


@pytest.fixture(scope="module")
def browser():
    with open_browser() as browser:
        yield browser


def drawn(page):
    return page.locator(".vega-chart[data-drawn=true] svg.marks").count()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 360)])
def test_page_draws_every_chart_quietly_and_fits(browser, page_file, scheme, width):
    visit = visit_page(browser, page_file, scheme=scheme, width=width)
    assert visit.console_errors == []
    assert visit.page_errors == []
    assert visit.outside_requests == []
    assert (visit.n_charts, visit.n_drawn_on_sight, visit.n_drawn) == (3, 1, 3)
    assert visit.overflow_px == 0


def test_page_draws_charts_when_a_tab_or_a_card_opens(browser, page_file):
    with open_page(browser, page_file, height=1600) as (page, visit):
        page.wait_for_selector(".vega-chart[data-drawn=true]")
        assert drawn(page) == 1
        page.get_by_role("tab", name="Second").click()
        wait_until(page, "document.querySelectorAll('[data-drawn=true]').length === 2")
        assert page.get_by_role("tab", name="First").get_attribute("aria-selected") == "false"
        page.keyboard.press("ArrowLeft")
        assert page.get_by_role("tab", name="First").get_attribute("aria-selected") == "true"
        page.locator("#card > summary").click()
        wait_until(page, "document.querySelectorAll('[data-drawn=true]').length === 3")
        box = page.locator("#card .vega-chart").bounding_box()
        drawing = page.locator("#card svg.marks").bounding_box()
        assert abs(box["width"] - drawing["width"]) <= 2  # as wide as its place
        assert visit.console_errors == []


def test_page_link_into_a_closed_card_opens_it(browser, page_file):
    with open_page(browser, page_file) as (page, _):
        page.evaluate("location.hash = 'inside'")
        wait_until(page, "document.querySelector('#card').open")


def test_page_redraws_in_the_colours_of_the_other_scheme(browser, page_file):
    label = ".vega-chart svg .role-axis-label text"
    with open_page(browser, page_file) as (page, _):
        page.wait_for_selector(label)
        light = page.locator(label).first.get_attribute("fill")
        page.emulate_media(color_scheme="dark")
        wait_until(page, f"document.querySelector('{label}')?.getAttribute('fill') !== '{light}'")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light


def test_page_hostile_names_stay_text_in_chart_and_tooltip(browser, page_file):
    with open_page(browser, page_file) as (page, visit):
        page.wait_for_selector(".vega-chart[data-drawn=true]")
        page.locator(".vega-chart svg .mark-symbol.role-mark path").first.hover(force=True)
        page.wait_for_selector("#vg-tooltip-element.visible")
        tooltip = page.locator("#vg-tooltip-element")
        assert "<script>alert(1)</script>" in tooltip.inner_text()
        assert tooltip.locator("img, script").count() == 0
        assert "<img src=x" in page.locator(".vega-chart").first.get_attribute("aria-label")
        assert visit.page_errors == []
