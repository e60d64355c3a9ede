"""The posterior of M0 by the toolkit (PyMC and nutpie) and by NumPyro, side by side.

Two programs that share nothing but the table and the numbers in the priors must agree: means and
SDs of every shared and every task's unknown, and of the accuracy expected at some sizes in each
arm, within Monte Carlo error, and the SDs within 10% too.
"""

import itertools
from typing import Any

import numpy as np
import typer
import xarray as xr

from benchmarks import studies
from benchmarks.agreement import Z_MAX, compare, furthest, summarise
from benchmarks.machine import Benchmark, QuickOption, SeedOption
from toolkit.cli.terminal import step_by_step
from toolkit.estimands.jumps import curve_of, expected_accuracy
from toolkit.fit.sampling import CompiledModel, FitSettings
from toolkit.models import MODELS
from toolkit.models.design import build_design
from toolkit.study.claims import ARMS
from toolkit.study.scores import Scores

MODEL = "linear"
SIZES = (3e8, 5e9, 1e11)
SD_TOLERANCE = 0.10
BY_TASK = (
    "intercept_effect", "slope_effect", "few_shot_effect", "few_shot_slope_effect",
    "tuned_effect", "tuned_slope_effect", "both_effect", "lapse", "dispersion_sd",
)  # fmt: skip
DEFAULT = FitSettings(draws=4000, tune=1500, chains=4, target_accept=0.95, random_seed=1)
QUICK = FitSettings(draws=100, tune=100, chains=2, target_accept=0.9, random_seed=1)


def main(
    quick: QuickOption = False,
    seed: SeedOption = DEFAULT.random_seed,
    draws: int = typer.Option(DEFAULT.draws, help="Draws per chain, by each program."),
    tune: int = typer.Option(DEFAULT.tune, help="Tuning steps per chain."),
) -> None:
    """Fit M0 on a small simulated study with two programs and compare.

    Example: python -m benchmarks.independent_check
    """
    benchmark = Benchmark(
        "independent_check", "Does other software find the same posterior of M0?", quick=quick
    )
    settings = QUICK if quick else FitSettings(draws, tune, DEFAULT.chains, 0.95, seed)
    scores = studies.small()
    with step_by_step("independent_check") as tell:
        ours = summarise(by_toolkit(scores, settings))
        tell("toolkit: PyMC and nutpie")
        theirs = summarise(by_numpyro(scores, settings))
        tell("NumPyro")
    compared = compare(ours, theirs)
    found = furthest(compared)
    print(f"{found['quantities']} quantities; furthest mean: {found['largest_z']:.2f} Monte Carlo")
    print(f"errors apart ({found['largest_z_of']}); furthest SD: {found['largest_z_of_sd']:.2f}")
    print(f"({found['largest_z_of_sd_of']}); SDs differ by a factor of at most")
    print(f"{found['furthest_sd_ratio']:.3f} ({found['furthest_sd_ratio_of']})")
    benchmark.keep(
        {"model": MODEL, "study": "small", "data": studies.data_hash(scores.frame)}
        | {"sizes": SIZES} | vars(settings),
        found
        | {
            "quantity_by_quantity": {
                name: {"toolkit": ours[name], "numpyro": theirs[name], **compared[name]}
                for name in ours
            }
        },
        judged(found),
    )  # fmt: skip


def judged(found: dict[str, Any]) -> dict[str, bool]:
    """Return whether the two programs agree."""
    far = abs(np.log(found["furthest_sd_ratio"]))
    return {
        f"means within {Z_MAX:g} combined Monte Carlo errors": found["largest_z"] <= Z_MAX,
        f"SDs within {Z_MAX:g} combined Monte Carlo errors": found["largest_z_of_sd"] <= Z_MAX,
        f"SDs within {SD_TOLERANCE:.0%}": bool(far <= np.log1p(SD_TOLERANCE)),
    }


def by_toolkit(scores: Scores, settings: FitSettings) -> xr.Dataset:
    """Return the toolkit's draws of the quantities compared."""
    model, design = MODELS[MODEL], build_design(scores)
    fitted = CompiledModel(model, design).sample(design, settings)
    posterior = fitted["posterior"].to_dataset()
    scalars = [name for name in posterior if posterior[name].dims == ("chain", "draw")]
    x = xr.DataArray(np.log10(SIZES) - design.center, dims="size", coords={"size": list(SIZES)})
    chance = xr.DataArray(design.chance, dims="task")
    curve = curve_of(model, design)
    by_arm = [expected_accuracy(posterior, chance, x, arm, curve=curve) for arm in ARMS]
    accuracy = xr.concat(by_arm, dim="arm", coords="minimal", compat="override")
    accuracy = accuracy.assign_coords(arm=[arm.label for arm in ARMS])
    return posterior[[*scalars, *BY_TASK]].assign(
        accuracy=accuracy.transpose("chain", "draw", "task", "arm", "size")
    )


def by_numpyro(scores: Scores, settings: FitSettings) -> xr.Dataset:
    """Return NumPyro's draws of the same quantities."""
    # Here, so that the toolkit's own part is importable without JAX.
    from benchmarks import numpyro_model as other

    cells = other.read_cells(scores.frame)
    draws = other.run(
        cells, settings.draws, settings.tune, settings.chains, settings.target_accept,
        settings.random_seed,
    )  # fmt: skip
    lead = ("chain", "draw")
    scalars = {name: (lead, v) for name, v in draws.items() if v.ndim == len(lead)}
    accuracy = np.zeros((*draws["lapse"].shape, len(ARMS), len(SIZES)))
    for (a, arm), (k, size) in itertools.product(enumerate(ARMS), enumerate(SIZES)):
        x = np.log10(size) - cells.center
        accuracy[..., a, k] = other.expected_accuracy(
            draws, cells, x, arm.few_shot, arm.instruction_tuned
        )
    return xr.Dataset(
        {
            **scalars,
            **{name: ((*lead, "task"), draws[name]) for name in BY_TASK},
            "accuracy": ((*lead, "task", "arm", "size"), accuracy),
        },
        coords={
            "task": cells.names["task"],
            "arm": [arm.label for arm in ARMS],
            "size": list(SIZES),
        },
    )


if __name__ == "__main__":
    typer.run(main)
