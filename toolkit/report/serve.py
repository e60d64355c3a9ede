"""A local preview of the site: served on this machine only, rendered anew when a document changes.

Changes are found by looking at the times of the files once a second: nothing to install, and it
works on every file system.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from toolkit import paths
from toolkit.errors import ReportError, ToolkitError
from toolkit.report.rendering.cells import read_qmd
from toolkit.report.rendering.front_matter import project_folder
from toolkit.report.site import Page, Say, Site

ADDRESS = "127.0.0.1"
EVERY_SECONDS = 1.0
Times = dict[Path, int]


class _Quiet(SimpleHTTPRequestHandler):
    """Answers for this machine's own address only, without a line for each request."""

    def send_head(self) -> Any:
        """Answer GET and HEAD."""
        # A page elsewhere can point its own name at this machine, but cannot change what it asks.
        asked = self.headers.get("Host", "").rsplit(":", 1)[0]
        if asked in (ADDRESS, "localhost"):
            return super().send_head()
        self.send_error(403, f"this preview is for {ADDRESS} only")
        return None

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal is for what is rendered."""


def serve(site: Site, port: int, say: Say) -> None:
    """Serve a written site until Ctrl-C, and render a page anew when its document changes."""
    with serving(paths.site_dir(), port) as address:
        say(f"Preview: {address}index.html (this machine only; Ctrl-C ends it)")
        try:
            watch(site.sources, say)
        except KeyboardInterrupt:
            say("Preview ended.")


@contextmanager
def serving(folder: Path, port: int) -> Iterator[str]:
    """Serve a folder to this machine and yield its address; port 0 takes a free one."""
    try:
        server = ThreadingHTTPServer((ADDRESS, port), partial(_Quiet, directory=str(folder)))
    except OSError as error:
        msg = f"port {port}: cannot be used ({error.strerror}); give another one with --port."
        raise ReportError(msg) from error
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{ADDRESS}:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def watch(pages: tuple[Page, ...], say: Say, *, wait: Callable[[float], None] = time.sleep) -> None:
    """Render each page whose document changes, or a file that the document includes, for ever."""
    seen = {page.name: _times(page) for page in pages}
    while True:
        wait(EVERY_SECONDS)
        for page in pages:
            now = _times(page)
            if now != seen[page.name]:
                seen[page.name] = now
                _write(page, say)


def _write(page: Page, say: Say) -> None:
    say(f"{page.name}.html: rendering")
    try:
        say(page.render().said)
    except ToolkitError as error:
        say(f"Error: {error}")  # the page stays as it was, and the reader goes on writing


def _times(page: Page) -> Times:
    """Return when each file behind a page was changed; one that is gone has no time."""
    times = {}
    for file in _files(page.document):
        try:
            times[file] = file.stat().st_mtime_ns
        except OSError:
            continue
    return times


def _files(document: Path) -> set[Path]:
    try:
        lines = read_qmd(document, project_folder(document)).lines
    except (ToolkitError, OSError):  # half written: its own time will change again
        return {document}
    return {document, *(line.file for line in lines)}
