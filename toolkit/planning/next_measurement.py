"""The cheapest measurement that would let a study decide a claim, by power on paper.

Tried are the sizes that open the gates, further families at every size, and more items of every
cell; of those that would find a step of the given height four times in five, the one with the
fewest items to score is taken.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from toolkit.planning.step_power import NOISE, POWER, SEED, ArmDesign, Scales, step_power
from toolkit.study.claims import Arm, Claim
from toolkit.verdict.gates import in_arm, sizes_remedy, sizes_to_add
from toolkit.wording import size_label

MORE_FAMILIES, TIMES_ITEMS = (0, 1, 2, 4, 8), (1, 4, 16)
# Sizes next to the claimed one, where a gap as narrow as the gates ask for is still too wide.
CLOSER, SAME = 0.1, 0.05
COLUMNS = ("claim", "arm", "power now", "measure besides", "items to score", "power then")


@dataclass(frozen=True)
class Addition:
    """What to measure besides: sizes (log10), families at every size, items of each cell.

    ``n_scored`` counts the items to be scored for it; ``power_now`` and ``power`` are those of a
    step without and with it. ``enough`` is False where no addition that was tried suffices; it is
    the strongest of them then.
    """

    sizes: tuple[float, ...]
    families: int
    items: int
    n_scored: int
    power_now: float
    power: float

    @property
    def enough(self) -> bool:
        """Return whether the step would be found."""
        return self.power >= POWER

    def said(self, items_now: int) -> str:
        """Return the addition as readers write it."""
        parts = []
        if self.sizes:
            parts.append("sizes " + ", ".join(size_label(size) for size in self.sizes))
        if self.families:
            noun = "families" if self.families > 1 else "family"
            parts.append(f"{self.families} more {noun} at every size")
        if self.items > items_now:
            parts.append(f"{self.items} items instead of {items_now}")
        return "; ".join(parts) or "nothing: the design suffices"


def cheapest_addition(
    claim: Claim, own: pd.DataFrame, n_tasks: int, scales: Scales, height: float
) -> Addition:
    """Return the cheapest measurement that would find a step where a claim says it is.

    ``own`` are the cells of the claim's task in one arm. Where nothing that is tried suffices, the
    largest addition is returned.
    """
    place = math.log10(claim.threshold_n_params)

    def power(sizes: tuple[float, ...], families: int, times: int) -> float:
        design = _added(own, sizes, families, times, n_tasks)
        return step_power(design, place, height, scales, np.random.default_rng(SEED))

    now, items = power((), 0, 1), int(own["n_items"].min())
    tried = sorted(_additions(own, place), key=lambda more: _n_scored(own, *more))

    def addition(sizes: tuple[float, ...], families: int, times: int) -> Addition:
        n_scored = _n_scored(own, sizes, families, times)
        then = power(sizes, families, times)
        return Addition(sizes, families, items * times, n_scored, now, then)

    # The largest first: where it does not suffice, nothing does.
    largest = addition(*tried[-1])
    if not largest.enough:
        return largest
    return next((each for each in (addition(*more) for more in tried) if each.enough), largest)


def _additions(own: pd.DataFrame, place: float) -> Iterator[tuple[tuple[float, ...], int, int]]:
    sizes = np.unique(np.log10(own["n_params"]))
    needed = tuple(sizes_to_add(sizes, place)) if len(sizes) > 1 else ()
    beside = (place - CLOSER, place + CLOSER)
    closer = tuple(size for size in beside if np.abs(sizes - size).min() > SAME)
    for more in dict.fromkeys(((), needed, needed + closer)):
        for families, times in product(MORE_FAMILIES, TIMES_ITEMS):
            yield more, families, times


def _n_scored(own: pd.DataFrame, sizes: tuple[float, ...], families: int, times: int) -> int:
    items = own["n_items"]
    n_sizes = own["n_params"].nunique() + len(sizes)
    new_cells = len(sizes) + families * n_sizes
    return int(items.sum()) * (times - 1) + new_cells * int(items.min()) * times


def _added(
    own: pd.DataFrame, sizes: tuple[float, ...], families: int, times: int, n_tasks: int
) -> ArmDesign:
    """Return an arm's cells with further sizes of its largest family, families and items."""
    have = np.log10(own["n_params"].to_numpy())
    codes, names = pd.factorize(own["lm_family"])
    every = np.unique(np.concatenate([have, sizes]))
    size = np.concatenate([have, sizes, np.tile(every, families)])
    largest = np.full(len(sizes), np.bincount(codes).argmax())
    further = len(names) + np.repeat(np.arange(families), len(every))
    fewest = np.full(len(size) - len(own), own["n_items"].min())
    items = times * np.concatenate([own["n_items"], fewest])
    family = np.concatenate([codes, largest, further])
    return ArmDesign(size, family, items, float(own["chance"].iloc[0]), n_tasks)


def addition_rows(
    claims: Sequence[Claim], record: pd.DataFrame, scales: Scales, height: float
) -> list[dict[str, str]]:
    """Return for every claim and arm what to measure, as rows of texts."""
    n_tasks, rows = record["task"].nunique(), []
    for claim in claims:
        cells = record[record["task"] == claim.task]
        for arm in claim.arms:
            own = in_arm(cells, arm)
            said = _said(claim, own, n_tasks, scales, height) if len(own) else _unmeasured(arm)
            row = (claim.slug, arm.label, *said)
            rows.append(dict(zip(COLUMNS, row, strict=True)))
    return rows


def _said(
    claim: Claim, own: pd.DataFrame, n_tasks: int, scales: Scales, height: float
) -> tuple[str, str, str, str]:
    found = cheapest_addition(claim, own, n_tasks, scales, height)
    if math.isnan(found.power):
        return "", "nothing: a step so high would pass a perfect score", "", ""
    measure = found.said(int(own["n_items"].min()))
    return f"{found.power_now:.2f}", measure, f"{found.n_scored:,}", f"{found.power:.2f}"


def _unmeasured(arm: Arm) -> tuple[str, str, str, str]:
    return "not measured", sizes_remedy(np.array([]), 0.0, arm), "", ""


def additions_reading(noise: str) -> str:
    """Return what the numbers of the additions are, for people."""
    return (
        f"Power: how often the step would be found; {POWER:.2f} is enough. New sizes lie in the "
        f"largest family, items are shared by all cells. Checkpoints as noisy as "
        f"{NOISE[noise].meaning}. An approximation without fits, each arm by itself."
    )
