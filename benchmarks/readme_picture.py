"""Take the picture of the report that README and documentation show: the top of the index page."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.chromium import open_chromium
from toolkit.paths import site_dir

# Wide enough for the contents to stand beside the text, which alone is shown.
WINDOW = 1280
WIDTH, HEIGHT = 940, 1000
MARGIN = 22
LARGEST_BYTES = 200_000


def main(
    picture: Annotated[Path, typer.Argument(help="The PNG file to write.")],
    site: Annotated[Path | None, typer.Option(help="The pages; reports/_site by default.")] = None,
) -> None:
    """Take the picture, in the light scheme.

    Example: python -m benchmarks.readme_picture docs/report.png
    """
    page_file = (site or site_dir()) / "index.html"
    with open_chromium() as browser:
        context = browser.new_context(
            offline=True, color_scheme="light", viewport={"width": WINDOW, "height": HEIGHT}
        )
        page = context.new_page()
        page.goto(page_file.resolve().as_uri(), wait_until="load")
        page.evaluate("window.drawAllCharts()")
        text = page.locator("#main").bounding_box()
        if text is None:
            raise typer.BadParameter(f"{page_file} shows no text")
        left = text["x"] - MARGIN
        taken = page.screenshot(clip={"x": left, "y": 0, "width": WIDTH, "height": HEIGHT})
        context.close()
    if len(taken) > LARGEST_BYTES:
        msg = f"the picture has {len(taken)} bytes; show less than {WIDTH} by {HEIGHT} pixels."
        raise ValueError(msg)
    picture.write_bytes(taken)
    typer.echo(f"Wrote {picture}, {len(taken)} bytes")


if __name__ == "__main__":
    typer.run(main)
