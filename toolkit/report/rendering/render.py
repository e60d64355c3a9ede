"""Render a document to one HTML page, by Quarto or by the embedded route."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import ReportError
from toolkit.paths import write_whole
from toolkit.report.rendering import embedded, quarto
from toolkit.report.rendering.offline import check_offline
from toolkit.report.rendering.page import made_by, with_assets

RENDERERS = ("auto", "quarto", "embedded")


@dataclass(frozen=True)
class Rendered:
    """A finished page and how it was made."""

    path: Path
    renderer: str
    seconds: float

    @property
    def said(self) -> str:
        """Return a line about it for the terminal."""
        return f"{self.path.name}: rendered by the {self.renderer} route in {self.seconds:.0f} s"


def render(
    document: Path,
    output: Path,
    *,
    renderer: str = "auto",
    parameters: dict[str, str] | None = None,
    cache_folder: Path | None = None,
    vega_beside: str | None = None,
) -> Rendered:
    """Render ``document`` (.qmd) to ``output`` (.html); on failure ``output`` stays as it was.

    Parameters
    ----------
    renderer
        ``auto`` takes Quarto where it runs, else the embedded route.
    parameters
        Values for names set in the cell tagged ``parameters``, read as YAML.
    cache_folder
        Where to keep the Vega bundle between runs; None rebuilds it once per process.
    vega_beside
        Name of a file that the caller puts beside the page and that holds Vega; by default the
        page holds it itself.
    """
    start = time.perf_counter()
    document = document.resolve()
    if not document.is_file():
        raise ReportError(f"{document}: no such document.")
    route, version = choose_renderer(renderer)
    with tempfile.TemporaryDirectory(prefix="report-") as name:
        scratch = Path(name)
        page, footer = scratch / "page.html", scratch / "footer.html"
        footer.write_text(made_by(route, version, vega_beside), encoding="utf-8")
        make = quarto.render_quarto if route == "quarto" else embedded.render_embedded
        make(document, page, parameters or {}, footer)
        text = page.read_text(encoding="utf-8")
        finished = with_assets(text, cache_folder, vega_beside=vega_beside)
    check_offline(finished, output.name, beside=() if vega_beside is None else (vega_beside,))
    write_whole(output, finished)
    return Rendered(output, route, time.perf_counter() - start)


def choose_renderer(renderer: str = "auto") -> tuple[str, str]:
    """Return the route that ``renderer`` leads to on this machine, and its version."""
    if renderer not in RENDERERS:
        raise ReportError(f"renderer is '{renderer}'; expected one of {', '.join(RENDERERS)}.")
    version = None if renderer == "embedded" else quarto.quarto_version()
    if version is not None:
        return "quarto", version
    if renderer == "quarto":
        raise ReportError(
            "Quarto does not run here ('quarto --version' gave nothing); install Quarto from "
            "quarto.org or use --renderer embedded."
        )
    return "embedded", embedded.pandoc_version()
