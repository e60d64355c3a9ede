"""Headless Chromium on finished pages, without a network: for tests, times and pictures."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]
MISSING = "install Chromium (Debian: apt-get install chromium) to open pages in a browser"


def find_chromium() -> str | None:
    """Return Chromium's path, or None where there is none."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


@contextmanager
def open_chromium() -> Iterator["Browser"]:
    """Start Chromium; it ends with the block."""
    path = find_chromium()
    if path is None:
        raise typer.BadParameter(MISSING)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
