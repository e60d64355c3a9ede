"""Take pictures of the site: index, a study's page and a claim's card; light, dark, on a phone."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks.chromium import open_chromium
from toolkit.paths import site_dir

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LOOKS = {
    "light": ("light", 1280, 900),
    "dark": ("dark", 1280, 900),
    "phone": ("light", 360, 780),
}
FolderArgument = Annotated[Path, typer.Argument(help="Where the pictures go.")]


def main(
    folder: FolderArgument,
    site: Annotated[Path | None, typer.Option(help="The pages; reports/_site by default.")] = None,
    study: str = typer.Option("lu2024", help="Whose page."),
    claim: str = typer.Option("", help="Whose card; the study's first claim by default."),
) -> None:
    """Take nine pictures into a folder.

    Example: python -m benchmarks.screenshots screenshots
    """
    folder.mkdir(parents=True, exist_ok=True)
    pages = site or site_dir()
    with open_chromium() as browser:
        for look in LOOKS:
            for name in take(browser, pages, study, claim, look, folder):
                typer.echo(f"Wrote {name}")


def take(
    browser: "Browser", pages: Path, study: str, claim: str, look: str, folder: Path
) -> list[str]:
    """Take the three pictures of one look and return the names of the files."""
    scheme, width, height = LOOKS[look]
    context = browser.new_context(
        offline=True,
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": height},
    )
    names = [f"{what}-{look}.png" for what in ("index", "study", "claim")]
    try:
        page = context.new_page()
        _open(page, pages / "index.html")
        page.screenshot(path=str(folder / names[0]), full_page=True)
        _open(page, pages / f"{study}.html")
        # The top of the page: the whole of it is dozens of screens.
        page.screenshot(path=str(folder / names[1]))
        card = page.locator(f"[id='{claim}']" if claim else "details.claim").first
        card.scroll_into_view_if_needed()
        page.evaluate("window.drawAllCharts()")
        card.screenshot(path=str(folder / names[2]))
    finally:
        context.close()
    return names


def _open(page: "Page", file: Path) -> None:
    page.goto(file.resolve().as_uri(), wait_until="load")
    page.evaluate("window.drawAllCharts()")


if __name__ == "__main__":
    typer.run(main)
