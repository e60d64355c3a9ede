"""Simulation-based calibration: data from the prior, fitted by the same model, ranks of the truth.

If sampler, likelihood and everything made from draws are right, the rank of the true value among
posterior draws is uniform (Talts et al. 2018), for any quantity of parameters and data (Modrak et
al. 2023): jumps, their place, how many there are, and the joint log-likelihood. Where truth and
draws are equal, as jumps of nothing are, the rank is drawn at random among the equals.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from toolkit.calibrate.kept_lines import Line, append, lines
from toolkit.estimands import cell_accuracy, curves, jumps
from toolkit.estimands.cell_accuracy import predicted_cells
from toolkit.estimands.curves import thinned
from toolkit.estimands.jumps import curve_of, jump, surviving
from toolkit.fit.code import code_of, model_text
from toolkit.fit.diagnose import diagnose_sampler, measure_mixing
from toolkit.fit.draws import Fitted
from toolkit.fit.sampling import FitSettings, compiled_model, structure
from toolkit.jobs import HERE, Workers, run_unordered
from toolkit.models import MODELS
from toolkit.models.design import Design, build_design
from toolkit.predictive import prior_predictive, replicates
from toolkit.predictive.posterior_predictive import CELLS_MIN, judge_curve, uniformity_curve
from toolkit.predictive.prior_predictive import prior_draws
from toolkit.predictive.replicates import replicate_counts
from toolkit.robustness import hidden_cells
from toolkit.robustness.hidden_cells import cells_of
from toolkit.robustness.variants import hash_text
from toolkit.simulate import PlantedTask, StudyDesign, simulate_study
from toolkit.study.claims import ARM_LABELS

# What makes a rank of a fit.
SOURCES = (cell_accuracy, curves, hidden_cells, jumps, prior_predictive, replicates)
MODEL = "step"
# Draws that the truth is ranked among: few enough to be nearly independent.
N_RANKED = 99
# Small enough for hundreds of fits: two families of four sizes, three tasks.
REDUCED = StudyDesign(
    {"fern": (1.2e8, 9e8, 6e9, 3e10), "moss": (3e8, 2.2e9, 1.5e10, 6e10)}, n_items=100
)
N_TASKS = 3


def sbc_design() -> Design:
    """Return the fixed part of the fits: its counts are replaced by those from the prior."""
    tasks = [PlantedTask(f"task-{number}", "none", 5e9) for number in range(N_TASKS)]
    return build_design(simulate_study(REDUCED, tasks, np.random.default_rng(0)))


def rank_truth(design: Design, settings: FitSettings) -> dict[str, Any]:
    """Return the ranks (0 to ``N_RANKED``) of one draw of the prior in the fit of its data."""
    seed = settings.random_seed
    rng = np.random.default_rng([seed, 1])
    truth = prior_draws(design, 1, seed)
    model = MODELS[MODEL]
    drawn = Fitted(_tree(truth), design, model, False, {})
    cells = predicted_cells(truth, drawn)
    counts = replicate_counts(
        cells["accuracy"].to_numpy()[0],
        cells["concentration"].to_numpy()[0][:, None],
        design.n_items.astype(int),
        rng,
    )
    data = replace(design, n_correct=counts.astype(float))
    idata = compiled_model(model, data).sample(data, settings)
    posterior = idata["posterior"].to_dataset()
    checks = diagnose_sampler(idata, measure_mixing(posterior))
    ranked = thinned(posterior, N_RANKED)
    own = _quantities(Fitted(_tree(ranked), data, model, False, {}), ranked)
    true = _quantities(Fitted(_tree(truth), data, model, False, {}), truth)
    return {
        "seed": seed,
        "passed": checks.passed is True,
        "ranks": {name: _rank(true[name][0], own[name][:N_RANKED], rng) for name in own},
    }


def _tree(posterior: xr.Dataset) -> xr.DataTree:
    return xr.DataTree.from_dict({"posterior": posterior})


def _quantities(fitted: Fitted, posterior: xr.Dataset) -> dict[str, np.ndarray]:
    """Return the quantities that are ranked, (draw,), of the first task where they are of one."""
    design = fitted.design
    every = jump(posterior, design, curve_of(fitted.model, design))
    task = design.tasks[0]
    found = {
        f"jump, {arm}": every.sel(task=task, arm=arm).to_numpy().ravel()
        for arm in (ARM_LABELS[0], ARM_LABELS[-1])
    }
    place = posterior["jump_gap"].sel(task=task).to_numpy().ravel()
    likelihood, _ = cells_of(fitted, 0).all_mixtures()
    return {
        **found,
        "place of the jump": place,
        "number of jumps that remain": surviving(every, design.tasks).to_numpy().ravel(),
        "share of tasks with a jump": posterior["jump_tasks"].to_numpy().ravel(),
        "share of these in an arm": posterior["jump_arms"]
        .sel(arm=ARM_LABELS[0])
        .to_numpy()
        .ravel(),
        "joint log-likelihood": likelihood.sum(axis=1),
    }


def _rank(true: float, draws: np.ndarray, rng: np.random.Generator) -> int:
    """Return how many draws lie below the truth, equals split at random."""
    equal = np.isclose(draws, true, rtol=1e-6, atol=1e-9)
    below = (draws < true) & ~equal
    return int(below.sum() + rng.integers(0, equal.sum() + 1))


@dataclass(frozen=True)
class Uniformity:
    """Whether the ranks of a quantity look uniform; ``inside`` is None with fewer than ten."""

    quantity: str
    n: int
    largest_difference: float
    inside: bool | None
    curve: pd.DataFrame


def judge_ranks(lines: Sequence[Mapping[str, Any]]) -> list[Uniformity]:
    """Return for each quantity how far its ranks' ECDF is from uniform, with a 95% band.

    The band is simultaneous: uniform ranks stay in it throughout with probability 0.95.
    """
    rng = np.random.default_rng(1)
    found = []
    for name in lines[0]["ranks"] if lines else ():
        ranks = np.array([line["ranks"][name] for line in lines])
        pit = (ranks + rng.random(len(ranks))) / (N_RANKED + 1)
        curve = uniformity_curve(pit, rng) if len(ranks) >= CELLS_MIN else pd.DataFrame()
        found.append(Uniformity(name, len(ranks), *judge_curve(curve), curve))
    return found


def ranks_made_by(settings: FitSettings) -> dict[str, Any]:
    """Return what a kept rank must share to count; each has a seed of its own."""
    code = "\n".join(code_of(module) for module in (*SOURCES, sys.modules[__name__]))
    plain = {name: value for name, value in asdict(settings).items() if name != "random_seed"}
    return {
        **plain,
        "models": hash_text(model_text(MODEL)),
        "code": hash_text(code),
        "cells": structure(sbc_design()),
    }


def missing_fits(n: int, settings: FitSettings, record: Path) -> list[int]:
    """Return the seeds, of so many from that of ``settings`` on, whose fit is not kept."""
    kept = {line["seed"] for line in lines(record, ranks_made_by(settings))}
    seeds = range(settings.random_seed, settings.random_seed + n)
    return [seed for seed in seeds if seed not in kept]


def run_sbc(
    n: int,
    settings: FitSettings,
    record: Path,
    done: Callable[[str], None] = lambda _: None,
    workers: Workers = HERE,
) -> list[Line]:
    """Make so many fits, as far as ``record`` does not hold them, and return the ranks it holds.

    Fit k has the seed of ``settings`` plus k. Ranks that other models, settings or code made are
    not returned.
    """
    design, made_by = sbc_design(), ranks_made_by(settings)
    missing = [replace(settings, random_seed=seed) for seed in missing_fits(n, settings, record)]
    made = run_unordered(rank_truth, [(design, each) for each in missing], workers)
    for number, found in enumerate(made, n - len(missing) + 1):
        append(record, {**found, "made_by": made_by})
        done(f"calibration fit {number} of {n}")
    return sorted(lines(record, made_by), key=lambda line: line["seed"])
