"""One task in several studies: what they say together of a jump, and how far they disagree.

Each study's fit gives the probability of a jump above the region of practical equivalence in one
arm, and its priors give what that probability was before any score: their odds ratio is what the
scores say (a Bayes factor; what the study's other tasks say of how common jumps are is part of it).
In every study the jump is there or not, with a chance that is the task's own:

    there[s] ~ Bernoulli(chance),    chance ~ Beta(m c, (1 - m) c),    c = 1 / CORRELATION - 1

with m the studies' mean prior probability, so that two studies are correlated by ``CORRELATION``
before any score: as far from "the same in all" as from "nothing to do with each other". All
2^S cases are summed, nothing is sampled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import xarray as xr
from scipy import special, stats

from toolkit.analysis.analyse import Analysis
from toolkit.errors import ClaimError, did_you_mean
from toolkit.estimands.estimate import CI_PROB, ROPE, Estimate, estimate, probability
from toolkit.estimands.jumps import jump
from toolkit.predictive.prior_predictive import LEAD, prior_draws
from toolkit.study.shared_tasks import SharedTask
from toolkit.verdict.rules import Verdict

CORRELATION = 0.5
N_PRIOR_DRAWS = 2000
# Draws can't show a probability of 0 or 1: the least odds that they can tell.
LEAST = 1e-4


@dataclass(frozen=True)
class StudyAnswer:
    """What one study says of a task: its probability of a jump, and that of its priors."""

    analysis: Analysis
    verdict: Verdict
    p_jump: Estimate
    size: Estimate
    p_prior: float

    @property
    def trusted(self) -> bool:
        """Return whether the study's fit passed every check that the task rests on."""
        return self.verdict.diagnosis.passed is True


@dataclass(frozen=True)
class Pooled:
    """What the studies say together.

    ``another``: probability that one more such study has a jump; its interval is that of the
    Monte Carlo errors. ``everywhere``, ``nowhere`` and ``disagree`` add up to 1; ``prior_*`` are
    what was expected before any score.
    """

    another: Estimate
    everywhere: float
    nowhere: float
    disagree: float
    prior_another: float
    prior_disagree: float


@dataclass(frozen=True)
class SharedAnswer:
    """A shared task with what each study says, and what they say together.

    ``pooled`` is None where fewer than two fits can be trusted, or the studies are not independent.
    """

    shared: SharedTask
    studies: tuple[StudyAnswer, ...]
    pooled: Pooled | None


def shared_answers(
    tasks: Sequence[SharedTask], analyses: Sequence[Analysis]
) -> tuple[SharedAnswer, ...]:
    """Return the answers on tasks that at least two of the analyses measured in the task's arm.

    Raises
    ------
    ClaimError
        When one of the analyses has no task of a name that is listed for it.
    """
    by_study = {a.source.study.id: a for a in analyses}
    found, priors = [], {}
    for shared in tasks:
        measured = [
            m
            for m in shared.measured
            if m.study in by_study and _is_measured(by_study[m.study], m.task, shared.arm)
        ]
        if len(measured) < 2:
            continue
        for study in {m.study for m in measured} - set(priors):
            priors[study] = _prior_chances(by_study[study])
        answers = tuple(
            _answer(by_study[m.study], m.task, shared.arm, priors[m.study]) for m in measured
        )
        trusted = [answer for answer in answers if answer.trusted]
        found.append(SharedAnswer(shared, answers, _pooled(shared, trusted)))
    return tuple(found)


def _is_measured(analysis: Analysis, task: str, arm: str) -> bool:
    known = analysis.fitted.design.tasks
    n_claims = sum(verdict.claim.task == task for verdict in analysis.verdicts)
    wrong = None
    if task not in known:
        wrong = f", which has none of that name{did_you_mean(task, list(known))}"
    elif n_claims != 1:
        wrong = f" with {n_claims} claims, expected one"
    if wrong is not None:
        study = analysis.source.study.id
        msg = (
            f"shared tasks: got task '{task}' of study '{study}'{wrong}; correct the list of "
            "shared tasks."
        )
        raise ClaimError(msg)
    return bool(analysis.jumps.sel(task=task, arm=arm).notnull().all())


def _answer(analysis: Analysis, task: str, arm: str, prior: xr.DataArray) -> StudyAnswer:
    draws = analysis.jumps.sel(task=task, arm=arm, drop=True)
    verdict = next(v for v in analysis.verdicts if v.claim.task == task)
    return StudyAnswer(
        analysis,
        verdict,
        probability("P(jump)", draws > ROPE),
        estimate("jump", draws),
        float(prior.sel(task=task, arm=arm)),
    )


def _prior_chances(analysis: Analysis) -> xr.DataArray:
    """Return the prior probability of a jump above the ROPE, (task, arm)."""
    design = analysis.fitted.design
    draws = prior_draws(design, N_PRIOR_DRAWS, analysis.source.plan.full.random_seed)
    return (jump(draws, design) > ROPE).mean(LEAD)


def pool(p_jump: Sequence[float], p_prior: Sequence[float]) -> tuple[float, float, float]:
    """Return the probabilities of a jump in one more study, in all, and in none.

    Parameters
    ----------
    p_jump, p_prior
        Each study's probability of a jump, given its scores and before them.
    """
    factors = _odds(np.asarray(p_jump)) / _odds(np.asarray(p_prior))
    mean, weight = float(np.mean(p_prior)), 1 / CORRELATION - 1
    a, b, n = mean * weight, (1 - mean) * weight, len(factors)
    cases = np.array(list(product((0, 1), repeat=n)))
    there = cases.sum(axis=1)
    log_prior = special.betaln(a + there, b + n - there) - special.betaln(a, b)
    posterior = special.softmax(log_prior + cases @ np.log(factors))
    another = float((posterior * (a + there) / (weight + n)).sum())
    return another, float(posterior[-1]), float(posterior[0])


def _pooled(shared: SharedTask, answers: Sequence[StudyAnswer]) -> Pooled | None:
    if len(answers) < 2 or not shared.independent:
        return None
    prior = [answer.p_prior for answer in answers]
    another, everywhere, nowhere = pool([a.p_jump.median for a in answers], prior)
    # More evidence in any study means more in all: the ends are reached together.
    low, _, _ = pool([a.p_jump.ci_low for a in answers], prior)
    high, _, _ = pool([a.p_jump.ci_high for a in answers], prior)
    before, all_before, none_before = pool(prior, prior)
    error = (high - low) / (2 * float(stats.norm.ppf((1 + CI_PROB) / 2)))
    return Pooled(
        Estimate("P(jump in another study)", "probability", another, low, high, CI_PROB, "mcse",
                 error),
        everywhere, nowhere, 1 - everywhere - nowhere, before, 1 - all_before - none_before,
    )  # fmt: skip


def _odds(p: np.ndarray) -> np.ndarray:
    kept = np.clip(p, LEAST, 1 - LEAST)
    return kept / (1 - kept)
