"""The design that a table is fitted with: what its scores can't tell apart is one thing.

Two unknowns for what the scores show once are a ridge, or two modes, between which the sampler
wanders. Each such case is named in the hash of its fit (``adaptations``); other tables are fitted
as they are.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd

from toolkit.models.design import SIZES_DENSE, Design, build_design
from toolkit.study.scores import Scores

# A cell this many standard errors below chance (one in 700 by chance alone) ...
BELOW_CHANCE_SE = 3.0
# ... in one of twenty exact-match cells shows answers that could not be parsed.
SHARE_BELOW_CHANCE = 0.05
SLOPES = "slopes"
# In the order of the hash; but for the slopes these are fields of a design.
_WORDS = {
    "few_shot": "few_shot everywhere is no effect",
    "tuned": "tuned everywhere is no effect",
    "has_compliance": "unparseable is wrong",
    SLOPES: "slopes as multiples",
}
# The spread of fewer slopes than this may be near zero, whatever each of them is.
TASKS_FEW = 10


@dataclass(frozen=True)
class FewTasks(Design):
    """A design of few tasks: their slopes are drawn as multiples of their spread.

    Drawn as themselves, as where tasks and sizes are many, they narrow to a funnel where the spread
    is near zero. Both are the same model.
    """

    slopes_as_multiples: bool = True

    @property
    def is_dense(self) -> bool:
        """Return False: the sizes may be many, the slopes are not."""
        return False


def design_of(scores: Scores) -> Design:
    """Return the design that a table is fitted with.

    Where every cell has demonstrations, what they add can't be told from the curve itself: the
    curve then is that of the arm that was scored. The same holds where every checkpoint is tuned.
    Where next to no exact-match cell lies below chance, answers that could not be parsed can't be
    told from wrong ones: the curve then is that of the score.
    """
    found = _not_told_apart(scores.frame)
    design = build_design(scores)
    design = replace(
        design, **{name: np.zeros_like(getattr(design, name)) for name in found if name != SLOPES}
    )
    if SLOPES not in found:
        return design
    return FewTasks(**{field.name: getattr(design, field.name) for field in fields(design)})


def adaptations(scores: Scores) -> list[str]:
    """Return how the design that a table is fitted with differs from the table, for its hash."""
    return [_WORDS[name] for name in _not_told_apart(scores.frame)]


def _not_told_apart(frame: pd.DataFrame) -> list[str]:
    """Return what a table's scores can't tell from other unknowns: keys of ``_WORDS``."""
    exact = frame["metric"] == "exact_match"
    sizes = frame.groupby("task")["n_params"].nunique()
    applies = {
        "few_shot": (frame["n_shots"] > 0).all(),
        "tuned": frame["instruction_tuned"].all(),
        "has_compliance": exact.any() and not _shows_unparsed(frame[exact]),
        SLOPES: sizes.median() >= SIZES_DENSE and len(sizes) < TASKS_FEW,
    }
    return [name for name in _WORDS if applies[name]]


def _shows_unparsed(exact: pd.DataFrame) -> bool:
    """Return whether exact-match cells lie below chance more often than guessing puts them there.

    Without a chance level above 0 none can.
    """
    chance, n_items = exact["chance"], exact["n_items"]
    error = np.sqrt(chance * (1 - chance) / n_items)
    below = exact["n_correct"] / n_items < chance - BELOW_CHANCE_SE * error
    return bool(below.mean() >= SHARE_BELOW_CHANCE)
