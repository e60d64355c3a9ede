"""Count what a second fit of the same design, with other data, compiles: nothing.

Compilations are counted twice: models compiled by nutpie, and functions compiled by numba. The fits
run in fresh processes, one with an empty cache of compiled functions (as on a fresh clone) and one
that finds the first one's.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import typer
from numba.core import event

from benchmarks import studies
from benchmarks.fresh import in_fresh_process
from benchmarks.machine import Benchmark, ModelOption, QuickOption
from benchmarks.timing import compilations
from toolkit.cli.terminal import step_by_step
from toolkit.fit.draws import fit_model
from toolkit.fit.sampling import FitSettings, Variation
from toolkit.models.design import build_design
from toolkit.study.scores import Scores


def main(
    quick: QuickOption = False,
    model: ModelOption = "step",
    draws: int = typer.Option(200, help="Draws per chain, and as many tuning steps."),
) -> None:
    """Count compilations and time the first fit of a design, and later ones with other data.

    Example: python -m benchmarks.recompile
    """
    benchmark = Benchmark(
        "recompile", "Does a refit of the same design compile anything?", quick=quick
    )
    draws = 30 if quick else draws
    study = "small" if quick else "lu2024"
    results = {}
    with step_by_step("recompile") as tell, tempfile.TemporaryDirectory() as compiled:
        for name in ("empty cache of compiled functions", "filled cache of compiled functions"):
            arguments = {"study": study, "model": model, "draws": draws}
            results[name] = in_fresh_process(
                "benchmarks.recompile", "fits", arguments, Path(compiled)
            )
            tell(name)
    later = [fit for fits in results.values() for fit in fits[1:]]
    for name, fits in results.items():
        print(f"{name}: " + ", ".join(f"{f['fit']} {f['seconds']:.1f} s" for f in fits))
    benchmark.keep(
        {"study": study, "model": model, "draws": draws, "tune": draws, "chains": 2},
        results,
        {
            "first fits compile one model": all(
                fits[0]["models_compiled"] == 1 and fits[0]["functions_compiled"] > 0
                for fits in results.values()
            ),
            "later fits of the design compile nothing": all(
                fit["models_compiled"] == 0 and fit["functions_compiled"] == 0 for fit in later
            ),
        },
    )


def fits(study: str, model: str, draws: int) -> list[dict[str, Any]]:
    """Return what each of four fits of one design compiled and how long it took."""
    scores = studies.small() if study == "small" else studies.lu2024()
    settings = FitSettings(draws, draws, 2, 0.9, 1)
    hidden = np.zeros(build_design(scores).scored.shape, bool)
    hidden[0, 0] = True
    with tempfile.TemporaryDirectory() as draws_of:
        cache = Path(draws_of)
        return [
            counted("first", lambda: fit_model(scores, model, settings, cache)),
            counted("other data", lambda: fit_model(redrawn(scores), model, settings, cache)),
            counted(
                "a cell held out and jumps twice as large",
                lambda: fit_model(scores, model, settings, cache, Variation(hidden, 2.0)),
            ),
            counted("the first again", lambda: fit_model(scores, model, settings, cache)),
        ]


def redrawn(scores: Scores) -> Scores:
    """Return the table with other counts in every cell."""
    rng = np.random.default_rng(3)
    n_correct = rng.binomial(scores.frame["n_items"].astype(int), scores.frame["score"])
    frame = scores.frame.assign(
        n_correct=n_correct.astype(float), score=n_correct / scores.frame["n_items"]
    )
    return Scores(frame, scores.checkpoints, scores.tasks)


def counted(name: str, fit: Callable[[], Any]) -> dict[str, Any]:
    """Return how long a fit took and what was compiled for it."""
    began = time.perf_counter()
    with compilations() as models, event.install_recorder("numba:compile") as recorder:
        fitted = fit()
    return {
        "fit": name,
        "seconds": round(time.perf_counter() - began, 2),
        "draws_from_cache": fitted.reused,
        "models_compiled": len(models),
        "functions_compiled": sum(e.is_end for _, e in recorder.buffer),
    }


if __name__ == "__main__":
    typer.run(main)
