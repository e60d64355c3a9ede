"""What a study's table could decide: claim by claim, or size by size where no claim is written yet.

No claim is ever guessed. Without ``claims.toml`` every two neighbouring sizes of every arm are
asked whether a jump between them could be told from none, by the thresholds of ``verdict.gates``.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from toolkit.analysis.study_folder import StudyFolder, load_study_folder
from toolkit.errors import ToolkitError
from toolkit.estimands.estimate import MATERIAL
from toolkit.simulate.tasks import PlantedTask, planted_claim
from toolkit.study.claims import ARMS, CONTROLLED_ARM, Arm
from toolkit.study.scores import Scores, read_scores
from toolkit.verdict.gates import (
    GAP_MAX_DECADES,
    IN_ARM,
    SIZES_MIN,
    SIZES_PER_SIDE_MIN,
    Gate,
    design_gates,
    in_arm,
    is_resolvable,
    sizes_remedy,
    sizes_to_add,
)
from toolkit.wording import first_listed, size_label

CLAIM_FILES = ("study.toml", "claims.toml")
SHOWN = 4
TASKS_SHOWN = 2
NONE = "nowhere"


@dataclass(frozen=True)
class Decidable:
    """A table with its title, and what stands under it."""

    title: str
    rows: Sequence[Mapping[str, str]]
    lines: tuple[str, ...] = ()


def decidable(folder: Path) -> Decidable:
    """Return what the scores of a study folder could decide."""
    missing = [name for name in CLAIM_FILES if not (folder / name).is_file()]
    if not missing:
        try:
            # A path, so that no bundled study of that name is meant.
            rows = closed_gates(load_study_folder(str(folder.resolve())))
        except ToolkitError as error:
            why = f"The claims were not looked at: {error}"
        else:
            return Decidable("What the design can't decide of each claim (closed gates)", rows)
    else:
        why = (
            f"Which claims the table could decide is not known without {' and '.join(missing)}; "
            f"write them as in data/lu2024/, then 'emergence check {folder}' says it."
        )
    return by_sizes(read_scores(folder), why)


def closed_gates(source: StudyFolder) -> list[dict[str, str]]:
    """Return for each claim the gates that forbid a verdict, and those that are a caution."""
    record = source.record.frame
    rows = []
    for claim in source.claims:
        gates = design_gates(claim, record[record["task"] == claim.task])
        closed = [gate for gate in gates if not gate.open]
        rows.append(
            {
                "claim": claim.slug,
                "closed gates": ", ".join(sorted({g.code for g in closed if g.forbids})),
                "cautions": ", ".join(sorted({g.code for g in closed if not g.forbids})),
            }
        )
    return rows


def by_sizes(scores: Scores, why: str) -> Decidable:
    """Return where a jump could be told from none, for tasks and arms of equal sizes at once."""
    alike: dict[tuple[str, tuple[float, ...], tuple[Arm, ...]], list[str]] = {}
    weakest: dict[str, Gate] = {}
    floor, uncontrolled = [], []
    several = len(scores.frame["prompt_format"].unique()) > 1
    for task, prompt_format, cells in _tasks(scores):
        name = f"{task} ({prompt_format})" if several else task
        gates = {gate.code: gate for gate in _task_gates(task, cells)}
        weakest[name] = gates["FEW_ITEMS"]
        if not gates["AT_FLOOR"].open:
            floor.append(name)
        of_arm = {arm: tuple(np.unique(np.log10(in_arm(cells, arm)["n_params"]))) for arm in ARMS}
        if len(of_arm[CONTROLLED_ARM]) < 2:
            uncontrolled.append(name)
        for sizes in dict.fromkeys(of_arm.values()):
            arms = tuple(arm for arm in ARMS if of_arm[arm] == sizes)
            if sizes:
                alike.setdefault((prompt_format, sizes, arms), []).append(name)
    rows = [
        {
            "tasks": first_listed(tasks, TASKS_SHOWN),
            "arms": "; ".join(arm.label for arm in arms),
            "fewest items": _fewest([weakest[task] for task in tasks]),
            **_of_sizes(np.array(sizes), arms[0]),
        }
        for (_, sizes, arms), tasks in alike.items()
    ]
    lines = [
        f"A jump needs {SIZES_MIN} sizes in its arm, {SIZES_PER_SIDE_MIN} on each side of it, and "
        f"neighbours at most {GAP_MAX_DECADES} decades apart."
    ]
    if floor:
        lines.append(
            f"No cell is surely {MATERIAL} above chance, so that nothing shows: "
            f"{first_listed(floor, SHOWN)}."
        )
    if uncontrolled:
        lines.append(
            f"Not measured in the arm '{CONTROLLED_ARM.label}', so that no jump can be said to "
            f"remain or to be explained: {first_listed(uncontrolled, SHOWN)}."
        )
    title = "Between which sizes a jump could be told from none"
    return Decidable(title, rows, (*lines, why))


def _tasks(scores: Scores) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield the cells of each task's metric of record, one prompt format at a time."""
    for prompt_format in sorted(scores.frame["prompt_format"].unique()):
        record = scores.of_record(prompt_format).frame
        for task, cells in record.groupby("task", sort=True):
            yield str(task), prompt_format, cells


