"""The probability of a jump were this task as likely to jump as not, whatever other tasks do.

The share w of tasks that jump is learnt from all tasks of a study. Where hardly any jumps, a task
whose own scores say nothing has a small probability of a jump as well; "no jump" must be more than
that (docs/decisions/0017). A draw in which the task jumps has the prior odds w / (1 - w) in it.
Weighted by

    EVEN / w where the task jumps, (1 - EVEN) / (1 - w) where it does not,

the draws are those of the model in which this task jumps with probability ``EVEN``, a half, and
says nothing of the share; curves, sizes and the chances of its arms are what all tasks say. The
weights are those of importance sampling; the Monte Carlo error is that of a ratio of means.
"""

import xarray as xr

from toolkit.estimands.estimate import Estimate, mean_mcse, probability_of

EVEN = 0.5


def jumps_at_all(posterior: xr.Dataset, task: str) -> xr.DataArray:
    """Return whether a task jumps in any arm, (chain, draw)."""
    return posterior["jump_present"].sel(task=task, drop=True).any("arm")


def at_even_odds(name: str, event: xr.DataArray, posterior: xr.Dataset, task: str) -> Estimate:
    """Return the probability of an event (chain, draw) of a task at even odds of a jump.

    NaN where the event is: what was not measured is not estimated.
    """
    share, jumps = posterior["jump_tasks"], jumps_at_all(posterior, task)
    weight = xr.where(jumps, EVEN / share, (1 - EVEN) / (1 - share))
    weight = weight / float(weight.mean())
    p = float((weight * event).mean(skipna=False))
    return probability_of(name, p, mean_mcse(weight * (event - p)), event.size)
