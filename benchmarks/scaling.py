"""How the cost of a fit grows with the number of tasks and of checkpoints.

Each size is fitted in a process of its own, with few draws: compiled, timed per gradient, sampled,
and its peak memory read. An exponent of 1 means: twice as many, twice the cost.
"""

import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import typer

from benchmarks import studies
from benchmarks.fresh import in_fresh_process, memory_mib
from benchmarks.machine import Benchmark, ModelOption, QuickOption, SeedOption
from benchmarks.timing import compile_gradient, interleaved, spread
from toolkit.cli.terminal import step_by_step
from toolkit.fit.sampling import CompiledModel, FitSettings
from toolkit.models import MODELS
from toolkit.models.design import build_design
from toolkit.study.claims import ARM_LABELS

TASKS, TASKS_CHECKPOINTS = (5, 10, 25, 50, 100), 20
CHECKPOINTS, CHECKPOINTS_TASKS = (10, 25, 50, 100, 200), 10
REPETITIONS, CALLS = 15, 20
COSTS = (
    "microseconds_per_gradient", "seconds_per_100_draws", "sampling_seconds",
    "memory_beyond_imports_mib", "compile_seconds",
)  # fmt: skip


def main(
    quick: QuickOption = False,
    seed: SeedOption = 1,
    model: ModelOption = "step",
    draws: int = typer.Option(100, help="Draws per chain."),
    tune: int = typer.Option(200, help="Tuning steps per chain."),
    chains: int = typer.Option(2, help="Chains."),
) -> None:
    """Fit simulated studies of growing size; time, memory, and their exponents.

    Example: python -m benchmarks.scaling --draws 50 --tune 100
    """
    benchmark = Benchmark("scaling", "How do time and memory grow with the study?", quick=quick)
    series = {
        "tasks": [(n, TASKS_CHECKPOINTS) for n in TASKS],
        "checkpoints": [(CHECKPOINTS_TASKS, n) for n in CHECKPOINTS],
    }
    if quick:
        draws, tune = 10, 20
        series = {"tasks": [(2, 6), (4, 6)], "checkpoints": [(2, 6), (2, 9)]}
    every = sorted({size for sizes in series.values() for size in sizes})
    how = {"model": model, "draws": draws, "tune": tune, "chains": chains, "seed": seed}
    results: dict[str, Any] = {}
    with step_by_step("scaling") as tell, tempfile.TemporaryDirectory() as compiled:
        measured = {}
        for n_tasks, n_checkpoints in every:
            # A folder for each size: every size compiles everything.
            own = "all" if quick else f"{n_tasks}-{n_checkpoints}"
            arguments = {"n_tasks": n_tasks, "n_checkpoints": n_checkpoints, **how}
            measured[n_tasks, n_checkpoints] = in_fresh_process(
                "benchmarks.scaling", "measure", arguments, Path(compiled) / own
            )
            tell(f"{n_tasks} tasks, {n_checkpoints} checkpoints")
    for name, sizes in series.items():
        costs = [measured[size] for size in sizes]
        results[name] = {
            "exponents": {cost: exponent(costs, name, cost) for cost in COSTS},
            "sizes": costs,
        }
    for name, result in results.items():
        for cost, power in result["exponents"].items():
            print(f"{cost} grows with the number of {name} to the power {power:.2f}")
    benchmark.keep({**how, "gradients_timed": REPETITIONS * CALLS}, results, {})


def measure(
    n_tasks: int, n_checkpoints: int, model: str, draws: int, tune: int, chains: int, seed: int
) -> dict[str, Any]:
    """Return what the fit of a simulated study of this size costs."""
    imported = memory_mib(peak=False)
    design = build_design(studies.sized(n_tasks, n_checkpoints, seed))
    began = time.perf_counter()
    compiled = CompiledModel(MODELS[model], design)
    compile_seconds = time.perf_counter() - began
    compiled_memory = memory_mib(peak=True)
    began = time.perf_counter()
    idata = compiled.sample(design, FitSettings(draws, tune, chains, 0.9, seed))
    sampling_seconds = time.perf_counter() - began
    peak = memory_mib(peak=True)
    kept = idata["posterior"].to_dataset()
    gradient = compile_gradient(MODELS[model].build(design))
    call = partial(gradient.function, gradient.start)
    per_gradient = interleaved({"gradient": call}, REPETITIONS, CALLS)["gradient"]
    return {
        "tasks": len(design.tasks),
        "checkpoints": len(design.checkpoints),
        "cells": int(design.scored.sum()),
        "gaps": int(design.n_gaps.max()),
        "compile_seconds": compile_seconds,
        "microseconds_per_gradient": 1e6 * float(np.median(per_gradient)),
        "microseconds_per_gradient_spread": spread(1e6 * per_gradient),
        "sampling_seconds": sampling_seconds,
        "seconds_per_100_draws": 100 * sampling_seconds / (draws + tune),
        "gradients_per_draw": float(idata["sample_stats"]["n_steps"].mean()),
        "peak_memory_mib": peak,
        "memory_after_imports_mib": imported,
        "memory_beyond_imports_mib": peak - imported,
        "of_that_for_compiling_mib": compiled_memory - imported,
        "kept_bytes_per_draw": kept.nbytes // (draws * chains),
        "gains_bytes_per_draw": 8 * len(ARM_LABELS) * design.gap_low.size,
    }


def exponent(measured: list[dict[str, Any]], size: str, cost: str) -> float:
    """Return the slope of log cost on log size, by least squares."""
    x = np.log([each[size] for each in measured])
    y = np.log([each[cost] for each in measured])
    return float(np.polyfit(x, y, 1)[0])


if __name__ == "__main__":
    typer.run(main)
