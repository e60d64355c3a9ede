"""Numbers and hedges as texts, in one place, so that words and estimates can't part."""

import math

from toolkit.estimands.estimate import MATERIAL, Estimate
from toolkit.wording import digits, probability_text, size_label

# From a probability to the word for it; the first whose floor is reached is used.
HEDGES = (
    (0.99, "almost certainly"),
    (0.95, "very probably"),
    (0.80, "probably"),
    (0.60, "more likely than not"),
    (0.40, "about as likely as not"),
    (0.20, "rather not"),
    (0.05, "probably not"),
    (0.01, "very probably not"),
    (0.0, "almost certainly not"),
)


NOT_MEASURED = "not measured"
# Heads of columns.
P_JUMP = f"P(> {MATERIAL})"


def hedge(probability: float) -> str:
    """Return the word for a probability."""
    if math.isnan(probability):
        return NOT_MEASURED
    return next(word for floor, word in HEDGES if probability >= floor)


def points(proportion: float, error: float = math.nan) -> str:
    """Return a difference of scores in points, rounded by its Monte Carlo error (a proportion)."""
    shown = digits(100 * error, 1)
    rounded = round(100 * proportion, shown)
    return f"{rounded + 0.0:.{shown}f}"


def interval(estimate: Estimate) -> str:
    """Return median and interval, in points for scores; each rounded by its Monte Carlo error.

    An end whose error is unknown is rounded by that of the median.
    """
    if math.isnan(estimate.median):
        return NOT_MEASURED
    values = [
        (estimate.ci_low, estimate.mcse_low),
        (estimate.median, estimate.mcse),
        (estimate.ci_high, estimate.mcse_high),
    ]
    low, median, high = (
        _rounded(v, estimate.mcse if math.isnan(error) else error, estimate.unit)
        for v, error in values
    )
    return f"{median} [{low}, {high}]"


def _rounded(value: float, error: float, unit: str) -> str:
    if unit == "proportion":
        return points(value, error)
    return f"{value:.{digits(error, 2) if unit == 'decades' else 0}f}"


def sizes_interval(estimate: Estimate) -> str:
    """Return median and interval of a size that is held as log10 of parameters."""
    low, median, high = (
        size_label(v) for v in (estimate.ci_low, estimate.median, estimate.ci_high)
    )
    return f"{median} [{low}, {high}]"


def monte_carlo_error(estimate: Estimate) -> str:
    """Return the Monte Carlo error in the unit that ``interval`` and ``chance_of`` show."""
    if math.isnan(estimate.median):
        return ""
    if math.isnan(estimate.mcse):
        return "unknown"
    if estimate.unit == "proportion":
        return f"{100 * estimate.mcse:.2f}"
    return f"{estimate.mcse:.3f}"


def share(value: float) -> str:
    """Return a probability that has no Monte Carlo error of its own; NaN as a dash."""
    return "–" if math.isnan(value) else f"{value:.2f}"


def chance_of(estimate: Estimate) -> str:
    """Return a probability, kept off 0 and 1, where a finite number of draws can't reach.

    Rounded by its Monte Carlo error, but never to 0 or 1.
    """
    p = estimate.median
    return NOT_MEASURED if math.isnan(p) else probability_text(p, estimate.mcse)


def equals(shown: str) -> str:
    """Return a probability as the right side of an equation; one that is bounded has its sign."""
    return shown if shown[:1] in "<>" else f"= {shown}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where needed."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
