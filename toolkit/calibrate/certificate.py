"""What the judged studies say of the procedure: rates by truth with exact intervals, and coverage.

Rates are shares of tasks; their intervals (Clopper and Pearson 1934, 90%) are exact for independent
tasks. Tasks of one study share its checkpoints, so that they are a little too narrow.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.calibrate.judge import QUANTILES
from toolkit.calibrate.sbc import Uniformity
from toolkit.calibrate.targets import (
    Coverage,
    Rate,
    Target,
    TruthRow,
    targets,
)
from toolkit.calibrate.truths import TRUTHS
from toolkit.study.claims import CONTROLLED_ARM
from toolkit.verdict.gates import Outcome

Line = Mapping[str, Any]
NOT_CONVERGED, POSTERIOR_ALONE = "NOT_CONVERGED", "POSTERIOR_ALONE"
WITH_JUMP = (Outcome.JUMP_REMAINS.value, Outcome.EXPLAINED.value)
CENTRAL = (0.50, 0.80, 0.90)
# How often a step is found is told of this one.
FOUND_STEP = "step of 20 points in all arms"
# The block of ``truths`` in whose studies few tasks step, which speaks against each step there.
FEW_STEPS, AMONG_FEW = "few steps", "where few tasks step"


@dataclass(frozen=True)
class Certificate:
    """The error rates of the procedure on a design.

    ``unsound`` are the claims without a jump that stay undetermined because their fit failed a
    check: that none of them was called a jump says nothing of the rules. ``denied`` are the jumps
    that were called none, ``not_credited`` those of demonstrations or tuning that were said to
    remain without them.
    """

    rows: tuple[TruthRow, ...]
    overall_false: Rate
    unsound: Rate
    denied: Rate
    not_credited: Rate
    coverage: tuple[Coverage, ...]
    targets: tuple[Target, ...]
    n_studies: int
    n_fits: int


def certify(lines: Sequence[Line], ranks: Sequence[Uniformity] = ()) -> Certificate:
    """Return the certificate of the judged studies, and of the ranks of prior draws."""
    tasks = [task for line in lines for task in line["tasks"]]
    rows = _rows(lines)
    nulls = [row for row in rows if not TRUTHS[row.truth].is_step]
    overall = Rate(sum(row.jump.n for row in nulls), sum(row.jump.of for row in nulls))
    null_tasks = [task for task in tasks if not TRUTHS[task["truth"]].is_step]
    jumps = [task for task in tasks if task["must_be"] in WITH_JUMP]
    caused = [task for task in jumps if task["must_be"] == Outcome.EXPLAINED.value]
    coverage = (
        _coverage("jump after controls, no step", tasks, step=False),
        _coverage("jump after controls, step", tasks, step=True),
        _coverage_of_count(lines),
    )
    return Certificate(
        rows,
        overall,
        Rate(sum(NOT_CONVERGED in task["reasons"] for task in null_tasks), len(null_tasks)),
        _called(jumps, Outcome.NO_JUMP),
        _called(caused, Outcome.JUMP_REMAINS),
        coverage,
        targets(rows, overall, coverage, ranks),
        len(lines),
        sum(line["n_fits"] for line in lines),
    )


def _called(tasks: Sequence[Line], outcome: Outcome) -> Rate:
    return Rate(sum(task["verdict"] == outcome.value for task in tasks), len(tasks))


def _rows(lines: Sequence[Line]) -> tuple[TruthRow, ...]:
    """Return a row for each truth; steps among few others have rows of their own."""
    found: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        for task in line["tasks"]:
            among_few = line["block"] == FEW_STEPS and TRUTHS[task["truth"]].is_step
            key = task["truth"], AMONG_FEW if among_few else ""
            found.setdefault(key, []).append(task)
    order = [(name, among) for name in TRUTHS for among in ("", AMONG_FEW)]
    return tuple(_row(*key, found[key]) for key in order if key in found)


def _row(name: str, among: str, tasks: Sequence[Line]) -> TruthRow:
    verdicts = Counter(task["verdict"] for task in tasks)
    undetermined = [t for t in tasks if t["verdict"] == Outcome.UNDETERMINED.value]
    reasons = Counter(_first_reason(task["reasons"]) for task in undetermined)
    return TruthRow(
        name,
        among,
        {outcome.value: verdicts[outcome.value] for outcome in Outcome},
        Rate(sum(verdicts[outcome] for outcome in WITH_JUMP), len(tasks)),
        Rate(sum(task["right"] for task in tasks), len(tasks)),
        dict(reasons.most_common()),
    )


def _first_reason(codes: Sequence[str]) -> str:
    """Return the first reason that keeps a claim from its verdict, not what it would have been."""
    return next((code for code in codes if code != POSTERIOR_ALONE), POSTERIOR_ALONE)


def _coverage(what: str, tasks: Iterable[Line], *, step: bool) -> Coverage:
    # Where E1 is read, a wide step has not risen by its whole height.
    known = [
        (TRUTHS[task["truth"]].height, task["jumps"][CONTROLLED_ARM.label])
        for task in tasks
        if (TRUTHS[task["truth"]].height > 0) is step and not TRUTHS[task["truth"]].width
    ]
    return Coverage(what, _covered(known))


def _coverage_of_count(lines: Iterable[Line]) -> Coverage:
    return Coverage(
        "number of jumps that remain", _covered([(s["n_true"], s["surviving"]) for s in lines])
    )


def _covered(known: Sequence[tuple[float, Sequence[float]]]) -> dict[float, Rate]:
    """Return how often the truth lies in each central interval, ends included."""
    rates = {}
    for probability in CENTRAL:
        low, high = (_at(edge) for edge in ((1 - probability) / 2, (1 + probability) / 2))
        inside = sum(q[low] - 1e-9 <= truth <= q[high] + 1e-9 for truth, q in known)
        rates[probability] = Rate(inside, len(known))
    return rates


def _at(edge: float) -> int:
    return min(range(len(QUANTILES)), key=lambda index: abs(QUANTILES[index] - edge))


def reading(certificate: Certificate) -> str:
    """Return the certificate in a sentence for people."""
    false = certificate.overall_false
    low, high = false.interval
    missed = [t.name for t in certificate.targets if t.enough and not t.reached]
    short = [t.name for t in certificate.targets if not t.enough]
    said = (
        f"Of {false.of} simulated claims without a jump {false.n} were called one "
        f"({100 * low:.1f}% to {100 * high:.1f}% in the long run)"
    )
    for row in certificate.rows:
        if row.truth == FOUND_STEP:
            among = f" {row.among}" if row.among else ""
            said += f"; of {row.right.of} jumps of 20 points{among} {row.right.n} were found"
    said += "."
    for rate, what in (
        (certificate.denied, "jumps were called none"),
        (certificate.not_credited, "jumps of demonstrations or tuning were said to remain without"),
    ):
        if rate.of:
            said += f" {rate.n} of {rate.of} {what}."
    if certificate.unsound.n:
        said += (
            f" {certificate.unsound.n} of the {false.of} are undetermined because a fit failed a "
            "check, which hides what would have been said of them."
        )
    if missed:
        said += f" Targets missed: {'; '.join(missed)}."
    if short:
        said += f" Too few tasks to tell: {'; '.join(short)}."
    return said
