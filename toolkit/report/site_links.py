"""Links from each page of the site to the pages that all of them share."""

import html

from toolkit.report.display import show_html

PAGES = {
    "index": "All claims",
    "method": "How verdicts are made",
    "glossary": "Glossary",
}


def site_links(here: str = "") -> None:
    """Show links to the shared pages; ``here`` is the page that the reader is on."""
    show_html(links(here))


def links(here: str = "") -> str:
    """Return links to the shared pages as HTML."""
    shown = "".join(
        f'<a href="{name}.html"{_current(name, here)}>{html.escape(title)}</a>'
        for name, title in PAGES.items()
    )
    return f'<nav class="site-links" aria-label="Pages of this report">{shown}</nav>'


def _current(name: str, here: str) -> str:
    return ' aria-current="page"' if name == here else ""
