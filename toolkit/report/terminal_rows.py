"""The verdicts of a study as rows for a terminal, with a sparkline of score against size."""

import numpy as np

from toolkit.analysis.analyse import Analysis
from toolkit.report.numbers import P_JUMP, chance_of, interval
from toolkit.report.sentences import shown_jump
from toolkit.study.claims import CONTROLLED_ARM, Arm, arm_named
from toolkit.verdict.gates import in_arm
from toolkit.verdict.rules import Verdict

BARS = "▁▂▃▄▅▆▇█"
BARS_MAX = 12
LEGEND = (
    f"Bars: mean score by size, the smallest size first, neighbours together where there are over "
    f"{BARS_MAX}; the lowest bar is chance or less, the highest a perfect score."
)


def verdict_rows(analysis: Analysis) -> list[dict[str, str]]:
    """Return a row for each claim; the column ``verdict`` holds the outcome's words."""
    return [_row(analysis, verdict) for verdict in analysis.verdicts]


def _row(analysis: Analysis, verdict: Verdict) -> dict[str, str]:
    claim = verdict.claim
    where, jump, p = shown_jump(verdict)
    return {
        "task": claim.row,
        "zero-shot, base": sparkline(analysis, claim.task, CONTROLLED_ARM),
        "as published": sparkline(analysis, claim.task, arm_named(claim.published_arm)),
        "published": claim.published_verdict,
        "verdict": verdict.outcome.value,
        "jump": interval(jump),
        P_JUMP: chance_of(p),
        "told": where,
        "reasons": ", ".join(dict.fromkeys(_in_words(reason.code) for reason in verdict.reasons)),
    }


def sparkline(analysis: Analysis, task: str, arm: Arm) -> str:
    """Return a bar for each size at which a task was scored in an arm, or a dash.

    Of more than ``BARS_MAX`` sizes, neighbours share a bar.
    """
    cells = in_arm(analysis.source.record.frame, arm)
    own = cells[cells["task"] == task]
    if own.empty:
        return "–"
    chance = float(own["chance"].iloc[0])
    means = own.groupby("n_params")["score"].mean().to_numpy()
    drawn = [part.mean() for part in np.array_split(means, min(len(means), BARS_MAX))]
    return "".join(bar((score - chance) / (1 - chance)) for score in drawn)


def bar(share: float) -> str:
    """Return the bar for a share of the way from chance to a perfect score."""
    return BARS[min(max(int(share * len(BARS)), 0), len(BARS) - 1)]


def _in_words(code: str) -> str:
    """Return a reason code as words, which a narrow column can break between."""
    return code.replace("_", " ").lower()
