"""The evaluator beside lm-evaluation-harness: equal numbers, and how much faster and smaller.

Both score and generate from the same texts with the same local checkpoints, in one process, in
turns, with one thread; the harness's ``hf`` backend at its best batch size.
"""

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import harness as harness_side
from benchmarks.fresh import in_fresh_process
from benchmarks.harness import Harness, Own
from benchmarks.machine import Benchmark, QuickOption, SeedOption
from benchmarks.side_by_side import agreement, compare_growth, compare_speed
from benchmarks.workloads import (
    ATTENTIONS,
    FAMILIES,
    WORKLOADS,
    Prompt,
    Workload,
    make_checkpoint,
    make_items,
    make_prompts,
)
from toolkit.cli.terminal import print_error, step_by_step

TOLERANCE = {"decoder": 1e-4, "t5": 1e-3}
BATCH_SIZES = (1, 4, 16)
N_MEMORY_ITEMS = 4
SHOTS = (0, 2, 5)


def main(
    quick: QuickOption = False,
    seed: SeedOption = 1,
    items: Annotated[int, typer.Option("--items", min=4, help="Items of each workload.")] = 100,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Runs of each side.")] = 3,
    probed: Annotated[
        int, typer.Option("--probed", min=1, help="Items on which batch sizes are tried.")
    ] = 16,
    budget: Annotated[
        int,
        typer.Option(
            "--budget",
            min=64,
            help="The toolkit's tokens in one forward; plans take 1024 on a CPU.",
        ),
    ] = 1024,
    device: Annotated[str, typer.Option("--device", help="cpu, or cuda.")] = "cpu",
) -> None:
    """Compare the toolkit's evaluator with lm-evaluation-harness: numbers, time, tokens, memory.

    Example: python -m benchmarks.evaluator --items 40 --repeats 1
    """
    os.environ["HF_HUB_OFFLINE"] = "1"
    lacking = harness_side.missing()
    if lacking:
        print_error(lacking)
        raise typer.Exit(1)
    if device == "cuda":
        from benchmarks.evaluator_gpu import measure_gpu

        measure_gpu(quick=quick, seed=seed, n_items=items, repeats=repeats)
        return
    import torch

    torch.set_num_threads(1)
    if quick:
        items, repeats, probed = 4, 1, 1
    benchmark = Benchmark(
        "evaluator", "How much faster than lm-evaluation-harness, with equal numbers?", quick=quick
    )
    with tempfile.TemporaryDirectory() as name, step_by_step("evaluator") as tell:
        folder = Path(name)
        results: dict[str, Any] = {
            "equality": compare_families(folder, seed, 3 if quick else 6, tell)
        }
        size = "tiny" if quick else "large"
        folders = {
            family: make_checkpoint(folder / f"speed-{family}", family, size)
            for family in ("gpt_neox", "t5")
        }
        tell("checkpoints for speed are written")
        results |= compare_costs(folders, items, seed, repeats, probed, budget, tell)
        results["memory"] = compare_memory(folders["gpt_neox"], seed, budget, quick=quick)
    show(results)
    settings = {
        "seed": seed, "items": items, "repeats": repeats, "batch_sizes_tried": BATCH_SIZES,
        "items_on_which_batch_sizes_are_tried": probed, "token_budget": budget,
        "threads": 1, "device": "cpu",
        "targets_are_judged_by": "CPU seconds: they hold on a machine that others use as well",
    }  # fmt: skip
    benchmark.keep(settings, results, judged(results))


def compare_families(folder: Path, seed: int, n_items: int, tell: Any) -> dict[str, Any]:
    """Return the agreement of both sides for each family and attention, on tiny checkpoints."""
    found = {}
    for family in FAMILIES:
        place = make_checkpoint(folder / family, family, "tiny")
        for attention in ATTENTIONS:
            options: dict[str, Any] = {"seq2seq": family == "t5", "attention": attention}
            own, harness = Own(place, **options), Harness(place, batch_size=4, **options)
            ours, theirs = [], []
            for kind, n_shots in (("text", 0), ("text", 2), ("letter", 2)):
                workload = Workload(f"{kind} {n_shots}", kind, n_shots, 0)
                prompts = with_greedy(own, make_prompts(workload, make_items(n_items, seed), seed))
                ours += own.score(prompts)
                theirs += harness.score(prompts)
            way = own.provenance()["mode"]
            found[f"{family}, {attention}"] = {"mode": way, **agreement(ours, theirs)}
        tell(f"equality of {family}")
    return found


