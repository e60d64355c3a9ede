"""The design that a table is fitted with: what its scores can't tell apart is one thing.

Two unknowns for what the scores show once are a ridge, or two modes, between which the sampler
wanders. Each such case is named in the hash of its fit (``adaptations``); other tables are fitted
as they are.
"""

from dataclasses import dataclass, fields, replace

import numpy as np

from toolkit.errors import FitError
from toolkit.models.design import Design, build_design
from toolkit.scores import Scores

# A cell this many standard errors below chance (one in 700 by chance alone) ...
BELOW_CHANCE_SE = 3.0
# ... in one of twenty exact-match cells shows answers that could not be parsed.
SHARE_BELOW_CHANCE = 0.05
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
    design = build_design(scores)
    design = replace(
        design, **{name: np.zeros_like(getattr(design, name)) for name in _of_no_effect(design)}
    )
    if not _has_few_slopes(design):
        return design
    return FewTasks(**{field.name: getattr(design, field.name) for field in fields(design)})


def adaptations(scores: Scores) -> list[str]:
    """Return how the design that a table is fitted with differs from the table, for its hash.

    Nothing for a table that has no design: ``design_of`` refuses it, its hash needs not.
    """
    try:
        design = build_design(scores)
    except FitError:
        return []
    found = [_WORDS[name] for name in _of_no_effect(design)]
    return [*found, "slopes as multiples"] if _has_few_slopes(design) else found


_WORDS = {
    "few_shot": "few_shot everywhere is no effect",
    "tuned": "tuned everywhere is no effect",
    "has_compliance": "unparseable is wrong",
}


def _of_no_effect(design: Design) -> list[str]:
    """Return the fields of a design that its scores can't tell from others."""
    cells = design.scored
    found = [name for name in ("few_shot", "tuned") if (getattr(design, name)[cells] > 0).all()]
    if design.has_compliance.any() and not _shows_unparsed(design):
        found.append("has_compliance")
    return found


def _shows_unparsed(design: Design) -> bool:
    """Return whether exact-match cells lie below chance more often than guessing puts them there.

    Without a chance level above 0 none can.
    """
    chance, n_items = design.chance[:, None], np.maximum(design.n_items, 1)
    error = np.sqrt(chance * (1 - chance) / n_items)
    below = design.n_correct / n_items < chance - BELOW_CHANCE_SE * error
    exact = design.scored & design.has_compliance[:, None]
    return bool(below[exact].mean() >= SHARE_BELOW_CHANCE)


def _has_few_slopes(design: Design) -> bool:
    return design.is_dense and len(design.tasks) < TASKS_FEW
