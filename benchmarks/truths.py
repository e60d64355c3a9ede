"""Count what the whole procedure says of simulated truths: smooth curves, and planted steps.

Studies of the rich design (four families of five sizes, base and tuned, zero- and few-shot, 200
items). Smooth studies hold one task of each curve that is no jump, exact-match studies those whose
metric makes a jump, step studies steps of 20 points in all arms, with demonstrations only, and with
instruction tuning only, beside gentle straight curves. Every study that is done is a line in
``truths.jsonl``: a killed run goes on, and the table counts what is there.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import typer

from benchmarks.machine import HERE, Benchmark, QuickOption
from toolkit import sampling, simulate, truths
from toolkit.fit import code_of, model_text
from toolkit.gates import Outcome
from toolkit.models import RIVALS
from toolkit.paths import atomic_path, cache_dir
from toolkit.planted import Judged, judge_planted
from toolkit.sampling import FitSettings
from toolkit.simulate import RICH, PlantedTask, Truth, simulate_study
from toolkit.terminal import print_table, step_by_step
from toolkit.truths import BrokenPower, Curve, Flat, FourParameter, Straight, TokenPower, UShape
from toolkit.variants import hash_text

HEIGHT = 0.20
PLACES = (9.2, 10.2)  # log10 of parameters: sizes of the design on both sides
WIDTHS = (3.0, 1.5, 0.75)  # decades from 10% to 90% of the rise
# An error that falls by 10**-exponent per decade goes from 0.9 to 0.1 within 1 / exponent.
SMOOTH: dict[str, Curve] = {
    **{f"straight, {width:g} decades": Straight(width) for width in WIDTHS},
    **{f"4PL, {width:g} decades": FourParameter(width, 0.05, 0.85) for width in WIDTHS},
    **{f"broken power law, {w:g} decades": BrokenPower(1 / w) for w in WIDTHS},
    "U-shape": UShape(-2.5, 1.5),
}
EXACT: dict[str, Curve] = {"p^L of 8 tokens": TokenPower(3.0, 8), "compliance only": Flat(0.8)}
NO_JUMP = (*SMOOTH, *EXACT)
STEPS: dict[str, tuple[Truth, Outcome, tuple[str, ...]]] = {
    "step in all arms": ("all arms", Outcome.JUMP_REMAINS, ()),
    "step with few-shot only": ("few-shot only", Outcome.EXPLAINED, ("few-shot prompting",)),
    "step with tuning only": (
        "instruction tuning only", Outcome.EXPLAINED, ("instruction tuning",)
    ),
}  # fmt: skip
# Tasks of each truth in a study of exact match, and of steps.
PER_STUDY = 4
# Tasks without a step in a study of steps, and of which curve.
BYSTANDERS, GENTLE = 3, "straight, 3 decades"
WITH_JUMP = (Outcome.JUMP_REMAINS.value, Outcome.EXPLAINED.value)
FALSE_MAX, FOUND_MIN = 1 / 20, 16 / 20


def main(
    quick: QuickOption = False,
    smooth: int = typer.Option(20, help="Smooth studies: as many tasks of every smooth curve."),
    exact: int = typer.Option(5, help="Exact-match studies: four times as many tasks of each."),
    steps: int = typer.Option(5, help="Step studies: four times as many tasks of every step."),
    seed: int = typer.Option(1000, help="Seed of the first study; the others follow it."),
    draws: int = typer.Option(800, help="Draws of each of four chains, after 600 of tuning."),
) -> None:
    """Simulate studies of known truth, judge them, and print how often each truth was met.

    Example: python -m benchmarks.truths --smooth 20 --steps 5
    """
    question = "What does the whole procedure say of simulated truths?"
    benchmark = Benchmark("truths", question, quick=quick)
    if quick:
        smooth, exact, steps, draws = 1, 1, 1, 60
    settings = {"draws": draws, "tune": 60 if quick else 600, "chains": 4, "target_accept": 0.9}
    record = (cache_dir() / "benchmarks" if quick else HERE / "results") / "truths.jsonl"
    made_by = {**settings, "models": models_hash()}
    # The main model and its rivals stay compiled from study to study.
    sampling.KEPT_MODELS = len(PLANTED) * (1 + len(RIVALS))
    wanted = [
        (kind, number)
        for kind, n in (("smooth", smooth), ("exact", exact), ("step", steps))
        for number in range(n)
    ]
    with step_by_step("simulated truths") as tell:
        for kind, number in _interleaved(wanted):
            key = {"kind": kind, "seed": seed + number, **made_by}
            if not any(line["study"] == key for line in lines(record)):
                append(record, {"study": key, **judge(kind, seed + number, settings, tell)})
            tell(f"{kind} study {number + 1}: ready")
    done = [line for line in lines(record) if line["study"]["models"] == made_by["models"]]
    table = counts([task for line in done for task in line["tasks"]])
    print_table(table, f"What was said of {sum(row['n'] for row in table)} tasks of known truth")
    first = {"items": RICH.n_items, "step": HEIGHT, "first_seed": seed, **settings}
    benchmark.keep(first, table, targets(table))


def models_hash() -> str:
    """Return a hash of the models and the simulator: other ones make other studies."""
    texts = [*(model_text(name) for name in ("step", *RIVALS)), code_of(simulate), code_of(truths)]
    return hash_text("\n".join(texts))


def _interleaved(wanted: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return the studies so that all kinds grow together."""
    n = Counter(kind for kind, _ in wanted)
    return sorted(wanted, key=lambda study: (study[1] / n[study[0]], study[0]))


