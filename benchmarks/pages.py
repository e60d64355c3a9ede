"""Measure how large the pages of the site are and how soon they can be used, in headless Chromium.

The studies' draws are draws of their priors: sizes and times are those of real pages, the numbers
on them are not. Times are wall-clock, from the start of loading, each page in a new window.
"""

import os
import shutil
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmarks.chromium import open_chromium
from benchmarks.machine import Benchmark, QuickOption
from benchmarks.prior_fits import keep_draws
from toolkit.analysis.study_folder import load_study_folder, study_names
from toolkit.paths import CHECKOUT
from toolkit.report.site import build_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MILLION = 1_000_000
LIMITS = {"index": 3 * MILLION, "lu2024": 6 * MILLION}
USABLE_SECONDS = 2.0
FAR = "sec-priors"
FAR_CHART = f"""[...document.querySelectorAll('.vega-chart')].find((each) =>
  document.querySelector('#{FAR}').compareDocumentPosition(each) & 4)"""
# What a page says of itself: ours ("usable", "charts") and what the browser saw move or block.
OBSERVE = """
window.moved = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.moved += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""
READ = """() => Object.fromEntries(performance.getEntriesByType("mark").map((m) =>
  [m.name, m.startTime / 1000]))"""
SiteOption = Annotated[
    Path | None, typer.Option("--site", help="Measure these pages and make none.")
]


def main(
    quick: QuickOption = False,
    site: SiteOption = None,
    repeats: int = typer.Option(5, min=1, help="How often each page is opened."),
) -> None:
    """Make the site of all bundled studies and measure its pages.

    Example: python -m benchmarks.pages
    """
    benchmark = Benchmark("pages", "How large are the pages, how soon usable?", quick=quick)
    studies = ["lu2024"] if quick else study_names()
    with open_chromium() as browser, _site(site, studies) as folder:
        pages = {page.stem: page for page in sorted(folder.glob("*.html"))}
        results = {name: _measured(browser, page, repeats) for name, page in pages.items()}
        shared = {file.name: file.stat().st_size for file in sorted(folder.glob("*.js"))}
    browser_version = browser.version
    targets = {
        f"{name} page under {limit / MILLION:g} MB, what it shares included": (
            results[name]["bytes"] + sum(shared.values()) < limit
        )
        for name, limit in LIMITS.items()
    }
    targets[f"index usable in under {USABLE_SECONDS:g} s"] = (
        results["index"]["usable_seconds"]["max"] < USABLE_SECONDS
    )
    targets["nothing moves while charts are drawn"] = all(
        each["layout_shift"] < 0.01 for each in results.values()
    )
    settings = {"studies": studies, "repeats": repeats, "chromium": browser_version}
    benchmark.keep(settings, {"shared_bytes": shared, "pages": results}, targets)


@contextmanager
def _site(made: Path | None, studies: Sequence[str]) -> Iterator[Path]:
    """Yield a folder of pages: the given one, or a new one in a workspace of its own."""
    if made is not None:
        yield made
        return
    before = os.environ.get("EMERGENCE_ROOT")
    with TemporaryDirectory(prefix="pages-") as name:
        for part in ("data", "reports"):
            skipped = shutil.ignore_patterns("_site", "robustness")
            shutil.copytree(CHECKOUT / part, Path(name) / part, ignore=skipped)
        os.environ["EMERGENCE_ROOT"] = name
        try:
            for study in studies:
                keep_draws(load_study_folder(study))
            build_site(studies, "full", "embedded", print)
            yield Path(name) / "reports" / "_site"
        finally:
            os.environ.pop("EMERGENCE_ROOT")
            if before is not None:
                os.environ["EMERGENCE_ROOT"] = before


def _measured(browser: "Browser", file: Path, repeats: int) -> dict[str, Any]:
    opened = [_opened(browser, file) for _ in range(repeats)]
    text = file.read_text(encoding="utf-8")
    return {
        "bytes": file.stat().st_size,
        "charts": text.count('class="vega-chart"'),
        "usable_seconds": _spread([each["usable"] for each in opened]),
        "charts_in_view_seconds": _spread([each["charts"] for each in opened]),
        "far_section_seconds": _spread([e["far"] for e in opened if "far" in e]),
        "layout_shift": max(each["moved"] for each in opened),
    }


def _spread(seconds: Sequence[float]) -> dict[str, float] | None:
    """Return median and extremes; None where a page has nothing of the kind."""
    if not seconds:
        return None
    return {"median": statistics.median(seconds), "min": min(seconds), "max": max(seconds)}


def _opened(browser: "Browser", file: Path) -> dict[str, float]:
    """Open a page, go to a far section by link, and read the times."""
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    context.add_init_script(OBSERVE)
    try:
        page = context.new_page()
        page.goto(file.resolve().as_uri(), wait_until="load")
        _wait(page, "performance.getEntriesByName('charts').length > 0")
        times = page.evaluate(READ)
        if page.locator(f"#{FAR}").count():
            times["far"] = _far(page)
        return {**times, "moved": page.evaluate("window.moved")}
    finally:
        context.close()


def _far(page: "Page") -> float:
    """Return the seconds from following a link to a far section until its chart is drawn."""
    began = page.evaluate(f"(location.hash = '{FAR}', performance.now())")
    _wait(page, f"{FAR_CHART}.dataset.drawn")
    return (page.evaluate("performance.now()") - began) / 1000


def _wait(page: "Page", expression: str) -> None:
    for _ in range(3000):
        if page.evaluate(f"Boolean({expression})"):
            return
        page.wait_for_timeout(10)
    raise RuntimeError(f"not true after 30 s: {expression}")


if __name__ == "__main__":
    typer.run(main)
