"""Every link inside the site leads to a page, and to a place on it, that is there."""

from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from toolkit.report import site_links

PAGES = ("index", "tiny", "method", "glossary")


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.ids, self.links, self.badges = set(), [], []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if "id" in values:
            self.ids.add(values["id"])
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
            if "badge" in (values.get("class") or "").split():
                self.badges.append(values["href"])


@pytest.fixture(scope="module")
def pages(tiny_site):
    found = {}
    for name in PAGES:
        found[name] = _Page()
        found[name].feed((tiny_site / f"{name}.html").read_text())
    return found


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(pages, tiny_site, name):
    for link in pages[name].links:
        if link.startswith(("http", "data:", "mailto:", "blob:")):
            continue
        file, _, place = unquote(link).partition("#")
        assert not file or (tiny_site / file).is_file(), link
        stem = file.removesuffix(".html") or name
        if place and stem in pages:
            assert place in pages[stem].ids, link


@pytest.mark.parametrize("name", ["index", "tiny"])
def test_verdict_words_lead_to_their_meaning(pages, name):
    assert pages[name].badges
    assert set(pages[name].badges) <= {
        f"method.html#{word}" for word in ("jump-remains", "explained", "no-jump", "undetermined")
    }


@pytest.mark.parametrize("name", PAGES)
def test_every_page_links_to_the_shared_ones(pages, name):
    assert {"index.html", "method.html", "glossary.html"} <= set(pages[name].links)


def test_pages_link_to_the_documentation_once_it_is_written(monkeypatch, tmp_path):
    monkeypatch.setenv("EMERGENCE_ROOT", str(tmp_path))
    shown = []
    monkeypatch.setattr(site_links, "show_html", shown.append)
    site_links.site_links("method")
    docs = tmp_path / "reports" / "_site" / "docs" / "index.html"
    docs.parent.mkdir(parents=True)
    docs.write_text("")
    site_links.site_links("method")
    link = '<a href="docs/index.html">Documentation</a>'
    assert [link in markup for markup in shown] == [False, True]
