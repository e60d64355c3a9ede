"""The embedded route: nbclient runs the cells, pandoc writes the page through one Lua filter."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from toolkit.errors import ReportError
from toolkit.report.rendering.cell_options import effective
from toolkit.report.rendering.cells import Cell, Inline, Prose, Qmd, read_qmd
from toolkit.report.rendering.front_matter import Settings, project_folder, read_settings
from toolkit.report.rendering.kernel import Kernel, failure, start_kernel
from toolkit.report.rendering.outputs import cell_markdown, inline_markdown
from toolkit.report.rendering.parameters import injected_code, parameters_cell

ASSETS = Path(__file__).parent / "assets"
FILTER = Path(__file__).parent / "crossrefs.lua"
# Front matter is parsed by us; a stray '---' block in the text must stay text.
READER = "markdown-yaml_metadata_block"
FILTER_ERROR = "crossrefs: "


def render_embedded(
    document: Path, page: Path, parameters: dict[str, str], after_body: Path
) -> None:
    """Write ``document`` to ``page`` as HTML.

    Parameters
    ----------
    after_body
        HTML snippet put at the end of the page.
    """
    project = project_folder(document)
    qmd = read_qmd(document, project)
    settings = read_settings(qmd, project)
    injected = injected_code(qmd, parameters)
    with tempfile.TemporaryDirectory(prefix="report-") as name:
        scratch = Path(name)
        markdown = _run(qmd, settings, injected, scratch)
        _write_html(qmd, settings, markdown, scratch, page, after_body)


def pandoc_version() -> str:
    """Return the version of the bundled pandoc."""
    return subprocess.run(
        [_pandoc(), "--version"], capture_output=True, text=True, check=True
    ).stdout.split()[1]


def _pandoc() -> str:
    import pypandoc

    # The wheel's own binary: a pandoc found on PATH could be any version.
    name = "pandoc.exe" if sys.platform == "win32" else "pandoc"
    return str(Path(str(pypandoc.__file__)).parent / "files" / name)


def _run(qmd: Qmd, settings: Settings, injected: str, scratch: Path) -> str:
    """Return the document as Markdown, with what its code gave in place of the code."""
    if not any(isinstance(piece, Cell | Inline) for piece in qmd.pieces):
        return "".join(piece.text for piece in qmd.pieces if isinstance(piece, Prose))
    parts = []
    with start_kernel(qmd.file.parent, scratch) as kernel:
        for piece in qmd.pieces:
            if isinstance(piece, Prose):
                parts.append(piece.text)
            elif isinstance(piece, Inline):
                parts.append(_inline(kernel, piece))
            else:
                options = effective(piece.options, settings.cell_defaults)
                outputs = _cell_outputs(kernel, piece, options)
                parts.append(cell_markdown(piece, options, outputs, scratch))
                if injected and piece is parameters_cell(qmd):
                    _raise_on_error(piece, kernel.run(injected, piece.opening.where))
    return "".join(parts)


def _cell_outputs(kernel: Kernel, cell: Cell, options: dict[str, Any]) -> list[Any]:
    if not options["eval"] or not cell.code.strip():
        return []
    outputs = kernel.run(cell.code, cell.opening.where)
    if not options["error"]:
        _raise_on_error(cell, outputs)
    return outputs


def _inline(kernel: Kernel, inline: Inline) -> str:
    try:
        compile(inline.expression, "inline", "eval")
    except SyntaxError as error:
        raise ReportError(
            f"{inline.line.where}: inline '{inline.expression}' failed with "
            f"SyntaxError: {error.msg}"
        ) from error
    outputs = kernel.run(inline.expression, inline.line.where)
    _raise_on_error(inline, outputs)
    return inline_markdown(outputs, inline.line.where)


def _raise_on_error(piece: Cell | Inline, outputs: list[Any]) -> None:
    for output in outputs:
        if output.output_type == "error":
            raise failure(piece, output)


def _write_html(
    qmd: Qmd, settings: Settings, markdown: str, scratch: Path, page: Path, after_body: Path
) -> None:
    source = scratch / "document.md"
    source.write_text(markdown, encoding="utf-8")
    metadata = {"pagetitle": qmd.file.stem, **settings.metadata}
    if "title" in metadata:
        metadata["pagetitle"] = metadata["title"]
    metadata["number-all-sections"] = settings.number_sections
    metadata_file = scratch / "metadata.json"
    metadata_file.write_text(json.dumps(metadata), encoding="utf-8")
    command = [_pandoc(), str(source), f"--from={READER}", "--to=html5", f"--output={page}"]
    command += ["--standalone", f"--template={ASSETS / 'template.html'}", "--mathml"]
    command += [f"--metadata-file={metadata_file}", f"--include-after-body={after_body}"]
    # Many columns of text: else a long line in a table fixes the widths of all its columns.
    command += ["--wrap=preserve", "--columns=10000", f"--lua-filter={FILTER}", "--citeproc"]
    command += [f"--bibliography={file}" for file in settings.bibliography]
    command += [f"--csl={settings.csl}"] if settings.csl else []
    command += ["--toc", f"--toc-depth={settings.toc_depth}"] if settings.toc else []
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", cwd=qmd.file.parent, check=False
    )
    _raise_on_complaints(qmd, done)


def _raise_on_complaints(qmd: Qmd, done: subprocess.CompletedProcess[str]) -> None:
    """Raise on everything pandoc or the filter complains about: a warning is a wrong page."""
    problems = []
    for line in done.stderr.splitlines():
        missing = re.search(r"Citeproc: citation (\S+) not found", line)
        if missing:
            key = missing[1]
            problems.append(f"{qmd.locate(key)}: citation '@{key}' is not in the bibliography.")
        elif line.startswith(FILTER_ERROR):
            problems.append(_filter_problem(qmd, line.removeprefix(FILTER_ERROR)))
        elif line.startswith("[WARNING]"):
            problems.append(f"{qmd.file.name}: {line.removeprefix('[WARNING] ')}")
    if problems:
        raise ReportError("\n".join(dict.fromkeys(problems)))
    if done.returncode:
        raise ReportError(f"{qmd.file.name}: pandoc failed: {done.stderr.strip()}")


def _filter_problem(qmd: Qmd, text: str) -> str:
    """Put the place in front of what the Lua filter says; ``key|message`` or only a message."""
    key, bar, message = text.partition("|")
    return f"{qmd.locate(key)}: {message}" if bar else f"{qmd.file.name}: {text}"
