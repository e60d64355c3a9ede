"""What designs on paper could decide, before anybody measures anything.

The map asks how high a step must be to be found four times in five, by sizes, families and items.
It rests on ``step_power`` and on how noisy scores are.
"""

import math
from itertools import product

import numpy as np
import pandas as pd

from toolkit.planning.step_power import NOISE, POWER, SEED, ArmDesign, Scales, step_power

HEIGHTS = (0.05, 0.10, 0.15, 0.20, 0.30, 0.40)
SIZES, FAMILIES, ITEMS = (4, 6, 8, 10, 12, 16), (1, 2, 4, 8), (50, 200, 1000, 5000)
SMALLEST, DECADES, CHANCE = 8.0, 3.0, 0.25


def resolvability_map(scales: Scales) -> pd.DataFrame:
    """Return the lowest of ``HEIGHTS`` that would be found, by sizes, families and items.

    Sizes lie evenly over three decades, each family has them all, the step is in the middle gap.
    ``smallest`` is NaN where none is found.
    """
    rows = [
        {"sizes": n, "families": families, "items": items, "smallest": found}
        for n, families, items in product(SIZES, FAMILIES, ITEMS)
        for found in [_smallest(paper_design(n, families, items), scales)]
    ]
    return pd.DataFrame(rows)


def paper_design(n_sizes: int, n_families: int, n_items: int) -> ArmDesign:
    """Return a design of the map."""
    sizes = np.linspace(SMALLEST, SMALLEST + DECADES, n_sizes)
    size = np.tile(sizes, n_families)
    family = np.repeat(np.arange(n_families), n_sizes)
    return ArmDesign(size, family, np.full(len(size), n_items), CHANCE)


def middle_gap(sizes: np.ndarray) -> float:
    """Return a place in the middle gap (log10)."""
    at = len(sizes) // 2
    return float(sizes[at - 1 : at + 1].mean())


def _smallest(design: ArmDesign, scales: Scales) -> float:
    place = middle_gap(design.sizes)
    for height in HEIGHTS:
        if step_power(design, place, height, scales, np.random.default_rng(SEED)) >= POWER:
            return height
    return math.nan


def map_rows(scales: Scales) -> list[dict[str, str]]:
    """Return the map as rows of texts: a row per sizes and families, a column per items."""
    found = resolvability_map(scales)
    rows = []
    for (sizes, families), own in found.groupby(["sizes", "families"]):
        row = {"sizes": str(sizes), "families": str(families)}
        for items, smallest in zip(own["items"], own["smallest"], strict=True):
            row[f"{items} items"] = "none" if math.isnan(smallest) else f"{100 * smallest:.0f}"
        rows.append(row)
    return rows


def map_reading(noise: str) -> str:
    """Return what the numbers of a map are, for people."""
    return (
        f"Sizes evenly over {DECADES:.0f} decades, all of them in each family; one arm; chance "
        f"{CHANCE}. Checkpoints as noisy as {NOISE[noise].meaning}. An approximation without fits: "
        "emergence calibrate counts what the whole procedure finds."
    )
