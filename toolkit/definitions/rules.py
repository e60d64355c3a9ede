"""The published definitions of emergence as rules: cells of a task to "met" or not, in one arm.

Every rule applies its definition as its authors worded it, to what was observed; nothing is fitted
but the smooth curve that B and L are read against. A rule raises ``NotTestableError`` where the
cells can't test it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

import numpy as np
import pandas as pd

from toolkit.definitions.above_chance import (
    ALPHA,
    CLEAR_RISE,
    POWER,
    ChanceTest,
    cells_of_arm,
    chance_tests_above,
    chance_tests_below,
    detectable_rise,
    level_text,
    p_text,
    split_at,
)
from toolkit.definitions.breakthrough import (
    PLANTED_RISE,
    Null,
    Series,
    b_power,
    b_statistic,
    l_power,
    l_statistic,
    null_curves,
    series_across,
)
from toolkit.study.claims import Arm
from toolkit.verdict.gates import MDE_MAX
from toolkit.wording import size_label

CLEAR_POINTS = f"{100 * CLEAR_RISE:.0f}"
PLANTED_POINTS = f"{100 * PLANTED_RISE:.0f}"
# What numpy takes as a seed; whoever wants the same draws gives the same.
Seed = Sequence[int]
Answer = Literal["met", "not met", "not testable"]


class Definition(Enum):
    """What somebody published as a sign of emergence, or of its absence (``STEADY_RISE``)."""

    ABSENT_BELOW = "Wei et al. 2022: absent in smaller checkpoints"
    PRESENT_ABOVE = "Wei et al. 2022: present in larger checkpoints"
    NOT_EXTRAPOLATED = "Wei et al. 2022: not to be extrapolated from smaller ones"
    BREAKTHROUGH = "BIG-bench 2022: breakthroughness B"
    STEADY_RISE = "BIG-bench 2022: linearity L, a steady rise"
    CONTINUOUS = "Schaeffer et al. 2023: also on a continuous metric"


@dataclass(frozen=True)
class DefinitionResult:
    """One definition in one arm; ``value`` and ``p_value`` are NaN where there is none.

    ``decisive`` is False where the answer only says that nothing was found by tests that would
    miss much: a rise of ``MDE_MAX`` for Wei's clauses, of ``PLANTED_RISE`` for B and L, more often
    than one time in five. ``value`` is a score for Wei's clauses, the statistic for B and L, the
    rise for the continuous metric. ``tests`` and ``nulls`` (flat, smooth) are what it rests on.
    """

    definition: Definition
    arm: Arm
    verdict: Answer
    decisive: bool
    value: float
    p_value: float
    text: str
    tests: tuple[ChanceTest, ...] = ()
    nulls: tuple[Null, ...] = ()


def untested(definition: Definition, arm: Arm, text: str) -> DefinitionResult:
    """Return that a definition was not tested, with the reason."""
    return DefinitionResult(definition, arm, "not testable", False, np.nan, np.nan, text)


def answer(met: bool) -> Answer:
    """Return what is said of a definition that was tested."""
    return "met" if met else "not met"


def absent_below(
    definition: Definition, cells: pd.DataFrame, arm: Arm, threshold: float
) -> DefinitionResult:
    """Return whether no checkpoint below the claimed size is above chance."""
    cells = cells_of_arm(cells, arm)
    tests, chance = chance_tests_below(cells, threshold), float(cells["chance"].iloc[0])
    above = [test for test in tests if test.is_above]
    first = min(tests, key=lambda test: (test.p_holm, test.p_value))
    size = size_label(np.log10(threshold))
    of_all = _counted(len(above), tests, f"below {size}")
    if above:
        small = "" if any(t.is_clear for t in above) else f", by less than {CLEAR_POINTS} points"
        text = f"{of_all} already above {level_text(chance)}{small}; most surely {first.label}."
        decisive = True
    else:
        decisive, power = _power(tests, chance)
        text = f"{of_all} above {level_text(chance)}; nearest is {first.label}. {power}"
    return DefinitionResult(
        definition, arm, answer(not above), decisive, first.score, first.p_holm, text, tests
    )


def _counted(found: int, tests: Sequence[ChanceTest], where: str) -> str:
    # A checkpoint that was scored with several numbers of shots has a cell for each.
    noun = "checkpoint" if len({test.checkpoint for test in tests}) == len(tests) else "cell"
    of = f"Of {len(tests)} {noun}{'' if len(tests) == 1 else 's'} {where}"
    return f"{of}, {found or 'none'} {'is' if found < 2 else 'are'}"


def _power(tests: Sequence[ChanceTest], chance: float) -> tuple[bool, str]:
    """Return whether the tests find a rise worth finding, and which they find, in words."""
    rise = detectable_rise(min(test.n_items for test in tests), chance, len(tests))
    if np.isnan(rise):
        return False, "With so few items not even a perfect score would count as above it."
    return rise <= MDE_MAX, (
        f"With so many items a rise of {100 * rise:.0f} points would be found four times in five; "
        "smaller ones may be there."
    )


def present_above(
    definition: Definition, cells: pd.DataFrame, arm: Arm, threshold: float
) -> DefinitionResult:
    """Return whether some checkpoint from the claimed size on is clearly above chance."""
    cells = cells_of_arm(cells, arm)
    tests, chance = chance_tests_above(cells, threshold), float(cells["chance"].iloc[0])
    clear = [test for test in tests if test.is_clear]
    best = min(clear or tests, key=lambda test: (test.p_holm, -test.score))
    size = size_label(np.log10(threshold))
    of_all = _counted(len(clear), tests, f"from {size} on")
    text = (
        f"{of_all} clearly above {level_text(chance)}, by {CLEAR_POINTS} points or more; best is "
        f"{best.label}."
    )
    decisive = True
    if not clear:
        decisive, power = _power(tests, chance)
        text += f" {power}"
    return DefinitionResult(
        definition, arm, answer(bool(clear)), decisive, best.score, best.p_holm, text, tests
    )


def not_extrapolated(
    definition: Definition, cells: pd.DataFrame, arm: Arm, threshold: float
) -> DefinitionResult:
    """Return why the third clause is left to the held-out prediction (E5)."""
    below = split_at(cells_of_arm(cells, arm), threshold)[0]
    text = (
        f"Not testable here: a line through the {below['n_params'].nunique()} sizes below "
        f"{size_label(np.log10(threshold))} says nothing of a bend, so that smooth but bent curves "
        "are taken for emergent ones; see E5 for the prediction of held-out larger checkpoints."
    )
    return untested(definition, arm, text)


def breakthrough(
    definition: Definition, cells: pd.DataFrame, arm: Arm, threshold: float, seed: Seed
) -> DefinitionResult:
    """Return whether B exceeds what flat and smooth curves of these sizes and items give."""
    series = series_across(cells_of_arm(cells, arm), threshold)
    rng = np.random.default_rng(seed)
    b = b_statistic(series, null_curves(series, rng))
    p = max(b.flat.p_value, b.smooth.p_value)
    met = b.value > 0 and p <= ALPHA
    low, high = (size_label(size) for size in series.largest_step)
    text = (
        f"B is {_shown(b.value)} over {series.label}, with the largest step from {low} to {high}; "
        f"{_flat_text(series, b.flat)}, of smooth curves fitted to these scores at or below "
        f"{_shown(b.smooth.quantile_95)} ({p_text(b.smooth.p_value)})."
    )
    decisive = met
    if not met:
        power = b_power(series, threshold, rng)
        decisive = power >= POWER
        text += (
            f" A step of {PLANTED_POINTS} points at {size_label(np.log10(threshold))} would be "
            f"told from both in {100 * power:.0f}% of such studies."
        )
    return DefinitionResult(
        definition, arm, answer(met), decisive, b.value, p, text, nulls=(b.flat, b.smooth)
    )


def steady_rise(
    definition: Definition, cells: pd.DataFrame, arm: Arm, threshold: float, seed: Seed
) -> DefinitionResult:
    """Return whether L exceeds what flat curves give; a smooth rise may well be a steady one."""
    series = series_across(cells_of_arm(cells, arm), threshold)
    rng = np.random.default_rng(seed)
    curves = null_curves(series, rng)
    line = l_statistic(series, curves)
    met = line.value > 0 and line.flat.p_value <= ALPHA
    text = (
        f"L is {_shown(line.value)} over {series.label}, where an even rise gives "
        f"{len(series.log10_params) - 1}; {_flat_text(series, line.flat)}, and of smooth curves "
        f"fitted to these scores 90% lie between {_shown(line.smooth.quantile_05)} and "
        f"{_shown(line.smooth.quantile_95)}."
    )
    decisive = met
    if not met:
        power = l_power(series, curves, rng)
        decisive = power >= POWER
        text += (
            f" An even rise of {PLANTED_POINTS} points would be told from flat in "
            f"{100 * power:.0f}% of such studies."
        )
    nulls = (line.flat, line.smooth)
    return DefinitionResult(
        definition, arm, answer(met), decisive, line.value, line.flat.p_value, text, nulls=nulls
    )


def _flat_text(series: Series, flat: Null) -> str:
    return (
        f"of flat curves at {level_text(series.chance)} 95% stay at or below "
        f"{_shown(flat.quantile_95)} ({p_text(flat.p_value)})"
    )


def _shown(value: float) -> str:
    return "infinite (most steps are 0)" if np.isposinf(value) else f"{value:.1f}"
