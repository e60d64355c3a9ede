"""Both routes say the same: headings with their numbers, every number in the text, every chart."""

import html
import json
import re
from typing import NamedTuple

import pytest

from toolkit.report.rendering.quarto import quarto_version
from toolkit.report.rendering.render import render

DOCUMENT = """---
title: "A page"
number-sections: true
execute:
  echo: false
---

```{python}
#| label: parameters
#| tags: [parameters]
n = 1
```

```{python}
#| label: load
import altair as alt
import pandas as pd
from toolkit.report.display import show_chart, show_html
```

## Findings {#sec-findings}

Of `{python} 10 * n` claims in @tbl-one, `{python} 0.25 * n` are shown in @fig-one and @sec-deep.

### Deep {#sec-deep}

```{python}
#| label: tbl-one
#| tbl-cap: A table.
show_html(f"<table><tr><td>{7 * n}.5 [{n}, 9]</td></tr></table>")
```

```{python}
#| label: fig-one
#| fig-cap: A chart.
data = pd.DataFrame({"size": [1, 2], "score": [0.1 * n, 0.4]})
show_chart(alt.Chart(data).mark_point().encode(x="size:Q", y="score:Q"), "Score against size.")
```

## Later

The end of `{python} n`.
"""


class Said(NamedTuple):
    """What a page says, without how it is dressed."""

    headings: list[tuple[str, str]]  # level, number and words
    numbers: list[str]  # in the order of the text
    charts: list[dict]


def said(page: str) -> Said:
    """Return what stands in a page's main part."""
    whole = re.search(r"<main.*</main>", page, re.S)
    main = re.sub(r"<(style|nav)\b.*?</\1>", "", whole[0], flags=re.S)
    charts = re.findall(r'<script type="application/json">(.*?)</script>', main, re.S)
    shown = re.sub(r"<script\b.*?</script>", "", main, flags=re.S)
    headings = re.findall(r"<h([2-6])\b[^>]*>(.*?)</h\1>", shown, re.S)
    return Said(
        [(level, words(inner)) for level, inner in headings],
        re.findall(r"\d+(?:\.\d+)*", words(shown)),
        [json.loads(chart) for chart in charts],
    )


def words(markup: str) -> str:
    """Return text without tags, with single spaces."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    file = tmp_path_factory.mktemp("both") / "page.qmd"
    file.write_text(DOCUMENT, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def embedded(document, tmp_path_factory):
    """Return what the embedded route says, by the value of the parameter."""
    folder = tmp_path_factory.mktemp("embedded")

    def route(n):
        output = folder / f"{n}.html"
        render(document, output, renderer="embedded", parameters={"n": str(n)})
        return said(output.read_text(encoding="utf-8"))

    return {n: route(n) for n in (1, 2)}


def test_comparison_sees_headings_numbers_and_charts(embedded):
    one, two = embedded[1], embedded[2]
    assert one.headings == [("2", "1 Findings"), ("3", "1.1 Deep"), ("2", "2 Later")]
    assert one.headings == two.headings
    for number in ("10", "0.25", "1.1", "7.5"):
        assert number in one.numbers
    for number in ("20", "0.5", "14.5"):
        assert number in two.numbers
        assert number not in one.numbers
    assert len(one.charts) == len(two.charts) == 1
    assert one.charts != two.charts


@pytest.mark.skipif(quarto_version() is None, reason="Quarto is not installed")
@pytest.mark.parametrize("n", [1, 2])
def test_quarto_says_what_the_embedded_route_says(document, embedded, tmp_path, n):
    output = tmp_path / "page.html"
    render(document, output, renderer="quarto", parameters={"n": str(n)})
    other = said(output.read_text(encoding="utf-8"))
    assert other.headings == embedded[n].headings
    assert other.numbers == embedded[n].numbers
    assert other.charts == embedded[n].charts
