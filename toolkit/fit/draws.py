"""Keep the draws of a fit with their provenance, and never sample the same thing twice.

Draws lie in the cache under a hash of the
scores, the model's source, priors, settings and library versions: changed input means a new fit.
"""

import hashlib
import json
import platform
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import xarray as xr

from toolkit.fit.code import model_text
from toolkit.fit.fitted_design import adaptations, design_of
from toolkit.fit.sampling import PLAIN, FitSettings, Variation, compiled_model
from toolkit.models import MODELS
from toolkit.models.design import Design
from toolkit.models.model import Model
from toolkit.paths import atomic_path
from toolkit.study.scores import Scores

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
