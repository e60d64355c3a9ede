"""One run per store at a time; who comes second is told who holds it."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.evaluate.prompts.encoding import INSTALL
from toolkit.paths import write_whole


@contextmanager
def only_run(store: Path) -> Iterator[None]:
    """Hold the store while the block runs; a killed holder's lock is free again.

    Raises
    ------
    ToolkitError
        When another run holds it, naming its process, machine and begin.
    """
    try:
        from filelock import FileLock, Timeout
    except ImportError as error:
        msg = f"emergence evaluate: filelock is not installed; {INSTALL}"
        raise ToolkitError(msg) from error
    holder = store / "holder.json"
    try:
        store.mkdir(parents=True, exist_ok=True)
        lock = FileLock(store / "lock")
        lock.acquire(timeout=0)
    except Timeout:
        msg = (
            f"{store}: another run is writing to this store ({_who(holder)}); wait for it, or give "
            "this plan a store of its own."
        )
        raise ToolkitError(msg) from None
    except OSError as error:
        msg = f"{store}: can't be written ({error.strerror}); choose another 'store'."
        raise ToolkitError(msg) from None
    try:
        _sign(holder)
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _sign(holder: Path) -> None:
    began = datetime.now(UTC).isoformat(timespec="seconds")
    who = {"process": os.getpid(), "machine": socket.gethostname(), "since": began}
    write_whole(holder, json.dumps(who))


def _who(holder: Path) -> str:
    try:
        who = json.loads(holder.read_text(encoding="utf-8"))
        return f"process {who['process']} on {who['machine']}, since {who['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "it has just begun"
