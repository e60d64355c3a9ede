"""Sizes, lists and times in the form in which readers write them."""

from collections.abc import Sequence

SIZE_UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"))


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
