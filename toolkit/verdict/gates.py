"""Resolvability: whether these sizes, arms and items could decide the claim at all.

Each gate says what it found, against which threshold, which outcomes it forbids, and what would
open it. Gates look at the design and the raw counts, not at the fitted jump; those of its place
are in ``jump_place``.
"""

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
import pandas as pd
from scipy import stats

from toolkit.estimands.estimate import MATERIAL, ROPE, SURE
from toolkit.study.claims import CONTROLLED_ARM, Arm, Claim, arm_named
from toolkit.wording import listed, size_label

SIZES_MIN = 6
SIZES_PER_SIDE_MIN = 2
GAP_MAX_DECADES = 0.5
# Detectable difference of two cells above which few items are a caution.
MDE_MAX = 0.10
BELOW_CHANCE_SHARE_MAX = 0.10


class Outcome(Enum):
    """What is said of a claim."""

    JUMP_REMAINS = "jump remains"
    EXPLAINED = "explained"
    NO_JUMP = "no jump"
    UNDETERMINED = "undetermined"


IN_ARM = ", in the arm "
WITH_JUMP = frozenset({Outcome.JUMP_REMAINS, Outcome.EXPLAINED})
DECIDED = WITH_JUMP | {Outcome.NO_JUMP}
CAUTION: frozenset[Outcome] = frozenset()


@dataclass(frozen=True)
class Gate:
    """One condition; ``forbids`` are the outcomes it rules out while it is closed."""

    code: str
    open: bool
    finding: str
    remedy: str
    forbids: frozenset[Outcome]


def design_gates(claim: Claim, cells: pd.DataFrame) -> list[Gate]:
    """Return the gates of one claim from its task's cells (rows of ``Scores.frame``)."""
    published = arm_named(claim.published_arm)
    arms = dict.fromkeys((CONTROLLED_ARM, published))
    gates = []
    for arm in arms:
        sizes = np.unique(np.log10(in_arm(cells, arm)["n_params"]))
        if len(sizes) < 2:
            gates.append(_missing_gate(sizes, arm, published))
        else:
            gates.extend(_size_gates(sizes, arm, claim.threshold_n_params))
    return [
        *gates,
        _floor_gate(cells),
        _control_gate(claim),
        _items_gate(cells),
        _below_chance_gate(cells),
        _confounding_gate(cells, claim.threshold_n_params),
    ]


def in_arm(cells: pd.DataFrame, arm: Arm) -> pd.DataFrame:
    """Return the cells of one arm."""
    return cells[
        ((cells["n_shots"] > 0) == arm.few_shot)
        & (cells["instruction_tuned"] == arm.instruction_tuned)
    ]


def gap_around(sizes: np.ndarray, threshold: float) -> tuple[float, float]:
    """Return the neighbouring sizes around a threshold (all log10), low < threshold <= high."""
    at = int(np.clip(np.searchsorted(sizes, threshold - 1e-9), 1, len(sizes) - 1))
    return float(sizes[at - 1]), float(sizes[at])


def is_resolvable(sizes: np.ndarray, low: float, high: float) -> bool:
    """Return whether a jump between two neighbouring sizes could be told from a bend."""
    below, above = int((sizes <= low + 1e-9).sum()), int((sizes >= high - 1e-9).sum())
    return min(below, above) >= SIZES_PER_SIDE_MIN and high - low <= GAP_MAX_DECADES + 1e-9


def sizes_to_add(sizes: np.ndarray, threshold: float) -> list[float]:
    """Return the fewest further sizes (log10) that make a threshold resolvable."""
    step, together = GAP_MAX_DECADES, _spanning(sizes, threshold)
    low, high = gap_around(np.array(together), threshold)
    if high - low > step + 1e-9:
        # One size near enough to both the threshold and its far end, else one on each side.
        if high - step < threshold - 1e-9:
            together.append(high - step)
        elif low + step >= threshold - 1e-9:
            together.append(low + step)
        else:
            together += [threshold - step / 2, threshold + step / 2]
    together.sort()
    while sum(s < threshold - 1e-9 for s in together) < SIZES_PER_SIDE_MIN:
        together.insert(0, together[0] - step)
    while (
        sum(s >= threshold - 1e-9 for s in together) < SIZES_PER_SIDE_MIN
        or len(together) < SIZES_MIN
    ):
        together.append(together[-1] + step)
    return [s for s in together if s not in sizes]


def _spanning(sizes: np.ndarray, threshold: float) -> list[float]:
    """Return the sizes with what is needed for one on each side of the threshold."""
    spanning = sorted(float(size) for size in sizes)
    if spanning[-1] < threshold - 1e-9:
        spanning.append(threshold)
    if spanning[0] - GAP_MAX_DECADES >= threshold - 1e-9:
        spanning.insert(0, threshold)
    if spanning[0] >= threshold - 1e-9:
        spanning.insert(0, spanning[0] - GAP_MAX_DECADES)
    return spanning


def sizes_remedy(sizes: np.ndarray, threshold: float, arm: Arm) -> str:
    """Return which sizes (log10) to score so that a jump at the threshold could be resolved.

    Nothing where the sizes that are there could.
    """
    if len(sizes) < 2:
        return f"score at least {SIZES_MIN} sizes{IN_ARM}'{arm.label}'"
    needed = sizes_to_add(sizes, threshold)
    if not needed:
        return ""
    more = "1 more size" if len(needed) == 1 else f"{len(needed)} more sizes"
    about = listed([size_label(size) for size in needed])
    return f"score {more}, about {about}{IN_ARM}'{arm.label}'"


