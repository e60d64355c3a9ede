"""The simulated studies of a certificate as jobs, each kept as one line when it is done.

A job is a block of truths and a seed. What was done with the same models, simulator, design and
settings is not done again, so that a killed run goes on where it stopped, with the same result: a
job depends on its seed only, not on what ran before it or beside it.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from toolkit.calibrate import judge, truths
from toolkit.calibrate.judge import Judged, judge_planted
from toolkit.calibrate.kept_lines import Line, append, lines
from toolkit.calibrate.truths import BLOCKS, KnownTruth, Right, planted_tasks, right_of
from toolkit.estimands import estimate, even_odds, jumps, measured, reported
from toolkit.estimands.estimate import ROPE
from toolkit.fit import diagnose, fitted_design
from toolkit.fit.code import code_of, model_text
from toolkit.fit.sampling import FitSettings, keeping_models
from toolkit.jobs import HERE, Workers, run_unordered
from toolkit.models import RIVALS
from toolkit.robustness import hidden_cells, sensitivity, specifications, variants
from toolkit.robustness.variants import hash_text
from toolkit.simulate import Design, curves, designs, simulate_study, studies, tasks
from toolkit.verdict import gates, judging, jump_place, reasons, rules, support

# What makes a verdict of a fit: lines that other rules made do not count.
RULES = (
    diagnose, estimate, even_odds, fitted_design, gates, hidden_cells, judge, judging, jump_place,
    jumps, measured, reasons, reported, rules, sensitivity, specifications, support, variants,
)  # fmt: skip
# What says how fits are sampled, by its name in a campaign and in what is kept of it.
SETTINGS = ("draws", "rival_draws", "tune", "chains", "target_accept")


@dataclass(frozen=True)
class Campaign:
    """What is judged: a design by name, how each fit is sampled, and where draws may be kept.

    Rivals and other prior scales answer one question, whether the jump holds, and need fewer draws.
    With ``keep_draws`` the draws of main fits and the tables of all others stay in ``cache``, so
    that other rules can be tried on the same fits; a fit takes some 40 MB.
    """

    name: str
    design: Design
    draws: int
    rival_draws: int
    tune: int
    chains: int
    target_accept: float
    cache: Path
    keep_draws: bool = False

    @property
    def made_by(self) -> dict[str, Any]:
        """Return what a kept line must share to count: settings, and hashes of what made it."""
        models = [model_text(name) for name in ("step", *RIVALS)]
        simulator = [code_of(module) for module in (truths, curves, tasks, designs, studies)]
        return {
            **{name: getattr(self, name) for name in SETTINGS},
            "design": hash_text(self.design.fingerprint),
            "models": hash_text("\n".join(models)),
            "simulator": hash_text("\n".join(simulator)),
            "rules": hash_text("\n".join(code_of(module) for module in RULES)),
        }

    def settings(self, seed: int) -> FitSettings:
        """Return the settings of the main fit of one study."""
        return FitSettings(self.draws, self.tune, self.chains, self.target_accept, seed)

    def rival_settings(self, seed: int) -> FitSettings:
        """Return the settings of all other fits of one study."""
        return replace(self.settings(seed), draws=self.rival_draws)


@dataclass(frozen=True)
class Job:
    """One simulated study."""

    block: str
    seed: int


def jobs_for(blocks: Iterable[str], n_per_truth: int, seed: int) -> list[Job]:
    """Return the studies that give the truths of the blocks so many tasks, all blocks in turn.

    Truths that only stand beside the others of a block, after them, may get fewer from it.
    """
    found = []
    for block in blocks:
        n_studies = -(-n_per_truth // next(iter(BLOCKS[block].tasks.values())))
        found += [(number / n_studies, Job(block, seed + number)) for number in range(n_studies)]
    return [job for _, job in sorted(found, key=lambda pair: pair[0])]


def run_jobs(
    campaign: Campaign,
    jobs: Iterable[Job],
    record: Path,
    done: Callable[[str], None] = lambda _: None,
    workers: Workers = HERE,
) -> list[Line]:
    """Run the jobs that ``record`` does not hold yet, and return the lines of all of them."""
    wanted, made_by = list(jobs), campaign.made_by
    missing = missing_jobs(campaign, wanted, record)
    made = run_unordered(run_job, [(campaign, job) for job in missing], workers)
    for number, line in enumerate(made, len(wanted) - len(missing) + 1):
        append(record, {**line, "made_by": made_by})
        done(f"study {number} of {len(wanted)} ({line['block']}, {line['seconds']:.0f} s)")
    kept = kept_studies(campaign, record)
    # In the order asked for, whichever was done first.
    return [kept[job] for job in wanted]


def missing_jobs(campaign: Campaign, jobs: Iterable[Job], record: Path) -> list[Job]:
    """Return the jobs whose study ``record`` does not hold."""
    kept = kept_studies(campaign, record)
    return [job for job in jobs if job not in kept]


def kept_studies(campaign: Campaign, record: Path) -> dict[Job, Line]:
    """Return every study of a campaign that ``record`` holds, each once, though it stand twice.

    A record that was put together of two may hold a study twice: with the same verdicts.
    """
    found = lines(record, campaign.made_by)
    return {Job(line["block"], line["seed"]): line for line in reversed(found)}


def seeds_by_block(studies: Iterable[Job]) -> dict[str, list[int]]:
    """Return the seeds of the studies of each block, in the order of the blocks."""
    seeds: dict[str, list[int]] = {}
    for job in studies:
        seeds.setdefault(job.block, []).append(job.seed)
    return {block: sorted(seeds[block]) for block in BLOCKS if block in seeds}


# The main model and its rivals stay compiled in this process from study to study.
@keeping_models(len(BLOCKS) * (1 + len(RIVALS)))
def run_job(campaign: Campaign, job: Job) -> Line:
    """Return one study's truths and verdicts as plain data."""
    started = time.perf_counter()
    # The same seed makes other studies in other blocks.
    rng = np.random.default_rng([job.seed, *job.block.encode()])
    block = BLOCKS[job.block]
    design = block.change(campaign.design.shuffled(rng))
    planted = planted_tasks(block, design, rng)
    claimed = {task: design.published_arm(number) for number, (_, task) in enumerate(planted)}
    scores = simulate_study(design, list(claimed), rng)
    settings = campaign.settings(job.seed), campaign.rival_settings(job.seed)
    campaign.cache.mkdir(parents=True, exist_ok=True)
    # Draws of thousands of studies would fill a disk; a line says what is needed of them.
    kept = nullcontext(campaign.cache / "kept")
    with kept if campaign.keep_draws else TemporaryDirectory(dir=campaign.cache) as folder:
        judged = judge_planted(scores, claimed, *settings, Path(folder))
    rows = [
        _row(truth, each, right_of(each.task, claimed[each.task]))
        for (truth, _), each in zip(planted, judged.tasks, strict=True)
    ]
    return {
        "block": job.block,
        "seed": job.seed,
        "seconds": round(time.perf_counter() - started, 1),
        "n_fits": judged.n_fits,
        "surviving": _rounded(judged.surviving),
        "n_true": sum(truth.height > ROPE for truth, _ in planted),
        "tasks": rows,
    }


def _row(truth: KnownTruth, judged: Judged, right: Right) -> Line:
    verdict = judged.verdict
    met = verdict.outcome is right.outcome and verdict.credited_to == right.credited
    return {
        "truth": truth.name,
        "place": float(f"{judged.task.step_at:.4g}"),
        "must_be": right.outcome.value,
        "verdict": verdict.outcome.value,
        "right": met,
        "credited_to": list(verdict.credited_to),
        "reasons": [reason.code for reason in verdict.reasons],
        "p_controlled": round(verdict.estimates["p_residual_jump"].median, 5),
        "p_published": round(verdict.estimates["p_published_jump"].median, 5),
        "p_even_odds": _rounded(
            verdict.estimates[f"p_{name}_jump_even_odds"].median
            for name in ("residual", "published")
        ),
        "p_gap": None if np.isnan(judged.p_gap) else round(judged.p_gap, 5),
        "jumps": {arm: _rounded(values) for arm, values in judged.jumps.items()},
    }


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(value, 5) for value in values]
