"""Effective draws per second of the toolkit's fit and of PyMC's own sampler, on one model and data.

The toolkit samples with nutpie on numba-compiled code; ``pm.sample`` runs PyMC's NUTS as a user
calls it, with its default backend. What counts is the worst mixing of everything that is reported:
the jumps' probabilities and the model's unknowns. Runs alternate in one process.
"""

import os
import time
from typing import Any, NamedTuple

import numpy as np
import pymc as pm
import typer
import xarray as xr
from pytensor.compile.mode import get_default_mode

from benchmarks import studies
from benchmarks.machine import Benchmark, ModelOption, QuickOption, SeedOption
from toolkit.cli.terminal import step_by_step
from toolkit.fit.diagnose import measure_mixing
from toolkit.fit.sampling import CompiledModel, FitSettings, with_jumps
from toolkit.models import MODELS
from toolkit.models.design import Design, build_design
from toolkit.models.model import Model

TARGET = 5.0


class Run(NamedTuple):
    """Draws (as the toolkit keeps them), gradients taken, and where the seconds went."""

    posterior: xr.Dataset
    stats: xr.Dataset
    sampling_seconds: float
    other_seconds: float  # building, compiling, tidying


def main(
    quick: QuickOption = False,
    seed: SeedOption = 1,
    model: ModelOption = "step",
    draws: int = typer.Option(500, help="Draws per chain."),
    tune: int = typer.Option(500, help="Tuning steps per chain."),
    chains: int = typer.Option(4, help="Chains, over as many cores as there are."),
    target_accept: float = typer.Option(0.95, help="As in the full fit of Lu et al. 2024."),
    repeats: int = typer.Option(1, help="Pairs of runs, with seeds that follow."),
) -> None:
    """Compare the default fit with PyMC's own NUTS by bulk ESS per second.

    Example: python -m benchmarks.sampler --draws 1000 --tune 1000
    """
    benchmark = Benchmark(
        "sampler", "How many effective draws a second, against PyMC's own sampler?", quick=quick
    )
    if quick:
        draws, tune, chains, repeats = 30, 40, 2, 1
    design = build_design(studies.small() if quick else studies.lu2024())
    results: list[dict[str, Any]] = []
    with step_by_step("sampler") as tell:
        for number in range(repeats):
            settings = FitSettings(draws, tune, chains, target_accept, seed + number)
            fit = summary(run_toolkit(MODELS[model], design, settings))
            tell(f"toolkit, seed {settings.random_seed}")
            own = summary(run_pymc(MODELS[model], design, settings))
            tell(f"PyMC, seed {settings.random_seed}")
            results.append({"toolkit": fit, "pymc": own, "ratios": ratios(fit, own)})
    ratio = float(np.median([r["ratios"]["min_ess_per_sampling_second"] for r in results]))
    print(f"minimum bulk ESS a second of sampling: {ratio:.1f} times that of PyMC's NUTS")
    benchmark.keep(
        {
            "model": model,
            "study": "small" if quick else "lu2024",
            "draws": draws,
            "tune": tune,
            "chains": chains,
            "cores": cores(chains),
            "target_accept": target_accept,
            "seed": seed,
            "pymc_linker": type(get_default_mode().linker).__name__,
        },
        {"runs": results, "median_ratio_of_min_ess_per_sampling_second": ratio},
        {f"ESS a second of sampling at least {TARGET:g} times PyMC's": ratio >= TARGET},
    )


def cores(chains: int) -> int:
    """Return on how many cores both samplers run their chains."""
    return min(chains, os.cpu_count() or 1)


def run_toolkit(model: Model, design: Design, settings: FitSettings) -> Run:
    """Return a run of the toolkit's default fit, compiled anew."""
    began = time.perf_counter()
    compiled = CompiledModel(model, design)
    compiled_at = time.perf_counter()
    idata = compiled.sample(design, settings)
    done = time.perf_counter()
    return Run(
        idata["posterior"].to_dataset(),
        idata["sample_stats"].to_dataset(),
        done - compiled_at,
        compiled_at - began,
    )


def run_pymc(model: Model, design: Design, settings: FitSettings) -> Run:
    """Return a run of ``pm.sample``; its own clock says how long the sampling took."""
    began = time.perf_counter()
    with model.build(design):
        idata = pm.sample(
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            cores=cores(settings.chains),
            target_accept=settings.target_accept,
            random_seed=settings.random_seed,
            nuts_sampler="pymc",
            progressbar=False,
            compute_convergence_checks=False,
        )
    total = time.perf_counter() - began
    posterior = _dataset(idata["posterior"])
    sampling = float(posterior.attrs["sampling_time"])
    if model.jumps:
        posterior = with_jumps(posterior, model, design, settings.random_seed)
    hidden = [n for n in posterior if str(n).startswith("z_") or str(n).endswith("__")]
    kept = posterior.drop_vars([*hidden, "task_log_likelihood"], errors="ignore")
    return Run(kept, _dataset(idata["sample_stats"]), sampling, total - sampling)


def _dataset(group: Any) -> xr.Dataset:
    return group.to_dataset() if isinstance(group, xr.DataTree) else group


def summary(run: Run) -> dict[str, Any]:
    """Return the worst mixing of a run and what it cost."""
    mixing = measure_mixing(run.posterior)
    ess = {str(name): float(values.min()) for name, values in mixing.ess_bulk.items()}
    every = np.concatenate([np.ravel(values) for values in mixing.ess_bulk.values()])
    worst = min(ess, key=lambda name: ess[name])
    return {
        "quantities": every.size,
        "min_ess_bulk": ess[worst],
        "worst_quantity": worst,
        "min_ess_bulk_of_jump_probability": ess.get("jump_probability"),
        "median_ess_bulk": float(np.median(every)),
        "max_rhat": max(float(values.max()) for values in mixing.rhat.values()),
        "divergent_draws": int(run.stats["diverging"].sum()),
        "gradients_per_draw": float(run.stats["n_steps"].mean()),
        "sampling_seconds": run.sampling_seconds,
        "compiling_and_other_seconds": run.other_seconds,
        "min_ess_per_sampling_second": ess[worst] / run.sampling_seconds,
        "median_ess_per_sampling_second": float(np.median(every)) / run.sampling_seconds,
        "min_ess_per_second_with_compiling": ess[worst]
        / (run.sampling_seconds + run.other_seconds),
    }


def ratios(fit: dict[str, Any], own: dict[str, Any]) -> dict[str, float]:
    """Return how many times better the toolkit's run is."""
    if fit["quantities"] != own["quantities"]:
        msg = f"got {fit['quantities']} and {own['quantities']} quantities, expected the same."
        raise ValueError(msg)
    names = [name for name in fit if "_per_" in name and name.split("_per_")[0].endswith("ess")]
    more = {name: fit[name] / own[name] for name in names}
    return more | {"sampling_seconds": own["sampling_seconds"] / fit["sampling_seconds"]}


if __name__ == "__main__":
    typer.run(main)
