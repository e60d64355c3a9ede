"""Open a finished page in Chromium, without a network, and say what a reader would meet."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.chromium import MISSING, find_chromium, open_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@dataclass
class Visit:
    """What happened while a page was open."""

    console_errors: list[str] = field(default_factory=list)
    page_errors: list[str] = field(default_factory=list)
    outside_requests: list[str] = field(default_factory=list)
    n_charts: int = 0
    n_drawn_on_sight: int = 0
    n_drawn: int = 0
    overflow_px: int = 0


@contextmanager
def open_browser() -> Iterator["Browser"]:
    """Start Chromium, which ends with the block; without it skip the test, or fail it in CI."""
    if find_chromium() is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with open_chromium() as browser:
        yield browser


@contextmanager
def open_page(
    browser: "Browser", file: Path, *, scheme: str = "light", width: int = 1280, height: int = 900
) -> Iterator[tuple["Page", Visit]]:
    """Open ``file`` offline; ``Visit`` keeps collecting errors and requests."""
    context = browser.new_context(
        offline=True,
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": height},
    )
    visit = Visit()
    page = context.new_page()
    page.on(
        "console",
        lambda message: (
            visit.console_errors.append(message.text) if message.type == "error" else None
        ),
    )
    page.on("pageerror", lambda error: visit.page_errors.append(str(error)))
    page.on(
        "request",
        lambda request: (
            visit.outside_requests.append(request.url)
            if not request.url.startswith(("file:", "data:", "blob:"))
            else None
        ),
    )
    try:
        page.goto(file.resolve().as_uri(), wait_until="load")
        yield page, visit
    finally:
        context.close()


def wait_until(page: "Page", expression: str, *, timeout_ms: int = 5000) -> None:
    """Wait until a JavaScript expression is true.

    Playwright's own ``wait_for_function`` needs ``eval``, which the pages' policy forbids.
    """
    for _ in range(timeout_ms // 50):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"not true after {timeout_ms} ms: {expression}")


def visit_page(
    browser: "Browser",
    file: Path,
    *,
    scheme: str = "light",
    width: int = 1280,
    height: int = 900,
    screenshot: Path | None = None,
) -> Visit:
    """Open a page, wait for the charts in view, draw the rest, and report.

    Parameters
    ----------
    screenshot
        Where to save a picture of the whole page.
    """
    with open_page(browser, file, scheme=scheme, width=width, height=height) as (page, visit):
        page.wait_for_timeout(400)
        visit.n_charts = page.locator(".vega-chart").count()
        visit.n_drawn_on_sight = page.locator(".vega-chart svg.marks").count()
        if visit.n_charts:
            page.evaluate("window.drawAllCharts()")
        visit.n_drawn = page.locator(".vega-chart[data-drawn=true] svg.marks").count()
        root = "document.documentElement"
        visit.overflow_px = page.evaluate(f"{root}.scrollWidth - {root}.clientWidth")
        if screenshot is not None:
            page.screenshot(path=str(screenshot), full_page=True)
        return visit
