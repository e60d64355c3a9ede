"""Take a ``.qmd`` document apart: front matter, prose, code cells and inline expressions.

Every line keeps the file and number it came from, also through includes, so that each later
error can name the place in the source. What Quarto offers and the embedded route does not is
refused here rather than rendered differently.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from toolkit.errors import ReportError
from toolkit.report.rendering.cell_options import read_options
from toolkit.report.rendering.source_lines import FENCE, SourceLine, fence_after, read_lines

EXECUTABLE = re.compile(r"^\{+(?P<language>[A-Za-z]\w*)(?:[\s,][^}]*)?\}+$")
# One pass over prose: what must be left alone (comments, code spans) comes before what is acted on.
TOKEN = re.compile(
    r"(?P<comment><!--.*?-->)"
    r"|(?P<inline>(?<!`)`\{(?P<language>\w+)\}[ \t]+(?P<expression>[^`]+)`(?!`))"
    r"|(?P<code>(?<!`)(?P<ticks>`+)(?!`)(?:(?!\n\s*\n).)+?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<shortcode>\{\{+<\s*(?P<name>[^\s>]*))",
    re.DOTALL,
)


@dataclass(frozen=True)
class Prose:
    """Markdown that goes to pandoc as it is."""

    text: str


@dataclass(frozen=True)
class Inline:
    """An inline ``{python}`` expression."""

    expression: str
    line: SourceLine


@dataclass(frozen=True)
class Cell:
    """A ``{python}`` cell; ``lines`` are its code without the option lines."""

    opening: SourceLine
    lines: tuple[SourceLine, ...]
    options: dict[str, Any]

    @property
    def code(self) -> str:
        """The code to run."""
        return "\n".join(line.text for line in self.lines)

    @property
    def label(self) -> str:
        """The cell's label, or ``unlabelled``."""
        return self.options.get("label", "unlabelled")


@dataclass(frozen=True)
class Qmd:
    """A document taken apart, in order."""

    file: Path
    front_matter: dict[str, Any]
    pieces: tuple[Prose | Inline | Cell, ...]
    lines: tuple[SourceLine, ...]

    @property
    def cells(self) -> list[Cell]:
        """The code cells, in order."""
        return [piece for piece in self.pieces if isinstance(piece, Cell)]

    def locate(self, key: str) -> str:
        """Where ``@key`` is first used, as ``file.qmd:line``; the file's name when nowhere."""
        pattern = re.compile(rf"@{{?{re.escape(key)}(?![\w-])", re.IGNORECASE)
        return next(
            (line.where for line in self.lines if pattern.search(line.text)), self.file.name
        )


def read_qmd(file: Path, project: Path | None = None) -> Qmd:
    """Return the document in ``file``, includes expanded.

    Parameters
    ----------
    project
        Folder that an include path starting with ``/`` is relative to.
    """
    root = project or file.parent
    lines = tuple(read_lines(file, root))
    front_matter, body = _split_front_matter(file, lines)
    pieces = tuple(_split_body(body))
    _refuse_repeated_labels([piece for piece in pieces if isinstance(piece, Cell)])
    return Qmd(file, front_matter, pieces, lines)


def read_yaml(text: str, where: str, first_line: int) -> Any:
    """Parse YAML; an error names the line in the document."""
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = first_line + (mark.line if mark else 0)
        raise ReportError(f"{where}:{line}: not valid YAML: {error.problem}.") from error


def _split_front_matter(
    file: Path, lines: tuple[SourceLine, ...]
) -> tuple[dict[str, Any], tuple[SourceLine, ...]]:
    if not lines or lines[0].text.rstrip() != "---":
        return {}, lines
    for index, line in enumerate(lines[1:], start=1):
        if line.text.rstrip() in ("---", "..."):
            text = "\n".join(line.text for line in lines[1:index])
            front_matter = read_yaml(text, file.name, 2) or {}
            if not isinstance(front_matter, dict):
                raise ReportError(f"{file.name}:2: front matter must be 'key: value' lines.")
            return front_matter, lines[index + 1 :]
    raise ReportError(f"{file.name}:1: front matter is not closed by '---'.")


