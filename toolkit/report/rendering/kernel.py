"""Run a document's cells in a fresh Python kernel of the current interpreter.

The kernel takes nothing from the user's Jupyter or IPython settings and leaves nothing there:
its connection file and profile live in a scratch folder (nbclient keeps its history in memory).
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from traitlets.config import Config

from toolkit.errors import ReportError
from toolkit.report.rendering.cells import Cell, Inline, SourceLine

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class _OwnKernelManager(AsyncKernelManager):
    """Starts the interpreter we run in, whether or not a kernelspec is installed for it."""

    @property
    def kernel_spec(self) -> KernelSpec:
        argv = [sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher"]
        argv += ["-f", "{connection_file}"]
        return KernelSpec(
            argv=argv,
            display_name="Python",
            language="python",
            metadata={"supported_encryption": ["curve"]},
        )


@dataclass
class Kernel:
    """A running kernel; ``run`` executes one source and returns its outputs."""

    client: NotebookClient

    def run(self, source: str, where: str) -> list[Any]:
        """Return the outputs of ``source``; an exception is an output of type ``error``."""
        cell = nbformat.v4.new_code_cell(source)
        self.client.nb.cells.append(cell)
        try:
            self.client.execute_cell(cell, len(self.client.nb.cells) - 1)
        except DeadKernelError as error:
            raise ReportError(
                f"{where}: the Python process ended while running this cell "
                "(out of memory, or a crash in a compiled library)."
            ) from error
        for output in cell.outputs:
            if output.output_type == "error":
                output["execution_count"] = cell.execution_count
        return cell.outputs


@contextmanager
def start_kernel(folder: Path, scratch: Path) -> Iterator[Kernel]:
    """Start a kernel in ``folder``; it ends with the block."""
    config = Config()
    config.KernelManager.connection_file = str(scratch / "kernel.json")
    config.KernelManager.transport_encryption = "auto"
    # The client owns the manager it creates itself, and so ends the kernel with the block.
    client = NotebookClient(
        nbformat.v4.new_notebook(),
        config=config,
        kernel_manager_class=_OwnKernelManager,
        timeout=None,
        allow_errors=True,
        resources={"metadata": {"path": str(folder)}},
    )
    env = {**os.environ, "IPYTHONDIR": str(scratch / "ipython")}
    with ExitStack() as stack:
        try:
            stack.enter_context(client.setup_kernel(env=env))
        except RuntimeError as error:
            raise ReportError(
                f"Python's kernel did not start ({error}); "
                f"is ipykernel installed for {sys.executable}?"
            ) from error
        yield Kernel(client)


def failure(piece: Cell | Inline, error: Any) -> ReportError:
    """Return the error for a failed cell, naming the source line."""
    line = _failing_line(piece, error)
    what = f"cell '{piece.label}'" if isinstance(piece, Cell) else f"inline '{piece.expression}'"
    message = ANSI.sub("", error.evalue)
    raised = ReportError(
        f"{line.where}: {what} failed with {error.ename}: {message}".rstrip(": ").rstrip()
    )
    raised.add_note(ANSI.sub("", "\n".join(error.traceback)))
    return raised


def _failing_line(piece: Cell | Inline, error: Any) -> SourceLine:
    if isinstance(piece, Inline):
        return piece.line
    trace = ANSI.sub("", "\n".join(error.traceback))
    # The line of this very cell: deeper frames are in libraries or in functions of earlier cells.
    own = re.search(rf"Cell In\[{error.execution_count}\],? line:? (\d+)", trace)
    if own is None:
        return piece.lines[0] if piece.lines else piece.opening
    # IPython counts from the first line that is not blank.
    blank = next((at for at, line in enumerate(piece.lines) if line.text.strip()), 0)
    index = int(own[1]) - 1 + blank
    return piece.lines[index] if index < len(piece.lines) else piece.opening
