"""Sizes of checkpoints of unknown numbers of parameters: what their training compute is best for.

Priors, gates and definitions speak of decades of parameters. Training compute is spent best on 20
tokens for each parameter, and takes 6 FLOP for each parameter and token (Hoffmann et al. 2022,
arXiv 2203.15556): so many FLOP are best for a square root of parameters. Where one number of
parameters is missing, all sizes of a study are such: two scales would be two axes.
"""

import numpy as np
import pandas as pd

from toolkit.errors import ScoresError
from toolkit.tables import first_row, line_of, shortened

TOKENS_PER_PARAMETER, FLOP_PER_PARAMETER_AND_TOKEN = 20, 6
# A column that no file has: checkpoints of known size may have been trained with what is best.
FROM_COMPUTE = "size_from_compute"
# What a size is called on an axis.
PARAMETERS, COMPUTE_OPTIMAL = "parameters", "compute-optimal parameters"
SAID = (
    "Sizes are the parameters that the training compute is best for, the square root of FLOP / "
    f"{TOKENS_PER_PARAMETER * FLOP_PER_PARAMETER_AND_TOKEN} (Hoffmann et al. 2022): numbers of "
    "parameters are not given of every checkpoint."
)


def best_parameters(train_flop: float) -> float:
    """Return the parameters that so much training compute (FLOP) is best for."""
    return float(np.sqrt(train_flop / (TOKENS_PER_PARAMETER * FLOP_PER_PARAMETER_AND_TOKEN)))


def with_sizes(checkpoints: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return facts about checkpoints that all have a size in ``n_params``.

    Raises
    ------
    ScoresError
        When neither column is there for every checkpoint.
    """
    params = checkpoints.get("n_params", pd.Series(np.nan, checkpoints.index))
    if params.notna().all():
        return checkpoints
    unknown = checkpoints["train_flop"].isna()
    if unknown.any():
        at, nameless = first_row(unknown), checkpoints.loc[params.isna(), "checkpoint"].iloc[0]
        msg = (
            f"{where} line {line_of(at)}: got no train_flop of "
            f"{shortened(checkpoints.loc[at, 'checkpoint'])!r}, expected it of every checkpoint "
            f"where one has no n_params ({shortened(nameless)!r}); give either of all."
        )
        raise ScoresError(msg)
    sizes = checkpoints["train_flop"].map(best_parameters)
    return checkpoints.assign(**{"n_params": sizes, FROM_COMPUTE: True})


def are_from_compute(checkpoints: pd.DataFrame) -> bool:
    """Return whether sizes are those that ``with_sizes`` makes of training compute."""
    return FROM_COMPUTE in checkpoints
