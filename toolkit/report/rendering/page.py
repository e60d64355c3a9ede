"""What every page carries once: styles, the page's script, and Vega where there are charts.

A page that stands alone holds Vega itself; the pages of a site share one file beside them. Either
way it is read when the first chart comes near, so that a page can be used before.
"""

import html
import re
from functools import cache
from importlib.metadata import version as package_version
from pathlib import Path

import altair as alt
import vl_convert

from toolkit.errors import ReportError
from toolkit.paths import write_whole

ASSETS = Path(__file__).parent / "assets"
MARK = "<!-- emergence-toolkit page assets -->"
CHART = 'class="vega-chart"'
# In this order: they share one scope, and the last one starts what the others set up.
SCRIPTS = (
    "chart_theme", "charts", "tabs", "places", "claims_filter", "card_controls", "downloads",
    "print", "start",
)  # fmt: skip


def with_assets(
    page: str, cache_folder: Path | None = None, *, vega_beside: str | None = None
) -> str:
    """Return the page with styles and scripts put in, unless they are there already.

    Parameters
    ----------
    cache_folder
        Where the Vega bundle (1 MB, a second or two to make) is kept between runs.
    vega_beside
        Name of a file beside the page that holds the bundle; None puts it into the page.
    """
    if MARK in page:
        return page
    head = page.find("</head>")
    # The last one: text of a script may contain an earlier one.
    body = page.rfind("</body>")
    if head < 0 or body < head:
        raise ReportError("The rendered page has no <head> and <body> to put styles and charts in.")
    styles = f"{MARK}\n<style>\n{_asset('theme.css')}</style>\n"
    own = "\n".join(_asset(f"{name}.js") for name in SCRIPTS)
    scripts = f'<script>\n(() => {{\n"use strict";\n{own}}})();\n</script>\n'
    if CHART in page:
        scripts = f"{_library(cache_folder, vega_beside)}\n{scripts}"
    return page[:head] + styles + page[head:body] + scripts + page[body:]


def _library(cache_folder: Path | None, vega_beside: str | None) -> str:
    """Return the element that the charts' script takes Vega from; by itself it runs nothing."""
    if vega_beside is not None:
        return f'<script id="vega" type="text/plain" data-src="{vega_beside}"></script>'
    return f'<script id="vega" type="text/plain">{vega_bundle(cache_folder)}</script>'


def made_by(renderer: str, version: str, vega_beside: str | None = None) -> str:
    """Return the footer that says which route made the page, and what it needs."""
    words = {"quarto": f"Quarto {version}", "embedded": f"the embedded renderer (pandoc {version})"}
    needs = "It is complete in itself"
    if vega_beside is not None:
        needs = f"Its charts are drawn by {vega_beside} beside it; it is complete otherwise"
    return (
        f'<footer class="made-by" data-renderer="{renderer}">'
        f"<p>Rendered by {html.escape(words[renderer])}. "
        f"{needs} and loads nothing from the network.</p></footer>\n"
    )


def vega_file_name() -> str:
    """Return the name of the bundle: another version has another one, so no old one is read."""
    return f"vega-{alt.SCHEMA_VERSION}-{package_version('vl-convert-python')}.js"


def vega_bundle(cache_folder: Path | None = None) -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script, in the version charts are made for."""
    version = _vega_lite_version()
    if cache_folder is None:
        return _built_bundle(version)
    file = cache_folder / vega_file_name()
    if not file.is_file():
        write_whole(file, _built_bundle(version))
    return file.read_text(encoding="utf-8")


@cache
def _built_bundle(version: str) -> str:
    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=version)
    # Names at the top level of the bundle must not become globals of the page, and no string in
    # it may end the script element.
    closed = re.sub(r"</(script)", r"<\\/\1", script, flags=re.IGNORECASE).replace("<!--", "<\\!--")
    return f"(function () {{\n{closed}\n}})();"


def _vega_lite_version() -> str:
    wanted = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    known = vl_convert.get_vegalite_versions()
    if wanted not in known:
        raise ReportError(
            f"Altair makes charts for Vega-Lite {wanted}, but vl-convert has {', '.join(known)}; "
            "install versions of altair and vl-convert-python that match."
        )
    return f"v{wanted}"


@cache
def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
