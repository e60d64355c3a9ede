"""The documentation as pages: those in ``docs/``, the commands, and the Python modules.

Written as Markdown that reads well where it lies; rendered by the same two routes as the reports.
"""

import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from toolkit import paths
from toolkit.report.api_reference import plain_dashes, reference_pages
from toolkit.report.rendering.front_matter import PROJECT_FILE
from toolkit.report.rendering.render import Rendered, choose_renderer, render
from toolkit.report.site_links import links, where_written

Say = Callable[[str], None]
# In the order of the links at the top of each page; every file of docs/ is one of them.
WRITTEN = (
    "index", "tutorial", "results", "limits", "own-csv", "lm-eval", "measuring", "evaluating",
    "calibrating", "cluster",
)  # fmt: skip
SHORT = {
    "index": "Documentation",
    "tutorial": "Tutorial",
    "results": "Results",
    "limits": "Limits",
    "own-csv": "Your own table",
    "lm-eval": "lm-eval results",
    "measuring": "Measuring",
    "evaluating": "Plans",
    "calibrating": "Calibrating",
    "cluster": "Cluster",
    "commands": "Commands",
    "reference": "Python",
}
REPORT = {"../index": "Report"}
TITLE_BLOCK = re.compile(r'<header id="title-block-header".*?</header>', re.DOTALL)
# In Typer's Markdown: a command's section with its first line, and an entry of a list of commands.
COMMAND = re.compile(r"^#+ `(emergence [^`]+)`\n\n(.+)$", re.MULTILINE)
LISTED = re.compile(r"^\* `([a-z]+)`: .*$", re.MULTILINE)
LINK = re.compile(r'href="([\w-]+)\.md(#[^"]*)?"')


def build_docs(renderer: str, commands: str, say: Say) -> tuple[Rendered, ...]:
    """Write every page of the documentation and return them.

    Parameters
    ----------
    commands
        Every command with its options in Markdown, as Typer makes it.
    """
    choose_renderer(renderer)  # a wrong or missing renderer fails at once
    made = {"commands": commands_page(commands)}
    made |= reference_pages()
    written = []
    with tempfile.TemporaryDirectory(prefix="docs-") as name:
        folder = Path(name)
        _gather(folder, made)
        for page in (*WRITTEN, *made):
            say(f"docs/{page}.html: rendering")
            written.append(_write(folder / f"{page}.md", renderer))
    return tuple(written)


def commands_page(made: str) -> str:
    """Return the page on the commands: dashes stay dashes, and lists lead to what they list."""
    _, _, after_title = made.partition("\n")  # the page has a title of its own
    lines = after_title.split("\n")
    text = "\n".join(line if line.startswith("```") else plain_dashes(line) for line in lines)
    about = {name.split()[-1]: (name, first) for name, first in COMMAND.findall(text)}

    def entry(listed: re.Match[str]) -> str:
        if listed[1] not in about:
            return listed[0]
        name, first = about[listed[1]]
        return f"* [`{listed[1]}`](#{name.replace(' ', '-')}): {first}"

    return f'---\ntitle: "Commands"\ntoc: true\n---\n\n{LISTED.sub(entry, text)}'


def _gather(folder: Path, made: Mapping[str, str]) -> None:
    """Put all documents, and what they show, into one folder."""
    source = paths.docs_dir()
    shutil.copy(source / PROJECT_FILE, folder)
    for file in (*(source / f"{page}.md" for page in WRITTEN), *source.glob("*.png")):
        shutil.copy(file, folder)
    for page, text in made.items():
        (folder / f"{page}.md").write_text(text, encoding="utf-8")


def _write(document: Path, renderer: str) -> Rendered:
    output = paths.docs_site_dir() / f"{document.stem}.html"
    done = render(document, output, renderer=renderer, cache_folder=paths.cache_dir())
    page = finished(output.read_text(encoding="utf-8"), document.stem)
    paths.write_whole(output, page)
    return done


def finished(page: str, name: str) -> str:
    """Return a rendered page with links to the others; code boxes can be scrolled by keyboard."""
    linked = LINK.sub(lambda m: f'href="{m[1]}.html{m[2] or ""}"', page)
    scrolled = re.sub(r"<pre\b(?! tabindex)", '<pre tabindex="0"', linked)
    return TITLE_BLOCK.sub(lambda m: m[0] + _links(name), scrolled, count=1)


def _links(here: str) -> str:
    """Return links to the pages, and to the report where it has been written.

    Those without a link of their own are below "Python".
    """
    pages = SHORT | where_written(REPORT, paths.site_dir())
    if here in SHORT:
        return links(pages, here, "Documentation")
    return links(pages, "reference", "Documentation", "true")
