"""Keep the draws of a fit with their provenance, and never sample the same thing twice.

Draws lie in the cache under a hash of the
scores, the model's source, priors, settings and library versions: changed input means a new fit.
"""

import ast
import hashlib
import inspect
import json
import platform
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import xarray as xr

from toolkit.claims import ARM_LABELS
from toolkit.fitted_design import adaptations, design_of
from toolkit.models import MODELS
from toolkit.models.design import Design
from toolkit.models.model import Model
from toolkit.paths import atomic_path
from toolkit.sampling import PLAIN, FitSettings, Variation, compiled_model
from toolkit.scores import Scores

LIBRARIES = ("pymc", "pytensor", "nutpie", "numba", "numpy")


@dataclass(frozen=True)
class Fitted:
    """Draws with what made them. ``reused`` says that they came from the cache."""

    idata: xr.DataTree
    design: Design
    model: Model
    reused: bool
    provenance: dict[str, Any]


def fit_hash(
    scores: Scores, model: str, settings: FitSettings, variation: Variation = PLAIN
) -> str:
    """Return the content hash that names the draws of a fit."""
    parts = [
        scores.frame.to_csv(index=False, float_format="%.10g"),
        model_text(model),
        json.dumps(asdict(settings), sort_keys=True),
        variation.fingerprint,
        json.dumps({name: version(name) for name in LIBRARIES}),
        f"{sys.version_info.major}.{sys.version_info.minor} {platform.machine()}",
        *adaptations(scores),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]


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
    return [found[name] for name in sorted(found)]


def _parts(model: str) -> tuple[Any, Any]:
    return MODELS[model].curve, MODELS[model].step


def _imported_models(module: ModuleType) -> list[str]:
    """Return the modules of ``toolkit.models`` that a module imports from."""
    nodes = ast.walk(ast.parse(inspect.getsource(module)))
    names = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return [name for name in names if name.startswith("toolkit.models.")]


def is_fitted(
    scores: Scores,
    model: str,
    settings: FitSettings,
    cache: Path,
    variation: Variation = PLAIN,
) -> bool:
    """Return whether the draws of a fit lie in the cache."""
    return _draws_file(cache, fit_hash(scores, model, settings, variation)).exists()


def _draws_file(cache: Path, key: str) -> Path:
    return cache / "draws" / f"{key}.nc"


def code_of(module: ModuleType) -> str:
    """Return a module's code without comments and docstrings: words do not change a model."""
    tree = ast.parse(inspect.getsource(module))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_docstring(body[0]):
            node.body = body[1:] or [ast.Pass()]  # pyright: ignore[reportAttributeAccessIssue]
    return ast.unparse(tree)


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def fit_model(
    scores: Scores,
    model: str,
    settings: FitSettings,
    cache: Path,
    variation: Variation = PLAIN,
    *,
    progress: bool = False,
) -> Fitted:
    """Return the draws of ``model`` for a table of scores, from the cache where they lie there.

    Raises
    ------
    FitError
        When the table does not suit the model or sampling fails.
    """
    design = design_of(scores)
    key = fit_hash(scores, model, settings, variation)
    path = _draws_file(cache, key)
    if path.exists():
        idata = xr.load_datatree(path, engine="h5netcdf")
        return Fitted(idata, design, MODELS[model], True, json.loads(idata.attrs["provenance"]))
    compiled = compiled_model(MODELS[model], design)
    idata = compiled.sample(design, settings, variation, progress=progress)
    provenance = {
        "hash": key,
        "model": model,
        "settings": asdict(settings),
        "versions": {name: version(name) for name in LIBRARIES},
        "python": platform.python_version(),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    idata.attrs["provenance"] = json.dumps(provenance)
    with atomic_path(path) as temporary:
        idata.to_netcdf(temporary, engine="h5netcdf")
    return Fitted(idata, design, MODELS[model], False, provenance)
