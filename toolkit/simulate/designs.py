"""Designs: which checkpoints are scored on which items, and where the claims of tasks lie.

``StudyDesign`` is drawn on paper; ``OwnDesign`` is that of a study in hand: its checkpoints, and
for every task the cells, items and claim of one of its own.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Protocol

import numpy as np
import pandas as pd

from toolkit.simulate.tasks import FULL_ARM, PlantedTask
from toolkit.study.claims import Arm, Claim, arm_named
from toolkit.study.compute_sizes import FROM_COMPUTE
from toolkit.study.scores import Scores

N_SHOTS = 5


class Design(Protocol):
    """What a simulator must know of a study; tasks are numbered from 0."""

    @property
    def n_repeats(self) -> int:
        """Return how often each cell is run on the same items."""
        ...

    @property
    def family_shift(self) -> Mapping[str, float]:
        """Return by how many decades families are more competent than their sizes."""
        ...

    @property
    def checkpoints(self) -> pd.DataFrame:
        """Return the columns of ``CHECKPOINTS_SCHEMA``, bases before what is tuned from them."""
        ...

    @property
    def fingerprint(self) -> str:
        """Return everything that makes this design another one, as a text."""
        ...

    def cells(self, number: int) -> pd.DataFrame:
        """Return the cells of a task: checkpoint, n_shots, n_items."""
        ...

    def chance_of(self, number: int, task: PlantedTask) -> float:
        """Return the chance level: an answer that must be written out is never right by chance."""
        ...

    def place(self, number: int, rng: np.random.Generator) -> float:
        """Return the size (parameters) that a task's claim names."""
        ...

    def published_arm(self, number: int) -> Arm:
        """Return the arm of a task's claim."""
        ...

    def shuffled(self, rng: np.random.Generator) -> "Design":
        """Return the design with its tasks in another order, where it has tasks of its own."""
        ...


@dataclass(frozen=True)
class StudyDesign:
    """Families of base checkpoints, each with a tuned one, zero- and few-shot.

    ``sizes`` by family in parameters; ``family_shift`` makes families more competent than their
    size, in decades; each cell is run ``n_repeats`` times on the same items.
    """

    sizes: Mapping[str, tuple[float, ...]]
    n_items: int
    chance: float = 0.25
    family_shift: Mapping[str, float] = field(default_factory=dict)
    n_repeats: int = 1

    @property
    def checkpoints(self) -> pd.DataFrame:
        """Return the checkpoints, each base followed by its tuned one."""
        rows = [
            _checkpoint(family, size, tuned)
            for family, sizes in self.sizes.items()
            for size in sizes
            for tuned in (False, True)
        ]
        return pd.DataFrame(rows)

    @property
    def fingerprint(self) -> str:
        """Return the fields."""
        return json.dumps(asdict(self), sort_keys=True)

    def cells(self, number: int) -> pd.DataFrame:  # noqa: ARG002
        """Return every checkpoint zero- and few-shot."""
        names = self.checkpoints["checkpoint"]
        rows = [(name, shots, self.n_items) for name in names for shots in (0, N_SHOTS)]
        return pd.DataFrame(rows, columns=["checkpoint", "n_shots", "n_items"])

    def chance_of(self, number: int, task: PlantedTask) -> float:  # noqa: ARG002
        """Return the chance level of all tasks."""
        return self.chance if task.metric == "accuracy" else 0.0

    def place(self, number: int, rng: np.random.Generator) -> float:  # noqa: ARG002
        """Return a place with several sizes on both sides, so that it is never undecidable."""
        sizes = np.unique(np.log10([size for family in self.sizes.values() for size in family]))
        low, high = np.quantile(sizes, [0.45, 0.85])
        return float(10 ** rng.uniform(low, high))

    def published_arm(self, number: int) -> Arm:  # noqa: ARG002
        """Return the fully elicited arm."""
        return FULL_ARM

    def shuffled(self, rng: np.random.Generator) -> "StudyDesign":  # noqa: ARG002
        """Return the design itself: its tasks are all alike."""
        return self


def _checkpoint(family: str, size: float, tuned: bool) -> dict[str, object]:
    base = f"{family}-{size:.2g}"
    return {
        "checkpoint": f"{base}-tuned" if tuned else base,
        "lm_family": family,
        "n_params": size,
        "train_flop": np.nan,
        "released": None,
        "instruction_tuned": tuned,
        "base_checkpoint": base if tuned else None,
    }


@dataclass(frozen=True)
class OwnDesign:
    """The design of a study in hand: ``scores`` are those that its verdicts rest on.

    Task k is scored in the cells of claim k's task, on as many items, and claimed at its size in
    its arm; after the last claim they start again.
    """

    scores: Scores
    claims: tuple[Claim, ...]
    family_shift: Mapping[str, float] = field(default_factory=dict)
    n_repeats: int = 1

    @property
    def checkpoints(self) -> pd.DataFrame:
        """Return the checkpoints that are scored, bases first."""
        used = self.scores.checkpoints["checkpoint"].isin(self.scores.frame["checkpoint"])
        # A simulated checkpoint's size is its size, whatever stood for it in the study.
        own = self.scores.checkpoints[used].drop(columns=FROM_COMPUTE, errors="ignore")
        return own.sort_values("instruction_tuned", kind="stable").reset_index(drop=True)

    @property
    def fingerprint(self) -> str:
        """Return cells and claims, whatever the scores are."""
        cells = self.scores.frame[["checkpoint", "task", "n_shots", "n_items", "chance"]]
        named = [(c.task, c.threshold_n_params, c.published_arm) for c in self.claims]
        return cells.to_csv(index=False) + json.dumps(named)

    def cells(self, number: int) -> pd.DataFrame:
        """Return the cells of the claim's task."""
        frame = self.scores.frame
        own = frame[frame["task"] == self._claim(number).task]
        return own[["checkpoint", "n_shots", "n_items"]].reset_index(drop=True)

    def chance_of(self, number: int, task: PlantedTask) -> float:
        """Return the chance level of the claim's task."""
        frame = self.scores.frame
        own = frame.loc[frame["task"] == self._claim(number).task, "chance"]
        return float(own.iloc[0]) if task.metric == "accuracy" else 0.0

    def place(self, number: int, rng: np.random.Generator) -> float:  # noqa: ARG002
        """Return the size that the claim names."""
        return self._claim(number).threshold_n_params

    def published_arm(self, number: int) -> Arm:
        """Return the claim's arm."""
        return arm_named(self._claim(number).published_arm)

    def shuffled(self, rng: np.random.Generator) -> "OwnDesign":
        """Return the design with its claims in another order."""
        order: Sequence[int] = rng.permutation(len(self.claims)).tolist()
        return replace(self, claims=tuple(self.claims[index] for index in order))

    def _claim(self, number: int) -> Claim:
        return self.claims[number % len(self.claims)]


# Four families of five sizes, interleaved so that no gap around the middle exceeds 0.5 decades, and
# 200 items a task.
RICH = StudyDesign(
    {
        "alder": (1.2e8, 4.5e8, 1.6e9, 6e9, 2.2e10),
        "birch": (1.6e8, 6e8, 2.2e9, 8e9, 3e10),
        "cedar": (2.2e8, 8e8, 3e9, 1.1e10, 4e10),
        "maple": (3e8, 1.1e9, 4e9, 1.5e10, 5.5e10),
    },
    n_items=200,
)
# The sizes of most tasks of Lu et al. 2024, and a usual number of items.
LU_LIKE = StudyDesign({"gpt": (1.17e8, 1.6e9, 6.7e9, 1.75e11), "t5": (6e7, 7.7e8)}, n_items=200)
