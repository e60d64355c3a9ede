"""The embedded route: real cells, real pandoc, and what comes out."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import toolkit
from toolkit.errors import ReportError
from toolkit.report.rendering.render import render

CHECKOUT = Path(toolkit.__file__).parent.parent
BIB = "@article{wei2022, title={Emergent abilities}, author={Wei, Jason}, year={2022}}\n"
HEAD = """---
title: "A *page*"
date: 2026-11-24
bibliography: refs.bib
toc: true
number-sections: true
execute:
  echo: false
---

"""
SAMPLE = (
    HEAD
    + """
```{python}
#| label: parameters
#| tags: [parameters]
n = 1
word = "<b>*bold*</b> \\\\ it's"
```

```{python}
#| include: false
import warnings, pathlib
from toolkit.report.display import show_html
class Shown:
    def _repr_markdown_(self):
        return "**strong**"
```

## Findings {#sec-findings}

Value `{python} n`, word `{python} word`, raw `{python} Shown()`. See @fig-one, @tbl-one,
[Panel @fig-two-b], [@fig-one; @fig-two], @tbl-plain, @eq-curve, -@fig-one, @sec-deep.
Said @wei2022.^[A note.]

### Deep {#sec-deep}

::: {.callout-warning collapse="true" title="Take *care*"}
Careful.
:::

::: {.callout-tip}
## Own heading
Body.
:::

::: {.panel-tabset}
## First tab
One.

## Second tab
Two.
:::

## Later

```{python}
#| label: fig-one
#| fig-cap: "The *first*."
show_html("<p class='shown'>&lt;script&gt;alert(1)&lt;/script&gt;</p>")
```

```{python}
#| label: tbl-one
#| tbl-cap: A table.
show_html("<table><tr><td>1</td></tr></table>")
```

::: {#fig-two layout-ncol=2}

```{python}
#| label: fig-two-a
#| fig-cap: Left.
show_html("<i>l</i>")
```

```{python}
#| label: fig-two-b
#| fig-cap: Right.
show_html("<i>r</i>")
```

Both.
:::

| a | b |
|---|---|
| 1 | 2 |

: Plain table. {#tbl-plain}

$$
y = x
$$ {#eq-curve}

```{python}
#| echo: true
#| code-fold: true
#| warning: false
print("printed", pathlib.Path.cwd().name)
warnings.warn("hidden warning")
```

```{python}
#| error: true
raise ValueError("on purpose")
```

```{python}
#| eval: false
raise ValueError("never run")
```

```{python}
#| output: asis
print("* made **here**")
```
"""
)


class Ids(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.ids = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a bibliography, and kernels that find the toolkit."""
    folder = tmp_path_factory.mktemp("documents")
    (folder / "refs.bib").write_text(BIB)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(CHECKOUT))
        yield folder


@pytest.fixture(scope="module")
def page(folder):
    document = folder / "sample.qmd"
    document.write_text(SAMPLE)
    output = folder / "out" / "sample.html"
    rendered = render(document, output, renderer="embedded", parameters={"n": "42"})
    assert (rendered.path, rendered.renderer) == (output, "embedded")
    assert [file.name for file in output.parent.iterdir()] == ["sample.html"]
    assert sorted(file.name for file in folder.iterdir()) == ["out", "refs.bib", "sample.qmd"]
    return output.read_text("utf-8")


def error_of(folder, body, head=HEAD):
    document = folder / "bad.qmd"
    document.write_text(head + body)
    output = folder / "never" / "bad.html"
    try:
        with pytest.raises(ReportError) as caught:
            render(document, output, renderer="embedded")
    finally:
        document.unlink()
    assert not output.parent.exists()
    return str(caught.value)


def at(body, line):
    """The document's line of a line of the body."""
    return f"bad.qmd:{HEAD.count(chr(10)) + line}"


def test_render_page_is_complete_and_says_its_renderer(page):
    assert '<html lang="en">' in page
    assert "<title>A page</title>" in page
    assert '<main id="main">' in page
    assert 'data-renderer="embedded"' in page
    assert "November 24, 2026" in page


def test_render_inline_values_come_from_parameters_and_are_escaped(page):
    assert "Value 42, word &lt;b&gt;*bold*&lt;/b&gt; \\ it’s, raw <strong>strong</strong>." in page


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("Figure\u00a01", "fig-one"),
        ("Table\u00a01", "tbl-one"),
        ("Table\u00a02", "tbl-plain"),
        ("Panel\u00a02 (b)", "fig-two-b"),
        ("Figure\u00a02", "fig-two"),
        ("Equation\u00a01", "eq-curve"),
        ("1", "fig-one"),
        ("Section\u00a01.1", "sec-deep"),
    ],
)
def test_render_references_are_numbered_links_to_what_is_there(page, text, target):
    assert f'<a href="#{target}" class="quarto-xref">{text}</a>' in page
    assert Ids(page).ids.count(target) == 1


