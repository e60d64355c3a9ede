"""The fixed part of a fit: which cell belongs where, and which jumps the sizes allow.

Cells are laid out as a padded array (task, slot). A padding slot has 0 of 0 items correct: its
log-likelihood is exactly 0, so it needs no mask. A *gap* lies between two neighbouring distinct
sizes of a task's own checkpoints; checkpoints of equal size are never split.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import gammaln

from toolkit.errors import FitError
from toolkit.study.claims import ARM_LABELS
from toolkit.study.scores import Scores

IntArray = np.ndarray
FloatArray = np.ndarray

# From so many sizes on a task's own slope is known better than the spread of the slopes.
SIZES_DENSE = 10


@dataclass(frozen=True)
class Design:
    """Indices and constants of one table of scores.

    Arrays of shape (task, slot) unless said otherwise; sizes in decades (log10 of parameters)
    from ``center``.
    """

    tasks: tuple[str, ...]
    checkpoints: tuple[str, ...]
    bases: tuple[str, ...]
    families: tuple[str, ...]
    checkpoint_tasks: tuple[str, ...]
    tuned_checkpoints: tuple[str, ...]
    center: float
    n_correct: FloatArray
    n_items: FloatArray
    size: FloatArray
    checkpoint: IntArray
    base: IntArray
    family: IntArray
    checkpoint_task: IntArray
    tuned_checkpoint: IntArray  # 0 for base checkpoints, where ``tuned`` is 0
    few_shot: FloatArray
    tuned: FloatArray
    chance: FloatArray  # (task,)
    has_compliance: np.ndarray  # (task,), exact-match cells
    gap_low: FloatArray  # (task, gap); NaN where the task has fewer gaps
    gap_high: FloatArray  # (task, gap)
    arm: IntArray  # index into ARM_LABELS
    gaps_below: IntArray  # how many of the task's gaps lie below the slot

    @property
    def coords(self) -> dict[str, list[str] | list[int]]:
        """Return the coordinates of every dimension used by the models."""
        return {
            "task": list(self.tasks),
            "slot": list(range(self.size.shape[1])),
            "arm": list(ARM_LABELS),
            "gap": list(range(self.gap_low.shape[1])),
            "checkpoint": list(self.checkpoints),
            "base": list(self.bases),
            "lm_family": list(self.families),
            "checkpoint_task": list(self.checkpoint_tasks),
            "tuned_checkpoint": list(self.tuned_checkpoints),
            "exact_match_task": [
                t for t, exact in zip(self.tasks, self.has_compliance, strict=True) if exact
            ],
        }

    @property
    def scored(self) -> np.ndarray:
        """Return which slots are cells and not padding, (task, slot)."""
        return self.n_items > 0

    @property
    def arms_scored(self) -> np.ndarray:
        """Return which arms each task has cells in, (task, arm)."""
        return self._in_arm.any(axis=1)  # pyright: ignore[reportReturnType]

    @property
    def arms_measured(self) -> np.ndarray:
        """Return in which arms each task was scored at two sizes or more, (task, arm)."""
        below, none = self.gaps_below[:, :, None], self.gap_low.shape[1] + 1
        highest = np.where(self._in_arm, below, -1).max(axis=1)
        return highest > np.where(self._in_arm, below, none).min(axis=1)

    @property
    def arms_of_jump(self) -> np.ndarray:
        """Return the arms (task, arm) of which one at least jumps in a task that jumps.

        Those in which a jump could be seen, or all where none was measured.
        """
        return self.arms_measured | ~self.arms_measured.any(axis=1, keepdims=True)

    @property
    def _in_arm(self) -> np.ndarray:
        """Return whether a slot is a cell of an arm, (task, slot, arm)."""
        return (self.arm[:, :, None] == np.arange(len(ARM_LABELS))) & self.scored[:, :, None]

    @property
    def data(self) -> dict[str, FloatArray]:
        """Return what a compiled model of this design can be given anew, each (task, slot).

        0 of 0 items leave a cell out; the model then predicts it. ``log_ways`` is the log of the
        number of ways to choose the correct items: no parameter changes it, so no gradient should
        evaluate it.
        """
        right, items = self.n_correct, self.n_items
        ways = gammaln(items + 1) - gammaln(right + 1) - gammaln(items - right + 1)
        return {"counts": right, "n_items": items, "log_ways": ways}

    def by_checkpoint(self, fact: np.ndarray) -> np.ndarray:
        """Return a fact of each checkpoint, (checkpoint,), from one by cell (task, slot)."""
        _, first = np.unique(self.checkpoint[self.scored], return_index=True)
        return fact[self.scored][first]

    @property
    def n_gaps(self) -> IntArray:
        """Return how many gaps each task has, (task,)."""
        return (~np.isnan(self.gap_low)).sum(axis=1)

    @property
    def is_dense(self) -> bool:
        """Return whether most tasks have so many sizes that these pin each task's slope down."""
        return bool(np.median(self.n_gaps) + 1 >= SIZES_DENSE)

    @property
    def log_gap_prior(self) -> FloatArray:
        """Return the log prior of each gap (task, gap): even over a task's own gaps."""
        real = ~np.isnan(self.gap_low)
        return np.where(real, -np.log(real.sum(axis=1, keepdims=True)), -np.inf)

    @property
    def gap_middle(self) -> FloatArray:
        """Return the middle of each gap in decades from ``center`` (task, gap)."""
        return (self.gap_low + self.gap_high) / 2


