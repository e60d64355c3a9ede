"""The Quarto route: ``quarto render`` in a temporary copy, its silent failures made loud."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from toolkit.errors import ReportError
from toolkit.report.rendering.cells import Qmd, read_qmd
from toolkit.report.rendering.front_matter import project_folder
from toolkit.report.rendering.kernel import ANSI
from toolkit.report.rendering.parameters import injected_code

ASSETS = Path(__file__).parent / "assets"
# Cells run in the original folder, so only what Quarto itself reads is copied.
COPIED = {
    ".qmd", ".md", ".yml", ".yaml", ".bib", ".csl", ".json", ".scss", ".css", ".lua",
    ".png", ".jpg", ".jpeg", ".svg", ".gif", ".webp",
}  # fmt: skip
METADATA = {
    "format": {
        "html": {
            "theme": {"light": ["default", "light.scss"], "dark": ["default", "dark.scss"]},
            "respect-user-color-scheme": True,
            "html-math-method": "mathml",
        }
    }
}
CELL_FAILURE = re.compile(r"^-{10,}\n(?P<code>.*?)\n-{10,}$", re.DOTALL | re.MULTILINE)
RAISED = re.compile(r"^(?P<name>[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit)): ?(?P<text>.*)$")


def quarto_version() -> str | None:
    """Return the version of the Quarto that runs here, or None."""
    command = _executable()
    if command is None:
        return None
    try:
        done = subprocess.run(
            [command, "--version"], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = done.stdout.strip()
    return version if done.returncode == 0 and re.match(r"\d+\.\d+", version) else None


def render_quarto(document: Path, page: Path, parameters: dict[str, str], after_body: Path) -> None:
    """Write ``document`` to ``page`` as HTML.

    Parameters
    ----------
    after_body
        HTML snippet put at the end of the page.
    """
    qmd = _read_if_possible(document)
    if qmd is not None:
        injected_code(qmd, parameters)  # raises on a parameter that the document does not have
    with tempfile.TemporaryDirectory(prefix="report-quarto-") as name:
        copy = _copy_sources(document, Path(name))
        done = _quarto_render(document, copy, parameters, after_body)
        report = ANSI.sub("", done.stdout + done.stderr)
        if done.returncode:
            raise _failure(document, qmd, report)
        made = copy.with_suffix(".html")
        if not made.is_file():
            raise ReportError(f"{document.name}: Quarto wrote no page. It said:\n{report.strip()}")
        text = made.read_text(encoding="utf-8")
        _raise_on_unresolved(document, qmd, text, report)
        page.write_text(text, encoding="utf-8")


def _executable() -> str | None:
    # quarto-cli puts its command next to the interpreter, which need not be on PATH.
    beside = str(Path(sys.executable).parent)
    return shutil.which("quarto") or shutil.which("quarto", path=beside)


def _read_if_possible(document: Path) -> Qmd | None:
    """Return the document taken apart; None when it uses what only Quarto can render."""
    try:
        return read_qmd(document, project_folder(document))
    except ReportError:
        return None


def _copy_sources(document: Path, target: Path) -> Path:
    """Copy what Quarto reads and return the document's place in the copy."""
    project = project_folder(document) or document.parent
    for file in sorted(project.rglob("*")):
        relative = file.relative_to(project)
        hidden = any(part.startswith(".") or part == "_site" for part in relative.parts)
        if not hidden and file.is_file() and file.suffix.lower() in COPIED:
            (target / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target / relative)
    copy = target / document.relative_to(project)
    for name in ("light.scss", "dark.scss"):
        shutil.copyfile(ASSETS / name, copy.parent / name)
    metadata = copy.parent / "_toolkit-metadata.json"
    metadata.write_text(json.dumps(METADATA), encoding="utf-8")
    return copy


def _quarto_render(
    document: Path, copy: Path, parameters: dict[str, str], after_body: Path
) -> subprocess.CompletedProcess[str]:
    command = [_executable() or "quarto", "render", copy.name, "--to", "html"]
    command += ["-M", "embed-resources:true", "--metadata-file", "_toolkit-metadata.json"]
    command += ["--include-after-body", str(after_body), "--output", f"{copy.stem}.html"]
    command += ["--execute-dir", str(document.parent)]
    for name, value in parameters.items():
        command += ["-P", f"{name}:{value}"]
    env = {**os.environ, "QUARTO_PYTHON": sys.executable}
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", cwd=copy.parent, env=env,
        check=False,
    )  # fmt: skip


def _failure(document: Path, qmd: Qmd | None, report: str) -> ReportError:
    """Return our error for Quarto's report, with the cell and line where they can be found."""
    raised = [match for match in map(RAISED.match, report.splitlines()) if match]
    shown = CELL_FAILURE.search(report)
    cells = qmd.cells if qmd is not None and shown else []
    code = re.sub(r"^#\|.*\n?", "", shown["code"], flags=re.MULTILINE).strip() if shown else ""
    cell = next((cell for cell in cells if cell.code.strip() == code), None)
    if cell is None or not raised:
        error = ReportError(f"{document.name}: Quarto failed. It said:\n{report.strip()[-2000:]}")
    else:
        what = f"{raised[-1]['name']}: {raised[-1]['text']}".rstrip(": ")
        error = ReportError(f"{cell.opening.where}: cell '{cell.label}' failed with {what}")
    error.add_note(report)
    return error


def _raise_on_unresolved(document: Path, qmd: Qmd | None, page: str, report: str) -> None:
    """Raise on references that Quarto left open; it exits with 0 all the same."""
    references = re.findall(r"Unable to resolve crossref @([\w:-]+)", report)
    references += re.findall(r"<strong>\?@([\w:-]+)</strong>", page)
    citations = re.findall(r"citation (\S+) not found", report, re.IGNORECASE)
    citations += re.findall(r'<span class="citation"[^>]*>[^<]*<strong>([^<?]+)\?</strong>', page)

    def where(key: str) -> str:
        return qmd.locate(key) if qmd is not None else document.name

    problems = [f"{where(key)}: unresolved cross-reference '@{key}'" for key in references]
    missing = "is not in the bibliography."
    problems += [f"{where(key)}: citation '@{key}' {missing}" for key in citations]
    if problems:
        raise ReportError("\n".join(dict.fromkeys(problems)))
