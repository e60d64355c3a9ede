"""The zip archive of an Inspect log: read member by member, in bounds, never unpacked to files."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Inspect packs with Zstandard, which the standard library reads from Python 3.14 on only.
from backports.zstd import ZstdError, zipfile

from toolkit.errors import SourceError
from toolkit.sources.json_files import RECORD_MAX, Tick, expect, parse
from toolkit.tables import shortened

DAMAGED = (
    zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error, ZstdError,
)  # fmt: skip


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Yield an archive; what is wrong with it while it is read is one error."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except OSError as error:
        msg = f"{path}: can't be read ({error.strerror}), expected a log; restore it."
        raise SourceError(msg) from None
    except DAMAGED as error:
        msg = (
            f"{path}: not a zip archive that can be read ({shortened(error)}), expected an .eval "
            "log; restore it, or write it anew with 'inspect log convert --to json'."
        )
        raise SourceError(msg) from None


def members_of(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members by name; nothing is ever unpacked to a file."""
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.filename
        stepping = name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/")
        if stepping or name in members:
            got = "a name that leaves the archive" if stepping else "a name that stands there twice"
            msg = (
                f"{path}: got {got}, {shortened(name)!r}, expected members as Inspect writes them; "
                "don't use this file."
            )
            raise SourceError(msg)
        members[name] = info
    return members


def samples_of(
    path: Path, archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], tick: Tick
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield where each sample stands and the sample."""
    for done, info in enumerate(members, start=1):
        yield f"{path} {shortened(info.filename)}", member(path, archive, info)
        tick(path.name, done, len(members))


def member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> dict[str, Any]:
    """Return the object that a member holds; one that unpacks beyond all bounds is an error."""
    where = f"{path} {shortened(info.filename)}"
    with archive.open(info) as packed:
        text = packed.read(RECORD_MAX + 1)
    if len(text) > RECORD_MAX:
        msg = (
            f"{where}: got over {RECORD_MAX / 2**20:.0f} MB unpacked, expected one record; "
            "don't use this file."
        )
        raise SourceError(msg)
    return expect(parse(text, where), dict, where)
