"""Taking documents apart: pieces, line numbers, and refusals."""

from pathlib import Path

import pytest

from toolkit.errors import ReportError
from toolkit.report.rendering.cells import Cell, Inline, Prose, read_qmd
from toolkit.report.rendering.parameters import injected_code

DOCUMENT = """---
title: A page
---

Before `{python} n + 1` and `code` after.

```{python}
#| label: fig-one
#| fig-cap: "A caption: with a colon"
#| echo: false

n = 1
n
```

```python
shown = "only"
```

<!-- `{python} not_run` {{< video x >}} -->
``{{< meta x >}}``
"""


def write(folder: Path, text: str, name: str = "page.qmd") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def error_of(folder: Path, body: str) -> str:
    with pytest.raises(ReportError) as caught:
        read_qmd(write(folder, body))
    return str(caught.value)


def test_read_qmd_document_gives_pieces_in_order_with_lines(tmp_path):
    qmd = read_qmd(write(tmp_path, DOCUMENT))
    assert qmd.front_matter == {"title": "A page"}
    kinds = [type(piece) for piece in qmd.pieces]
    assert kinds == [Prose, Inline, Prose, Cell, Prose, Prose, Prose]
    inline = qmd.pieces[1]
    assert (inline.expression, inline.line.where) == ("n + 1", "page.qmd:5")
    (cell,) = qmd.cells
    assert cell.opening.where == "page.qmd:7"
    assert cell.code == "\nn = 1\nn"
    assert [line.number for line in cell.lines] == [11, 12, 13]
    assert cell.options == {
        "label": "fig-one",
        "fig-cap": "A caption: with a colon",
        "echo": False,
    }
    prose = "".join(piece.text for piece in qmd.pieces if isinstance(piece, Prose))
    assert 'shown = "only"' in prose
    assert "not_run" in prose


def test_read_qmd_include_keeps_the_included_file_and_line(tmp_path):
    (tmp_path / "part").mkdir()
    write(tmp_path, "Text.\n\n```{python}\n1 / 0\n```\n", "part/_cells.qmd")
    qmd = read_qmd(write(tmp_path, "# A\n\n{{< include part/_cells.qmd >}}\n\n@fig-after\n"))
    assert qmd.cells[0].lines[0].where == "_cells.qmd:4"
    assert qmd.locate("fig-after") == "page.qmd:5"
    assert qmd.locate("fig-aft") == "page.qmd"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("\n\n```{python}\n1", "page.qmd:3: this code block is never closed."),
        ("```{mermaid}\nx\n```", "page.qmd:1: a '{mermaid}' cell; only '{python}'"),
        ("```{r, echo=FALSE}\nx\n```", "page.qmd:1: a '{r}' cell"),
        ("\n- item\n\n  ```{python}\n  1\n  ```", "page.qmd:4: a cell must start at the beginning"),
        ("<!--\n```{python}\n1\n```\n-->", "page.qmd:2: a cell inside an HTML comment"),
        ("a\n\n{{< video x.mp4 >}}", "page.qmd:3: shortcode 'video' is not supported"),
        ("see {{< include x >}} here", "page.qmd:1: shortcode 'include' is not supported"),
        ("{{< include none.md >}}", "page.qmd:1: included file 'none.md' not found"),
        ("{{< include page.qmd >}}", "page.qmd:1: 'page.qmd' includes itself."),
        ("```\na\n{{< meta x >}}\n```", "page.qmd:3: a shortcode in a code block"),
        ("`{r} x`", "page.qmd:1: inline '{r}'"),
        ("---\ntitle: a\nb: c: d\n---\n", "page.qmd:3: not valid YAML"),
        ("---\ntitle: x\n", "page.qmd:1: front matter is not closed"),
        ("```{python}\n#| ech: true\n1\n```", "'ech' is not supported (did you mean 'echo'?)"),
        ("```{python}\n#| echo: fenced\n1\n```", "'echo' is 'fenced'; expected true or false"),
        ("```{python}\n#| output: 3\n1\n```", "'output' is 3; expected true, false or asis"),
        ("```{python}\n#| label: fig-x\n1\n```", "label 'fig-x' needs a '#| fig-cap:' line"),
        (
            "```{python}\n#| label: tbl-x\n#| fig-cap: c\n#| tbl-cap: c\n1\n```",
            "'fig-cap' with label 'tbl-x'",
        ),
        (
            "```{python}\n#| label: a\n```\n\n```{python}\n#| label: a\n```",
            "page.qmd:5: label 'a' is already used at page.qmd:1",
        ),
    ],
)
def test_read_qmd_unsupported_text_is_refused_with_its_line(tmp_path, body, message):
    assert message in error_of(tmp_path, body)


def test_injected_code_reads_values_as_yaml_and_refuses_unknown_names(tmp_path):
    cell = '```{python}\n#| tags: [parameters]\nn = 1\nprofile: str = "quick"\n```\n'
    qmd = read_qmd(write(tmp_path, cell))
    assert injected_code(qmd, {"n": "4", "profile": "it's: full"[:4]}) == 'n = 4\nprofile = "it\'s"'
    with pytest.raises(ReportError, match=r"no parameter 'profil' \(did you mean 'profile'\?\)"):
        injected_code(qmd, {"profil": "full"})
    with pytest.raises(ReportError, match="no cell is tagged 'parameters'"):
        injected_code(read_qmd(write(tmp_path, "text")), {"n": "1"})