def test_render_numbers_sections_from_one_and_leaves_out_callouts_and_tabs(page):
    headings = re.findall(r"<h[23][^>]*>(.*?)</h[23]>", page)
    plain = [re.sub(r"<[^>]+>", "", heading) for heading in headings]
    assert plain == ["1 Findings", "1.1 Deep", "2 Later", "References"]
    contents = re.search(r'<nav id="toc".*?</nav>', page, re.DOTALL)[0]
    assert "Own heading" not in contents
    assert '<a href="#sec-deep"' in contents


def test_render_captions_carry_their_numbers(page):
    captions = re.findall(r"<figcaption>\s*(.*?)\s*</figcaption>", page, re.DOTALL)
    assert captions == [
        "Figure\u00a01: The <em>first</em>.",
        "Table\u00a01: A table.",
        "(a) Left.",
        "(b) Right.",
        "Figure\u00a02: Both.",
        "Table\u00a02: Plain table.",
    ]


def test_render_callouts_and_tabs_have_their_titles(page):
    folded = re.search(r'<details class="callout callout-warning"><summary>(.*?)</s', page, re.S)
    assert folded[1].strip() == "Take <em>care</em>"
    tip = re.search(r'callout-tip"><p class="callout-title">(.*?)</p>', page, re.DOTALL)
    assert tip[1].strip() == "Own heading"
    titles = re.findall(r'<p class="tab-title">\s*(.*?)\s*</p>', page, re.DOTALL)
    assert titles == ["First tab", "Second tab"]


def test_render_citation_and_footnote_are_links(page):
    assert 'href="#ref-wei2022"' in page
    assert "ref-wei2022" in Ids(page).ids
    assert 'href="#fn1"' in page
    assert "<p>A note." in page


def test_render_cell_options_decide_what_is_shown(page, folder):
    assert f"printed {folder.name}" in page  # cells run in the document's folder
    assert "hidden warning" not in re.sub(r"<details.*?</details>", "", page, flags=re.DOTALL)
    assert '<details class="code-fold"><summary>Code</summary>' in page
    assert "ValueError: on purpose" in page
    assert "never run" not in page
    assert "<li>made <strong>here</strong></li>" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;</p>" in page


def test_render_failing_cell_names_the_failing_line(folder):
    body = "```{python}\ndef f():\n    return 1 / 0\n```\n\n"
    body += "```{python}\n#| label: broken\n\n\nx = 1\nf()\n```\n"
    expected = "cell 'broken' failed with ZeroDivisionError: division by zero"
    assert error_of(folder, body) == f"{at(body, 11)}: {expected}"


def test_render_failing_included_line_syntax_error_and_inline_name_their_lines(folder):
    (folder / "_part.md").write_text("a\n\n```{python}\nx =\n```\n")
    message = error_of(folder, "{{< include _part.md >}}\n")
    assert message.startswith("_part.md:4: cell 'unlabelled' failed with SyntaxError: invalid")
    body = "a\nb `{python} nothing`\n"
    assert error_of(folder, body) == (
        f"{at(body, 2)}: inline 'nothing' failed with NameError: name 'nothing' is not defined"
    )
    (folder / "_part.md").unlink()