def _task_gates(task: str, cells: pd.DataFrame) -> list[Gate]:
    """Return gates of which only those are read that don't ask where a jump is supposed."""
    supposed = planted_claim(PlantedTask(task, "none", float(cells["n_params"].max())))
    return design_gates(supposed, cells)


def _fewest(gates: Sequence[Gate]) -> str:
    """Return the fewest items of some tasks, and what they can tell apart, in the gate's words."""
    said = min((gate.finding for gate in gates), key=lambda said: int(said.split(" ", 1)[0]))
    return said.removesuffix(" to be told apart")


def _of_sizes(sizes: np.ndarray, arm: Arm) -> dict[str, str]:
    gaps = list(itertools.pairwise(sizes))
    fit = [len(sizes) >= SIZES_MIN and is_resolvable(sizes, low, high) for low, high in gaps]
    told = _merged([gap for gap, fits in zip(gaps, fit, strict=True) if fits])
    not_told = [
        f"{_between(low, high)} ({_why_not(sizes, low, high)})"
        for (low, high), fits in zip(gaps, fit, strict=True)
        if not fits
    ]
    if any(fit):
        remedy = ""
    elif gaps:
        # The fewest further sizes for one claim that could be decided.
        _, high = min(gaps, key=lambda gap: len(sizes_to_add(sizes, gap[1])))
        remedy = sizes_remedy(sizes, high, arm)
    else:
        remedy = sizes_remedy(sizes, 0.0, arm)
    return {
        "sizes": f"{len(sizes)}: {_between(sizes[0], sizes[-1])}" if gaps else "1",
        "told from none": first_listed(told, SHOWN) or NONE,
        "not told": first_listed(not_told, SHOWN),
        "missing": remedy.split(IN_ARM, 1)[0],
    }


def _merged(gaps: list[tuple[float, float]]) -> list[str]:
    """Return neighbouring gaps as one span each."""
    spans: list[list[float]] = []
    for low, high in gaps:
        if spans and spans[-1][1] == low:
            spans[-1][1] = high
        else:
            spans.append([low, high])
    return [_between(low, high) for low, high in spans]


def _why_not(sizes: np.ndarray, low: float, high: float) -> str:
    if high - low > GAP_MAX_DECADES + 1e-9:
        return f"{high - low:.2f} decades"
    below, above = int((sizes <= low).sum()), int((sizes >= high).sum())
    if min(below, above) < SIZES_PER_SIDE_MIN:
        return f"{below} below" if below < above else f"{above} above"
    return f"{len(sizes)} sizes"


def _between(low: float, high: float) -> str:
    return f"{size_label(low)} to {size_label(high)}"
