"""Studies with draws of the prior in place of a fit: pages of full size, and nothing is sampled.

The numbers on such pages mean nothing.
"""

import json
from dataclasses import asdict

import numpy as np
import xarray as xr

from toolkit import paths
from toolkit.analysis.study_folder import StudyFolder
from toolkit.fit.draws import LIBRARIES, fit_hash
from toolkit.fit.fitted_design import design_of
from toolkit.predictive.prior_predictive import prior_draws

N_CHAINS, N_DRAWS = 2, 400


def draws_of(source: StudyFolder) -> xr.DataTree:
    """Return draws of the prior as those of a fit, with the groups that a fit has."""
    design = design_of(source.record)
    posterior = prior_draws(design, N_DRAWS, 5, N_CHAINS)
    floats = {n: v.astype("float32") for n, v in posterior.items() if v.dtype.kind == "f"}
    rng = np.random.default_rng(6)
    lead = ("chain", "draw")
    shape = (N_CHAINS, N_DRAWS)
    stats = xr.Dataset(
        {"diverging": (lead, np.zeros(shape, bool)), "energy": (lead, rng.normal(size=shape))}
    )
    likelihood = xr.Dataset(
        {"n_correct": ((*lead, "task"), -rng.random((*shape, len(design.tasks))))}
    )
    return xr.DataTree.from_dict(
        {
            "posterior": posterior.assign(floats),
            "sample_stats": stats,
            "log_likelihood": likelihood,
        }
    )


def keep_draws(source: StudyFolder) -> None:
    """Put the draws into the cache where a full fit of the study looks for its own."""
    plan = source.plan
    key = fit_hash(source.record, plan.model, plan.full)
    idata = draws_of(source)
    made = {
        "hash": key,
        "model": plan.model,
        "settings": asdict(plan.full),
        "versions": dict.fromkeys(LIBRARIES, "1.0"),
        "python": "3.11.7",
        "made": "2026-01-01T00:00:00+00:00",
    }
    idata.attrs["provenance"] = json.dumps(made)
    path = paths.cache_dir() / "draws" / f"{key}.nc"
    path.parent.mkdir(parents=True, exist_ok=True)
    idata.to_netcdf(path, engine="h5netcdf")