def test_render_open_references_name_their_lines(folder):
    body = "Text.\n\nSee @fig-gone.\n"
    assert error_of(folder, body) == f"{at(body, 3)}: unresolved cross-reference '@fig-gone'"
    body = "Text.\n\n\nSaid [@nobody].\n"
    expected = f"{at(body, 4)}: citation '@nobody' is not in the bibliography."
    assert error_of(folder, body) == expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("::: {.callout-note}\nnever closed\n", "unclosed"),
        (":::\n\nText\n", "':::' opens or closes no block"),
        ("::: {.column-margin}\nx\n:::\n", "'.column-margin' is not supported"),
        ("::: {.callout-odd}\nx\n:::\n", "'.callout-odd' is not a kind of callout"),
        ("::: {.panel-tabset}\nx\n:::\n", "must begin with a heading"),
        ("::: {#fig-a}\nx\n:::\n", "the last paragraph inside '#fig-a' must be its caption"),
        ("::: {#thm-a}\nx\n:::\n", "'thm-' references are not supported"),
        ("Words {#fig-a}\n", "label '{#fig-a}' stands where it names nothing"),
        (
            "![x](https://a.example/x.png)\n",
            "'https://a.example/x.png' would be loaded from outside",
        ),
        ("![x](none.png)\n", "image 'none.png' not found"),
        ('<img src="https://a.example/x.png">\n', "<img src>: https://a.example/x.png"),
        ("## A {#sec-a}\n\n## B {#sec-a}\n", "'#sec-a' is used twice"),
    ],
)
def test_render_what_would_come_out_wrong_is_refused(folder, body, message):
    assert message in error_of(folder, body)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("format: pdf", "only 'html' can be rendered here"),
        ("tocc: true", "'tocc' is not supported (did you mean 'toc'?)"),
        ("toc: yes please", "toc is 'yes please'; expected true or false"),
        ("bibliography: none.bib", "no file at"),
        ("date: today", "write the date as YYYY-MM-DD"),
        ("execute: {freeze: auto}", "'execute: freeze' is not supported"),
    ],
)
def test_render_settings_that_cannot_be_honoured_are_refused(folder, line, message):
    assert message in error_of(folder, "text\n", f"---\n{line}\n---\n")


def test_render_html_output_is_refused_with_the_way_out(folder):
    body = "```{python}\nimport pandas\npandas.DataFrame({'x': [1]})\n```\n"
    message = error_of(folder, body)
    assert message.startswith(f"{at(body, 1)}: cell 'unlabelled' shows text/html")
    assert "show_html" in message


def test_render_ended_kernel_is_an_error_with_its_line(folder):
    body = "```{python}\nimport os\nos._exit(1)\n```\n"
    assert error_of(folder, body).startswith(f"{at(body, 1)}: the Python process ended")


def test_render_project_settings_and_local_image_are_taken_in(folder):
    project = folder / "project"
    (project / "deep").mkdir(parents=True)
    (project / "_quarto.yml").write_text(
        "bibliography: all.bib\nformat:\n  html:\n    number-sections: true\n    theme: none\n"
    )
    (project / "all.bib").write_text(BIB)
    document = project / "deep" / "page.qmd"
    (project / "deep" / "dot.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"></svg>')
    document.write_text("## A\n\n[@wei2022]\n\n![A dot](dot.svg){#fig-dot}\n\n@fig-dot\n")
    page = render(document, project / "page.html", renderer="embedded").path.read_text("utf-8")
    assert '<span class="header-section-number">1</span> A' in page
    assert "ref-wei2022" in Ids(page).ids
    assert 'src="data:image/svg+xml;base64,' in page
    assert "<title>page</title>" in page


def test_render_depth_of_contents_that_is_no_number_is_an_error(folder):
    document = folder / "page.qmd"
    document.write_text("---\ntoc-depth: deep\n---\n\n## A\n")
    with pytest.raises(ReportError, match="toc-depth is 'deep'; expected a whole number"):
        render(document, folder / "page.html", renderer="embedded")


def test_render_missing_document_is_an_error(tmp_path):
    with pytest.raises(ReportError, match="no such document"):
        render(tmp_path / "none.qmd", tmp_path / "none.html")
