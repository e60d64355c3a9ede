"""What a study's tables and verdicts say about threats to validity: each count made once, in words.

All of it is about the cells that the verdicts rest on. What the tables do not tell is "unknown".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from toolkit.analysis.analyse import Analysis
from toolkit.report.numbers import counted
from toolkit.report.sentences import CLAIMED
from toolkit.study.claims import CONTROLLED_ARM, Arm, Claim, arm_named
from toolkit.verdict.gates import detectable_difference, gap_around, in_arm
from toolkit.wording import first_listed, size_label

# Effects that let scores differ at one size, by the variable that says the model has them.
EFFECTS = {
    "sigma_family": "family",
    "sigma_family_slope": "family by size",
    "sigma_checkpoint": "base checkpoint",
    "sigma_checkpoint_task": "checkpoint by task",
    "sigma_pair": "tuned against its base",
}
SHOWN = 4


@dataclass(frozen=True)
class Evidence:
    """Counts behind the table of threats."""

    analysis: Analysis

    @property
    def cells(self) -> pd.DataFrame:
        """Return the cells that the verdicts rest on."""
        return self.analysis.source.record.frame

    @cached_property
    def checkpoints(self) -> pd.DataFrame:
        """Return the facts about the checkpoints of these cells."""
        register = self.analysis.source.scores.checkpoints
        return register[register["checkpoint"].isin(self.cells["checkpoint"])]

    @cached_property
    def tasks(self) -> pd.DataFrame:
        """Return the facts about the tasks of these cells."""
        register = self.analysis.source.scores.tasks
        return register[register["task"].isin(self.cells["task"])]

    @property
    def bases(self) -> pd.DataFrame:
        """Return the base checkpoints."""
        return self.checkpoints[~self.checkpoints["instruction_tuned"]]

    @property
    def tuned(self) -> pd.DataFrame:
        """Return the instruction-tuned checkpoints."""
        return self.checkpoints[self.checkpoints["instruction_tuned"]]

    def closed(self, *codes: str) -> str:
        """Return for how many claims each gate is closed."""
        verdicts = self.analysis.verdicts
        counts = {
            code: sum(any(g.code == code and not g.open for g in v.gates) for v in verdicts)
            for code in codes
        }
        listed = ", ".join(f"{code} {count}" for code, count in counts.items())
        return f"closed gates, of {counted(len(verdicts), 'claim')}: {listed}"

    def cautioned(self, code: str) -> int:
        """Return how many claims carry a caution."""
        return sum(any(c.code == code for c in v.cautions) for v in self.analysis.verdicts)

    def effects(self, *names: str) -> str:
        """Return which of these effects the fitted model has."""
        there = [EFFECTS[name] for name in names if name in self.analysis.posterior]
        return f"Effects in the model: {', '.join(there)}." if there else "Not modelled."

    @cached_property
    def controlled_sizes(self) -> list[np.ndarray]:
        """Return the distinct sizes (log10) of each claim's task in the controlled arm."""
        return [self._sizes(claim, CONTROLLED_ARM) for claim in self.analysis.source.claims]

    @property
    def claimed_gaps(self) -> list[float]:
        """Return the decades between the sizes around each claimed size, where there are two.

        In the controlled arm, or in the published one where that was not scored.
        """
        gaps = []
        for claim in self.analysis.source.claims:
            arms = (CONTROLLED_ARM, arm_named(claim.published_arm))
            sizes = next((s for s in (self._sizes(claim, arm) for arm in arms) if len(s) > 1), None)
            if sizes is not None:
                low, high = gap_around(sizes, float(np.log10(claim.threshold_n_params)))
                gaps.append(high - low)
        return gaps

    def _sizes(self, claim: Claim, arm: Arm) -> np.ndarray:
        own = in_arm(self.cells, arm)
        return np.unique(np.log10(own.loc[own["task"] == claim.task, "n_params"]))

    @property
    def families_above(self) -> list[int]:
        """Return how many families have base checkpoints from each claimed size on."""
        base = self.cells[~self.cells["instruction_tuned"]]
        return [
            base[(base["task"] == c.task) & (base["n_params"] >= c.threshold_n_params)][
                "lm_family"
            ].nunique()
            for c in self.analysis.source.claims
        ]

    @property
    def largest_undetected(self) -> float:
        """Return the largest difference of two cells at 0.5 that the items of a task may hide."""
        return detectable_difference(float(self.cells["n_items"].min()), 0.5)

    @property
    def dated(self) -> str:
        """Return what is known of release dates, and how they go with size among the bases."""
        dated = self.checkpoints["released"].dropna()
        missing = len(self.checkpoints) - len(dated)
        text = f"Release dates: unknown for {missing} of {len(self.checkpoints)} checkpoints"
        if len(dated):
            text += f", the known ones {dated.min()} to {dated.max()}"
        bases = self.bases.dropna(subset="released")
        dates, sizes = bases["released"].rank(), bases["n_params"]
        if len(np.unique(dates)) > 1 and len(np.unique(sizes)) > 1:
            rho = float(np.corrcoef(dates, sizes.rank())[0, 1])
            text += f"; rank correlation with size {rho:.2f} over {len(bases)} base checkpoints"
        return f"{text}."

    @property
    def pairs(self) -> str:
        """Return how many tuned checkpoints come with their base, and from another developer."""
        if self.tuned.empty:
            return "No checkpoint is instruction-tuned."
        bases = self.bases.set_index("checkpoint")
        paired = self.tuned[self.tuned["base_checkpoint"].isin(bases.index)]
        text = f"{len(paired)} of {len(self.tuned)} tuned checkpoints have their base among the"
        text += " scored"
        if "developer" in self.checkpoints:
            own = bases.loc[paired["base_checkpoint"], "developer"].to_numpy()
            text += f"; {int((paired['developer'].to_numpy() != own).sum())} of these were tuned"
            text += " by another developer than the base's"
        return f"{text}."

    @property
    def same_recipe(self) -> tuple[int, int]:
        """Return how many families-and-sizes have several base checkpoints, and how many exist."""
        sizes = self.bases.groupby(["lm_family", "n_params"]).size()
        return int((sizes > 1).sum()), len(sizes)

    @property
    def claim_sets(self) -> str:
        """Return how many claims had been made before the study."""
        return tally([CLAIMED[claim.claim_set] for claim in self.analysis.source.claims])

    @property
    def shots(self) -> str:
        """Return the numbers of demonstrations."""
        return ", ".join(f"{n:.0f}" for n in np.unique(self.cells["n_shots"]))

    @property
    def n_below_chance(self) -> int:
        """Return how many cells score below their chance level."""
        return int((self.cells["score"] < self.cells["chance"]).sum())

    @property
    def n_known_issues(self) -> int:
        """Return for how many tasks an issue is noted."""
        return int(self.tasks["known_issue"].notna().sum()) if "known_issue" in self.tasks else 0

    @property
    def size_span(self) -> str:
        """Return the smallest and the largest size."""
        sizes = np.log10(self.checkpoints["n_params"])
        return f"{size_label(sizes.min())} to {size_label(sizes.max())}"

    @property
    def served_by_api(self) -> str:
        """Return how many checkpoints only an API serves, where the table tells."""
        if "api" not in self.checkpoints:
            return "whether an API serves them is unknown"
        return f"{int(self.checkpoints['api'].sum())} served by an API only"


def span(values: Iterable[float], digits: int = 0) -> str:
    """Return a range as readers write it; "unknown" where there is nothing to range over."""
    listed = list(values)
    if not listed:
        return "unknown"
    low, high = f"{min(listed):.{digits}f}", f"{max(listed):.{digits}f}"
    return low if low == high else f"{low} to {high}"


def known(value: float) -> str:
    """Return a number with three digits; "unknown" where it could not be computed."""
    return "unknown" if np.isnan(value) else f"{value:.3f}"


def tally(values: Sequence[str] | pd.Series) -> str:
    """Return how often each value occurs, the commonest first."""
    counts = pd.Series(values, dtype=object).value_counts()
    return first_listed([f"{name} ({count})" for name, count in counts.items()], SHOWN)
