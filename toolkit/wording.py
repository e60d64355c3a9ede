"""Numbers, sizes, lists and times in the form in which readers write them."""

import math
from collections.abc import Sequence

SIZE_UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"))
# Three digits of a probability only where the third is sure.
FINE = 0.0005


def digits(error: float, finest: int) -> int:
    """Return how many digits after the point a number with this Monte Carlo error is worth.

    The last is worth half an error at least; ``finest`` where the error is small or unknown.
    """
    if math.isnan(error) or error <= 0:
        return finest
    return max(0, min(finest, -math.ceil(math.log10(error / 2))))


def probability_text(p: float, error: float, *limits: float) -> str:
    """Return a probability rounded by its Monte Carlo error, but never to 0 or 1.

    One that rounds to a limit has more digits, so that its side can be seen.
    """
    if p < 0.01:
        return "< 0.01"
    if p > 0.99:
        return "> 0.99"
    shown = digits(error, 3 if error <= FINE else 2)
    rounded = f"{p:.{shown}f}"
    if not 0 < float(rounded) < 1:
        rounded = f"{p:.2f}"
    hides_its_side = any(abs(float(rounded) - limit) < 1e-9 < abs(p - limit) for limit in limits)
    return f"{p:.4f}" if hides_its_side else rounded


def size_label(log10_params: float) -> str:
    """Return a number of parameters as readers write it: 7B for 7e9."""
    n = 10**log10_params
    unit, name = next(((unit, name) for unit, name in SIZE_UNITS if n >= unit), SIZE_UNITS[-1])
    return f"{n / unit:.3g}{name}"


def listed(names: Sequence[str]) -> str:
    """Return names as a list in words: a, b and c."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def first_listed(names: Sequence[str], shown: int) -> str:
    """Return the first of the names, and how many there are besides."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def duration(seconds: float) -> str:
    """Return a time as people say it: seconds, then minutes, then hours and minutes."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
