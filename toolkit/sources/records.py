"""What a reader of another tool's logs tells: scored items, counted cell by cell as they pass.

A reader gives each scored item, or each cell where its format carries no items, to a ``Ledger``.
The ledger keeps counts, not items: memory is one hash per item of the run being read. The items go
on to a file, when there is one. A *run* is one pass over the items of a cell (a file, an epoch, a
trial); runs of one cell must have scored the same items, and become its repeats. Each has a name,
by which a run that was given twice is known.
"""

import math
from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from toolkit.errors import SourceError
from toolkit.sources.checks import ID_MAX, check_proportion, name_of, text_of
from toolkit.sources.runs import Cell, Item, Mean, Run, Spread, check_cell

# Scores that are no proportion of right answers, whatever range a run of them happens to have.
NO_PROPORTIONS = frozenset(
    {
        "perplexity", "word_perplexity", "byte_perplexity", "bits_per_byte", "likelihood_diff",
        "bleu", "ter", "chrf", "wer", "brier_score", "mcc",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What the user says where a format is silent."""

    shots: int | None = None
    columns: Path | None = None

    def shots_or(self, found: object, where: str) -> int:
        """Return the number of demonstrations that a file says, else the one that the user says."""
        if isinstance(found, int) and not isinstance(found, bool):
            return found
        if self.shots is None:
            msg = (
                f"{where}: got no number of demonstrations, expected one; give it with --shots N "
                "(0 for zero-shot)."
            )
            raise SourceError(msg)
        return self.shots


@dataclass
class _Sums:
    """A number summed over the items of a run."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        self.n += 1
        self.total += value
        self.squares += value**2

    def spread(self) -> Spread:
        mean = self.total / self.n
        variance = max(self.squares / self.n - mean**2, 0.0) * self.n / max(self.n - 1, 1)
        return Spread(mean, math.sqrt(variance))


@dataclass
class _Tally:
    """Sums over the items of a run that is being read."""

    ids: array = field(default_factory=lambda: array("q"))
    n_options: Counter = field(default_factory=Counter)
    whole: bool = True
    score: _Sums = field(default_factory=_Sums)
    log_prob: _Sums = field(default_factory=_Sums)
    brier: _Sums = field(default_factory=_Sums)


@dataclass
class Ledger:
    """Everything that was read, what was dropped and why.

    ``places`` says of each run, by its cell and name, where it was read.
    """

    on_item: Callable[[Cell, str, Item], None] | None = None
    without: frozenset[str] = frozenset()
    runs: dict[Cell, list[Run]] = field(default_factory=dict)
    places: list[tuple[Cell, str, str]] = field(default_factory=list)
    n_options: dict[str, Counter] = field(default_factory=dict)
    chances: dict[str, tuple[str, float, str]] = field(default_factory=dict)
    sizes: dict[str, float | None] = field(default_factory=dict)
    dropped: Counter = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    n_records: int = 0
    files: list[str] = field(default_factory=list)
    _open: dict[tuple[Cell, str], _Tally] = field(default_factory=dict)

    def drop(self, what: str, why: str, n: int = 1) -> None:
        """Count something that is not taken over, with the reason."""
        self.dropped[what, why] += n

    def takes(self, metric: str) -> bool:
        """Return whether a metric is taken over; count it as dropped otherwise."""
        if metric.split(",")[0] in NO_PROPORTIONS:
            self.drop(f"scores of {metric}", "not a proportion")
            return False
        if metric in self.without:
            self.drop(f"scores of {metric}", "left out by --leave-out")
            return False
        return True

    def see_checkpoint(self, name: str, n_params: float | None, where: str) -> None:
        """Keep a checkpoint and the size that its file gives."""
        name_of(name, "checkpoint", where)
        if self.sizes.get(name) is None:
            self.sizes[name] = n_params

    def add_item(
        self, cell: Cell, run: str, item: Item, where: str, *, on_record: bool = True
    ) -> None:
        """Count one scored item of a run; off the record, it is no item of the items file."""
        check_proportion(item.score, f"{where} metric '{cell.metric}'", cell.metric)
        key = (cell, run)
        if key not in self._open:
            check_cell(cell, where)
            self._open[key] = _Tally()
        tally = self._open[key]
        tally.ids.append(hash(text_of(item.item, "item id", where, ID_MAX)))
        tally.score.add(item.score)
        tally.whole = tally.whole and item.score in (0, 1)
        if item.n_options is not None:
            tally.n_options[item.n_options] += 1
        if item.brier is not None and item.target_log_prob is not None:
            tally.brier.add(item.brier)
            tally.log_prob.add(item.target_log_prob)
        self.n_records += on_record
        if self.on_item and on_record:
            self.on_item(cell, run, item)

    def add_run(self, cell: Cell, name: str, run: Run, where: str) -> None:
        """Count one run whose items its file does not carry."""
        check_cell(cell, where)
        check_proportion(run.score, f"{where} metric '{cell.metric}'", cell.metric)
        self.runs.setdefault(cell, []).append(run)
        self.places.append((cell, name, where))

    def add_mean(self, cell: Cell, name: str, mean: Mean, where: str) -> None:
        """Count a mean that comes without items; one without an error must be a count."""
        run = mean.run
        if run is None:
            self.drop(f"scores of {cell.metric}", "neither a whole count nor a standard error")
            return
        self.add_run(cell, name, run, where)

    def forget_last(self, cell: Cell, why: str) -> None:
        """Take back the last run of a cell, when there is one."""
        if self.runs.get(cell):
            self.runs[cell].pop()
            self.drop(f"scores of {cell.metric}", why)
        if not self.runs.get(cell, True):
            del self.runs[cell]

    def close(self, where: str) -> list[tuple[Cell, Run]]:
        """Turn the items read so far into runs, and return them with their cells.

        An item that stands twice in a run is an error.
        """
        closed: list[tuple[Cell, Run]] = []
        for (cell, name), tally in self._open.items():
            ids = np.frombuffer(tally.ids, dtype=np.int64)
            _check_once(ids, cell, where)
            n = len(ids)
            score = tally.score.spread()
            all_options = tally.brier.n == n
            run = Run(
                n_items=n,
                score=score.mean,
                score_sd=score.sd,
                whole=tally.whole,
                items=int(np.bitwise_xor.reduce(ids)),
                target_log_prob=tally.log_prob.spread() if all_options else None,
                brier=tally.brier.spread() if all_options else None,
            )
            self.runs.setdefault(cell, []).append(run)
            self.places.append((cell, name, where))
            closed.append((cell, run))
            if sum(tally.n_options.values()) == n:
                self.n_options.setdefault(cell.task, Counter()).update(tally.n_options)
        self._open.clear()
        return closed


def _check_once(ids: "np.ndarray", cell: Cell, where: str) -> None:
    order = np.argsort(ids, kind="stable")
    same = np.flatnonzero(np.diff(ids[order]) == 0)
    if len(same):
        first, second = sorted(int(i) + 1 for i in order[same[0] : same[0] + 2])
        msg = (
            f"{where}: got one item id for records {first} and {second} of {cell.checkpoint} on "
            f"{cell.task} ({cell.metric}, {len(same)} such), expected each item once per run; "
            "remove the copies."
        )
        raise SourceError(msg)
