"""How stable a claim's answer is: what each table of the robustness says of it, and flags."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from toolkit.estimands.estimate import ROPE, SURE
from toolkit.models import MODELS
from toolkit.robustness.assess import Robustness
from toolkit.robustness.extrapolation import Extrapolation, cut_below, stacked
from toolkit.robustness.influence import Influential, most_influential
from toolkit.robustness.sensitivity import SENSITIVE
from toolkit.robustness.specifications import SpecificationSummary, summarise
from toolkit.robustness.variants import mixed
from toolkit.study.claims import Arm, Claim

# A change of P(jump > ROPE) by more than this is called a change of the answer's strength.
MATERIAL_CHANGE = 0.2


@dataclass(frozen=True)
class RivalJump:
    """The jump of a claim's arm under another model."""

    model: str
    title: str
    p_above: float
    median: float
    ci_low: float
    ci_high: float
    converged: bool


@dataclass(frozen=True)
class PriorChange:
    """P(jump > ROPE) with another prior of the jump: of its size, or of how often there is one."""

    prior: str
    how: str
    p_above: float


@dataclass(frozen=True)
class ArmStability:
    """What the robustness tables say of one claim in one arm; ``flags`` name what moves it."""

    arm: str
    rivals: tuple[RivalJump, ...]
    priors: tuple[PriorChange, ...]
    hyperpriors: float
    jump_prior: float
    likelihood: float
    sensitivity: str
    extrapolation: tuple[Extrapolation, ...]
    at_claim: Extrapolation | None
    specifications: SpecificationSummary
    influential: Influential | None
    flags: tuple[str, ...]


def stability(claim: Claim, robustness: Robustness, p_above: float, arm: Arm) -> ArmStability:
    """Return the stability of a claim in an arm; ``p_above`` is P(jump > ROPE) in the main fit."""
    tables, task = robustness.tables, claim.task
    rivals = tuple(_rival(row) for row in _own(tables["rivals"], task, arm).to_dict("records"))
    priors = tuple(
        PriorChange(str(row["prior"]), str(row["how"]), float(row["p_above"]))
        for row in _own(tables["jump_prior"], task, arm).to_dict("records")
    )
    scaled = _own(tables["power_scaling"], task, arm).iloc[0]
    by_cut = stacked(tables["extrapolation"], task, arm.label)
    cut = cut_below(claim.threshold_n_params, [e.cut for e in by_cut])
    at_claim = next((e for e in by_cut if e.cut == cut), None)
    specified = summarise(tables["specifications"], claim, arm)
    influential = most_influential(tables["influence"], claim, arm)
    flags = _flags(p_above, rivals, priors, max(scaled["hyperpriors"], scaled["jump_prior"]))
    if influential is not None and abs(influential.change) > MATERIAL_CHANGE:
        flags.append("INFLUENTIAL_UNIT")
    if specified.p_range > MATERIAL_CHANGE:
        flags.append("SPECIFICATION_MATTERS")
    return ArmStability(
        arm.label, rivals, priors,
        float(scaled["hyperpriors"]), float(scaled["jump_prior"]), float(scaled["likelihood"]),
        str(scaled["reading"]), by_cut, at_claim, specified, influential, tuple(flags),
    )  # fmt: skip


def _own(table: pd.DataFrame, task: str, arm: Arm) -> pd.DataFrame:
    return table[(table["task"] == task) & (table["arm"] == arm.label)]


def _rival(row: Mapping[Any, Any]) -> RivalJump:
    name = str(row["model"])
    return RivalJump(
        name, MODELS[name].title, float(row[f"p_above_{ROPE:g}"]), float(row["median"]),
        float(row["ci_low"]), float(row["ci_high"]), bool(mixed(pd.DataFrame([row])).iloc[0]),
    )  # fmt: skip


def _flags(
    p_above: float,
    rivals: Sequence[RivalJump],
    priors: Sequence[PriorChange],
    prior_sensitivity: float,
) -> list[str]:
    """Return what moves the answer, as codes."""
    flags = []
    if any(not rival.converged for rival in rivals):
        flags.append("RIVAL_NOT_CONVERGED")
    if any(_other_side(p_above, rival.p_above) for rival in rivals):
        flags.append("CURVE_MATTERS")
    if any(_other_side(p_above, prior.p_above) for prior in priors):
        flags.append("JUMP_PRIOR_MATTERS")
    if prior_sensitivity >= SENSITIVE:
        flags.append("PRIOR_SENSITIVE")
    return flags


def _other_side(p: float, other: float) -> bool:
    """Whether two probabilities fall on other sides of a rule's limit, or lie far apart."""
    sides = [np.digitize(value, [1 - SURE, SURE]) for value in (p, other)]
    return sides[0] != sides[1] or abs(p - other) > MATERIAL_CHANGE
