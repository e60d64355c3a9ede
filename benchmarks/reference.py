"""Reference posteriors: long fits of every model to one small simulated study, kept as summaries.

``make`` writes ``benchmarks/reference/<model>.json``: what the data were, how it was sampled, which
checks it passed, and mean, SD, Monte Carlo errors, R-hat and ESS of each quantity. ``check`` fits
anew, shorter and with another seed, and compares. Quantities are what the tasks share, each task's
own unknowns, and E1 where the model jumps.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
import xarray as xr

from benchmarks import studies
from benchmarks.agreement import Z_MAX, Summary, compare, furthest, summarise
from benchmarks.machine import HERE, Benchmark, QuickOption, facts, known_model, write_json
from toolkit.cli.terminal import step_by_step
from toolkit.estimands.jumps import curve_of, jump
from toolkit.fit.diagnose import (
    ESS_MIN,
    LABELS,
    RHAT_MAX,
    Check,
    at_least,
    at_most,
    diagnose_sampler,
    measure_mixing,
)
from toolkit.fit.sampling import CompiledModel, FitSettings
from toolkit.models import MODELS
from toolkit.models.design import Design, build_design
from toolkit.models.model import Model
from toolkit.paths import cache_dir

FOLDER = HERE / "reference"
KEPT_DIMS = {"chain", "draw", "task", "arm"}
DRAWN_LABELS = LABELS | {"jump_width"}
LONG = FitSettings(draws=6000, tune=2000, chains=4, target_accept=0.95, random_seed=11)
SHORT = FitSettings(draws=1500, tune=1000, chains=4, target_accept=0.95, random_seed=12)
TINY = FitSettings(draws=50, tune=50, chains=2, target_accept=0.9, random_seed=12)

app = typer.Typer(
    help="Make the reference posteriors, or check fits against them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
ModelsOption = Annotated[
    list[str] | None,
    typer.Option("--model", callback=known_model, help="A model, any number; default all."),
]


@app.command(epilog="Example: python -m benchmarks.reference make --model step")
def make(
    model: ModelsOption = None,
    quick: QuickOption = False,
    draws: int = typer.Option(LONG.draws, help="Draws per chain."),
    tune: int = typer.Option(LONG.tune, help="Tuning steps per chain."),
) -> None:
    """Sample long and keep the summaries in benchmarks/reference/ (quick: in the cache)."""
    settings = FitSettings(draws, tune, LONG.chains, LONG.target_accept, LONG.random_seed)
    for name in model or MODELS:
        record = reference_of(name, TINY if quick else settings)
        write_json(folder_of(quick) / f"{name}.json", record)
        failed = [made["name"] for made in record["checks_made"] if not made["passed"]]
        print(f"{name}: {'failed: ' if failed else 'all checks passed'}{', '.join(failed)}")


@app.command(epilog="Example: python -m benchmarks.reference check --model step")
def check(model: ModelsOption = None, quick: QuickOption = False) -> None:
    """Fit anew, shorter and with another seed, and compare with the kept references."""
    benchmark = Benchmark(
        "reference", "Do new fits agree with the reference posteriors?", quick=quick
    )
    settings = TINY if quick else SHORT
    results = {}
    with step_by_step("reference") as tell:
        for name in model or MODELS:
            kept = read_reference(name, folder_of(quick))["quantities"]
            found = furthest(compare(fit_anew(name, settings), kept))
            results[name] = found
            tell(f"{name}: furthest {found['largest_z']:.2f} ({found['largest_z_of']})")
    benchmark.keep(
        vars(settings),
        results,
        {
            f"means within {Z_MAX:g} combined Monte Carlo errors": all(
                found["largest_z"] <= Z_MAX for found in results.values()
            )
        },
    )


def folder_of(quick: bool) -> Path:
    """Return where references are kept; quick ones lie in the cache, in nobody's way."""
    return cache_dir() / "benchmarks" / "reference" if quick else FOLDER


def read_reference(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    """Return the reference posterior of a model, or raise where the study is another by now."""
    record = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    got = studies.data_hash(studies.small().frame)
    if record["data_sha256"] != got:
        msg = (
            f"{name}: the reference is of other data ({record['data_sha256'][:12]}, now {got[:12]})"
        )
        raise ValueError(msg)
    return record


def fit_anew(name: str, settings: FitSettings = SHORT) -> Mapping[str, Summary]:
    """Return the summaries of a new fit of the study."""
    model, design = MODELS[name], build_design(studies.small())
    idata = CompiledModel(model, design).sample(design, settings)
    return summarise(quantities(idata["posterior"].to_dataset(), model, design))


def reference_of(name: str, settings: FitSettings) -> dict[str, Any]:
    """Return the reference posterior of a model as a record."""
    model, scores = MODELS[name], studies.small()
    design = build_design(scores)
    idata = CompiledModel(model, design).sample(design, settings)
    posterior = idata["posterior"].to_dataset()
    mixing = measure_mixing(posterior)
    summaries = summarise(quantities(posterior, model, design))
    of_sampler = diagnose_sampler(idata, mixing).checks
    checks = [*of_sampler, *mixing.checks("all unknowns"), *checks_of(summaries)]
    return {
        "model": name,
        "title": model.title,
        "study": "benchmarks/studies.py, small()",
        "data_sha256": studies.data_hash(scores.frame),
        "method": {"sampler": "nutpie", **vars(settings)},
        "checks_made": [vars(made) for made in checks],
        "machine": facts(),
        "quantities": summaries,
    }


def quantities(posterior: xr.Dataset, model: Model, design: Design) -> xr.Dataset:
    """Return the draws of what a reference keeps."""
    names = [
        name
        for name in posterior
        if set(posterior[name].dims) <= KEPT_DIMS and name not in DRAWN_LABELS
    ]
    kept = posterior[names]
    if not model.jumps:
        return kept
    return kept.assign(jump=jump(posterior, design, curve_of(model, design)))


def checks_of(summaries: Mapping[str, Summary]) -> list[Check]:
    """Return the checks of the quantities kept."""
    every = summaries.values()
    return [
        at_most("R-hat of the quantities", max(s["rhat"] for s in every), RHAT_MAX),
        at_least("bulk ESS of the quantities", min(s["ess_bulk"] for s in every), ESS_MIN),
        at_least("tail ESS of the quantities", min(s["ess_tail"] for s in every), ESS_MIN),
    ]


if __name__ == "__main__":
    app()
