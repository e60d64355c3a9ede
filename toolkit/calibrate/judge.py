"""One simulated study of known truth through the whole procedure, from scores to verdicts.

A main fit that no claim can rest on is repeated once, with more draws, and with smaller steps where
too many diverged. One that fails a check in a single task's unknowns is not: that task stays
undetermined, as it would in a published study.
Rivals and other prior scales are fitted only as far as they can still change a verdict: a claim
that the main fit does not call a jump, or that one rival has refuted, needs no further fit.
Not fitted at all, because simulated tables have no choices to make and the wide step is slow, are
specifications and the step of free width: both can only take a verdict with a jump away.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from toolkit.estimands.estimate import ROPE
from toolkit.estimands.jumps import surviving
from toolkit.fit.diagnose import DIVERGENT_SHARE_MAX, divergent_share
from toolkit.fit.draws import Fitted, fit_model
from toolkit.fit.sampling import FitSettings
from toolkit.models import RIVALS
from toolkit.robustness.evidence import Evidence
from toolkit.robustness.sensitivity import other_jump_priors
from toolkit.robustness.variants import Variant, jump_table, mixed
from toolkit.simulate import PlantedTask, planted_claim
from toolkit.study.claims import ARM_LABELS, Arm
from toolkit.study.scores import Scores
from toolkit.verdict.judging import judge_claims
from toolkit.verdict.rules import Verdict
from toolkit.verdict.support import NOT_RUN, RIVAL_SURE

# What anybody would do whose fit can't be trusted.
LONGER, ACCEPT_AFTER_DIVERGENCES = 2, 0.98
# The ends of the central intervals of probability 0.50, 0.80 and 0.90, from the outside, and the
# median in their middle.
QUANTILES = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95)


@dataclass(frozen=True)
class Judged:
    """A planted task and what the procedure said of it.

    ``jumps`` holds the ``QUANTILES`` of the jump in each arm, ``p_gap`` the posterior probability
    of the gap between sizes that holds the claimed place, given a jump.
    """

    task: PlantedTask
    verdict: Verdict
    jumps: dict[str, list[float]]
    p_gap: float

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


@dataclass(frozen=True)
class JudgedStudy:
    """Every task of a study, the quantiles of how many jumps remain, and what was fitted."""

    tasks: tuple[Judged, ...]
    surviving: list[float]
    n_fits: int


def judge_planted(
    scores: Scores,
    claimed: Mapping[PlantedTask, Arm],
    settings: FitSettings,
    rival_settings: FitSettings,
    cache: Path,
    done: Callable[[str], None] = lambda _: None,
    *,
    rivals: bool = True,
) -> JudgedStudy:
    """Return the verdict on every planted task of one simulated study.

    ``claimed`` maps each task to the arm that is claimed to jump. Without ``rivals`` no claim gets
    a verdict with a jump.
    """
    tasks = list(claimed)
    claims = [planted_claim(task, arm) for task, arm in claimed.items()]
    fitted = fit_model(scores, "step", settings, cache)
    found, n_fits = judge_claims(claims, scores, fitted), 1
    if found.sampler.passed is not True:
        again = _longer(settings, fitted)
        done(f"main fit: not trusted, repeated with {again.draws} draws at {again.target_accept:g}")
        fitted = fit_model(scores, "step", again, cache)
        found, n_fits = judge_claims(claims, scores, fitted), 2
    waiting = {v.claim.task for v in found.verdicts if rivals and _waits_for_rivals(v)}
    done(f"main fit: {len(waiting)} of {len(tasks)} claims with a jump wait for rivals")
    if waiting:
        evidence, more = _evidence(scores, fitted, rival_settings, cache, waiting, done)
        found = judge_claims(claims, scores, fitted, evidence)
        n_fits += more
    posterior = fitted.idata["posterior"].to_dataset()
    judged = [
        Judged(task, verdict, _quantiles(found.jumps, task), _p_gap(posterior, fitted, task))
        for task, verdict in zip(tasks, found.verdicts, strict=True)
    ]
    n_surviving = surviving(found.jumps, [task.name for task in tasks])
    return JudgedStudy(tuple(judged), np.quantile(n_surviving, QUANTILES).tolist(), n_fits)


def _quantiles(jumps: xr.DataArray, task: PlantedTask) -> dict[str, list[float]]:
    own = jumps.sel(task=task.name)
    return {arm: np.quantile(own.sel(arm=arm), QUANTILES).tolist() for arm in ARM_LABELS}


def _p_gap(posterior: xr.Dataset, fitted: Fitted, task: PlantedTask) -> float:
    """Return the posterior probability of the gap that holds the claimed place, given a jump."""
    design, index = fitted.design, fitted.design.tasks.index(task.name)
    place = np.log10(task.step_at) - design.center
    around = (design.gap_low[index] < place) & (place <= design.gap_high[index])
    own = posterior.sel(task=task.name)
    present = own["jump_present"].any("arm")
    if not around.any() or not bool(present.any()):
        return float("nan")
    return float((own["jump_gap"] == int(around.argmax())).where(present).mean())


def _longer(settings: FitSettings, fitted: Fitted) -> FitSettings:
    longer = replace(settings, draws=LONGER * settings.draws)
    if divergent_share(fitted.idata["sample_stats"].to_dataset()) <= DIVERGENT_SHARE_MAX:
        return longer
    return replace(longer, target_accept=max(longer.target_accept, ACCEPT_AFTER_DIVERGENCES))


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
) -> tuple[Evidence, int]:
    """Return rivals until none of the waiting tasks can get a verdict with a jump, and their count.

    Prior scales follow where a task still waits; each of them counts as a fit where it is one.
    """
    tables: list[pd.DataFrame] = []
    for model in RIVALS:
        table = jump_table(Variant(scores, model, settings), cache).assign(model=model)
        tables.append(table)
        held = table[(table[f"p_above_{ROPE:g}"] >= RIVAL_SURE) & mixed(table)]
        waiting = waiting & set(held["task"])
        done(f"{model}: {len(waiting)} still wait")
        if not waiting:
            return Evidence(pd.concat(tables, ignore_index=True)), len(tables)
    priors = other_jump_priors(fitted, Variant(scores, "step", settings), cache, done)
    refitted = int(priors.loc[priors["how"] == "refitted", "prior"].nunique())
    rivals = pd.concat(tables, ignore_index=True)
    return Evidence(rivals, priors), len(tables) + refitted
