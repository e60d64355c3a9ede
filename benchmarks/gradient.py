"""Time per gradient of the step model in three forms that give the same log density.

``fused`` is what the toolkit samples (``toolkit.models.jump_mixture``), ``two_evaluations`` the
same marginalisation in plain PyTensor, ``grid`` one evaluation of the likelihood for each gap.
"""

from typing import Any

import numpy as np
import typer

from benchmarks import studies
from benchmarks.machine import Benchmark, QuickOption, SeedOption
from benchmarks.plain_steps import GRID, TWO_EVALUATIONS
from benchmarks.timing import Gradient, compile_gradient, interleaved, spread
from toolkit.cli.terminal import step_by_step
from toolkit.models.design import Design, build_design
from toolkit.models.model import Model
from toolkit.models.polynomial import BENT
from toolkit.models.step import SHARP
from toolkit.study.scores import Scores

FORMS = {"fused": SHARP, "two_evaluations": TWO_EVALUATIONS, "grid": GRID}
TOLERANCE = 1e-8
TARGET = 3.0
# Around the initial point, in the units of the sampler: from likely to far-fetched.
SCATTER = (0.1, 0.3, 0.5, 1.0)


def main(
    quick: QuickOption = False,
    seed: SeedOption = 1,
    points: int = typer.Option(8, help="Random points at which the log densities are compared."),
    repetitions: int = typer.Option(25, help="Rounds in which each form is timed in turn."),
    calls: int = typer.Option(200, help="Gradients per round."),
) -> None:
    """Time a gradient of the fused loop, of plain PyTensor and of the grid, side by side.

    Example: python -m benchmarks.gradient
    """
    benchmark = Benchmark(
        "gradient", "What does the exact marginalisation save against a grid of gaps?", quick=quick
    )
    if quick:
        points, repetitions, calls = 3, 3, 20
    tables = (
        {"small": studies.small()}
        if quick
        else {"lu2024": studies.lu2024(), "rich": studies.rich(8, seed)}
    )
    results = {}
    with step_by_step("gradient") as tell:
        for name, scores in tables.items():
            results[name] = measure(scores, seed, points, repetitions, calls)
            tell(name)
    benchmark.keep(
        {"seed": seed, "points": points, "repetitions": repetitions, "calls": calls},
        results,
        {
            f"log densities equal to {TOLERANCE:g}": all(
                r["largest_log_density_difference"] <= TOLERANCE for r in results.values()
            ),
            f"grid over fused at least {TARGET:g} times": all(
                r["ratios"]["grid_over_fused"]["median"] >= TARGET for r in results.values()
            ),
        },
    )


def measure(scores: Scores, seed: int, points: int, repetitions: int, calls: int) -> dict[str, Any]:
    """Return agreement and times of the three forms on one table."""
    design = build_design(scores)
    gradients = {name: _compile(name, design) for name in FORMS}
    rng = np.random.default_rng(seed)
    start = gradients["fused"].start
    at = [start + rng.normal(0, SCATTER[k % len(SCATTER)], start.shape) for k in range(points)]
    agreement = compare(gradients, at)
    seconds = interleaved(
        {name: lambda g=g: g.function(at[0]) for name, g in gradients.items()}, repetitions, calls
    )
    return {
        "tasks": len(design.tasks),
        "checkpoints": len(design.checkpoints),
        "cells": int(design.scored.sum()),
        "gaps": int(design.n_gaps.max()),
        "unknowns": start.size,
        **agreement,
        "microseconds_per_gradient": {n: spread(1e6 * s) for n, s in seconds.items()},
        "ratios": {
            "grid_over_fused": spread(seconds["grid"] / seconds["fused"]),
            "two_evaluations_over_fused": spread(seconds["two_evaluations"] / seconds["fused"]),
            "grid_over_two_evaluations": spread(seconds["grid"] / seconds["two_evaluations"]),
        },
        "compile_seconds": {name: g.compile_seconds for name, g in gradients.items()},
    }


def _compile(form: str, design: Design) -> Gradient:
    return compile_gradient(Model(form, form, BENT, FORMS[form]).build(design))


def compare(gradients: dict[str, Gradient], points: list[np.ndarray]) -> dict[str, Any]:
    """Return the largest differences from the fused form over some points."""
    density, slope, seen = 0.0, 0.0, []
    for point in points:
        value, by = gradients["fused"].function(point)
        seen.append(float(value))
        for name in gradients:
            other, other_by = gradients[name].function(point)
            density = max(density, abs(float(other) - float(value)))
            slope = max(slope, float(np.abs(other_by - by).max() / np.abs(by).max()))
    return {
        "log_densities_compared_at": seen,
        "largest_log_density_difference": density,
        "largest_relative_gradient_difference": slope,
    }


if __name__ == "__main__":
    typer.run(main)
