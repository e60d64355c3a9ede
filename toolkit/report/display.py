"""What a document's cells show: HTML and charts, as Markdown holding a raw HTML block.

Never ``text/html``: Quarto answers that with scripts from outside, and both routes must give
the same page.
"""

import html
import json
import re
from collections.abc import Iterator
from typing import Any

import altair as alt

from toolkit.errors import ReportError
from toolkit.report.html_tables import Num, table

DEFAULT_HEIGHT = 300
# Room around the drawing, in CSS pixels: the page fits each chart into it and so never jumps.
AXES, TITLE, LEGEND_ROW, LEGEND_GAP = 48, 26, 16, 20
# Between the parts of a chart that has several and does not say itself.
BETWEEN = 60


def show_html(markup: str) -> None:
    """Show HTML, as it is, at this place of the document."""
    _show(markup)


def show_chart(chart: alt.TopLevelMixin, alt_text: str, table_html: str | None = None) -> None:
    """Show a chart that the page draws when it comes into view.

    Parameters
    ----------
    alt_text
        What the chart shows, for readers who do not see it; plain text.
    table_html
        The same data as an HTML table, for readers who want numbers; by default the chart's own.
    """
    _show(chart_html(chart, alt_text, table_html))


def chart_html(chart: alt.TopLevelMixin, alt_text: str, table_html: str | None = None) -> str:
    """Return the figure that the page's script turns into a chart."""
    if not alt_text.strip():
        raise ReportError("A chart needs a text alternative: say in a sentence what it shows.")
    spec = chart.to_dict()
    _refuse_remote_data(spec)
    spec.setdefault("description", alt_text)
    label = html.escape(" ".join(alt_text.split()), quote=True)
    height = _height(spec) + _furniture(spec)
    shown = _data_table(spec) if table_html is None else table_html
    data = (
        '<details class="chart-data"><summary>Data and downloads</summary>'
        f'<div class="data-table">{shown}</div></details>'
    )
    return (
        f'<figure class="chart"><div class="vega-chart" role="img" aria-label="{label}" '
        f'style="min-height:{height}px"></div>'
        f'<script type="application/json">{script_json(spec)}</script>{data}</figure>'
    )


def raw_html_block(markup: str) -> str:
    """Return Markdown that pandoc passes through as this HTML."""
    # A fence longer than any inside, so that no text in the data can end the block.
    ticks = max((len(run) for run in re.findall(r"`+", markup)), default=0)
    fence = "`" * max(3, ticks + 1)
    return f"\n{fence}{{=html}}\n{markup}\n{fence}\n"


def script_json(value: Any) -> str:
    """Return JSON that no text inside can end the ``<script>`` of."""
    try:
        text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise ReportError(f"A chart's data hold a number that JSON cannot: {error}.") from error
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _show(markup: str) -> None:
    # IPython is only there where documents are rendered.
    from IPython.display import display

    display({"text/markdown": raw_html_block(markup)}, raw=True)


def _height(spec: dict[str, Any]) -> int:
    """About how tall the drawing will be, in CSS pixels."""
    if "vconcat" in spec:
        between = spec.get("spacing", BETWEEN)
        return sum(_height(part) + between for part in spec["vconcat"]) - between
    if "hconcat" in spec:
        return max((_height(part) for part in spec["hconcat"]), default=DEFAULT_HEIGHT)
    inner = spec.get("spec", spec)
    height = inner.get("height") if isinstance(inner, dict) else None
    return round(height) if isinstance(height, int | float) else DEFAULT_HEIGHT


def _furniture(spec: dict[str, Any]) -> int:
    """About how much room axes, title and the legends below the drawing take."""
    rows = max((_legend_rows(each) for each in _legends(spec)), default=0)
    below = LEGEND_GAP + LEGEND_ROW * rows if rows else 0
    return AXES + (TITLE if "title" in spec else 0) + below


def _legends(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every encoding with a legend below the drawing."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict):
        legend = value.get("legend")
        if isinstance(legend, dict) and legend.get("orient") == "bottom":
            yield value
    for part in parts:
        yield from _legends(part)


def _legend_rows(encoding: dict[str, Any]) -> int:
    if encoding["legend"].get("columns") != 1:
        return 1
    return len(encoding.get("scale", {}).get("domain", ())) or 1


def _data_table(spec: dict[str, Any]) -> str:
    """Return the largest table behind the chart: the others hold lines of reference."""
    tables = [rows for rows in spec.get("datasets", {}).values() if rows]
    rows = max(tables, key=len, default=[])
    header = list(dict.fromkeys(name for row in rows for name in row))
    body = [[_shown(row.get(name)) for name in header] for row in rows]
    return table(header, body, "The data of this chart")


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return Num(value) if isinstance(value, int | float) else str(value)


def _refuse_remote_data(value: Any) -> None:
    """Raise when a chart would load its data when it is viewed."""
    if isinstance(value, dict):
        data = value.get("data")
        if isinstance(data, dict) and "url" in data:
            raise ReportError(
                f"A chart loads its data from '{data['url']}'; give it the data frame instead."
            )
        for part in value.values():
            _refuse_remote_data(part)
    elif isinstance(value, list):
        for part in value:
            _refuse_remote_data(part)
