"""What cells show: escaped, complete, and the same for both routes."""

import json
import re
from html.parser import HTMLParser

import altair as alt
import pandas as pd
import pytest

from toolkit.errors import ReportError
from toolkit.report import display
from toolkit.report.display import chart_html, raw_html_block, show_chart, show_html
from toolkit.report.rendering import page

HOSTILE = '</script><script>alert(1)</script> & "quoted" `````` \''


class Elements(HTMLParser):
    """Keeps the elements that a browser would make."""

    def __init__(self, markup):
        super().__init__()
        self.tags = []
        self.attributes = {}
        self.feed(markup)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.setdefault(tag, []).append(dict(attrs))


@pytest.fixture
def shown(monkeypatch):
    """Collect what would be displayed."""
    bundles = []
    monkeypatch.setattr(
        "IPython.display.display", lambda data, raw: bundles.append(data) if raw else None
    )
    return bundles


def chart(text="a"):
    frame = pd.DataFrame({"x": [1.0, float("nan")], "group": [text, "b"]})
    return alt.Chart(frame).mark_point().encode(x="x:Q", y="group:N")


def spec_in(markup):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', markup)[1])


def test_show_html_gives_markdown_only_and_a_longer_fence(shown):
    show_html("<p>```` inside</p>")
    (bundle,) = shown
    assert list(bundle) == ["text/markdown"]
    assert bundle["text/markdown"] == "\n`````{=html}\n<p>```` inside</p>\n`````\n"


def test_show_chart_hostile_data_and_alt_text_stay_text(shown):
    show_chart(chart(HOSTILE), HOSTILE, "<table></table>")
    markdown = shown[0]["text/markdown"]
    fence = markdown.strip().splitlines()[0].removesuffix("{=html}")
    assert fence == "`" * 7  # one more than the hostile text holds
    markup = "\n".join(markdown.strip().splitlines()[1:-1])
    elements = Elements(markup)
    assert elements.tags == ["figure", "div", "script", "details", "summary", "div", "table"]
    assert elements.attributes["div"][1] == {"class": "data-table"}
    placeholder = elements.attributes["div"][0]
    assert placeholder["role"] == "img"
    assert placeholder["aria-label"] == HOSTILE
    assert "min-height" in placeholder["style"]
    spec = spec_in(markup)
    assert spec["description"] == HOSTILE
    (rows,) = spec["datasets"].values()
    assert rows == [{"x": 1.0, "group": HOSTILE}, {"x": None, "group": "b"}]


def test_chart_html_without_table_shows_its_own_data_escaped():
    markup = chart_html(chart(HOSTILE), "Points.")
    assert '<th scope="col">x</th><th scope="col">group</th>' in markup
    assert markup.count("<tr>") == 3
    assert "<script>alert" not in markup
    assert '<td class="num">1.0</td>' in markup
    assert "<td></td><td>b</td>" in markup  # NaN is nothing


@pytest.mark.parametrize(
    ("change", "more"),
    [
        ({"title": "A title"}, display.TITLE),
        ({"height": 100}, 100 - display.DEFAULT_HEIGHT),
    ],
)
def test_chart_html_keeps_room_for_what_is_drawn(change, more):
    def height(made):
        return int(re.search(r"min-height:(\d+)px", chart_html(made, "Points."))[1])

    assert height(chart().properties(**change)) - height(chart()) == more


def test_chart_html_keeps_a_row_for_each_entry_of_a_legend_in_one_column():
    def height(columns, names):
        colour = alt.Color(
            "group:N",
            scale=alt.Scale(domain=names),
            legend=alt.Legend(orient="bottom", columns=columns),
        )
        markup = chart_html(chart().encode(color=colour), "Points.")
        return int(re.search(r"min-height:(\d+)px", markup)[1])

    assert height(1, ["a", "b", "c"]) - height(3, ["a", "b", "c"]) == 2 * display.LEGEND_ROW


def test_chart_html_without_alt_text_is_refused():
    with pytest.raises(ReportError, match="text alternative"):
        chart_html(chart(), "  ")


def test_chart_html_remote_data_is_refused():
    remote = alt.Chart("https://a.example/data.csv").mark_point().encode(x="x:Q")
    with pytest.raises(ReportError, match=r"loads its data from 'https://a\.example/data\.csv'"):
        chart_html(alt.vconcat(chart(), remote), "Points.")


def test_raw_html_block_without_ticks_uses_three():
    assert raw_html_block("<p>").startswith("\n```{=html}\n")


def test_with_assets_puts_styles_once_and_vega_only_for_charts(tmp_path):
    plain = "<html><head></head><body><p>x</p></body></html>"
    once = page.with_assets(plain, tmp_path)
    assert once.count("<style>") == 1
    assert "vegaEmbed = " not in once
    assert list(tmp_path.iterdir()) == []
    assert page.with_assets(once, tmp_path) == once
    charts = page.with_assets(plain.replace("<p>x</p>", chart_html(chart(), "Points.")), tmp_path)
    assert "window.vegaEmbed" in charts
    (kept,) = tmp_path.iterdir()
    assert kept.read_text("utf-8") == page.vega_bundle()
    assert kept.name == page.vega_file_name()
    shared = plain.replace("<p>x</p>", chart_html(chart(), "Points."))
    shared = page.with_assets(shared, tmp_path, vega_beside=kept.name)
    assert f'<script id="vega" type="text/plain" data-src="{kept.name}"></script>' in shared
    assert len(shared) < len(charts) - 500_000
    with pytest.raises(ReportError, match="no <head> and <body>"):
        page.with_assets("<p>x</p>")


def test_vega_bundle_cannot_end_its_script_element():
    bundle = page.vega_bundle()
    assert "</script" not in bundle.lower()
    assert "<!--" not in bundle
