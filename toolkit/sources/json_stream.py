"""Long lists in JSON files, record by record, so that memory does not grow with their number.

The decoder is that of the standard library, on a stretch of the file at a time: libraries that read
JSON as a stream refuse NaN, which tools in Python write.
"""

import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn

from toolkit.errors import SourceError
from toolkit.sources.json_files import (
    CHUNK,
    RECORD_MAX,
    Tick,
    expect,
    no_tick,
    size_of,
    too_long,
    whole_number,
)
from toolkit.tables import shortened

Record = tuple[str, dict[str, Any]]
# Lists of lists of records, such as those that follow the samples of a log, are passed so deep.
LISTS_DEEP = 4
_SPACE = re.compile(r"[ \t\r\n]*")


class _Kind(NamedTuple):
    """How a value that holds others begins and ends, and what it is called."""

    opening: str
    closing: str
    words: str


LIST, OBJECT = _Kind("[", "]", "a list of records"), _Kind("{", "}", "an object")


def read_elements(path: Path, tick: Tick = no_tick) -> Iterator[Record]:
    """Yield where each object of a JSON list stands and the object, without holding the list."""
    with _window(path, tick) as window:
        yield from _records(window)
        window.finish()


def read_object(path: Path, records: str, tick: Tick = no_tick) -> Iterator[Record]:
    """Yield the members of a JSON object that stand before its long list, then the list's objects.

    What follows the list is checked to be JSON and left out.
    """
    with _window(path, tick) as window:
        before: dict[str, Any] = {}
        names = window.members()
        given = False
        for name in names:
            given = name == records and window.next_character() == LIST.opening
            if given:
                break
            before[name] = window.value(f"{path} field '{shortened(name)}'")
        yield str(path), before
        if given:
            yield from _records(window)
            for _ in names:
                window.skip(LISTS_DEEP)
        window.finish()


def _records(window: "_Window") -> Iterator[Record]:
    for number, _ in enumerate(window.entries(LIST), start=1):
        where = f"{window.path} record {number}"
        yield where, expect(window.value(where), dict, where)


@contextmanager
def _window(path: Path, tick: Tick) -> Iterator["_Window"]:
    size = size_of(path)
    with path.open("rb") as content:
        yield _Window(path, content, size, tick)
    tick(path.name, size, size)


class _Window:
    """A stretch of a JSON file, and how far it has been read."""

    def __init__(self, path: Path, content: BinaryIO, size: int, tick: Tick) -> None:
        self.path, self.content, self.size, self.tick = path, content, size, tick
        self.text = io.TextIOWrapper(content, encoding="utf-8-sig")
        self.buffer, self.at = "", 0
        self.decoder = json.JSONDecoder(parse_int=whole_number)

    def entries(self, kind: _Kind) -> Iterator[None]:
        """Stop at each entry of a list or an object; whoever is told goes past it."""
        self.take(kind.opening, kind.words)
        if self.next_character() == kind.closing:
            self.at += 1
            return
        while True:
            yield
            if self.take(f",{kind.closing}", f"',' or '{kind.closing}'") == kind.closing:
                return

    def members(self) -> Iterator[str]:
        """Yield the name of each member of an object; whoever gets it goes past its value."""
        seen: set[str] = set()
        for _ in self.entries(OBJECT):
            name = expect(self.value(str(self.path)), str, f"{self.path} name of a field")
            if name in seen:
                msg = (
                    f"{self.path}: got the field '{shortened(name)}' twice, expected it once; "
                    "remove one of the two."
                )
                raise SourceError(msg)
            seen.add(name)
            self.take(":", "':'")
            yield name

    def skip(self, deep: int) -> None:
        """Go past a value, entry by entry where it is a list or an object, so many levels deep."""
        first = self.next_character()
        if deep and first == LIST.opening:
            for _ in self.entries(LIST):
                self.skip(deep - 1)
        elif deep and first == OBJECT.opening:
            for _ in self.members():
                self.skip(deep - 1)
        else:
            self.value(str(self.path))

    def value(self, where: str) -> Any:
        """Return the value that starts here and go past it."""
        if self.next_character() in ",:]}":
            self._refuse("a value")
        while True:
            try:
                value, end = self.decoder.raw_decode(self.buffer, self.at)
            except RecursionError:
                msg = f"{where}: nested too deep, expected a record of a run; restore the file."
                raise SourceError(msg) from None
            except ValueError:
                value, end = None, len(self.buffer)
            # A number at the end of the stretch may go on behind it.
            if end < len(self.buffer) and self.buffer[end] not in ".eE":
                self.at = end
                return value
            if len(self.buffer) - self.at > RECORD_MAX:
                raise SourceError(too_long(where))
            if not self._more():
                self._end()

    def take(self, expected: str, words: str) -> str:
        """Go past one of the expected characters and return it."""
        found = self.next_character()
        if found not in expected:
            self._refuse(words)
        self.at += 1
        return found

    def next_character(self) -> str:
        """Go past white space and return the character that stands there then."""
        while not self._past_space():
            if not self._more():
                self._end()
        return self.buffer[self.at]

    def finish(self) -> None:
        """Raise when something stands behind the value that the file holds."""
        while not self._past_space():
            if not self._more():
                return
        self._refuse("the end of the file")

    def _past_space(self) -> bool:
        """Go past white space and return whether anything stands there."""
        space = _SPACE.match(self.buffer, self.at)
        self.at = space.end() if space else self.at
        return self.at < len(self.buffer)

    def _more(self) -> bool:
        """Drop what was read and add to the rest; growing by doubling keeps the work linear."""
        self.buffer, self.at = self.buffer[self.at :], 0
        try:
            added = self.text.read(max(CHUNK, len(self.buffer)))
        except UnicodeDecodeError as error:
            msg = f"{self.path}: not UTF-8 text ({error.reason}); restore the file."
            raise SourceError(msg) from None
        self.buffer += added
        self.tick(self.path.name, self.content.tell(), self.size)
        return bool(added)

    def _refuse(self, expected: str) -> NoReturn:
        got = shortened(self.buffer[self.at :])
        msg = f"{self.path}: got {got!r}, expected {expected}; the file is damaged: restore it."
        raise SourceError(msg)

    def _end(self) -> NoReturn:
        msg = f"{self.path}: not complete JSON; the file is cut off or damaged: restore it."
        raise SourceError(msg)
