"""The definition of Schaeffer et al. 2023: a continuous metric must jump as well.

A metric that rises before the claimed size shows the ability there. Rises are those of one family,
with intervals; nothing is fitted.
"""

import numpy as np
import pandas as pd

from toolkit.definitions.above_chance import NotTestableError, cells_of_arm
from toolkit.definitions.rises import Crossing, crossing_of
from toolkit.definitions.rules import Definition, DefinitionResult, answer, untested
from toolkit.study.claims import Arm
from toolkit.wording import size_label


def continuous(
    definition: Definition, others: pd.DataFrame, arm: Arm, threshold: float
) -> DefinitionResult:
    """Return whether the metrics without counts jump at the threshold and not before it.

    One that rises before the threshold shows the ability there, as Schaeffer et al. argue. Where
    there are several, all must jump.
    """
    metrics = sorted(others.loc[others["n_correct"].isna(), "metric"].unique())
    if not metrics:
        text = "Not measured: the study has no continuous metric of this task."
        return untested(definition, arm, text)
    crossings = {name: _crossing(others, name, arm, threshold) for name in metrics}
    text = " ".join(_crossing_text(name, crossing) for name, crossing in crossings.items())
    least = min((crossing.at for crossing in crossings.values()), key=lambda rise: rise.low)
    before = [crossing.before for crossing in crossings.values()]
    if any(rise is None for rise in before):
        return DefinitionResult(definition, arm, "not testable", False, least.value, np.nan, text)
    early = any(rise.low > 0 for rise in before if rise)
    met = least.low > 0 and not early
    # That nothing rose is no finding; that it rose before is one.
    return DefinitionResult(definition, arm, answer(met), met or early, least.value, np.nan, text)


def _crossing(others: pd.DataFrame, metric: str, arm: Arm, threshold: float) -> Crossing:
    try:
        return crossing_of(cells_of_arm(others[others["metric"] == metric], arm), threshold)
    except NotTestableError as reason:
        msg = f"{metric}: {reason}"
        raise NotTestableError(msg) from None


def _crossing_text(metric: str, crossing: Crossing) -> str:
    ends = (crossing.below[-1], crossing.above[0])
    low, high = (size_label(point.log10_params) for point in ends)
    text = f"From {low} to {high} of {crossing.lm_family} {metric} changes by {crossing.at.label}"
    if crossing.before is None:
        return text + ", and whether it rose before can't be seen: one size lies below."
    return text + f", over the {len(crossing.below)} sizes before by {crossing.before.label}."
