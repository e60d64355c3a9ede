"""The lines of a document with included files in place, each with the file it came from."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import ReportError

FENCE = re.compile(r"^(?P<indent>\s*)(?P<ticks>`{3,}|~{3,})\s*(?P<info>.*?)\s*$")
INCLUDE = re.compile(r"^\s*\{\{<\s*include\s+(?P<path>\"[^\"]+\"|'[^']+'|\S+)\s*>\}\}\s*$")


@dataclass(frozen=True)
class SourceLine:
    """One line of text and where it stands."""

    text: str
    file: Path
    number: int

    @property
    def where(self) -> str:
        """``file.qmd:line``, the start of every error message."""
        return f"{self.file.name}:{self.number}"


def read_lines(file: Path, root: Path) -> Iterator[SourceLine]:
    """Yield the lines of ``file``, include shortcodes replaced by the lines they name.

    Parameters
    ----------
    root
        Folder that an include path starting with ``/`` is relative to.
    """
    return _expand(file, root, file.parent, ())


def _expand(file: Path, root: Path, base: Path, trail: tuple[Path, ...]) -> Iterator[SourceLine]:
    """Lines of ``file`` with include shortcodes replaced by the lines they name."""
    try:
        texts = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(f"{file}: cannot be read as UTF-8 text: {error}.") from error
    if trail and texts and texts[0].strip() == "---":
        raise ReportError(f"{file.name}:1: an included file must not have its own front matter.")
    fence = ""
    for number, text in enumerate(texts, start=1):
        line = SourceLine(text, file, number)
        fence = fence_after(text, fence)
        match = None if fence else INCLUDE.match(text)
        if match is None:
            yield line
            continue
        # Quarto resolves nested includes against the main document, not the including file.
        name = match["path"].strip("\"'")
        target = root / name.lstrip("/") if name.startswith("/") else base / name
        if not target.is_file():
            raise ReportError(f"{line.where}: included file '{name}' not found at {target}.")
        if target in (*trail, file):
            raise ReportError(f"{line.where}: '{name}' includes itself.")
        yield from _expand(target, root, base, (*trail, file))
        yield SourceLine("", file, number)


def fence_after(text: str, fence: str) -> str:
    """Return the ticks of the code block that is open after this line, or an empty string."""
    match = FENCE.match(text)
    if match is None:
        return fence
    ticks = match["ticks"]
    if not fence:
        # A backtick fence with backticks after it is an inline code span.
        return "" if ticks[0] == "`" and "`" in match["info"] else ticks
    closes = ticks[0] == fence[0] and len(ticks) >= len(fence) and not match["info"]
    return "" if closes else fence