def pair_label(checkpoint: str, task: str) -> str:
    """Return the label of a checkpoint's own effect on a task."""
    return f"{checkpoint} on {task}"


def build_design(scores: Scores) -> Design:
    """Return the design of a table with one row per task, checkpoint and number of shots.

    Raises
    ------
    FitError
        When a task has several metrics or prompt formats, a single size, or rows without counts.
    """
    frame = scores.frame.assign(
        size=np.log10(scores.frame["n_params"]),
        base=scores.frame["base_checkpoint"].fillna(scores.frame["checkpoint"]),
        pair=[
            pair_label(checkpoint, task)
            for checkpoint, task in zip(
                scores.frame["checkpoint"], scores.frame["task"], strict=True
            )
        ],
    )
    _check_one_table(frame)
    center = float(np.mean(np.unique(frame["size"])))
    frame["size"] -= center
    names = {name: tuple(sorted(frame[name].unique())) for name in _GROUPS}
    for name, values in names.items():
        frame[f"{name}_index"] = pd.Categorical(frame[name], categories=values).codes
    tuned_names = tuple(sorted(frame.loc[frame["instruction_tuned"], "checkpoint"].unique()))
    found = pd.Index(tuned_names).get_indexer(frame["checkpoint"])  # pyright: ignore[reportArgumentType]
    frame["tuned_checkpoint_index"] = np.maximum(found, 0)
    frame["slot"] = frame.groupby("task").cumcount()
    shape = (len(names["task"]), int(frame["slot"].max()) + 1)
    where = (frame["task_index"].to_numpy(int), frame["slot"].to_numpy(int))

    def padded(column: str, kind: type) -> np.ndarray:
        array = np.zeros(shape, kind)
        array[where] = frame[column].to_numpy(kind)
        return array

    low, high = _gaps(frame, shape[0])
    few_shot = (padded("n_shots", float) > 0).astype(float)
    tuned = padded("instruction_tuned", float)
    size, n_items = padded("size", float), padded("n_items", float)
    by_task = frame.groupby("task_index")[["chance", "metric"]].first()
    return Design(
        tasks=names["task"],
        checkpoints=names["checkpoint"],
        bases=names["base"],
        families=names["lm_family"],
        checkpoint_tasks=names["pair"],
        tuned_checkpoints=tuned_names,
        center=center,
        n_correct=padded("n_correct", float),
        n_items=n_items,
        size=size,
        checkpoint=padded("checkpoint_index", int),
        base=padded("base_index", int),
        family=padded("lm_family_index", int),
        checkpoint_task=padded("pair_index", int),
        tuned_checkpoint=padded("tuned_checkpoint_index", int),
        few_shot=few_shot,
        tuned=tuned,
        chance=by_task["chance"].to_numpy(float),
        has_compliance=(by_task["metric"] == "exact_match").to_numpy(bool),
        gap_low=low,
        gap_high=high,
        arm=(few_shot + 2 * tuned).astype(int),
        gaps_below=_gaps_below(size, n_items, high),
    )


_GROUPS = ("task", "checkpoint", "base", "lm_family", "pair")


def _check_one_table(frame: pd.DataFrame) -> None:
    if frame["n_correct"].isna().any():
        row = frame[frame["n_correct"].isna()].iloc[0]
        msg = (
            f"task '{row['task']}', checkpoint '{row['checkpoint']}': got a score without a count, "
            "expected n_correct; this model needs counts of items."
        )
        raise FitError(msg)
    for name in ("metric", "prompt_format"):
        kinds = frame.drop_duplicates(["task", name])["task"]
        several = kinds[kinds.duplicated()]
        if len(several):
            msg = f"task '{several.iloc[0]}': got several values of {name}, expected one; pick one."
            raise FitError(msg)
    few_shot = frame[frame["n_shots"] > 0]
    twice = few_shot[few_shot.duplicated(["task", "checkpoint"])]
    if len(twice):
        row = twice.iloc[0]
        msg = (
            f"task '{row['task']}', checkpoint '{row['checkpoint']}': got several few-shot cells, "
            "expected one; runs on the same items are near-copies: keep one number of shots."
        )
        raise FitError(msg)
    sizes = frame.groupby("task")["size"]
    single = sizes.max() == sizes.min()
    if single.any():
        task = single.index[single.to_numpy()][0]
        msg = f"task '{task}': got one size of checkpoint, expected at least two."
        raise FitError(msg)


def _gaps(frame: pd.DataFrame, n_tasks: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and upper ends of each task's gaps, (task, gap), NaN-padded."""
    sizes = [np.unique(rows["size"]) for _, rows in frame.groupby("task_index")]
    n_gaps = max(len(values) for values in sizes) - 1
    low, high = np.full((2, n_tasks, n_gaps), np.nan)
    for task, values in enumerate(sizes):
        low[task, : len(values) - 1] = values[:-1]
        high[task, : len(values) - 1] = values[1:]
    return low, high


def _gaps_below(size: np.ndarray, n_items: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return how many gaps lie below each slot, (task, slot); none below a padding slot."""
    above = size[:, :, None] >= high[:, None, :] - 1e-9  # a NaN gap compares as False
    return np.where(n_items > 0, above.sum(axis=2), 0)
