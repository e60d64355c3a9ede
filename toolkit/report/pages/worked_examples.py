"""Four invented tasks, one for each verdict, judged by the code that judges published claims.

Scores come from the simulator with a known truth. The jumps' draws are written down here and not
sampled: they stand for what a fit could have said. Gates, checks, conditions and rules are the real
ones, so that an example that no longer gets its verdict is an error.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
import xarray as xr

from toolkit.errors import ReportError
from toolkit.estimands.estimate import ROPE
from toolkit.estimands.even_odds import EVEN
from toolkit.estimands.measured import only_measured
from toolkit.fit.diagnose import ESS_MIN, RHAT_MAX, Diagnosis, at_least, at_most
from toolkit.models import RIVALS
from toolkit.models.design import Design, build_design
from toolkit.robustness.evidence import Evidence
from toolkit.robustness.variants import COLUMNS
from toolkit.simulate import PlantedTask, StudyDesign, planted_claim, simulate_study
from toolkit.simulate.curves import GENTLE, Curve, Flat
from toolkit.simulate.tasks import Truth
from toolkit.study.claims import ARM_LABELS, ARMS, Arm, Claim
from toolkit.study.scores import Scores
from toolkit.verdict.gates import Outcome, design_gates
from toolkit.verdict.rules import Verdict, judge

# Eight sizes of two families, a third of a decade apart.
DESIGN = StudyDesign(
    {"fern": (1e8, 5e8, 2.4e9, 1.2e10), "moss": (2.2e8, 1.1e9, 5.3e9, 2.6e10)}, n_items=400
)
MIDDLE = (1.1e9, 2.4e9, 5.3e9)
CLAIMED_SIZE = 5e9
PUBLISHED = Arm(few_shot=True, instruction_tuned=False)
N_CHAINS, N_DRAWS, SEED = 4, 1000, 20246
SPREAD = 0.03  # SD of an invented jump where there is one


@dataclass(frozen=True)
class Setting:
    """An example before it is judged.

    ``truth`` is what the scores are made by, ``present`` the probabilities of a jump in the arms
    without and with demonstrations, ``height`` its size where it is there (a proportion), and
    ``left_out`` the sizes (parameters) that were not scored.
    """

    name: str
    truth: Truth
    present: tuple[float, float]
    height: float = 0.2
    left_out: tuple[float, ...] = ()


SETTINGS = {
    Outcome.JUMP_REMAINS: Setting("Riddles", "all arms", (0.995, 0.995)),
    Outcome.EXPLAINED: Setting("Anagrams", "few-shot only", (0.01, 0.995)),
    Outcome.NO_JUMP: Setting("Proverbs", "none", (0.02, 0.03)),
    Outcome.UNDETERMINED: Setting(
        "Anagrams, three sizes fewer", "few-shot only", (0.3, 0.7), left_out=MIDDLE
    ),
}


@dataclass(frozen=True)
class Example:
    """An invented task with its scores and the verdict on it."""

    setting: Setting
    scores: Scores
    verdict: Verdict


@cache
def example_of(outcome: Outcome) -> Example:
    """Return the example of a verdict, or raise ``ReportError`` when it gets another one."""
    setting = SETTINGS[outcome]
    scores = _scores_of(setting)
    claim = _claim_of(setting)
    design = build_design(scores)
    jumps = only_measured(_draws_of(setting), design)
    gaps = _gaps(design)
    posterior = xr.Dataset(
        {
            "jump_gap": (("chain", "draw", "task"), gaps),
            "jump_present": jumps > 0,
            "jump_tasks": (("chain", "draw"), np.full(gaps.shape[:2], EVEN)),
        },
        coords={"task": [setting.name]},
    )
    trust = Diagnosis(
        (
            at_most("R-hat of unknowns", 1.002, RHAT_MAX),
            at_least("bulk ESS of unknowns", 2.0 * ESS_MIN, ESS_MIN),
        )
    )
    gates = design_gates(claim, scores.frame)
    verdict = judge(claim, jumps, posterior, design, gates, trust, _evidence(setting))
    if verdict.outcome is not outcome:
        why = "; ".join(f"{reason.code}: {reason.text}" for reason in verdict.reasons)
        raise ReportError(
            f"the worked example '{setting.name}' is judged '{verdict.outcome.value}', expected "
            f"'{outcome.value}' ({why}); give it other draws in worked_examples.py."
        )
    return Example(setting, scores, verdict)


def _claim_of(setting: Setting) -> Claim:
    task = PlantedTask(setting.name, setting.truth, CLAIMED_SIZE)
    return planted_claim(task, PUBLISHED)


def _scores_of(setting: Setting) -> Scores:
    """Return the simulated scores of base checkpoints, without and with demonstrations."""
    height = 0.0 if setting.truth == "none" else setting.height
    curve: Curve = GENTLE if setting.truth == "none" else Flat(0.08)
    task = PlantedTask(
        setting.name, setting.truth, CLAIMED_SIZE, height, midpoint=2e10, curve=curve
    )
    found = simulate_study(DESIGN, [task], np.random.default_rng(SEED))
    frame = found.frame
    return found.where(~frame["instruction_tuned"] & ~frame["n_params"].isin(setting.left_out))


def _draws_of(setting: Setting) -> xr.DataArray:
    """Return invented E1 draws, (chain, draw, task, arm): a jump where present, else zero."""
    rng = np.random.default_rng(SEED)
    shape = (N_CHAINS, N_DRAWS)
    by_arm = [
        np.where(
            rng.random(shape) < setting.present[arm.few_shot],
            np.abs(rng.normal(setting.height, SPREAD, shape)),
            0.0,
        )
        for arm in ARMS
    ]
    return xr.DataArray(
        np.stack(by_arm, axis=-1)[:, :, None, :],
        dims=("chain", "draw", "task", "arm"),
        coords={"task": [setting.name], "arm": list(ARM_LABELS)},
    )


def _gaps(design: Design) -> np.ndarray:
    """Return the gap that every draw puts the jump into: the one with the claimed size."""
    place = np.log10(CLAIMED_SIZE) - design.center
    gap = int(((design.gap_low[0] < place) & (place <= design.gap_high[0])).argmax())
    return np.full((N_CHAINS, N_DRAWS, 1), gap)


def _evidence(setting: Setting) -> Evidence:
    """Return rivals and priors that say what the main fit says."""
    rows = [
        {"task": setting.name, "arm": arm.label, "p": setting.present[arm.few_shot]} for arm in ARMS
    ]
    rivals = [
        {
            **dict.fromkeys(COLUMNS, 0.0),
            "task": row["task"], "arm": row["arm"], "model": model, f"p_above_{ROPE:g}": row["p"],
            "median": setting.height, "rhat": 1.0, "ess": 2.0 * ESS_MIN, "p_narrow": np.nan,
        }
        for row in rows
        for model in RIVALS
    ]  # fmt: skip
    priors = [
        {"task": row["task"], "arm": row["arm"], "prior": f"its size times {scale:g}",
         "how": "refitted", "p_above": row["p"], "converged": True}
        for row in rows
        for scale in (0.5, 2.0)
    ]  # fmt: skip
    return Evidence(pd.DataFrame(rivals), pd.DataFrame(priors))
