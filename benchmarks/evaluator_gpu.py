"""The evaluator beside lm-evaluation-harness on a GPU: a billion random parameters in bfloat16.

``python -m benchmarks.evaluator --device cuda`` runs it. Times are the clock's; beside them stands
the share of the card's own ceiling for matrix products, measured in the same run.
"""

import gc
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import typer

from benchmarks.harness import Harness, Own, Side
from benchmarks.machine import Benchmark
from benchmarks.side_by_side import MEBI, ask, compare_speed
from benchmarks.workloads import WORKLOADS, Item, make_checkpoint, make_items, make_prompts
from toolkit.cli.terminal import print_error, step_by_step

BATCH_SIZES = (1, 4, 16, 64)
N_PROBED = 16
# Side of the square matrices, and products after the first, by which the ceiling is measured.
N_CEILING, N_PRODUCTS = 8192, 30
NEEDS = (
    "torch finds no GPU on this machine. This comparison needs an NVIDIA GPU that computes in "
    "bfloat16 with 16 GiB of memory, and a build of torch for CUDA; nothing is downloaded. "
    "Without one: python -m benchmarks.evaluator --device cpu"
)


def measure_gpu(*, quick: bool, seed: int, n_items: int, repeats: int) -> None:
    """Compare both sides on the GPU, or say what that needs."""
    import torch

    if not torch.cuda.is_available():
        print_error(NEEDS)
        raise typer.Exit(1)
    benchmark = Benchmark(
        "evaluator_gpu",
        "How much faster than lm-evaluation-harness on a GPU, and how much of the card is used?",
        quick=quick,
        module="evaluator",
    )
    n_items, repeats = (6, 1) if quick else (n_items, repeats)
    items = make_items(n_items, seed)
    with tempfile.TemporaryDirectory() as name, step_by_step("evaluator on a GPU") as tell:
        folder = make_checkpoint(
            Path(name) / "llama", "llama", "tiny" if quick else "large", "bfloat16"
        )
        tell("the checkpoint is written")
        results = compare_on("cuda", folder, items, seed, repeats, tell)
    show(results)
    settings = {
        "seed": seed, "items": n_items, "repeats": repeats, "batch_sizes_tried": BATCH_SIZES,
        "items_on_which_batch_sizes_are_tried": N_PROBED, "dtype": "bfloat16",
        "gpu": torch.cuda.get_device_name(), "cuda": torch.version.cuda,
        "targets_are_judged_by": "the clock's seconds",
    }  # fmt: skip
    benchmark.keep(settings, results, judged(results))


def compare_on(
    device: Literal["cpu", "cuda"],
    folder: Path,
    items: Sequence[Item],
    seed: int,
    repeats: int,
    tell: Any,
) -> dict[str, Any]:
    """Return speed, tokens per second, share of the ceiling, and memory, on one device."""
    options: dict[str, Any] = {"seq2seq": False, "device": device, "dtype": "bfloat16"}
    own, harness = Own(folder, **options), Harness(folder, **options)
    ceiling = measure_ceiling(device, N_CEILING if device == "cuda" else 512)
    n_body = own.n_body_params
    found: dict[str, Any] = {
        "parameters": own.n_params,
        "parameters_of_the_body": n_body,
        "ceiling_flop_per_second": ceiling,
        "speed": {},
        "memory": {},
    }
    for workload in (each for each in WORKLOADS if each.family != "t5"):
        on_llama = replace(workload, family="llama")
        each = compare_speed(
            own, harness, on_llama, items, seed, repeats, N_PROBED, BATCH_SIZES
        )  # the harness keeps its best batch size
        each["tokens_per_second"] = {
            side: n_run / each["times"][side]["seconds"]
            for side, n_run in each["tokens"]["run"].items()
        }
        # Output head and attention come on top: a lower bound.
        each["share_of_ceiling"] = {
            side: 2 * n_body * speed / ceiling for side, speed in each["tokens_per_second"].items()
        }
        found["speed"][workload.name] = each
        if device == "cuda":
            prompts = make_prompts(on_llama, items, seed)
            sides: dict[str, Side] = {"own": own, "harness": harness}
            found["memory"][workload.name] = {
                name: peak_on_gpu(lambda s=side: ask(s, on_llama, prompts))  # noqa: B023
                for name, side in sides.items()
            }
        tell(f"{workload.name}: {each['ratio_of_seconds']:.1f} times")
    return found


def measure_ceiling(device: str, n_rows: int) -> float:
    """Return the floating-point operations per second of large bfloat16 matrix products."""
    import torch

    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    left, right = (torch.randn(n_rows, n_rows, device=device).bfloat16() for _ in range(2))
    rates = []
    for _ in range(3):
        torch.matmul(left, right)
        wait()
        began = time.perf_counter()
        for _ in range(N_PRODUCTS):
            torch.matmul(left, right)
        wait()
        rates.append(N_PRODUCTS * 2 * n_rows**3 / (time.perf_counter() - began))
    return max(rates)


def peak_on_gpu(run: Any) -> float:
    """Return the MiB that a run takes on the GPU beyond what was there before."""
    import torch

    gc.collect()
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    run()
    return (torch.cuda.max_memory_allocated() - before) / MEBI


def judged(results: dict[str, Any]) -> dict[str, bool]:
    """Return which targets are reached."""
    targets = {
        f"{name}: at least {each['target']:g} times as fast": (
            each["ratio_of_seconds"] >= each["target"]
        )
        for name, each in results["speed"].items()
    }
    targets["peak memory not above the harness's"] = all(
        each["own"] <= each["harness"] for each in results["memory"].values()
    )
    return targets


def show(results: dict[str, Any]) -> None:
    """Print ratios, tokens per second and shares of the ceiling."""
    print(f"bfloat16 matrix products: {results['ceiling_flop_per_second'] / 1e12:.0f} TFLOP/s")
    for name, each in results["speed"].items():
        parts = [
            f"{side} {each['tokens_per_second'][side]:.0f} tokens per second "
            f"({each['share_of_ceiling'][side]:.1%} of the ceiling)"
            for side in ("harness", "own")
        ]
        print(
            f"{name}: {each['ratio_of_seconds']:.1f} times as fast (target {each['target']:g}), "
            f"{each['ratio_of_tokens']:.1f} times fewer tokens; {', '.join(parts)}"
        )
    for name, each in results["memory"].items():
        print(f"memory, {name}: harness {each['harness']:.0f} MiB, own {each['own']:.0f} MiB")
