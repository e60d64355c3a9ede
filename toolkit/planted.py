"""Simulated studies of known truth, judged by the whole procedure from scores to verdicts.

Rivals and other prior scales are fitted only as far as they can still change a verdict: a claim
that the main fit does not call a jump, or that one rival has refuted, needs no further fit.
Not fitted at all, because simulated tables have no choices to make and the wide step is slow, are
specifications and the step of free width: both can only take a verdict with a jump away.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from toolkit.analysis import judge_claims
from toolkit.estimands import ROPE
from toolkit.fit import Fitted, fit_model
from toolkit.models import RIVALS
from toolkit.sampling import FitSettings
from toolkit.scores import Scores
from toolkit.sensitivity import jump_prior_refits
from toolkit.simulate import PlantedTask, planted_claim
from toolkit.support import NOT_RUN, RIVAL_SURE, Evidence
from toolkit.variants import Variant, jump_table, mixed
from toolkit.verdict import Verdict


@dataclass(frozen=True)
class Judged:
    """A planted task and what the procedure said of it."""

    task: PlantedTask
    verdict: Verdict

    @property
    def line(self) -> str:
        """Return truth and verdict with its numbers, for messages."""
        estimates = self.verdict.estimates
        codes = ", ".join(reason.code for reason in self.verdict.reasons)
        return (
            f"{self.task.name}: {self.verdict.outcome.value} "
            f"P(controlled) {estimates['p_residual_jump'].median:.3f} "
            f"P(published) {estimates['p_published_jump'].median:.3f} [{codes}]"
        )

    @property
    def parts(self) -> dict[str, float]:
        """Return the medians of the attribution to the published arm."""
        return {name: part.median for name, part in self.verdict.attribution.items()}


def judge_planted(
    scores: Scores,
    tasks: Sequence[PlantedTask],
    settings: FitSettings,
    cache: Path,
    done: Callable[[str], None] = lambda _: None,
    *,
    rivals: bool = True,
) -> list[Judged]:
    """Return the verdict on every planted task of one simulated study.

    Without ``rivals`` no claim gets a verdict with a jump.
    """
    fitted = fit_model(scores, "step", settings, cache)
    claims = [planted_claim(task) for task in tasks]

    def judged(evidence: Evidence | None) -> list[Judged]:
        verdicts = judge_claims(claims, scores, fitted, evidence).verdicts
        return [Judged(task, verdict) for task, verdict in zip(tasks, verdicts, strict=True)]

    first = judged(None)
    if not rivals:
        return first
    waiting = {each.task.name for each in first if _waits_for_rivals(each.verdict)}
    done(f"main fit: {len(waiting)} of {len(tasks)} claims with a jump wait for rivals")
    return judged(_evidence(scores, fitted, settings, cache, waiting, done)) if waiting else first


def _waits_for_rivals(verdict: Verdict) -> bool:
    """Return whether nothing but the missing rivals keeps a claim from a verdict with a jump."""
    codes = {reason.code for reason in verdict.reasons}
    return codes == {"POSTERIOR_ALONE", NOT_RUN.code}


def _evidence(
    scores: Scores,
    fitted: Fitted,
    settings: FitSettings,
    cache: Path,
    waiting: set[str],
    done: Callable[[str], None],
) -> Evidence:
    """Return rivals until none of the waiting tasks can get a verdict with a jump any more."""
    tables: list[pd.DataFrame] = []
    for model in RIVALS:
        table = jump_table(Variant(scores, model, settings), cache).assign(model=model)
        tables.append(table)
        held = table[(table[f"p_above_{ROPE:g}"] >= RIVAL_SURE) & mixed(table)]
        waiting = waiting & set(held["task"])
        done(f"{model}: {len(waiting)} still wait")
        if not waiting:
            return Evidence(pd.concat(tables, ignore_index=True))
    priors = jump_prior_refits(fitted, Variant(scores, "step", settings), cache, done)
    return Evidence(pd.concat(tables, ignore_index=True), priors)
