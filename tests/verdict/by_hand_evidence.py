"""Rivals and priors made by hand: what a verdict with a jump stands on."""

import pandas as pd

from toolkit.models import RIVALS
from toolkit.robustness.evidence import Evidence
from toolkit.robustness.variants import COLUMNS
from toolkit.study.claims import ARM_LABELS


def evidence_of(
    task="leap",
    p_above=(0.99, 0.98, 0.97),
    medians=(0.2, 0.2, 0.2),
    priors=(0.97, 0.99),
    rhat=1.0,
    models=RIVALS,
):
    """Return evidence alike in all arms: one value for each rival, one for each prior scale."""
    rivals = [
        {
            **dict.fromkeys(COLUMNS, 0.0),
            "task": task, "arm": arm, "model": model, "p_above_0.05": p, "median": median,
            "rhat": rhat, "ess": 1000.0, "p_narrow": float("nan"),
        }
        for arm in ARM_LABELS
        for model, p, median in zip(models, p_above, medians, strict=False)
    ]  # fmt: skip
    prior = [
        {
            "task": task,
            "arm": arm,
            "prior": f"its size times {scale:g}",
            "how": "refitted",
            "p_above": p,
            "converged": True,
        }
        for arm in ARM_LABELS
        for scale, p in zip((0.5, 2.0), priors, strict=True)
    ]
    return Evidence(pd.DataFrame(rivals), pd.DataFrame(prior))
