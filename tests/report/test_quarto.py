"""The Quarto route, with a stand-in for Quarto: what is called, and what its failures become."""

import json
import os
import stat
import sys

import pytest

from toolkit.errors import ReportError
from toolkit.report.rendering.render import choose_renderer, render

DOCUMENT = """---
title: A page
---

See @fig-gone and [@nobody].

```{python}
#| label: parameters
#| tags: [parameters]
n = 1
```

```{python}
#| label: broken
1 / 0
```
"""
PAGE = "<html><head></head><body><p>made by quarto</p></body></html>"
# Notes how it was called, then does what the test says.
STAND_IN = """#!{python}
import json, os, sys
from pathlib import Path

if sys.argv[1:] == ["--version"]:
    print("1.7.32")
    sys.exit({version_code})
record = {{
    "arguments": sys.argv[1:],
    "folder": os.getcwd(),
    "files": sorted(str(f) for f in Path().rglob("*") if f.is_file()),
    "python": os.environ.get("QUARTO_PYTHON"),
}}
Path({record!r}).write_text(json.dumps(record))
after = Path(sys.argv[sys.argv.index("--include-after-body") + 1]).read_text()
sys.stderr.write({stderr!r})
if {write}:
    Path("page.html").write_text({page!r}.replace("</body>", after + "</body>"))
sys.exit({code})
"""


@pytest.fixture
def quarto(tmp_path, monkeypatch):
    """Put a stand-in for Quarto on PATH; returns a function that says how it behaves."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def behave(page=PAGE, stderr="", code=0, version_code=0, write=True):
        file = folder / "quarto"
        text = STAND_IN.format(
            python=sys.executable,
            record=str(tmp_path / "record.json"),
            page=page,
            stderr=stderr,
            code=code,
            version_code=version_code,
            write=write,
        )
        file.write_text(text, encoding="utf-8")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)

    return behave


@pytest.fixture
def document(tmp_path):
    folder = tmp_path / "reports" / "study"
    folder.mkdir(parents=True)
    (folder.parent / "_quarto.yml").write_text("project:\n  type: default\n")
    (folder.parent / "references.bib").write_text("")
    (folder.parent / "scores.csv").write_text("x\n1\n")
    file = folder / "page.qmd"
    file.write_text(DOCUMENT)
    return file


def sources(document):
    return sorted(str(file) for file in document.parent.parent.rglob("*"))


def test_render_with_quarto_calls_it_in_a_copy_and_finishes_the_page(quarto, document, tmp_path):
    quarto()
    before = sources(document)
    output = tmp_path / "site" / "page.html"
    rendered = render(document, output, parameters={"n": "4"})
    assert rendered.renderer == "quarto"
    record = json.loads((tmp_path / "record.json").read_text())
    arguments = record["arguments"]
    assert arguments[:4] == ["render", "page.qmd", "--to", "html"]
    joined = " ".join(arguments)
    assert "-M embed-resources:true" in joined
    assert "-P n:4" in joined
    assert f"--execute-dir {document.parent}" in joined
    assert record["python"] == sys.executable
    assert not record["folder"].startswith(str(tmp_path / "reports"))
    assert {"page.qmd", "_toolkit-metadata.json", "light.scss", "dark.scss"} <= set(record["files"])
    assert sources(document) == before
    page = output.read_text()
    assert "made by quarto" in page
    assert 'data-renderer="quarto"' in page
    assert "Quarto 1.7.32" in page
    assert page.count("<style>") == 1


def test_render_with_quarto_failing_cell_names_line_cell_and_error(quarto, document, tmp_path):
    rule = "-" * 18
    quarto(
        code=1,
        stderr=f"An error occurred while executing the following cell:\n{rule}\n"
        f"#| label: broken\n1 / 0\n{rule}\n\n"
        "\x1b[31mZeroDivisionError\x1b[39m: division by zero\n",
    )
    output = tmp_path / "page.html"
    with pytest.raises(ReportError) as caught:
        render(document, output, renderer="quarto")
    expected = "page.qmd:13: cell 'broken' failed with ZeroDivisionError: division by zero"
    assert str(caught.value) == expected
    assert not output.exists()


def test_render_with_quarto_other_failure_shows_what_it_said(quarto, document, tmp_path):
    quarto(code=1, stderr="ERROR: something else")
    with pytest.raises(ReportError, match=r"Quarto failed\. It said:\nERROR: something else"):
        render(document, tmp_path / "page.html", renderer="quarto")
    quarto(write=False)
    with pytest.raises(ReportError, match="Quarto wrote no page"):
        render(document, tmp_path / "page.html", renderer="quarto")


@pytest.mark.parametrize(
    ("page", "stderr"),
    [
        (PAGE, "WARNING: Unable to resolve crossref @fig-gone\n"
               "[WARNING] Citeproc: citation nobody not found\n"),
        (PAGE.replace("made", '<strong>?@fig-gone</strong> <span class="citation" '
                              'data-cites="nobody">(<strong>nobody?</strong>)</span>'), ""),
    ],
)  # fmt: skip
def test_render_with_quarto_open_references_are_errors(quarto, document, tmp_path, page, stderr):
    quarto(page=page, stderr=stderr)
    output = tmp_path / "page.html"
    with pytest.raises(ReportError) as caught:
        render(document, output)
    assert str(caught.value).splitlines() == [
        "page.qmd:5: unresolved cross-reference '@fig-gone'",
        "page.qmd:5: citation '@nobody' is not in the bibliography.",
    ]
    assert not output.exists()


def test_render_with_quarto_remote_resource_is_an_error(quarto, document, tmp_path):
    quarto(page=PAGE.replace("<p>", '<script src="https://a.example/require.js"></script><p>'))
    output = tmp_path / "page.html"
    output.write_text("the page before")
    with pytest.raises(ReportError, match=r"https://a\.example/require\.js"):
        render(document, output)
    assert output.read_text() == "the page before"


def test_render_with_quarto_unknown_parameter_is_refused(quarto, document, tmp_path):
    quarto()
    with pytest.raises(ReportError, match="no parameter 'm'"):
        render(document, tmp_path / "page.html", parameters={"m": "1"})


def test_choose_renderer_broken_quarto_falls_back_to_embedded(quarto):
    quarto()
    assert choose_renderer("auto") == ("quarto", "1.7.32")
    assert choose_renderer("embedded")[0] == "embedded"
    quarto(version_code=1)
    assert choose_renderer("auto")[0] == "embedded"
    with pytest.raises(ReportError, match="Quarto does not run here"):
        choose_renderer("quarto")
    with pytest.raises(ReportError, match="expected one of auto, quarto, embedded"):
        choose_renderer("latex")
