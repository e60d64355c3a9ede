"""Values given to a document from outside: they override its cell tagged ``parameters``."""

import ast
from typing import Any

from toolkit.errors import ReportError, did_you_mean
from toolkit.report.rendering.cells import Cell, Qmd, read_yaml


def parameters_cell(qmd: Qmd) -> Cell | None:
    """Return the cell tagged ``parameters``."""
    cells = [cell for cell in qmd.cells if "parameters" in cell.options.get("tags", [])]
    if len(cells) > 1:
        raise ReportError(f"{cells[1].opening.where}: a second cell tagged 'parameters'.")
    return cells[0] if cells else None


def injected_code(qmd: Qmd, parameters: dict[str, str]) -> str:
    """Return the assignments to run after the parameters cell.

    Values are read as YAML, as Quarto's ``-P name:value`` does: ``4`` is a number.
    """
    cell = parameters_cell(qmd)
    if not parameters:
        return ""
    if cell is None:
        raise ReportError(f"{qmd.file.name}: parameters given, but no cell is tagged 'parameters'.")
    known = _assigned_names(cell)
    lines = []
    for name, text in parameters.items():
        if name not in known:
            raise ReportError(
                f"{cell.opening.where}: no parameter '{name}'{did_you_mean(name, known)}; "
                f"the cell sets {', '.join(known) or 'nothing'}."
            )
        value: Any = read_yaml(str(text), f"parameter {name}", 1)
        lines.append(f"{name} = {value!r}")
    return "\n".join(lines)


def _assigned_names(cell: Cell) -> list[str]:
    try:
        tree = ast.parse(cell.code)
    except SyntaxError as error:
        line = cell.lines[(error.lineno or 1) - 1]
        raise ReportError(
            f"{line.where}: cell '{cell.label}' failed with SyntaxError: {error.msg}"
        ) from error
    targets: list[ast.expr] = []
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            targets += statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets.append(statement.target)
    return [target.id for target in targets if isinstance(target, ast.Name)]
