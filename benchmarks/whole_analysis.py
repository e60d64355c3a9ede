"""Time a study's whole analysis, robustness included, from nothing, against its main fit alone.

Every other fit counts: rivals, prior scales, held-out sizes, families, left-out units and
specifications. Nothing lies in the cache, neither draws nor compiled functions. It takes about as
long as ``emergence robustness`` on a fresh clone. A run that is killed starts anew: its times would
say nothing.
"""

import re
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from benchmarks.fresh import in_fresh_process
from benchmarks.machine import Benchmark, QuickOption
from benchmarks.timing import compilations
from toolkit.analysis.analyse import robustness_input
from toolkit.analysis.study_folder import load_study_folder
from toolkit.cli.terminal import step_by_step
from toolkit.fit.draws import fit_model
from toolkit.fit.sampling import FitSettings
from toolkit.paths import cache_dir
from toolkit.robustness import assess as robustness
from toolkit.robustness.assess import assess

# What ``assess`` says when a part of it is done, and which part that was.
PARTS = {
    "wide step": r"rival .*free width",
    "rivals": r"rival ",
    "prior scales": r"jump prior|power scaling",
    "held-out sizes": r" up to \S+ parameters",
    "left-out families": r"family .* predicted",
    "left-out units": r"influence|without ",
    "specifications": r"specification ",
    "main fit": r"main fit",
}
KeepOption = Annotated[
    Path | None, typer.Option("--cache", help="A new folder that keeps what was fitted.")
]
TINY = FitSettings(30, 30, 2, 0.9, 1)


@dataclass
class Clock:
    """Seconds by part of the analysis."""

    seconds: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=time.perf_counter)

    def says(self, text: str) -> None:
        """Count the time since the last message for the part that this one is about."""
        now = time.perf_counter()
        part = next(name for name, words in PARTS.items() if re.search(words, text, re.IGNORECASE))
        self.seconds[part] = self.seconds.get(part, 0.0) + now - self.last
        self.last = now


def main(
    quick: QuickOption = False,
    study: str = typer.Option("lu2024", help="A bundled study or the path of a study's folder."),
    cache: KeepOption = None,
) -> None:
    """Time the main fit, and everything, each in a process that has nothing to start from.

    Example: python -m benchmarks.whole_analysis
    """
    benchmark = Benchmark(
        "whole_analysis", "What does the robustness cost beside the main fit?", quick=quick
    )
    cache_dir().mkdir(exist_ok=True)
    with step_by_step("whole analysis") as tell, TemporaryDirectory(dir=cache_dir()) as folder:
        kept = cache or Path(folder) / "all"
        if (kept / "draws").exists():
            raise typer.BadParameter("the folder holds draws already: times would say nothing.")
        found = {}
        for name, function, place in (
            ("main fit", "main_fit", Path(folder) / "main"),
            ("everything", "everything", kept),
        ):
            arguments = {"study": study, "quick": quick, "cache": str(place)}
            compiled = Path(folder) / f"{function}-compiled"
            found[name] = in_fresh_process(
                "benchmarks.whole_analysis", function, arguments, compiled
            )
            tell(name)
    whole, alone = found["everything"]["seconds"], found["main fit"]["seconds"]
    shares = {name: s / whole for name, s in found["everything"]["parts"].items()}
    print(f"everything takes {whole / alone:.1f} times the main fit ({alone:.0f} s); of it:")
    for name, share in sorted(shares.items(), key=lambda item: -item[1]):
        print(f"  {name}: {100 * share:.0f}%")
    print(
        f"  of all parts together, compiling: {100 * found['everything']['compiling'] / whole:.0f}%"
    )
    found["factor"], found["shares"] = whole / alone, shares
    benchmark.keep({"study": study}, found, {})


def main_fit(study: str, quick: bool, cache: str) -> dict[str, Any]:
    """Return how long the main fit takes."""
    given = _given(study, quick)
    began = time.perf_counter()
    fit_model(given.record, given.model, given.full, Path(cache))
    return {"seconds": time.perf_counter() - began}


def everything(study: str, quick: bool, cache: str) -> dict[str, Any]:
    """Return how long everything takes, by part, and how much of it is compiling."""
    given = _given(study, quick)
    if quick:
        robustness.REFITS = robustness.SPECIFICATIONS = 1
    began = time.perf_counter()
    clock = Clock()
    with compilations() as compiling:
        assess(given, Path(cache), clock.says)
    return {
        "seconds": time.perf_counter() - began,
        "parts": clock.seconds,
        "compiling": sum(compiling),
        "models_compiled": len(compiling),
    }


def _given(study: str, quick: bool) -> robustness.RobustnessInput:
    given = robustness_input(load_study_folder(study))
    return replace(given, full=TINY, settings=TINY) if quick else given


if __name__ == "__main__":
    typer.run(main)
