"""Smooth curves of a simulated score: what must not be called a jump.

Each is the share of the way from chance to perfect as a function of ``beyond``, the decades by
which a checkpoint's competence lies beyond the task's middle. They are mechanisms of the
literature, not draws from the models that judge them.

``width`` is in decades, between 10% and 90% of the rise.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import expit

# A logistic goes from 10% to 90% over this many of its scales: 2 log 9.
SCALES_WIDE = 2 * np.log(9)


class Curve(Protocol):
    """A smooth curve of a score."""

    def share(self, beyond: float) -> float:
        """Return the share of the way from chance to perfect."""
        ...


@dataclass(frozen=True)
class Flat:
    """The same at every size."""

    level: float

    def share(self, beyond: float) -> float:  # noqa: ARG002
        """Return the level."""
        return self.level


@dataclass(frozen=True)
class Straight:
    """Straight in the log-odds, half-way at the middle."""

    width: float

    def share(self, beyond: float) -> float:
        """Return the logistic of the width."""
        return float(expit(SCALES_WIDE * beyond / self.width))


# As gentle as nobody would take for a jump.
GENTLE = Straight(3.2)


@dataclass(frozen=True)
class FourParameter:
    """A logistic between two levels (4PL), half-way at the middle."""

    width: float
    low: float
    high: float

    def share(self, beyond: float) -> float:
        """Return the logistic between the levels."""
        return self.low + (self.high - self.low) * Straight(self.width).share(beyond)


@dataclass(frozen=True)
class BrokenPower:
    """A smoothly broken power law of the error (Caballero et al. 2022): at chance, then falling.

    Beyond the break at the middle the error falls by ``exponent`` powers of ten for each decade;
    ``softness`` is the width of the break in decades.
    """

    exponent: float
    softness: float = 0.15

    def share(self, beyond: float) -> float:
        """Return one minus the error."""
        decades = self.softness * np.log10(1 + 10 ** (beyond / self.softness))
        return float(1 - 10 ** (-self.exponent * decades))


@dataclass(frozen=True)
class UShape:
    """Falls to the middle and rises again, a parabola of the log-odds (Wei et al. 2023).

    ``bottom`` is the log-odds at the middle; a ``bend`` below 0 turns it into an inverted U.
    """

    bottom: float
    bend: float

    def share(self, beyond: float) -> float:
        """Return the logistic of the parabola."""
        return float(expit(self.bottom + self.bend * beyond**2))


@dataclass(frozen=True)
class Mixture:
    """Easy and hard items whose scores take opposite turns (Wu and Lo 2025)."""

    easy: Curve
    hard: Curve
    share_easy: float = 0.5

    def share(self, beyond: float) -> float:
        """Return the mean over the items."""
        return self.share_easy * self.easy.share(beyond) + (1 - self.share_easy) * self.hard.share(
            beyond
        )


@dataclass(frozen=True)
class TokenPower:
    """Every one of ``length`` tokens must be right, each as a logistic (Schaeffer et al. 2023)."""

    width: float
    length: int

    def share(self, beyond: float) -> float:
        """Return the probability of one right token to the power of their number."""
        return Straight(self.width).share(beyond) ** self.length
