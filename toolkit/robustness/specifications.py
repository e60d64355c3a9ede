"""The specification curve: a claim's jump under every reasonable way to analyse the study.

Simonsohn et al. 2020 and Steegen et al. 2016: the main analysis, every change of one choice
(``axes``), then a random part of all their combinations. The region of practical equivalence is an
axis that needs no refit. No joint test under a simulated null is made here.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from toolkit.errors import FitError
from toolkit.estimands.estimate import ROPE
from toolkit.fit.sampling import FitSettings
from toolkit.robustness.axes import AXES, Axis, axes_of
from toolkit.robustness.specified_scores import table_of
from toolkit.robustness.variants import COLUMNS, ROPES, Variant, hash_text, jump_table, mixed
from toolkit.study.claims import ARMS, CONTROLLED_ARM, Arm, Claim
from toolkit.study.scores import Scores

# The rule: in at least 90% of the specifications P(jump > 0) is above 0.8.
HOLDS = 0.8
BUDGET = 16
RANDOM_SEED = 20240
# Of each row: the specification, its choices, what it left out, why it failed, what it found.
# ``size_low`` and ``size_high`` are the smallest and largest parameters scored in the task's arm.
TABLE = (
    "label", *AXES, "left_out", "reason", *COLUMNS, "n_cells", "size_low", "size_high", "rope",
    "p_above",
)  # fmt: skip
ROPE_AXIS = "rope"


@dataclass(frozen=True)
class Specification:
    """One way to analyse the study: an option of every axis, and the table that they make."""

    choices: Mapping[str, str]
    label: str
    scores: Scores
    left_out: tuple[str, ...]

    def variant(self, settings: FitSettings) -> Variant:
        """Return the fit of this specification, or raise ``FitError`` where nothing is left."""
        if self.scores.frame.empty:
            msg = f"specification '{self.label}': no task is left; expected at least one."
            raise FitError(msg)
        return Variant(self.scores, self.choices["curve"], settings)


def specifications(
    scores: Scores,
    prompt_format: str,
    model: str,
    budget: int = BUDGET,
    random_seed: int = RANDOM_SEED,
) -> tuple[Specification, ...]:
    """Return the main analysis, every change of one choice, and random combinations up to a budget.

    ``budget`` is the number of fits; changes of one choice are made even beyond it. Choices that
    make the same table and model as others before them are no other specification.
    """
    axes = axes_of(scores, prompt_format, model)
    main = {axis.name: axis.options[0].name for axis in axes}
    found: dict[str, Specification] = {}
    for choices in _one_at_a_time(axes, main):
        made = _specify(scores, choices, main)
        found.setdefault(_identity(made), made)
    for choices in _shuffled(axes, random_seed):
        if len(found) >= budget:
            break
        made = _specify(scores, choices, main)
        if not made.scores.frame.empty:
            found.setdefault(_identity(made), made)
    return tuple(found.values())


def _one_at_a_time(axes: tuple[Axis, ...], main: dict[str, str]) -> Iterator[dict[str, str]]:
    yield main
    for axis in axes:
        for option in axis.options[1:]:
            yield main | {axis.name: option.name}


def _shuffled(axes: tuple[Axis, ...], random_seed: int) -> Iterator[dict[str, str]]:
    """Yield all combinations of the options that may be combined, in random order."""
    crossed = [[option.name for option in axis.options if option.crossed] for axis in axes]
    every = list(product(*crossed))
    for index in np.random.default_rng(random_seed).permutation(len(every)):
        yield dict(zip((axis.name for axis in axes), every[index], strict=True))


def _specify(scores: Scores, choices: dict[str, str], main: dict[str, str]) -> Specification:
    table, left_out = table_of(scores, choices)
    metrics = set(table.frame["metric"])
    if choices["prompt_format"] != main["prompt_format"] and len(metrics) == 1:
        # A prompt format that knows one metric leaves no choice of it.
        choices = choices | {"metric": metrics.pop()}
    changed = [f"{name}: {option}" for name, option in choices.items() if option != main[name]]
    return Specification(choices, "; ".join(changed) or "main", table, left_out)


def _identity(made: Specification) -> str:
    return f"{made.choices['curve']} {hash_text(made.scores.frame.to_csv(index=False))}"


def run_specifications(
    scores: Scores,
    prompt_format: str,
    model: str,
    settings: FitSettings,
    cache: Path,
    budget: int = BUDGET,
    done: Callable[[str], None] = lambda _: None,
) -> pd.DataFrame:
    """Return the jumps under every specification (``TABLE``), by task, arm and ROPE.

    A specification that can't be fitted is one row with the reason and without a task.
    """
    tables = []
    found = specifications(scores, prompt_format, model, budget)
    for number, made in enumerate(found, 1):
        try:
            table = _by_rope(jump_table(made.variant(settings), cache), scores, made)
            how = "ready"
        except FitError as error:
            table = pd.DataFrame([{"reason": str(error)}])
            how = "can't be fitted"
        choices = {name: made.choices[name] for name in AXES}
        left_out = "; ".join(made.left_out) or "nothing"
        tables.append(table.assign(label=made.label, **choices, left_out=left_out))
        done(f"specification {number} of {len(found)} ({made.label}): {how}")
    return pd.concat(tables, ignore_index=True).reindex(columns=list(TABLE))


def _by_rope(table: pd.DataFrame, scores: Scores, made: Specification) -> pd.DataFrame:
    """Return the rows of one fit once for each ROPE, with what was scored in their arms."""
    frame = made.scores.frame
    by_name = scores.checkpoints.set_index("checkpoint")["n_params"]
    labels = {(arm.few_shot, arm.instruction_tuned): arm.label for arm in ARMS}
    keys = zip(frame["n_shots"] > 0, frame["instruction_tuned"].astype(bool), strict=True)
    # In parameters whatever the scale axis is: a claim names parameters.
    cells = pd.DataFrame(
        {
            "task": frame["task"],
            "arm": [labels[bool(shots), bool(tuned)] for shots, tuned in keys],
            "n_params": frame["checkpoint"].map(by_name),
        }
    )
    scored = cells.groupby(["task", "arm"])["n_params"].agg(
        n_cells="size", size_low="min", size_high="max"
    )
    wide = table.merge(scored.reset_index(), on=["task", "arm"], how="left")
    wide = wide.assign(n_cells=wide["n_cells"].fillna(0).astype(int))
    return pd.concat(
        [wide.assign(rope=rope, p_above=wide[f"p_above_{rope:g}"]) for rope in ROPES],
        ignore_index=True,
    )


def carries(rows: pd.DataFrame, claim: Claim) -> "pd.Series[bool]":
    """Return which rows can speak of a claim: scored below its size and at or above it."""
    low, high = rows["size_low"], rows["size_high"]
    size = claim.threshold_n_params
    return (rows["task"] == claim.task) & (low < size) & (high >= size)


@dataclass(frozen=True)
class SpecificationSummary:
    """What the specifications say of a claim in one arm.

    ``n_all`` were tried, ``n_failed`` of them could not be fitted, ``n_carrying`` have scores on
    both sides of the claimed size, and ``n_mixed`` of those converged. ``share_positive`` of the
    carrying ones have P(jump > 0) above 0.8; the rest is about P(jump > ROPE) in them.
    ``variance_shares`` by axis, the ROPE among them, need not sum to one: not every combination was
    fitted, so that axes overlap, and what they do together belongs to none.
    """

    claim: str
    arm: str
    n_all: int
    n_failed: int
    n_carrying: int
    n_mixed: int
    share_positive: float
    p_median: float
    p_low: float
    p_high: float
    variance_shares: Mapping[str, float]

    @property
    def p_range(self) -> float:
        """Return how far P(jump > ROPE) moves over the specifications; NaN without any."""
        return self.p_high - self.p_low

    @property
    def main_axis(self) -> str | None:
        """Return the axis that moves P(jump > ROPE) most, or None where nothing does."""
        shares = {name: share for name, share in self.variance_shares.items() if share > 0}
        return max(shares, key=lambda name: shares[name]) if shares else None


def summarise(table: pd.DataFrame, claim: Claim, arm: Arm = CONTROLLED_ARM) -> SpecificationSummary:
    """Return what the specifications (``run_specifications``) say of a claim in one arm."""
    failed = table["reason"].notna()
    own = table[carries(table, claim) & (table["arm"] == arm.label)]
    decided = own[own["rope"] == ROPE]
    p = decided["p_above"]
    # One whose chains disagree is none in which the rise holds.
    holds = (decided["p_positive"] > HOLDS) & mixed(decided)
    return SpecificationSummary(
        claim.slug,
        arm.label,
        n_all=int(table["label"].nunique()),
        n_failed=int(failed.sum()),
        n_carrying=len(decided),
        n_mixed=int(mixed(decided).sum()),
        share_positive=float(holds.mean()) if len(p) else float("nan"),
        p_median=float(p.median()),
        p_low=float(p.min()),
        p_high=float(p.max()),
        variance_shares=variance_shares(own),
    )


def variance_shares(rows: pd.DataFrame) -> dict[str, float]:
    """Return for each axis the sum of squares between its options over that of ``p_above``.

    Axes without a second option among the rows are left out; all are 0 where nothing varies.
    """
    p = rows["p_above"]
    total = float(((p - p.mean()) ** 2).sum())
    shares = {}
    for axis in (*AXES, ROPE_AXIS):
        if len(rows[axis].unique()) > 1:
            between = float(((p.groupby(rows[axis]).transform("mean") - p.mean()) ** 2).sum())
            shares[axis] = between / total if total > 0 else 0.0
    return shares
