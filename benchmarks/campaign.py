"""What a campaign of simulated studies costs: fits per hour and core, compiling, memory, and money.

The same studies are judged by one worker on one core and by two workers on two, locally and on a
Ray cluster of this machine. How a fit's time grows with its draws then gives, on paper, the core
hours and the price of a campaign of many full fits.

So few draws pass no check: a study is its main fit and the longer repeat, and no rival is asked.
"""

import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import typer

from benchmarks import studies as tables
from benchmarks.fresh import in_fresh_process, memory_mib
from benchmarks.machine import Benchmark, QuickOption, SeedOption
from benchmarks.timing import compilations
from toolkit.calibrate.runs import Campaign, Job, run_job
from toolkit.cli.calibrate import FULL
from toolkit.cli.terminal import step_by_step
from toolkit.fit.draws import fit_model
from toolkit.jobs import ENGINES, Workers, run_unordered
from toolkit.simulate import RICH

BLOCK = "steps of 20 points"
SETTLED_AFTER = 10
LENGTHS = (100, 300, 900)
N_TASKS = 15
SECONDS_PER_HOUR = 3600


def main(
    quick: QuickOption = False,
    seed: SeedOption = 1,
    studies: int = typer.Option(10, min=2, help="Studies that each worker judges."),
    draws: int = typer.Option(150, help="Draws per chain of the main fit, and tuning steps."),
    fits: int = typer.Option(10_000, help="Full fits of the campaign whose cost is estimated."),
    price: float = typer.Option(0.05, help="Assumed price of a rented core for an hour."),
) -> None:
    """Judge the same studies by one and two workers, here and on Ray; estimate a campaign.

    Example: python -m benchmarks.campaign --studies 6
    """
    benchmark = Benchmark("campaign", "What does a campaign of fits cost?", quick=quick)
    studies, draws = (2, 20) if quick else (studies, draws)
    how = {"draws": draws, "seed": seed}
    runs: dict[str, Any] = {}
    with step_by_step("campaign") as tell, tempfile.TemporaryDirectory() as compiled:
        for engine in ENGINES:
            for n_workers in (1, 2):
                arguments = {"engine": engine, "n_workers": n_workers, "studies": studies, **how}
                name = f"{engine}, {n_workers} worker{'s' * (n_workers > 1)}"
                # A folder each, named without commas: every run compiles everything.
                own = "all" if quick else f"{engine}-{n_workers}"
                runs[name] = in_fresh_process(
                    "benchmarks.campaign", "judge", arguments, Path(compiled) / own
                )
                tell(name)
        lengths = {"lengths": [10, 20] if quick else LENGTHS, "seed": seed}
        growth = in_fresh_process(
            "benchmarks.campaign", "grow", lengths, Path(compiled) / ("all" if quick else "growth")
        )
        tell("fits of growing length")
    efficiency = {
        engine: runs[f"{engine}, 2 workers"]["fits_per_hour_and_core"]
        / runs[f"{engine}, 1 worker"]["fits_per_hour_and_core"]
        for engine in ENGINES
    }
    estimate = on_paper(growth, fits, price)
    _tell(runs, efficiency, estimate)
    late = runs["local, 1 worker"]["compiling_share_from_tenth_fit"]
    benchmark.keep(
        {"design": "rich", "block": BLOCK, "studies_per_worker": studies, "chains": FULL["chains"],
         "tune": draws, **how},
        {"runs": runs, "efficiency_of_two_workers": efficiency, "growth": growth,
         "estimate": estimate},
        {"under 10% of the time compiles from the tenth fit on": late is not None and late < 0.1},
    )  # fmt: skip


