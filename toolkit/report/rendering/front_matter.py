"""A document's settings: its front matter over the ``_quarto.yml`` of its project.

A key that would change the page in Quarto and that the embedded route cannot honour is an
error; a key that only dresses Quarto's page (its theme) is left to Quarto.
"""

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import ReportError, did_you_mean
from toolkit.report.rendering.cell_options import check_option
from toolkit.report.rendering.cells import Qmd, read_yaml

PROJECT_FILE = "_quarto.yml"
TEXT = ("title", "subtitle", "abstract", "description", "lang", "toc-title", "pagetitle")
LISTS = ("author", "bibliography")
SWITCHES = ("toc", "number-sections", "link-citations")
OTHER = ("date", "toc-depth", "csl", "nocite")
DOCUMENT_CELLS = ("echo", "eval", "error", "warning", "include", "output")
# What these say to Quarto is either about its own theme or what the embedded route does anyway.
QUARTO_ONLY = (
    "theme", "css", "embed-resources", "self-contained", "html-math-method", "jupyter", "engine",
    "kernel", "minimal", "respect-user-color-scheme", "toc-location", "fig-responsive",
    "smooth-scroll", "anchor-sections", "citations-hover", "footnotes-hover", "crossrefs-hover",
    "code-copy", "project", "highlight-style", "syntax-highlighting", "page-layout",
)  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """What the embedded route needs to know about a document."""

    metadata: dict[str, Any]
    cell_defaults: dict[str, Any]
    bibliography: tuple[Path, ...]
    csl: Path | None
    toc: bool
    toc_depth: int
    number_sections: bool


def project_folder(document: Path) -> Path | None:
    """Return the nearest folder above ``document`` with a ``_quarto.yml``."""
    return next((up for up in document.parents if (up / PROJECT_FILE).is_file()), None)


def read_settings(qmd: Qmd, project: Path | None) -> Settings:
    """Return the settings of a document."""
    layers = [(qmd.front_matter, qmd.file.name, qmd.file.parent)]
    if project is not None:
        file = project / PROJECT_FILE
        raw = read_yaml(file.read_text(encoding="utf-8"), PROJECT_FILE, 1) or {}
        _check_project(raw)
        layers.insert(0, (raw, PROJECT_FILE, project))
    values: dict[str, Any] = {}
    cell_defaults: dict[str, Any] = {}
    for raw, where, folder in layers:
        flat, cells = _flatten(dict(raw), where)
        for name in ("bibliography", "csl"):
            if name in flat:
                flat[name] = _files(flat[name], folder, f"{where}: {name}")
        values.update(flat)
        cell_defaults.update(cells)
    return _settings(values, cell_defaults)


def _settings(values: dict[str, Any], cell_defaults: dict[str, Any]) -> Settings:
    metadata = {name: values[name] for name in (*TEXT, "author", "nocite") if name in values}
    metadata.setdefault("lang", "en")
    metadata["link-citations"] = values.get("link-citations", True)
    if "date" in values:
        metadata["date"] = _date(values["date"])
    csl = values.get("csl")
    return Settings(
        metadata=metadata,
        cell_defaults=cell_defaults,
        bibliography=tuple(values.get("bibliography", ())),
        csl=csl[0] if csl else None,
        toc=values.get("toc", False),
        toc_depth=_depth(values.get("toc-depth", 3)),
        number_sections=values.get("number-sections", False),
    )


def _depth(value: Any) -> int:
    if isinstance(value, bool) or not str(value).isdecimal():
        raise ReportError(f"toc-depth is {value!r}; expected a whole number.")
    return int(value)


def _flatten(raw: dict[str, Any], where: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split one layer into document settings and defaults for its cells."""
    formats = raw.pop("format", None) or {}
    if isinstance(formats, str):
        formats = {formats: {}}
    if not isinstance(formats, dict) or set(formats) - {"html"}:
        raise ReportError(f"{where}: format is {formats!r}; only 'html' can be rendered here.")
    html = formats.get("html")
    merged = {**raw, **(html if isinstance(html, dict) else {})}
    cells = dict(merged.pop("execute", None) or {})
    folding = ("code-fold", "code-summary")
    cells.update({name: merged.pop(name) for name in folding if name in merged})
    for name, value in cells.items():
        if name not in (*DOCUMENT_CELLS, *folding):
            raise ReportError(f"{where}: 'execute: {name}' is not supported.")
        check_option(name, value, where)
    merged = {name: value for name, value in merged.items() if name not in QUARTO_ONLY}
    _check_known(merged, where)
    return merged, cells


def _check_known(values: dict[str, Any], where: str) -> None:
    known = [*TEXT, *LISTS, *SWITCHES, *OTHER]
    for name, value in values.items():
        if name not in known:
            raise ReportError(f"{where}: '{name}' is not supported{did_you_mean(name, known)}.")
        if name in SWITCHES and not isinstance(value, bool):
            raise ReportError(f"{where}: {name} is {value!r}; expected true or false.")
        if name in TEXT and not isinstance(value, str | int | float):
            raise ReportError(f"{where}: {name} is {value!r}; expected text.")


def _check_project(raw: dict[str, Any]) -> None:
    kind = (raw.get("project") or {}).get("type", "default")
    if kind != "default":
        raise ReportError(f"{PROJECT_FILE}: project type '{kind}'; only 'default' is supported.")


def _files(value: Any, folder: Path, where: str) -> list[Path]:
    files = [folder / str(name) for name in (value if isinstance(value, list) else [value])]
    for file in files:
        if not file.is_file():
            raise ReportError(f"{where}: no file at {file}.")
    return files


def _date(value: Any) -> str:
    """Quarto's long form of an ISO date; other text as it is."""
    if isinstance(value, str):
        if value in ("today", "now", "last-modified"):
            raise ReportError(
                f"date: '{value}' changes the page at every render; write the date as YYYY-MM-DD."
            )
        try:
            value = datetime.date.fromisoformat(value)
        except ValueError:
            return value
    return f"{value:%B} {value.day}, {value.year}"
