"""Two evaluators on the same prompts: are their numbers equal, how fast is each, what does it hold.

Time is taken in turns, as CPU seconds (others who use the machine don't count) and by the clock.
"""

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fresh import memory_mib
from benchmarks.harness import Harness, Own, Score, Side
from benchmarks.workloads import Item, Prompt, Workload, make_items, make_prompts

CLOCKS = {"seconds": time.perf_counter, "cpu_seconds": time.process_time}
MEBI = 2**20


def race(
    runs: Mapping[str, Callable[[], Any]], repeats: int
) -> tuple[dict[str, dict[str, float]], dict[str, Any]]:
    """Return the median times of each run, taken in turns, and what each returned last."""
    times: dict[str, dict[str, list[float]]] = {
        name: {clock: [] for clock in CLOCKS} for name in runs
    }
    returned: dict[str, Any] = {}
    for repeat in range(repeats):
        for name in list(runs) if repeat % 2 else list(runs)[::-1]:
            gc.collect()
            began = {clock: now() for clock, now in CLOCKS.items()}
            returned[name] = runs[name]()
            for clock, now in CLOCKS.items():
                times[name][clock].append(now() - began[clock])
    medians = {
        name: {clock: float(np.median(taken)) for clock, taken in clocks.items()}
        for name, clocks in times.items()
    }
    return medians, returned


def ask(side: Side, workload: Workload, prompts: Sequence[Prompt]) -> Any:
    """Return what a side finds for a workload: scores, or texts."""
    if workload.kind == "generate":
        return side.generate(prompts, workload.max_new_tokens)
    return side.score(prompts)


def agreement(ours: Sequence[list[Score]], theirs: Sequence[list[Score]]) -> dict[str, Any]:
    """Return how far the scores of two sides lie apart, and whether choices and flags are equal."""
    first, second = (
        np.array(scores, dtype=float) for scores in (ours, theirs)
    )  # (item, option, 2)
    choices = [scores[..., 0].argmax(1) for scores in (first, second)]
    return {
        "log_likelihoods": int(first[..., 0].size),
        "largest_difference": float(np.abs(first[..., 0] - second[..., 0]).max()),
        "mean_log_likelihood": float(second[..., 0].mean()),
        "choices_that_differ": int((choices[0] != choices[1]).sum()),
        "greedy_flags_that_differ": int((first[..., 1] != second[..., 1]).sum()),
        "greedy_flags_set": int(second[..., 1].sum()),
    }


def best_batch_size(
    harness: Harness, workload: Workload, prompts: Sequence[Prompt], sizes: Sequence[int]
) -> dict[str, Any]:
    """Return the batch size at which the harness takes the least CPU time, leaving it set."""
    n_forwards = sum(len(p.continuations) if workload.kind == "text" else 1 for p in prompts)
    taken = {}
    # A size that holds all of them is tried once.
    for size in [
        size for size, smaller in zip(sizes, (0, *sizes[:-1]), strict=True) if smaller < n_forwards
    ]:
        harness.set_batch_size(size)
        taken[size] = race({"it": lambda: ask(harness, workload, prompts)}, 1)[0]["it"]
    best = min(taken, key=lambda size: taken[size]["cpu_seconds"])
    harness.set_batch_size(best)
    return {"best": best, "prompts": len(prompts), "cpu_seconds_by_size": {
        size: clocks["cpu_seconds"] for size, clocks in taken.items()
    }}  # fmt: skip


def count_tokens(own: Own, workload: Workload, prompts: Sequence[Prompt]) -> dict[str, int]:
    """Return what is asked in tokens, and the fewest that any exact way has to run.

    These are the distinct nodes of the token trie; an encoder reads each distinct context whole.
    Of a generated text all tokens but the last are run as well.
    """
    from toolkit.evaluate.engine.trie import count_work
    from toolkit.evaluate.store.prompts import shared_beginning

    requests = own.requests(prompts)
    work = count_work(requests, encoder_decoder=workload.family == "t5")
    fewest = work.n_distinct_tokens
    if workload.kind == "generate":
        fewest += own.n_generated - len(prompts)
    return {
        "requests": len(requests),
        "requested": work.n_requested_tokens,
        "shared_prefix": len(shared_beginning([request.context for request in requests])),
        "fewest": fewest,
    }