def judge(engine: str, n_workers: int, studies: int, draws: int, seed: int) -> dict[str, Any]:
    """Return what so many studies for each worker cost, one core to a worker."""
    # Inherited by the workers: four chains of one fit would else take the other cores.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:n_workers])
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        campaign = short_campaign(draws, Path(folder))
        jobs = [(campaign, Job(BLOCK, seed + k)) for k in range(studies * n_workers)]
        done = list(run_unordered(counted, jobs, Workers(engine, n_workers)))
    clock = time.perf_counter() - began
    n_fits = sum(each["n_fits"] for each in done)
    compiling = sum(each["compile_seconds"] for each in done)
    judging = sum(each["seconds"] for each in done) - compiling
    return {
        "studies": len(done),
        "fits": n_fits,
        "clock_seconds": clock,
        "fits_per_hour_and_core": SECONDS_PER_HOUR * n_fits / judging,
        "fits_per_hour_and_core_with_start_and_compiling": (
            SECONDS_PER_HOUR * n_fits / clock / n_workers
        ),
        "compiling_share": compiling / (judging + compiling),
        "compiling_share_from_tenth_fit": compiling_share(done) if n_workers == 1 else None,
        "peak_memory_mib_of_a_worker": max(each["peak_memory_mib"] for each in done),
        "each_study": done,
    }


def short_campaign(draws: int, folder: Path) -> Campaign:
    """Return a campaign on the rich design with so many draws a chain, and tuning steps."""
    few = {"draws": draws, "rival_draws": draws, "tune": draws}
    return Campaign("rich", RICH, cache=folder, **{**FULL, **few})


def counted(campaign: Campaign, job: Job) -> dict[str, Any]:
    """Return what one study took, with the seconds that its models were compiled in."""
    with compilations() as compiling:
        line = run_job(campaign, job)
    return {
        "seed": job.seed,
        "n_fits": line["n_fits"],
        "seconds": line["seconds"],
        "compile_seconds": round(sum(compiling), 1),
        "models_compiled": len(compiling),
        "peak_memory_mib": memory_mib(peak=True),
    }


def compiling_share(done: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the share of time that compiled from the tenth fit on, of studies judged in turn.

    A study that holds the tenth fit counts whole; None where there were fewer fits.
    """
    late, n_fits = [], 0
    for each in done:
        n_fits += each["n_fits"]
        if n_fits >= SETTLED_AFTER:
            late.append(each)
    seconds = sum(each["seconds"] for each in late)
    return sum(each["compile_seconds"] for each in late) / seconds if late else None


def grow(lengths: Sequence[int], seed: int) -> dict[str, Any]:
    """Return the seconds of main fits of growing length on one core, and their line."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    scores = tables.rich(N_TASKS, seed)
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        # The first compiles the model and is not counted.
        for number, length in enumerate((min(lengths), *lengths)):
            began = time.perf_counter()
            settings = short_campaign(length, cache).settings(seed + number)
            fit_model(scores, "step", settings, cache)
            seconds.append(time.perf_counter() - began)
    del seconds[0]
    per_iteration, start = np.polyfit([2 * length for length in lengths], seconds, 1)
    return {
        "draws": lengths,
        "tune": lengths,
        "seconds": seconds,
        "seconds_per_iteration_of_all_chains": per_iteration,
        "seconds_beside": start,
    }


def on_paper(growth: Mapping[str, Any], fits: int, price: float) -> dict[str, Any]:
    """Return the core hours and the cost of many main fits at full length, from the line."""
    iterations = FULL["draws"] + FULL["tune"]
    seconds = growth["seconds_beside"] + iterations * growth["seconds_per_iteration_of_all_chains"]
    hours = fits * seconds / SECONDS_PER_HOUR
    return {
        "fits": fits,
        "draws": FULL["draws"],
        "tune": FULL["tune"],
        "core_seconds_per_fit": seconds,
        "core_hours": hours,
        "assumed_price_per_core_hour": price,
        "cost": hours * price,
    }


def _tell(
    runs: Mapping[str, Any], efficiency: Mapping[str, float], estimate: Mapping[str, Any]
) -> None:
    for name, run in runs.items():
        print(
            f"{name}: {run['fits_per_hour_and_core']:.0f} fits an hour and core beside compiling, "
            f"{100 * run['compiling_share']:.0f}% of the time compiles, "
            f"{run['peak_memory_mib_of_a_worker']:.0f} MiB a worker"
        )
    for engine, value in efficiency.items():
        print(f"{engine}: two workers do {value:.2f} of twice what one does")
    print(
        f"{estimate['fits']} full fits, on paper: {estimate['core_hours']:.0f} core hours, "
        f"{estimate['cost']:.0f} at {estimate['assumed_price_per_core_hour']:g} each"
    )


if __name__ == "__main__":
    typer.run(main)
