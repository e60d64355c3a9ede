"""The local preview: this machine only, and a changed document is rendered anew."""

import os
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from toolkit.errors import ReportError
from toolkit.report.rendering.render import Rendered
from toolkit.report.serve import ADDRESS, serve, serving, watch
from toolkit.report.site import Page, Site


class Stop(Exception):
    """Ends a watch that would go on for ever."""


@pytest.fixture
def document(tmp_path):
    (tmp_path / "_part.qmd").write_text("Part.\n")
    document = tmp_path / "page.qmd"
    document.write_text("---\ntitle: A page\n---\n\n{{< include _part.qmd >}}\n")
    return document


@pytest.fixture
def written(monkeypatch):
    """Collect the names of pages that are rendered, instead of rendering them."""
    names = []

    def render(page):
        names.append(page.name)
        return Rendered(Path(f"{page.name}.html"), "embedded", 0.0)

    monkeypatch.setattr(Page, "render", render)
    return names


def page_of(document, name="page"):
    return Page(document, name, {}, "embedded", None)


def after(*steps):
    """Return a wait that takes one step each time, then ends the watch."""
    left = list(steps)

    def wait(seconds):
        if not left:
            raise Stop
        left.pop(0)()

    return wait


def touch(path: Path, text: str):
    def step():
        path.write_text(text)
        # Some file systems count whole seconds.
        at = path.stat().st_mtime + 5
        os.utime(path, (at, at))

    return step


def test_changed_document_and_changed_include_are_rendered_anew(document, written, tmp_path):
    other = tmp_path / "other.qmd"
    other.write_text("Other.\n")
    steps = (
        lambda: None,
        touch(document, document.read_text() + "More.\n"),
        touch(tmp_path / "_part.qmd", "Another part.\n"),
    )
    with pytest.raises(Stop):
        watch((page_of(document), page_of(other, "other")), print, wait=after(*steps))
    assert written == ["page", "page"]


def test_failed_page_is_said_and_the_preview_goes_on(document, monkeypatch):
    def fail(page):
        raise ReportError("page.qmd:3: something is wrong")

    monkeypatch.setattr(Page, "render", fail)
    said = []
    steps = (touch(document, "a\n"), lambda: None)
    with pytest.raises(Stop):
        watch((page_of(document),), said.append, wait=after(*steps))
    assert said == ["page.html: rendering", "Error: page.qmd:3: something is wrong"]


def test_half_written_document_is_no_end(document, written):
    steps = (touch(document, "---\ntitle: [\n---\n"), document.unlink, lambda: None)
    with pytest.raises(Stop):
        watch((page_of(document),), print, wait=after(*steps))
    assert written == ["page", "page"]


def test_pages_are_served_to_this_machine_only(tmp_path):
    (tmp_path / "index.html").write_text("<p>here</p>")
    with serving(tmp_path, 0) as address:
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{address}index.html", timeout=5) as answer:
            assert answer.read() == b"<p>here</p>"
            assert answer.headers["Cache-Control"] == "no-store"
        for method in ("GET", "HEAD"):
            foreign = urllib.request.Request(
                f"{address}index.html", headers={"Host": "a.example"}, method=method
            )
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(foreign, timeout=5)
        port = int(address.rstrip("/").rsplit(":", 1)[1])
        with (
            pytest.raises(ReportError, match="give another one with --port"),
            serving(tmp_path, port),
        ):
            pass
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{address}index.html", timeout=5)


def test_ctrl_c_ends_the_preview_quietly(monkeypatch, tmp_path):
    def interrupted(pages, say):
        raise KeyboardInterrupt

    monkeypatch.setattr("toolkit.report.serve.watch", interrupted)
    monkeypatch.setenv("EMERGENCE_ROOT", str(tmp_path))
    (tmp_path / "reports" / "_site").mkdir(parents=True)
    said = []
    serve(Site((), tmp_path, 0, 0), 0, said.append)
    assert said[0].startswith(f"Preview: http://{ADDRESS}:")
    assert "Ctrl-C" in said[0]
    assert said[-1] == "Preview ended."
