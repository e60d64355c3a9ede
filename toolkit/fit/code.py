"""The code that something was made by, as text to hash: what is kept counts while it is the same.

Words do not change a result, nor does the folder that a module lies in: comments and docstrings
are left out, and of the toolkit's own modules all but their last name. Their imports stand sorted
at the end, as their order follows from their folders.
"""

import ast
import inspect
import sys
from functools import cache
from types import ModuleType
from typing import Any, TypeGuard

from toolkit.fit.sampling import FitSettings
from toolkit.models import MODELS
from toolkit.study.claims import ARM_LABELS


def model_text(model: str) -> str:
    """Return everything that makes a model another one: its settings and its code."""
    settings = [f"{type(part).__name__} {vars(part)}" for part in _parts(model)]
    code = [code_of(module) for module in model_sources(model)]
    return "\n".join([*settings, " ".join(ARM_LABELS), *code])


def model_sources(model: str) -> list[ModuleType]:
    """Return the modules that make a model's draws: sampling, curve, step, and what they import."""
    waiting = [FitSettings.__module__, *(type(part).__module__ for part in _parts(model))]
    found: dict[str, ModuleType] = {}
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = sys.modules[name]
            waiting += _imported_models(found[name])
    return [found[name] for name in sorted(found, key=lambda name: name.rpartition(".")[2])]


def _parts(model: str) -> tuple[Any, Any]:
    return MODELS[model].curve, MODELS[model].step


@cache
def _imported_models(module: ModuleType) -> list[str]:
    """Return the modules of ``toolkit.models`` that a module imports from."""
    nodes = ast.walk(ast.parse(inspect.getsource(module)))
    names = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return [name for name in names if name.startswith("toolkit.models.")]


@cache
def code_of(module: ModuleType) -> str:
    """Return a module's code without comments, docstrings and the toolkit's folders."""
    return code_in(inspect.getsource(module))


def code_in(source: str) -> str:
    """Return the same of a module's text."""
    tree = ast.parse(source)
    own = [node for node in tree.body if _is_own_import(node)]
    tree.body = [node for node in tree.body if node not in own]
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_docstring(body[0]):
            node.body = body[1:] or [ast.Pass()]  # pyright: ignore[reportAttributeAccessIssue]
    return "\n".join([ast.unparse(tree), *sorted(map(_without_folders, own))])


def _is_own_import(node: ast.stmt) -> TypeGuard[ast.ImportFrom]:
    return isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "toolkit"


def _without_folders(node: ast.ImportFrom) -> str:
    """Return an import of the toolkit's own: the last name of the module, what it gives, sorted."""
    names = sorted(f"{each.name} as {each.asname or each.name}" for each in node.names)
    return f"from {(node.module or '').rpartition('.')[2]} import {', '.join(names)}"


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
