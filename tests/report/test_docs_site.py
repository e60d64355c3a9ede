"""The documentation: commands that exist, links that lead somewhere, pages that work."""

import re
import shlex
from pathlib import Path

import pytest
import typer
from browser import open_browser, visit_page
from typer.testing import CliRunner

from toolkit import paths
from toolkit.cli.app import app
from toolkit.evaluate.plan.plan_file import read_plan
from toolkit.report import docs_site
from toolkit.report.rendering.cells import read_qmd
from toolkit.report.rendering.front_matter import read_settings
from toolkit.report.rendering.render import Rendered
from toolkit.simulate.design_file import read_design

DOCS = paths.CHECKOUT / "docs"
DOCUMENTS = sorted(DOCS.glob("*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
griffe_missing = "griffelib is missing (extra: docs)"


def blocks(document, language):
    return [body for kind, body in BLOCK.findall(document.read_text()) if kind == language]


def test_every_document_is_a_page_and_has_its_link():
    assert {file.stem for file in DOCUMENTS} == set(docs_site.WRITTEN) <= set(docs_site.SHORT)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.stem)
def test_document_uses_only_what_both_routes_have(document):
    qmd = read_qmd(document, DOCS)
    assert read_settings(qmd, DOCS).metadata["title"]
    assert qmd.cells == []


# --- What the text says is there ----------------------------------------------------------------


def shown_commands():
    for document in [*DOCUMENTS, paths.CHECKOUT / "README.md"]:
        text = document.read_text()
        joined = text.replace("\\\n", " ")
        lines = re.findall(r"^(?:\$ |    )?(emergence [a-z].*)$", joined, re.MULTILINE)
        lines += re.findall(r"`(emergence [a-z][^`]*)`", joined)
        for line in lines:
            yield pytest.param(line.split("   #")[0].split(" # ")[0], id=f"{document.stem}: {line}")


@pytest.mark.parametrize("line", list(shown_commands()))
def test_shown_command_exists_with_its_options(line):
    command = typer.main.get_command(app)
    words = shlex.split(line)[1:]
    while words and hasattr(command, "commands"):
        name = words.pop(0)
        assert name in command.commands, name
        command = command.commands[name]
    options = {name for each in command.params for name in each.opts}
    assert {word.split("=")[0] for word in words if word.startswith("--")} <= options


def test_shown_targets_are_in_the_makefile():
    targets = set(re.findall(r"^([a-z-]+):", (paths.CHECKOUT / "Makefile").read_text(), re.M))
    for document in DOCUMENTS:
        named = re.findall(r"(?:`|^)make ([a-z-]+)", document.read_text(), re.M)
        assert set(named) <= targets, document.name


def test_design_of_the_text_is_read(tmp_path):
    (design,) = blocks(DOCS / "calibrating.md", "toml")
    file = tmp_path / "design.toml"
    file.write_text(design)
    found, tasks = read_design(file)
    assert len(found.sizes) == len(tasks) == 2
    from toolkit.calibrate.truths import TRUTHS

    assert {task.truth for task in tasks} <= set(TRUTHS)


@pytest.mark.parametrize("name", ["measuring", "evaluating"])
def test_plan_of_the_text_is_read(tmp_path, name):
    plan = blocks(DOCS / f"{name}.md", "toml")[0]
    for file in ("tasks/sorting.jsonl", "tasks/sorting-demonstrations.jsonl", "tasks/sums.jsonl"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("")
    (tmp_path / "checkpoints" / "fern-70m").mkdir(parents=True)
    (tmp_path / "checkpoints" / "fern-70m-chat").mkdir()
    (tmp_path / "plan.toml").write_text(plan)
    assert [each.name for each in read_plan(tmp_path / "plan.toml").checkpoint] == [
        "fern-70m", "fern-70m-chat",
    ]  # fmt: skip


def test_columns_of_the_text_are_those_of_the_example():
    example = paths.CHECKOUT / "examples" / "own-scores" / "columns.toml"
    (shown,) = blocks(DOCS / "own-csv.md", "toml")
    assert shown.strip() in example.read_text()


def test_links_between_documents_lead_to_headings_that_are_there():
    made = {"commands", "reference"}
    for document in DOCUMENTS:
        for page, place in re.findall(r"\]\(([\w-]+)\.md(?:#([\w-]+))?\)", document.read_text()):
            assert page in {*docs_site.WRITTEN, *made}
            if place:
                headings = re.findall(r"^#+ (.*)$", (DOCS / f"{page}.md").read_text(), re.M)
                slugs = {
                    re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-") for h in headings
                }
                assert place in slugs


# --- The Python modules -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reference():
    pytest.importorskip("griffe", reason=griffe_missing)
    from toolkit.report.api_reference import reference_pages

    return reference_pages()


def test_reference_has_every_listed_module_with_its_words(reference):
    from toolkit.report.api_reference import GROUPS, page_name

    for group, modules in GROUPS.items():
        page = reference[page_name(group)]
        for name in modules:
            assert f"## toolkit.{name} {{#" in page
            assert f"`toolkit.{name}`" in reference["reference"]


def test_reference_shows_signature_sections_and_formulas(reference):
    shown = reference["reference-models-and-fits"]
    assert "build_design(scores: Scores) -> Design" in shown
    assert "**Raises**\n\n- `FitError`: When a task has several metrics" in shown
    assert "```text\n    log_odds = smooth + jump" in shown
    assert "    *,\n" in reference["reference-pages"]


def test_docstring_stays_words_whatever_is_in_it():
    from toolkit.report.api_reference import markdown_of

    said = markdown_of("A <b> of *all* [x] and ``a_b <c>`` with --to; $5 @you")
    assert said == r"A \<b\> of \*all\* \[x\] and `a_b <c>` with \-\-to; \$5 \@you"


# --- The pages ----------------------------------------------------------------------------------


def test_finished_page_links_to_pages_and_scrolls_by_keyboard():
    page = (
        '<header id="title-block-header"><h1>T</h1></header><a href="own-csv.md#say">x</a>'
        '<a href="https://example.org/a.md">y</a><pre class="console"><code>1</code></pre>'
    )
    shown = docs_site.finished(page, "tutorial")
    assert 'href="own-csv.html#say"' in shown
    assert 'href="https://example.org/a.md"' in shown
    assert '<pre tabindex="0" class="console">' in shown
    assert shown.index("</header>") < shown.index("<nav") < shown.index("<pre")
    assert '<a href="tutorial.html" aria-current="page">Tutorial</a>' in shown


@pytest.mark.parametrize("name", ["tutorial", "reference-verdicts"])
def test_page_links_to_the_report_once_there_is_one(monkeypatch, tmp_path, name):
    monkeypatch.setenv("EMERGENCE_ROOT", str(tmp_path))
    page = '<header id="title-block-header"><h1>T</h1></header>'
    link = '<a href="../index.html">Report</a>'
    assert link not in docs_site.finished(page, name)
    report = tmp_path / "reports" / "_site" / "index.html"
    report.parent.mkdir(parents=True)
    report.write_text("")
    assert link in docs_site.finished(page, name)


@pytest.mark.parametrize("name", ["own-csv", "commands", "reference-verdicts"])
@pytest.mark.parametrize("width", [1280, 360])
def test_page_opens_offline_and_fits(docs_pages: Path, name, width):
    with open_browser() as browser:
        visit = visit_page(browser, docs_pages / f"{name}.html", width=width)
    assert (visit.console_errors, visit.page_errors, visit.outside_requests) == ([], [], [])
    assert visit.overflow_px == 0


def test_rendered_words_are_those_of_the_source(docs_pages):
    shown = (docs_pages / "commands.html").read_text()
    assert "for --map." in shown
    assert (
        'id="toolkit-verdict-gates-design_gates"'
        in (docs_pages / "reference-verdicts.html").read_text()
    )


def test_command_writes_every_command_of_the_toolkit(monkeypatch, tmp_path):
    given = []

    def build(renderer, commands, say):
        given.append((renderer, commands))
        return (Rendered(tmp_path / "index.html", "embedded", 0.0),)

    monkeypatch.setattr(docs_site, "build_docs", build)
    done = CliRunner().invoke(app, ["docs", "--renderer", "embedded"])
    assert done.exit_code == 0, done.output
    ((renderer, commands),) = given
    assert renderer == "embedded"
    page = docs_site.commands_page(commands)
    for name in typer.main.get_command(app).commands:
        assert f"## `emergence {name}`" in page
        assert f"* [`{name}`](#emergence-{name}): " in page
    assert "* [`ladder`](#emergence-demo-ladder): Train tiny checkpoints" in page
    assert "`--map`: How high" in page
    assert "for \\-\\-map." in page
    assert re.search(r"^\* \[.*\.\.\.$", page, re.M) is None  # no sentence is cut off
