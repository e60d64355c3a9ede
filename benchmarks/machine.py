"""What every benchmark shares: facts about the machine, and the file a result is kept in.

A result names no host and no folder, so that it can be read anywhere.
"""

import json
import os
import platform
import sys
import time
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import typer

from toolkit.models import MODELS
from toolkit.paths import CHECKOUT, cache_dir, write_whole

# pip installs of PyTensor have no BLAS and say so; nothing here uses it.
warnings.filterwarnings("ignore", message="PyTensor could not link to a BLAS")
HERE = CHECKOUT / "benchmarks"
LIBRARIES = (
    "pymc", "pytensor", "nutpie", "numba", "numpy", "scipy", "arviz-stats", "numpyro", "jax",
    "torch", "transformers", "tokenizers", "lm_eval",
)  # fmt: skip
QuickOption = Annotated[
    bool, typer.Option("--quick", help="Tiny sizes and few draws, kept in the cache only.")
]


def known_model(value: Any) -> Any:
    """Return the model's name, or names, as given, or say which there are."""
    for name in [value] if isinstance(value, str) else value or []:
        if name not in MODELS:
            msg = f"got '{name}', expected one of {', '.join(MODELS)}."
            raise typer.BadParameter(msg)
    return value


ModelOption = Annotated[
    str, typer.Option("--model", callback=known_model, help="Which model to fit.")
]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of data and draws.")]


def facts() -> dict[str, Any]:
    """Return what a reader must know about machine and software to judge a number."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "cpu": _cpu(),
        "cpu_count": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_average_1_minute": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": versions(),
    }


def versions() -> dict[str, str]:
    """Return the versions of the libraries that matter, as far as they are installed."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _cpu() -> str:
    lines = Path("/proc/cpuinfo")
    if lines.exists():
        for line in lines.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


class Benchmark:
    """One run of a benchmark: made when it starts, ``keep`` writes what it found."""

    def __init__(self, name: str, question: str, *, quick: bool, module: str | None = None) -> None:
        self.name, self.question, self.quick = name, question, quick
        self.module = module or name
        self.started = time.perf_counter()
        self.machine = facts()

    def keep(self, settings: Mapping[str, Any], results: Any, targets: Mapping[str, bool]) -> Path:
        """Write the result and say where; a quick one goes to the cache, in nobody's way."""
        folder = cache_dir() / "benchmarks" if self.quick else HERE / "results"
        path = folder / f"{self.name}.json"
        record = {
            "benchmark": self.name,
            "question": self.question,
            "command": " ".join(["python -m", f"benchmarks.{self.module}", *sys.argv[1:]]),
            "quick": self.quick,
            "seconds": round(time.perf_counter() - self.started, 1),
            "machine": self.machine,
            "settings": settings,
            "targets": targets,
            "results": results,
        }
        write_json(path, record)
        for target, reached in targets.items():
            size = " (tiny sizes: says nothing)" if self.quick else ""
            print(f"{target}: {'reached' if reached else 'not reached'}{size}")
        print(f"Wrote {path.relative_to(CHECKOUT) if path.is_relative_to(CHECKOUT) else path.name}")
        return path


def write_json(path: Path, record: Any) -> None:
    """Write plain data as JSON, numbers to six digits."""
    text = json.dumps(_rounded(record), indent=1, ensure_ascii=False, allow_nan=False)
    write_whole(path, text + "\n")


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _rounded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
