"""Answers that are kept as they come: addressed by content, a checksum a line, never rewritten.

An answer's key is a hash of everything it depends on: the engine's identity and the tokens asked.
Every writer has a file of its own, so that workers need no agreement. A line that a kill or a
power cut tore apart fails its checksum, is left aside with a note, and is asked again.
"""

import hashlib
import json
import os
import uuid
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from toolkit.errors import ToolkitError
from toolkit.evaluate.requests import Answer, Generated, Request, Scored, ScoreRequest

# A power cut loses fewer answers than this; a kill loses none that was written.
LINES_PER_SYNC = 64


class Lines:
    """A folder of files of checked lines: those of all writers are read, one's own is written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes: list[str] = []
        self._file: int | None = None
        self._unsynced = 0

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield every whole line, file by file; what is torn or damaged becomes a note."""
        for path in sorted(self.folder.glob("*.jsonl")):
            damaged = 0
            with path.open("rb") as lines:
                for line in lines:
                    value = _checked(line)
                    if value is None:
                        damaged += 1
                    else:
                        yield value
            if damaged:
                self.notes.append(
                    f"{path}: {damaged} torn or damaged line{'s' if damaged > 1 else ''} dropped; "
                    "what stood there is asked again"
                )

    def write(self, value: Mapping[str, Any]) -> None:
        """Add a line; it is the system's to keep when this returns."""
        if self._file is None:
            self._file = self._create()
        text = json.dumps(value, separators=(",", ":"))
        line = f"{zlib.crc32(text.encode()):08x} {text}\n".encode()
        while line:
            line = line[os.write(self._file, line) :]
        self._unsynced += 1
        if self._unsynced >= LINES_PER_SYNC:
            self.sync()

    def sync(self) -> None:
        """Wait until what was written is on the disk."""
        if self._file is not None and self._unsynced:
            os.fsync(self._file)
            self._unsynced = 0

    def __enter__(self) -> "Lines":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if self._file is not None:
            self.sync()
            os.close(self._file)
            self._file = None

    def _create(self) -> int:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.folder / f"{uuid.uuid4().hex}.jsonl"
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        except OSError as error:
            msg = f"{self.folder}: can't be written ({error.strerror}); choose another 'store'."
            raise ToolkitError(msg) from None


def answers_of(store: Path, identity: str) -> Lines:
    """Return the kept answers of an engine."""
    return Lines(store / "answers" / hashlib.sha256(identity.encode()).hexdigest()[:16])


def key_of(identity: str, request: Request) -> str:
    """Return the address of an answer: what it depends on, and no name."""
    key = hashlib.sha256(identity.encode() + b"\0")
    if isinstance(request, ScoreRequest):
        key.update(b"score\0")
        # The length first, so that context and continuation can't be cut elsewhere.
        parts = (len(request.context), *request.context, *request.continuation)
    else:
        how = json.dumps([request.stops, request.max_new_tokens])
        key.update(b"generate\0" + how.encode() + b"\0")
        parts = request.context
    key.update(np.asarray(parts, dtype="<i8").tobytes())
    return key.hexdigest()


def line_of(key: str, maker: str, answer: Answer) -> dict[str, Any]:
    """Return an answer as plain data; a float's shortest text gives the same float again."""
    kept = {"key": key, "maker": maker}
    if isinstance(answer, Scored):
        return kept | {"ll": answer.log_likelihood, "greedy": answer.greedy}
    return kept | {"text": answer.text, "tokens": answer.tokens, "finish": answer.finish}


def maker_line(engine: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is to be known of an engine that gives answers, with the name they have it by."""
    text = json.dumps(engine, sort_keys=True)
    return {"maker": hashlib.sha256(text.encode()).hexdigest()[:12], "engine": dict(engine)}


def answer_in(line: Mapping[str, Any]) -> Answer:
    """Return the answer that a line holds."""
    if "ll" in line:
        return Scored(line["ll"], line["greedy"])
    return Generated(line["text"], tuple(line["tokens"]), line["finish"])


def _checked(line: bytes) -> dict[str, Any] | None:
    """Return the value of a line, or None where it is not what was written."""
    checksum, _, text = line.removesuffix(b"\n").partition(b" ")
    if not line.endswith(b"\n") or checksum != f"{zlib.crc32(text):08x}".encode():
        return None
    return json.loads(text)
