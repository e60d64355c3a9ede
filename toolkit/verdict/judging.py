"""All claims of a fitted table to their verdicts: what published and simulated studies share."""

from collections.abc import Sequence
from typing import NamedTuple

import xarray as xr

from toolkit.estimands.jumps import curve_of
from toolkit.estimands.measured import jumps_of
from toolkit.estimands.shape import shape_of
from toolkit.fit.diagnose import Diagnosis, Mixing, diagnose_sampler, measure_mixing
from toolkit.fit.draws import Fitted
from toolkit.robustness.evidence import Evidence
from toolkit.study.claims import Claim, arm_named
from toolkit.study.scores import Scores
from toolkit.verdict.gates import design_gates
from toolkit.verdict.rules import Verdict, judge


class Judged(NamedTuple):
    """E1 draws of all tasks, the checks, the verdicts in order, and how every unknown mixed."""

    jumps: xr.DataArray
    sampler: Diagnosis
    verdicts: tuple[Verdict, ...]
    mixing: Mixing


def judge_claims(
    claims: Sequence[Claim], record: Scores, fitted: Fitted, evidence: Evidence | None = None
) -> Judged:
    """Return the verdicts on claims about a fitted table, gates and checks included.

    ``evidence`` is what was fitted besides; without it no claim gets a verdict with a jump.
    """
    posterior = fitted.idata["posterior"].to_dataset()
    curve = curve_of(fitted.model, fitted.design)
    jumps = jumps_of(fitted)
    mixing = measure_mixing(posterior)
    sampler = diagnose_sampler(fitted.idata, mixing)
    verdicts = []
    for claim in claims:
        cells = record.frame[record.frame["task"] == claim.task]
        gates = design_gates(claim, cells)
        own = mixing.of_task(claim.task).checks("the task's unknowns")
        trust = Diagnosis((*sampler.checks, *own))
        published = arm_named(claim.published_arm)
        shape = shape_of(posterior, fitted.design, claim.task, published, curve)
        verdicts.append(
            judge(claim, jumps, posterior, fitted.design, gates, trust, evidence, shape)
        )
    return Judged(jumps, sampler, tuple(verdicts), mixing)