def with_greedy(own: Own, prompts: list[Prompt]) -> list[Prompt]:
    """Add the likeliest next token as an option, so that some greedy flags are set."""
    texts = own.generate(prompts, 1)
    return [
        replace(prompt, continuations=(*prompt.continuations, text if text.strip() else " A"))
        for prompt, text in zip(prompts, texts, strict=True)
    ]


def compare_costs(
    folders: dict[str, Path],
    n_items: int,
    seed: int,
    repeats: int,
    n_probed: int,
    budget: int,
    tell: Any,
) -> dict[str, Any]:
    """Return speed on every workload, and growth with items and shots."""
    speed: dict[str, Any] = {}
    growth: dict[str, Any] = {}
    items = make_items(n_items, seed)
    for family, folder in folders.items():
        options = {"seq2seq": family == "t5"}
        own, harness = Own(folder, budget=budget, **options), Harness(folder, **options)
        for workload in (each for each in WORKLOADS if each.family == family):
            speed[workload.name] = compare_speed(
                own, harness, workload, items, seed, repeats, n_probed, BATCH_SIZES
            )
            tell(f"{workload.name}: {speed[workload.name]['ratio_of_cpu_seconds']:.1f} times")
        if family == "gpt_neox":
            sizes = [max(2, n_items // 8), n_items // 4 + 1, n_items // 2]
            growth = compare_growth(own, harness, sizes, SHOTS, seed)
            tell("growth")
    return {"speed": speed, "growth": growth}


def compare_memory(folder: Path, seed: int, budget: int, *, quick: bool) -> dict[str, Any]:
    """Return the peak memory of each side on 5-shot text, each in a process of its own."""
    found = {}
    cases = [("own", 1), ("harness", 1), ("harness", 4)]
    for name, batch_size in cases[:2] if quick else cases:
        arguments = {"name": name, "folder": str(folder), "n_items": 2 if quick else N_MEMORY_ITEMS,
                     "batch_size": batch_size, "seed": seed,
                     "budget": budget}  # fmt: skip
        key = name if name == "own" else f"harness, batch size {batch_size}"
        found[key] = in_fresh_process(
            "benchmarks.side_by_side", "peak_memory", arguments, folder / "compiled"
        )
    return found


def judged(results: dict[str, Any]) -> dict[str, bool]:
    """Return which targets are reached."""
    targets = {}
    for kind, tolerance in TOLERANCE.items():
        found = [
            each for name, each in results["equality"].items() if (kind == "t5") == ("t5" in name)
        ]
        targets[f"{kind}: log-likelihoods equal to {tolerance:g}, choices and flags identical"] = (
            all(
                each["largest_difference"] <= tolerance
                and each["choices_that_differ"] == each["greedy_flags_that_differ"] == 0
                for each in found
            )
        )
    for name, each in results["speed"].items():
        reached = each["ratio_of_cpu_seconds"] >= each["target"]
        targets[f"{name}: at least {each['target']:g} times as fast"] = reached
        equality = each["equality"]
        if "texts" in equality:
            targets[f"{name}: equal texts"] = equality["texts_that_differ"] == 0
        else:
            limit = TOLERANCE["t5" if name.startswith("T5") else "decoder"]
            targets[f"{name}: equal to {limit:g}"] = equality["largest_difference"] <= limit
    memory = results["memory"]
    theirs = min(each["extra_mib"] for name, each in memory.items() if name != "own")
    targets["peak memory not above the harness's"] = memory["own"]["extra_mib"] <= theirs
    return targets


def show(results: dict[str, Any]) -> None:
    """Print the ratios with what they are made of, a line for each."""
    for name, each in results["equality"].items():
        print(f"{name}: log-likelihoods differ by {each['largest_difference']:.1e} at most")
    for name, each in results["speed"].items():
        print(
            f"{name}: {each['ratio_of_cpu_seconds']:.1f} times as fast "
            f"({each['ratio_of_seconds']:.1f} by the clock; target {each['target']:g}); tokens run "
            f"{each['tokens']['run']['harness']} and {each['tokens']['run']['own']}, "
            f"{each['ratio_of_tokens']:.1f} times fewer; "
            f"{each['own_over_fewest_tokens']:.3f} times the fewest possible"
        )
    for name, each in results["growth"].items():
        slopes = each["cpu_seconds_per_unit"]
        print(f"per {name}: harness {slopes['harness']:.3f} s, own {slopes['own']:.3f} s of CPU")
    for name, each in results["memory"].items():
        print(f"memory beyond the loaded checkpoint, {name}: {each['extra_mib']:.0f} MiB")


if __name__ == "__main__":
    typer.run(main)
