"""What a verdict with a jump must stand on besides one fit: rivals, priors, specifications.

The rules (docs/decisions/0006): in the arm whose jump is claimed,

rivals          P(jump > ROPE) is at least 0.90 on every flexible curve that carries the step, at
                least 0.95 on their average with the main fit, and their medians lie within the ROPE
                of the main one or inside its interval; each of them converged
width           a step of free width, where it was fitted, is rather there and narrower than half a
                decade than not
prior           P(jump > ROPE) stays at least 0.95 at half and at twice the prior scale of its size,
                and where fewer or more tasks, or arms of a task, are held to jump
specifications  P(jump > 0) > 0.8 in at least 90% of the admissible specifications, those whose
                chains disagree counted as not

"No jump" has a condition of its own, in each of its arms (docs/decisions/0017):

even odds       P(jump > ROPE) is at most 0.05 also if this task is as likely to jump as not,
                whatever share of the study's tasks jumps
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from toolkit.estimands.estimate import MATERIAL, ROPE, SURE, Estimate
from toolkit.models import RIVALS
from toolkit.robustness.evidence import WIDE_STEP, Evidence
from toolkit.robustness.specifications import HOLDS, SpecificationSummary, summarise
from toolkit.robustness.variants import NARROW, mixed
from toolkit.study.claims import Arm, Claim
from toolkit.wording import probability_text

RIVAL_SURE = 0.90
NARROW_MIN = 0.5
SPECIFICATIONS_MIN = 0.90


@dataclass(frozen=True)
class Condition:
    """One condition: ``met`` is None where it was not looked at."""

    code: str
    met: bool | None
    finding: str


NOT_RUN = Condition(
    "RIVALS_NOT_COMPARED",
    None,
    "the jump was not compared with rival curves, other priors and other specifications "
    "(the command emergence robustness does it)",
)


def conditions(
    evidence: Evidence | None, claim: Claim, arm: Arm, main: Estimate, p_main: float
) -> tuple[Condition, ...]:
    """Return the conditions on the jump of a claim's task in one arm.

    ``main`` is the jump in the main fit and ``p_main`` the probability that it exceeds the ROPE.
    """
    if evidence is None:
        return (NOT_RUN,)
    rivals = _own(evidence.rivals, claim.task, arm)
    found = [_rivals_hold(rivals, p_main)]
    if found[0].met is not None:  # of rivals that are missing or unmixed the sizes say nothing
        found.append(_rivals_agree(rivals, main))
    wide = rivals[rivals["model"] == WIDE_STEP]
    if len(wide):
        found.append(_narrow(wide))
    if evidence.jump_prior is not None:
        found.append(_prior_holds(_own(evidence.jump_prior, claim.task, arm)))
    if evidence.specifications is not None:
        found.append(_specifications_hold(summarise(evidence.specifications, claim, arm)))
    return tuple(found)


def no_jump_conditions(estimates: Mapping[str, Estimate]) -> tuple[Condition, ...]:
    """Return the condition on "no jump", of the probabilities at even odds that were estimated."""
    most = 1 - SURE
    known = {
        where: estimates[f"p_{name}_jump_even_odds"]
        for name, where in (("residual", "controlled"), ("published", "published"))
    }
    shown = {where: p for where, p in known.items() if not np.isnan(p.median)}
    said = " and ".join(
        f"{probability_text(p.median, p.mcse, most)} in the {where} arm"
        for where, p in shown.items()
    )
    return (
        Condition(
            "OTHER_TASKS",
            all(p.median <= most + 1e-9 for p in shown.values()) if shown else None,
            f"were this task as likely to jump as not, whatever share of the study's tasks jumps, "
            f"P(jump > {MATERIAL}) would be {said} (needed: at most {most:.2f})",
        ),
    )


def unmet(found: Sequence[Condition]) -> list[Condition]:
    """Return the conditions that are not met, or were not looked at."""
    return [condition for condition in found if condition.met is not True]


def _own(table: pd.DataFrame, task: str, arm: Arm) -> pd.DataFrame:
    return table[(table["task"] == task) & (table["arm"] == arm.label)]


def _flexible(rivals: pd.DataFrame) -> pd.DataFrame:
    return rivals[rivals["model"].isin(RIVALS)]


def _rivals_hold(rivals: pd.DataFrame, p_main: float) -> Condition:
    rows = _flexible(rivals)
    by_model: Mapping[str, float] = dict(zip(rows["model"], rows[f"p_above_{ROPE:g}"], strict=True))
    said = ", ".join(f"{name} {p:.2f}" for name, p in by_model.items())
    unmixed = rows.loc[~mixed(rows), "model"].tolist()
    if unmixed or set(by_model) < set(RIVALS):
        what = f"did not converge: {', '.join(unmixed)}" if unmixed else "are missing"
        return Condition("RIVAL_CURVES", None, f"rival curves {what}; P(jump > {MATERIAL}): {said}")
    average = float(np.mean([p_main, *by_model.values()]))
    holds = min(by_model.values()) >= RIVAL_SURE and average >= SURE
    return Condition(
        "RIVAL_CURVES",
        holds,
        f"P(jump > {MATERIAL}) on rival curves with a step: {said}; {average:.2f} on average "
        f"with the main fit (needed: {RIVAL_SURE:.2f} each, {SURE} on average)",
    )


def _rivals_agree(rivals: pd.DataFrame, main: Estimate) -> Condition:
    rows = _flexible(rivals)
    near = (rows["median"] - main.median).abs() <= ROPE
    inside = rows["median"].between(main.ci_low, main.ci_high)
    said = ", ".join(
        f"{100 * m:.0f} ({name})" for name, m in zip(rows["model"], rows["median"], strict=True)
    )
    return Condition(
        "RIVALS_DISAGREE",
        bool((near | inside).all()),
        f"the jump is {100 * main.median:.0f} points in the main fit; on rival curves: {said}",
    )


def _narrow(rows: pd.DataFrame) -> Condition:
    jumps, narrow = (float(rows[name].iloc[0]) for name in (f"p_above_{ROPE:g}", "p_narrow"))
    p_narrow = jumps * narrow if jumps else 0.0  # of no jumps none is narrow
    said = f"one of at most {NARROW:g} decades is there with probability {p_narrow:.2f}"
    if not mixed(rows).all():
        return Condition("WIDTH", None, f"the step of free width did not converge; {said}")
    return Condition("WIDTH", p_narrow >= NARROW_MIN, f"a step of free width: {said}")


def _prior_holds(rows: pd.DataFrame) -> Condition:
    said = ", ".join(
        f"{p:.2f} ({prior}; {how})"
        for prior, how, p in zip(rows["prior"], rows["how"], rows["p_above"], strict=True)
    )
    said = f"P(jump > {MATERIAL}) under other priors of the jump: {said}"
    if not len(rows) or not rows["converged"].all():
        what = "a refit did not converge" if len(rows) else "none was tried"
        return Condition("JUMP_PRIOR", None, f"{what}; {said}")
    return Condition("JUMP_PRIOR", bool((rows["p_above"] >= SURE).all()), said)


def _specifications_hold(found: SpecificationSummary) -> Condition:
    return Condition(
        "SPECIFICATIONS",
        None if found.n_carrying == 0 else found.share_positive >= SPECIFICATIONS_MIN,
        f"P(jump > 0) is above {HOLDS} in {100 * found.share_positive:.0f}% of "
        f"{found.n_carrying} admissible specifications (needed: {100 * SPECIFICATIONS_MIN:.0f}%)",
    )