def _missing_gate(sizes: np.ndarray, arm: Arm, published: Arm) -> Gate:
    """Return that an arm was not scored.

    That there is no jump can be seen in the published arm alone; what made one can't.
    """
    return Gate(
        "MISSING_ARM", False, f"the arm '{arm.label}' has {len(sizes)} sizes",
        sizes_remedy(sizes, 0.0, arm), DECIDED if arm == published else WITH_JUMP,
    )  # fmt: skip


def _size_gates(sizes: np.ndarray, arm: Arm, threshold_n_params: float) -> list[Gate]:
    threshold = math.log10(threshold_n_params)
    low, high = gap_around(sizes, threshold)
    above = int((sizes >= threshold - 1e-9).sum())
    below = len(sizes) - above
    remedy = sizes_remedy(sizes, threshold, arm)
    where = f"in the arm '{arm.label}'"
    return [
        Gate(
            "FEW_SIZES", len(sizes) >= SIZES_MIN,
            f"{len(sizes)} distinct sizes {where} (needed: {SIZES_MIN})", remedy, DECIDED,
        ),
        Gate(
            "ONE_SIDED", min(below, above) >= SIZES_PER_SIDE_MIN,
            f"{below} sizes below and {above} at or above {size_label(threshold)} {where} "
            f"(needed: {SIZES_PER_SIDE_MIN} on each side)", remedy, DECIDED,
        ),
        Gate(
            "WIDE_GAP", high - low <= GAP_MAX_DECADES + 1e-9,
            f"no size between {size_label(low)} and {size_label(high)} {where}: "
            f"{high - low:.2f} decades (allowed: {GAP_MAX_DECADES})", remedy, DECIDED,
        ),
    ]  # fmt: skip


def _p_above(cells: pd.DataFrame, level: pd.Series) -> np.ndarray:
    """Return for each cell the probability that its true score is above ``level``.

    Jeffreys' posterior for counts; normal for scores that come with a standard error only.
    """
    k, n = cells["n_correct"], cells["n_items"]
    counted = stats.beta.sf(level, k + 0.5, n - k + 0.5)
    return np.where(k.isna(), stats.norm.sf(level, cells["score"], cells["score_se"]), counted)


def _floor_gate(cells: pd.DataFrame) -> Gate:
    """Return whether a cell is surely a material step above chance: at the floor nothing shows.

    Sure over all cells together (Bonferroni): of many at chance one looks high by accident.
    """
    above = _p_above(cells, cells["chance"] + ROPE) > 1 - (1 - SURE) / len(cells)
    count = f"{int(above.sum())} of {len(cells)} cells" if above.any() else "no cell of any arm"
    return Gate(
        "AT_FLOOR", bool(above.any()),
        f"above chance by {MATERIAL} with probability {SURE} over all cells together: {count}",
        "score the log-probability of the right answer instead of right or wrong, or larger "
        "checkpoints",
        DECIDED,
    )  # fmt: skip


def _control_gate(claim: Claim) -> Gate:
    return Gate(
        "CONTROL_NOT_CLEAN", claim.control_caveat is None, claim.control_caveat or "",
        "score the task with prompts that carry no worked examples",
        WITH_JUMP,
    )  # fmt: skip


def detectable_difference(n_items: float, p: float) -> float:
    """Return the difference of two cells found with 80% power at one-sided 5% (normal)."""
    return (1.645 + 0.842) * math.sqrt(2 * p * (1 - p) / n_items)


def _items_gate(cells: pd.DataFrame) -> Gate:
    n, chance = float(cells["n_items"].min()), float(cells["chance"].iloc[0])
    p = min(max(chance, 0.1) + ROPE, 0.5)
    mde = detectable_difference(n, p)
    wanted = math.ceil(n * (mde / MDE_MAX) ** 2)
    return Gate(
        "FEW_ITEMS", mde <= MDE_MAX,
        f"{n:.0f} items: two cells must differ by {100 * mde:.0f} points to be told apart",
        f"use at least {wanted} items", CAUTION,
    )  # fmt: skip


def _below_chance_gate(cells: pd.DataFrame) -> Gate:
    """Return whether many cells are surely below chance: a sign of the scorer, not of ability."""
    below = 1 - _p_above(cells, cells["chance"]) > SURE
    share = float(below.mean())
    return Gate(
        "BELOW_CHANCE", share <= BELOW_CHANCE_SHARE_MAX,
        f"{int(below.sum())} of {len(cells)} cells are below chance: unparseable answers, a "
        "favoured option, or a wrong chance level",
        "keep unparseable answers apart from wrong ones, item by item", CAUTION,
    )  # fmt: skip


def _confounding_gate(cells: pd.DataFrame, threshold_n_params: float) -> Gate:
    base = cells[~cells["instruction_tuned"]]
    above = base[base["n_params"] >= threshold_n_params]
    names, n_families = sorted(above["checkpoint"].unique()), above["lm_family"].nunique()
    where = f"at or above {size_label(math.log10(threshold_n_params))}"
    finding = f"no base checkpoint lies {where}"
    if n_families == 1:
        finding = f"all base checkpoints {where} are of one family ({listed(names)}): size can't "
        finding += "be told from recipe"
    elif n_families:
        finding = f"{len(names)} base checkpoints of {n_families} families lie {where}"
    return Gate(
        "ONE_RECIPE", n_families >= 2, finding,
        "score base checkpoints of another family above the threshold", CAUTION,
    )  # fmt: skip