def compare_speed(
    own: Own,
    harness: Harness,
    workload: Workload,
    items: Sequence[Item],
    seed: int,
    repeats: int,
    n_probed: int,
    batch_sizes: Sequence[int],
) -> dict[str, Any]:
    """Return times, ratios and tokens of both sides on one workload, with their agreement."""
    prompts = make_prompts(workload, items, seed)
    for side in (own, harness):
        ask(side, workload, prompts[:1])
    probe = best_batch_size(harness, workload, prompts[:n_probed], batch_sizes)
    sides: dict[str, Side] = {"own": own, "harness": harness}
    tokens = {}

    def run(name: str) -> Any:
        sides[name].counter.n_tokens = 0
        found = ask(sides[name], workload, prompts)
        tokens[name] = sides[name].counter.n_tokens
        return found

    times, found = race({name: lambda name=name: run(name) for name in sides}, repeats)
    counted = count_tokens(own, workload, prompts)
    if workload.kind == "generate":
        differ = sum(a != b for a, b in zip(found["own"], found["harness"], strict=True))
        equality = {
            "texts": len(prompts),
            "texts_that_differ": differ,
            "distinct_texts": len(set(found["harness"])),
        }
    else:
        equality = agreement(found["own"], found["harness"])
    ratio = {clock: times["harness"][clock] / times["own"][clock] for clock in CLOCKS}
    return {
        "items": len(items),
        "shots": workload.n_shots,
        "target": workload.target,
        "ratio_of_cpu_seconds": ratio["cpu_seconds"],
        "ratio_of_seconds": ratio["seconds"],
        "items_per_second": {name: len(items) / t["seconds"] for name, t in times.items()},
        "times": times,
        "tokens": counted | {"run": tokens},
        "ratio_of_tokens": tokens["harness"] / tokens["own"],
        "own_over_fewest_tokens": tokens["own"] / counted["fewest"],
        "batch_size": probe,
        "equality": equality,
    }


def compare_growth(
    own: Own, harness: Harness, sizes: Sequence[int], shots: Sequence[int], seed: int
) -> dict[str, Any]:
    """Return CPU seconds by number of items and by shots, and the slopes of straight lines."""
    by_items = Workload("by items", "text", 0, 0)
    harness.set_batch_size(1)
    sides: dict[str, Side] = {"own": own, "harness": harness}

    def grow(cases: Mapping[int, tuple[Workload, int]]) -> dict[str, Any]:
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        for workload, n_items in cases.values():
            prompts = make_prompts(workload, make_items(n_items, seed), seed)
            runs = {n: lambda s=s, w=workload, p=prompts: ask(s, w, p) for n, s in sides.items()}
            for name, clocks in race(runs, 1)[0].items():
                seconds[name].append(clocks["cpu_seconds"])
        slopes = {n: float(np.polyfit(list(cases), taken, 1)[0]) for n, taken in seconds.items()}
        return {"at": list(cases), "cpu_seconds": seconds, "cpu_seconds_per_unit": slopes}

    n_few = sizes[0]
    return {
        "items, 0-shot text": grow({n: (by_items, n) for n in sizes}),
        f"shots, {n_few} items scored as text": grow(
            {n: (Workload(f"{n} shots", "text", n, 0), n_few) for n in shots}
        ),
    }


def peak_memory(
    name: str, folder: str, n_items: int, batch_size: int, budget: int, seed: int
) -> dict[str, Any]:
    """Return the memory that one side takes for 5-shot text; to be run in a new process."""
    import torch

    torch.set_num_threads(1)
    side: Side = Own(Path(folder), seq2seq=False, budget=budget)
    if name == "harness":
        side = Harness(Path(folder), seq2seq=False, batch_size=batch_size)
    workload = Workload("5-shot text", "text", 5, 0)
    prompts = make_prompts(workload, make_items(n_items, seed), seed)
    gc.collect()
    # The largest memory so far is forgotten: loading isn't what is measured.
    Path("/proc/self/clear_refs").write_text("5")
    loaded = memory_mib(peak=False)
    ask(side, workload, prompts)
    peak = memory_mib(peak=True)
    return {"loaded_mib": loaded, "peak_mib": peak, "extra_mib": peak - loaded}
