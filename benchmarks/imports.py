"""Time and memory of importing item records, and how both grow with their number.

Each file is imported in a process of its own. An exponent of 1 means: twice as many records, twice
the time; memory should not grow at all, but for the eight bytes that tell an item from the others.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import typer

from benchmarks.fresh import in_fresh_process
from benchmarks.item_files import MAKERS
from benchmarks.machine import Benchmark, QuickOption, SeedOption
from toolkit.cli.terminal import step_by_step

RECORDS = (50_000, 200_000, 1_000_000)
QUICK = (400, 2_000)
# How much more memory the largest file may take than the smallest.
GROWTH_MAX_MIB = 64
EXPONENT_MAX = 1.1


def main(quick: QuickOption = False, seed: SeedOption = 1) -> None:
    """Import files of growing length; peak memory, time, and the exponent of its growth.

    Example: python -m benchmarks.imports
    """
    benchmark = Benchmark("imports", "What does importing item records cost?", quick=quick)
    sizes = QUICK if quick else RECORDS
    results: dict[str, Any] = {}
    with step_by_step("imports") as tell:
        for form in MAKERS:
            costs = []
            for n_records in sizes:
                costs.append(measure(form, n_records, seed))
                tell(f"{form}, {n_records} records")
            results[form] = {"exponent_of_cpu_time": exponent(costs), "sizes": costs}
    for form, found in results.items():
        for cost in found["sizes"]:
            print(
                f"{form}: {cost['item_records']} item records ({cost['file_mib']:.0f} MiB) in "
                f"{cost['cpu_seconds']:.1f} s of CPU, peak {cost['peak_memory_mib']:.0f} MiB"
            )
        print(f"{form}: time grows to the power {found['exponent_of_cpu_time']:.2f}")
    benchmark.keep({"records": sizes, "seed": seed}, results, judged(results))


def measure(form: str, n_records: int, seed: int) -> dict[str, Any]:
    """Return what importing a new file of this form costs in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "from").mkdir()
        path = MAKERS[form](folder / "from", n_records, seed)
        arguments = {"form": form, "path": str(path), "to": str(folder / "study")}
        return in_fresh_process("benchmarks.item_files", "measure", arguments, folder / "compiled")


def exponent(costs: list[dict[str, Any]]) -> float:
    """Return the slope of log time over log number of records (least squares)."""
    n, seconds = (np.log([c[name] for c in costs]) for name in ("item_records", "cpu_seconds"))
    return float(np.polyfit(n, seconds, 1)[0])


def judged(results: dict[str, Any]) -> dict[str, bool]:
    """Return whether memory is bounded and time linear, in every form."""
    growth = [
        found["sizes"][-1]["peak_memory_mib"] - found["sizes"][0]["peak_memory_mib"]
        for found in results.values()
    ]
    exponents = [found["exponent_of_cpu_time"] for found in results.values()]
    return {
        f"the largest file takes at most {GROWTH_MAX_MIB} MiB more": max(growth) <= GROWTH_MAX_MIB,
        f"time grows at most to the power {EXPONENT_MAX}": max(exponents) <= EXPONENT_MAX,
    }


if __name__ == "__main__":
    typer.run(main)
