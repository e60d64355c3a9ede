"""How smooth curves and how noisy checkpoints are: posterior medians of scales, by study.

Under the Gaussian process with a step, whose scales ``toolkit.planning.step_power`` works with.
``NOISE`` there holds these medians for Lu et al. 2024 and for a simulated study with steps.
"""

from typing import Any

import numpy as np
import typer

from benchmarks import studies
from benchmarks.machine import Benchmark, QuickOption, SeedOption
from toolkit.calibrate.truths import BLOCKS, planted_tasks
from toolkit.cli.terminal import step_by_step
from toolkit.fit.fitted_design import design_of
from toolkit.fit.sampling import FitSettings, compiled_model
from toolkit.models import MODELS
from toolkit.simulate import RICH, simulate_study
from toolkit.study.scores import Scores

MODEL, BLOCK = "gaussian_process_step", "steps of 20 points"
SCALES = {
    "slope": "sigma_slope",
    "gp": "sigma_gp",
    "gp_length": "gp_length",
    "family": "sigma_family",
    "family_slope": "sigma_family_slope",
    "checkpoint": "sigma_checkpoint",
    "checkpoint_task": "sigma_checkpoint_task",
    "dispersion": "dispersion_sd",
}


def main(quick: QuickOption = False, seed: SeedOption = 5) -> None:
    """Fit the Gaussian process with a step, and print the medians of its scales.

    Example: python -m benchmarks.noise
    """
    benchmark = Benchmark("noise", "How noisy are published and simulated scores?", quick=quick)
    settings = FitSettings(*((30, 40, 2) if quick else (500, 600, 2)), 0.9, 3)
    tables = {"small": studies.small()} if quick else {
        "published": studies.lu2024(), "simulated": simulated(seed),
    }  # fmt: skip
    results = {}
    with step_by_step("noise") as tell:
        for name, scores in tables.items():
            results[name] = medians(scores, settings)
            tell(name)
    benchmark.keep({"seed": seed, "model": MODEL, "block": BLOCK}, results, {})


def simulated(seed: int) -> Scores:
    """Return a study of the certificate, on the rich design."""
    rng, block = np.random.default_rng(seed), BLOCKS[BLOCK]
    design = block.change(RICH.shuffled(rng))
    planted = planted_tasks(block, design, rng)
    return simulate_study(design, [task for _, task in planted], rng)


def medians(scores: Scores, settings: FitSettings) -> dict[str, Any]:
    """Return the posterior median of each scale, over tasks too where each has its own."""
    design = design_of(scores)
    posterior = compiled_model(MODELS[MODEL], design).sample(design, settings)["posterior"]
    return {
        name: float(np.median(posterior[variable].to_numpy())) for name, variable in SCALES.items()
    }


if __name__ == "__main__":
    typer.run(main)