def judge(
    kind: str, seed: int, settings: dict[str, Any], tell: Callable[[str], None]
) -> dict[str, Any]:
    """Return one study's truths and verdicts, as plain data."""
    started = time.perf_counter()
    rng = np.random.default_rng(seed)
    planted = PLANTED[kind](rng)
    tasks = [task for _, task in planted]
    scores = simulate_study(RICH, tasks, rng)
    found = judge_planted(
        scores, tasks, FitSettings(**settings, random_seed=seed), cache_dir() / "truths", tell
    )
    rows = [_row(truth, each) for (truth, _), each in zip(planted, found, strict=True)]
    return {"seconds": round(time.perf_counter() - started, 1), "tasks": rows}


def smooth_tasks(rng: np.random.Generator) -> list[tuple[str, PlantedTask]]:
    """Return one task of each smooth curve, claimed to jump where it rises most."""
    tasks = []
    for name, curve in SMOOTH.items():
        place = float(10 ** rng.uniform(*PLACES))
        tasks.append((name, PlantedTask(name, "none", place, midpoint=place, curve=curve)))
    return tasks


def exact_tasks(rng: np.random.Generator) -> list[tuple[str, PlantedTask]]:
    """Return tasks whose exact match rises because tokens must be right together, or be parsed."""
    tasks = []
    for name, curve in EXACT.items():
        for number in range(PER_STUDY):
            place = float(10 ** rng.uniform(*PLACES))
            only_format = isinstance(curve, Flat)
            task = PlantedTask(
                f"{name}-{number}", "none", place, 0.0,
                # Eight right tokens are likely only a decade beyond where one is even.
                midpoint=place if only_format else place / 10, curve=curve, metric="exact_match",
                complies=Straight(1.5) if only_format else None,
            )  # fmt: skip
            tasks.append((name, task))
    return tasks


def step_tasks(rng: np.random.Generator) -> list[tuple[str, PlantedTask]]:
    """Return tasks with each step, on gentle straight curves, beside some without a step."""
    tasks = []
    for name, (truth, _, _) in STEPS.items():
        for number in range(PER_STUDY):
            place, middle = 10 ** rng.uniform(*PLACES), 10 ** rng.uniform(10.5, 11.3)
            curve = Straight(float(rng.uniform(2.7, 5.5)))
            task = PlantedTask(f"{name}-{number}", truth, place, HEIGHT, middle, curve)
            tasks.append((name, task))
    for number in range(BYSTANDERS):
        place = float(10 ** rng.uniform(*PLACES))
        task = PlantedTask(f"{GENTLE}-{number}", "none", place, 0.0, place, SMOOTH[GENTLE])
        tasks.append((GENTLE, task))
    return tasks


PLANTED = {"smooth": smooth_tasks, "exact": exact_tasks, "step": step_tasks}


def _row(truth: str, judged: Judged) -> dict[str, Any]:
    verdict = judged.verdict
    right = [outcome for name, (_, outcome, _) in STEPS.items() if name == truth]
    credited = [parts for name, (_, _, parts) in STEPS.items() if name == truth]
    outcome = verdict.outcome
    met = outcome is Outcome.NO_JUMP
    if right:
        met = outcome is right[0] and verdict.credited_to == credited[0]
    jump = verdict.estimates["residual_jump"]
    return {
        "truth": truth,
        "place": judged.task.step_at,
        "verdict": outcome.value,
        "right": met,
        "credited_to": list(verdict.credited_to),
        "reasons": [reason.code for reason in verdict.reasons],
        "p_controlled": verdict.estimates["p_residual_jump"].median,
        "p_published": verdict.estimates["p_published_jump"].median,
        "jump": [jump.ci_low, jump.median, jump.ci_high],
    }


def counts(tasks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return for each truth how often it was met, called a jump, and left open, and why."""
    rows = []
    for truth in (*NO_JUMP, *STEPS):
        own = [task for task in tasks if task["truth"] == truth]
        if own:
            verdicts = Counter(task["verdict"] for task in own)
            left = [task for task in own if task["verdict"] == Outcome.UNDETERMINED.value]
            codes = Counter(task["reasons"][0] for task in left)
            rows.append(
                {
                    "truth": truth,
                    "n": len(own),
                    **{outcome.value: verdicts[outcome.value] for outcome in Outcome},
                    "right": sum(task["right"] for task in own),
                    "first reason where undetermined": ", ".join(
                        f"{code} {n}" for code, n in codes.most_common()
                    ),
                }
            )
    return rows


def targets(table: Sequence[dict[str, Any]]) -> dict[str, bool]:
    """Return which targets the counts reach."""
    by_truth = {row["truth"]: row for row in table}
    called = {
        truth: sum(by_truth[truth][outcome] for outcome in WITH_JUMP) / by_truth[truth]["n"]
        for truth in NO_JUMP
        if truth in by_truth
    }
    found = {t: by_truth[t]["right"] / by_truth[t]["n"] for t in STEPS if t in by_truth}
    return {
        "no smooth curve is called a jump in more than 1 of 20": all(
            share <= FALSE_MAX for share in called.values()
        ),
        **{f"{t}: right in at least 16 of 20": share >= FOUND_MIN for t, share in found.items()},
    }


def lines(record: Path) -> list[dict[str, Any]]:
    """Return the studies done so far."""
    if not record.exists():
        return []
    return [json.loads(text) for text in record.read_text(encoding="utf-8").splitlines()]


def append(record: Path, line: dict[str, Any]) -> None:
    """Add a study, so that a kill loses none that was done."""
    every = [json.dumps(each) for each in (*lines(record), line)]
    with atomic_path(record) as temporary:
        temporary.write_text("\n".join(every) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