def _split_body(lines: tuple[SourceLine, ...]) -> Iterator[Prose | Inline | Cell]:
    prose: list[SourceLine] = []
    position = 0
    in_comment = False
    while position < len(lines):
        line = lines[position]
        ticks = fence_after(line.text, "")
        if not ticks:
            in_comment = _comment_open_after(line.text, in_comment)
            prose.append(line)
            position += 1
            continue
        end = _closing_fence(lines, position, ticks)
        runs = _is_cell(line, in_comment)
        if in_comment:
            prose.append(line)
            position += 1
            continue
        yield from _split_prose(prose)
        prose = []
        block = lines[position : end + 1]
        if runs:
            yield _cell(block)
        else:
            yield _code_block(block)
        position = end + 1
    yield from _split_prose(prose)


def _closing_fence(lines: tuple[SourceLine, ...], start: int, ticks: str) -> int:
    for index in range(start + 1, len(lines)):
        if not fence_after(lines[index].text, ticks):
            return index
    raise ReportError(f"{lines[start].where}: this code block is never closed.")


def _comment_open_after(text: str, in_comment: bool) -> bool:
    """Whether an HTML comment is open after this line (code spans are left out of account)."""
    outside_code = re.sub(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", text)
    for mark in re.findall(r"<!--|-->", outside_code):
        in_comment = mark == "<!--"
    return in_comment


def _is_cell(line: SourceLine, in_comment: bool) -> bool:
    """Whether a fence opens a code cell; refuses what only looks like one we run."""
    match = FENCE.match(line.text)
    executable = EXECUTABLE.match(match["info"]) if match else None
    if match is None or executable is None:
        return False
    if match["info"].startswith("{{"):
        raise ReportError(f"{line.where}: '{match['info']}' blocks are not supported here.")
    language = executable["language"]
    if language != "python":
        raise ReportError(
            f"{line.where}: a '{{{language}}}' cell; only '{{python}}' cells can be run here."
        )
    if in_comment:
        raise ReportError(
            f"{line.where}: a cell inside an HTML comment would still run in Quarto; "
            "use '#| eval: false' or delete it."
        )
    if match["indent"]:
        raise ReportError(f"{line.where}: a cell must start at the beginning of its line.")
    return True


def _code_block(block: tuple[SourceLine, ...]) -> Prose:
    """Return a block that is only shown; Quarto would act on a shortcode even there."""
    for line in block:
        if "{{<" in line.text:
            raise ReportError(f"{line.where}: a shortcode in a code block is not supported.")
    return Prose("\n".join(line.text for line in block) + "\n")


def _cell(block: tuple[SourceLine, ...]) -> Cell:
    opening, inner = block[0], block[1:-1]
    count = 0
    while count < len(inner) and inner[count].text.startswith("#|"):
        count += 1
    text = "\n".join(re.sub(r"^#\|\s?", "", line.text) for line in inner[:count])
    raw = read_yaml(text, opening.file.name, opening.number + 1) if text.strip() else {}
    return Cell(opening, inner[count:], read_options(raw, opening.where))


def _split_prose(lines: list[SourceLine]) -> Iterator[Prose | Inline]:
    text = "\n".join(line.text for line in lines)
    start = 0
    for match in TOKEN.finditer(text):
        line = lines[text.count("\n", 0, match.start())]
        if match["shortcode"]:
            raise ReportError(
                f"{line.where}: shortcode '{match['name']}' is not supported; "
                "only 'include' is, on a line of its own."
            )
        if match["inline"]:
            if match["language"] != "python":
                raise ReportError(
                    f"{line.where}: inline '{{{match['language']}}}'; only '{{python}}' is run."
                )
            yield Prose(text[start : match.start()])
            yield Inline(" ".join(match["expression"].split("\n")).strip(), line)
            start = match.end()
    if lines:
        yield Prose(text[start:] + "\n")


def _refuse_repeated_labels(cells: list[Cell]) -> None:
    seen: dict[str, SourceLine] = {}
    for cell in cells:
        if "label" not in cell.options:
            continue
        if cell.label in seen:
            raise ReportError(
                f"{cell.opening.where}: label '{cell.label}' is already used at "
                f"{seen[cell.label].where}; labels must be unique."
            )
        seen[cell.label] = cell.opening
