"""Sample a model, keep the draws with their provenance, and never sample the same thing twice.

``fit_model`` gives an xarray ``DataTree`` with the groups ``posterior``, ``sample_stats`` and
``log_likelihood`` whatever library generation made it. Draws lie in the cache under a hash of the
scores, the model's source, priors, settings and library versions: changed input means a new fit.
"""

import ast
import hashlib
import inspect
import json
import platform
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import nutpie
import pymc as pm
import xarray as xr

from toolkit import models
from toolkit.claims import ARM_LABELS
from toolkit.errors import FitError
from toolkit.models import design as design_module
from toolkit.models import likelihood, priors, step
from toolkit.models.design import Design, build_design
from toolkit.paths import atomic_path
from toolkit.scores import Scores

LIBRARIES = ("pymc", "pytensor", "nutpie", "numba", "numpy")
GROUPS = ("posterior", "sample_stats", "log_likelihood")
# What the draws are made from; a change in any of these files is a new model.
MODEL_SOURCES = (design_module, likelihood, priors, step)


@dataclass(frozen=True)
class FitSettings:
    """How to sample; ``draws`` and ``tune`` are per chain."""

    draws: int
    tune: int
    chains: int
    target_accept: float
    random_seed: int


@dataclass(frozen=True)
class Fitted:
    """Draws with what made them. ``reused`` says that they came from the cache."""

    idata: xr.DataTree
    design: Design
    reused: bool
    provenance: dict[str, Any]


def fit_hash(scores: Scores, model: str, settings: FitSettings) -> str:
    """Return the content hash that names the draws of a fit."""
    parts = [
        scores.frame.to_csv(index=False, float_format="%.10g"),
        model,
        " ".join(ARM_LABELS),
        *(code_of(module) for module in MODEL_SOURCES),
        json.dumps(asdict(settings), sort_keys=True),
        json.dumps({name: version(name) for name in LIBRARIES}),
        f"{sys.version_info.major}.{sys.version_info.minor} {platform.machine()}",
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]


def is_fitted(scores: Scores, model: str, settings: FitSettings, cache: Path) -> bool:
    """Return whether the draws of a fit lie in the cache."""
    return _draws_file(cache, fit_hash(scores, model, settings)).exists()


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
    scores: Scores, model: str, settings: FitSettings, cache: Path, *, progress: bool = False
) -> Fitted:
    """Return the draws of ``model`` for a table of scores, from the cache where they lie there.

    Raises
    ------
    FitError
        When the table does not suit the model or sampling fails.
    """
    design = build_design(scores)
    key = fit_hash(scores, model, settings)
    path = _draws_file(cache, key)
    if path.exists():
        idata = xr.load_datatree(path, engine="h5netcdf")
        return Fitted(idata, design, True, json.loads(idata.attrs["provenance"]))
    built = models.MODELS[model](design)
    idata = sample(built, design, settings, progress=progress)
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
    return Fitted(idata, design, False, provenance)


def sample(
    model: pm.Model, design: Design, settings: FitSettings, *, progress: bool = False
) -> xr.DataTree:
    """Return posterior draws of a model, with the jumps drawn and the log-likelihood by task."""
    try:
        with _without_blas_warning():
            compiled = nutpie.compile_pymc_model(model, backend="numba")
    except Exception as error:
        msg = f"the model could not be compiled: {type(error).__name__}: {error}"
        raise FitError(msg) from error
    return sample_compiled(compiled, model, design, settings, progress=progress)


def sample_compiled(
    compiled: Any,
    model: pm.Model,
    design: Design,
    settings: FitSettings,
    *,
    progress: bool = False,
) -> xr.DataTree:
    """Return draws from a model that is compiled already (nutpie's compiled model)."""
    options: dict[str, Any] = {
        "draws": settings.draws,
        "tune": settings.tune,
        "chains": settings.chains,
        "target_accept": settings.target_accept,
        "seed": settings.random_seed,
        "save_warmup": False,
        "progress_bar": progress,
    }
    try:
        trace = nutpie.sample(compiled, **options)
        with model, _without_blas_warning():
            # On PyMC 5 this takes the InferenceData only, hence before the conversion.
            pm.compute_log_likelihood(trace, model=model, progressbar=False)
    except (RuntimeError, ValueError) as error:
        msg = f"sampling failed: {type(error).__name__}: {error}"
        raise FitError(msg) from error
    return _with_jump_draws(_as_datatree(trace), design, settings.random_seed)


@contextmanager
def _without_blas_warning() -> Iterator[None]:
    """Silence PyTensor on pip installs, which have no BLAS: sampling does not use it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="PyTensor could not link to a BLAS")
        yield


def _as_datatree(trace: Any) -> xr.DataTree:
    """Return the sampler's result as a DataTree; InferenceData (ArviZ < 1) is turned into one."""
    groups = {}
    for name in GROUPS:
        group = trace[name]
        groups[name] = group.to_dataset() if isinstance(group, xr.DataTree) else group
    return xr.DataTree.from_dict(groups)


def _with_jump_draws(idata: xr.DataTree, design: Design, random_seed: int) -> xr.DataTree:
    """Return the draws with gap and presence drawn for each, and without what they came from."""
    posterior = idata["posterior"].to_dataset()
    jumps = step.draw_jumps(
        posterior["gain"].to_numpy(),
        posterior["jump_share"].to_numpy(),
        design,
        np.random.default_rng(random_seed),
    )
    lead = ("chain", "draw", "task")
    posterior = posterior.assign(
        jump_gap=(lead, jumps.gap),
        jump_present=((*lead, "arm"), jumps.present),
        jump_probability=((*lead, "arm"), jumps.probability),
    ).drop_vars("gain")
    # Effects are kept; their standardised and unconstrained forms say the same twice.
    twice = [name for name in posterior if str(name).endswith("__") or str(name).startswith("z_")]
    groups = {name: idata[name].to_dataset() for name in GROUPS if name != "posterior"}
    kept = posterior.drop_vars(twice)
    # Single precision halves the files; its rounding is far below any Monte Carlo error.
    floats = {name: v.astype("float32") for name, v in kept.items() if v.dtype.kind == "f"}
    return xr.DataTree.from_dict({"posterior": kept.assign(floats), **groups})
