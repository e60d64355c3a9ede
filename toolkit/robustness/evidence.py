"""What was fitted besides the main model, as far as the conditions of a verdict look at it."""

from dataclasses import dataclass

import pandas as pd

# The rival whose step has a free width: it is asked how narrow the step is, not whether it holds.
WIDE_STEP = "wide_step"


@dataclass(frozen=True)
class Evidence:
    """What was fitted besides the main model; a table that is None was not made.

    ``rivals`` has the columns of ``variants`` and model; ``jump_prior`` prior, how, task, arm,
    p_above and converged; ``specifications`` is the table of ``run_specifications``.
    """

    rivals: pd.DataFrame
    jump_prior: pd.DataFrame | None = None
    specifications: pd.DataFrame | None = None
