"""Numbers and hedges as texts, in one place, so that words and estimates can't part."""

import math

from toolkit.estimands import MATERIAL, Estimate
from toolkit.wording import size_label

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
# Three digits only where the third is sure.
FINE = 0.0005


def hedge(probability: float) -> str:
    """Return the word for a probability."""
    if math.isnan(probability):
        return NOT_MEASURED
    return next(word for floor, word in HEDGES if probability >= floor)


def digits(error: float, finest: int) -> int:
    """Return how many digits after the point a number with this Monte Carlo error is worth.

    The last is worth half an error at least; ``finest`` where the error is small or unknown.
    """
    if math.isnan(error) or error <= 0:
        return finest
    return max(0, min(finest, -math.ceil(math.log10(error / 2))))


def points(proportion: float, error: float = math.nan) -> str:
    """Return a difference of scores in points, rounded by its Monte Carlo error (a proportion)."""
    shown = digits(100 * error, 1)
    rounded = round(100 * proportion, shown)
    return f"{rounded + 0.0:.{shown}f}"


def interval(estimate: Estimate) -> str:
    """Return median and interval: in points for scores; rounded by the Monte Carlo error."""
    if math.isnan(estimate.median):
        return NOT_MEASURED
    if estimate.unit == "proportion":
        low, median, high = (
            points(v, estimate.mcse) for v in (estimate.ci_low, estimate.median, estimate.ci_high)
        )
        return f"{median} [{low}, {high}]"
    shown = digits(estimate.mcse, 2) if estimate.unit == "decades" else 0
    low, median, high = (
        f"{v:.{shown}f}" for v in (estimate.ci_low, estimate.median, estimate.ci_high)
    )
    return f"{median} [{low}, {high}]"


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
    if math.isnan(p):
        return NOT_MEASURED
    if p < 0.01:
        return "< 0.01"
    if p > 0.99:
        return "> 0.99"
    shown = digits(estimate.mcse, 3 if estimate.mcse <= FINE else 2)
    rounded = f"{p:.{shown}f}"
    return rounded if 0 < float(rounded) < 1 else f"{p:.2f}"


def equals(shown: str) -> str:
    """Return a probability as the right side of an equation; one that is bounded has its sign."""
    return shown if shown[:1] in "<>" else f"= {shown}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where needed."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
