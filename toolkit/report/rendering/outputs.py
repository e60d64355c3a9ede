"""Turn what a cell gave into Markdown, in the arrangement Quarto gives it."""

import ast
import base64
import hashlib
import html
import re
from pathlib import Path
from typing import Any

from toolkit.errors import ReportError
from toolkit.report.rendering.cells import Cell
from toolkit.report.rendering.kernel import ANSI

# Escaped so that a string shown inline comes out as the text it is.
SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!~^$@|&])")
BLANK_LINE = "\n\n"
IMAGES = {"image/png": "png", "image/jpeg": "jpg"}


def cell_markdown(cell: Cell, options: dict[str, Any], outputs: list[Any], folder: Path) -> str:
    """Return a cell's code (if echoed), outputs and caption.

    Parameters
    ----------
    options
        The cell's options with the document's defaults filled in.
    folder
        Where images are written for pandoc to embed.
    """
    if not options["include"]:
        return ""
    parts = [_code(cell, options)] if options["echo"] and cell.code.strip() else []
    shown = [_output(output, cell, options, folder) for output in outputs]
    body = "\n\n".join(part for part in shown if part)
    float_label = cell.label.startswith(("fig-", "tbl-"))
    caption = options.get("fig-cap") or options.get("tbl-cap")
    if caption and options["eval"] and options["output"] is not False:
        if not body:
            raise ReportError(
                f"{cell.opening.where}: cell '{cell.label}' has a caption but shows nothing."
            )
        kind = "fig" if "fig-cap" in options else "tbl"
        identifier = f"#{cell.label} " if float_label else ""
        words = " ".join(str(caption).split())
        body = _div(f"{identifier}.cell-float kind={kind}", f"{body}\n\n{words}")
    if body:
        parts.append(body)
    if options["output"] == "asis" and not options["echo"] and not caption:
        return f"\n\n{body}\n\n"
    identifier = f"#{cell.label} " if "label" in cell.options and not float_label else ""
    return f"\n\n{_div(identifier + '.cell', BLANK_LINE.join(parts))}\n\n" if parts else ""


def inline_markdown(outputs: list[Any], where: str) -> str:
    """Return the Markdown for an inline expression's value."""
    for output in outputs:
        if output.output_type != "execute_result":
            continue
        data = output.data
        if "text/markdown" in data:
            return data["text/markdown"].strip()
        return SPECIAL.sub(r"\\\1", _plain(data.get("text/plain", "")))
    raise ReportError(f"{where}: this inline expression gives no value.")


def _plain(shown: str) -> str:
    """Return the text of a value as IPython shows it: a string without its quotes."""
    if shown[:1] not in ("'", '"'):
        return shown
    try:
        return " ".join(str(ast.literal_eval(shown)).split("\n"))
    except (SyntaxError, ValueError):
        return shown


def _div(attributes: str, body: str) -> str:
    return f"::: {{{attributes}}}\n{body}\n:::"


def _fenced(text: str, attributes: str) -> str:
    ticks = max((len(run) for run in re.findall(r"`{3,}", text)), default=2) + 1
    fence = "`" * ticks
    return f"{fence}{attributes}\n{text}\n{fence}"


def _code(cell: Cell, options: dict[str, Any]) -> str:
    block = _fenced(cell.code.strip("\n"), "{.python .cell-code}")
    if options["code-fold"] is False:
        return block
    state = " open" if options["code-fold"] == "show" else ""
    summary = html.escape(str(options["code-summary"]))
    opening = _fenced(f'<details class="code-fold"{state}><summary>{summary}</summary>', "{=html}")
    return f"{opening}\n\n{block}\n\n{_fenced('</details>', '{=html}')}"


def _output(output: Any, cell: Cell, options: dict[str, Any], folder: Path) -> str:
    if output.output_type == "error":
        text = ANSI.sub("", "\n".join(output.traceback))
        return _div(".cell-output .cell-output-error", _fenced(text, ""))
    if options["output"] is False:
        return ""
    if output.output_type == "stream":
        return _stream(output, options)
    shown = _display(output.data, cell, folder)
    if options["output"] == "asis":
        return shown
    return _div(".cell-output .cell-output-display", shown)


def _stream(output: Any, options: dict[str, Any]) -> str:
    if output.name == "stderr" and not options["warning"]:
        return ""
    if output.name == "stdout" and options["output"] == "asis":
        return output.text
    text = ANSI.sub("", output.text).rstrip("\n")
    return _div(f".cell-output .cell-output-{output.name}", _fenced(text, ""))


def _display(data: dict[str, Any], cell: Cell, folder: Path) -> str:
    if "text/markdown" in data:
        return data["text/markdown"]
    for mime, suffix in IMAGES.items():
        if mime in data:
            content = base64.b64decode(data[mime])
            image = folder / f"{hashlib.sha256(content).hexdigest()[:16]}.{suffix}"
            image.write_bytes(content)
            # Without alt text of its own, an image is described by its caption.
            words = cell.options.get("fig-cap", "Figure without description")
            return f'![]({image.as_posix()}){{alt="{html.escape(words)}"}}'
    if "text/latex" in data:
        return data["text/latex"]
    other = [mime for mime in data if mime != "text/plain"]
    if other:
        raise ReportError(
            f"{cell.opening.where}: cell '{cell.label}' shows {other[0]}, which would need "
            "scripts from outside; show tables with show_html and charts with show_chart."
        )
    return _fenced(ANSI.sub("", data.get("text/plain", "")), "")
