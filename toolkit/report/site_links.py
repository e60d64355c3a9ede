"""Rows of links from a page to its fellows: those of the site, and those of the documentation."""

import html
from collections.abc import Mapping
from pathlib import Path

from toolkit import paths
from toolkit.report.display import show_html

# The index and the pages that say the same of every study.
PAGES = {
    "index": "All claims",
    "method": "How verdicts are made",
    "glossary": "Glossary",
}
# Where ``emergence docs`` has written the documentation beside them.
DOCUMENTATION = {"docs/index": "Documentation"}


def site_links(here: str = "") -> None:
    """Show links to the shared pages, and to the documentation where it has been written.

    Parameters
    ----------
    here
        The page that the reader is on.
    """
    pages = PAGES | where_written(DOCUMENTATION, paths.docs_site_dir())
    show_html(links(pages, here, "Pages of this report"))


def where_written(pages: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the pages if the folder that they lead to has an index, else none."""
    return dict(pages) if (folder / "index.html").is_file() else {}


def links(pages: Mapping[str, str], current: str, label: str, state: str = "page") -> str:
    """Return links to pages, their titles by name, as HTML.

    Parameters
    ----------
    current
        The page that is marked: the reader is on it (state "page") or below it ("true").
    """
    shown = "".join(
        f'<a href="{name}.html"{_mark(state) if name == current else ""}>{html.escape(title)}</a>'
        for name, title in pages.items()
    )
    return f'<nav class="site-links" aria-label="{html.escape(label, quote=True)}">{shown}</nav>'


def _mark(state: str) -> str:
    return f' aria-current="{state}"'
