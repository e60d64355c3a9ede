"""The rates of a certificate, and the targets that the procedure should reach."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scipy import stats

from toolkit.calibrate.sbc import Uniformity
from toolkit.calibrate.truths import TRUTHS, KnownTruth
from toolkit.estimands.estimate import CI_PROB

LEAST_TASKS = 20
FALSE_MAX, FALSE_MAX_OVERALL = 0.05, 0.02
POWER_MIN, ATTRIBUTION_MIN = 0.80, 0.90
COVERAGE_OFF_MAX = 0.03
# The step that must be found, and from which on its cause must be.
TARGET_STEP = 0.20
# So many fits of prior draws tell whether their ranks are uniform.
LEAST_RANKS = 100


@dataclass(frozen=True)
class Rate:
    """A share of tasks with its exact interval."""

    n: int
    of: int

    @property
    def share(self) -> float:
        """Return the share, NaN of nothing."""
        return self.n / self.of if self.of else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Return the exact interval of the rate."""
        if not self.of:
            return 0.0, 1.0
        found = stats.binomtest(self.n, self.of).proportion_ci(CI_PROB, method="exact")
        return float(found.low), float(found.high)

    @property
    def text(self) -> str:
        """Return the share with its interval."""
        low, high = self.interval
        return f"{self.n} of {self.of} [{low:.2f}, {high:.2f}]"


@dataclass(frozen=True)
class TruthRow:
    """What was said of the tasks of one truth, ``among`` tasks of a kind where that matters."""

    truth: str
    among: str
    verdicts: dict[str, int]
    jump: Rate
    right: Rate
    reasons: dict[str, int]

    @property
    def name(self) -> str:
        """Return truth and setting as readers see them."""
        return f"{self.truth}, {self.among}" if self.among else self.truth


@dataclass(frozen=True)
class Target:
    """What the procedure should reach, what it did, and whether enough tasks were judged."""

    name: str
    found: str
    reached: bool
    enough: bool


@dataclass(frozen=True)
class Coverage:
    """How often a central interval holds the truth, by its probability."""

    what: str
    rates: dict[float, Rate]


def targets(
    rows: Sequence[TruthRow],
    overall: Rate,
    coverage: Sequence[Coverage],
    ranks: Sequence[Uniformity] = (),
) -> tuple[Target, ...]:
    """Return every target that these studies speak of.

    ``coverage`` is that of jumps without a step, of jumps with one, and of their number; ``ranks``
    are those of prior draws in the fits of their data. About wide steps there is no target.
    """
    nulls = [row for row in rows if not TRUTHS[row.truth].is_step]
    return (
        *_of_nulls(nulls, overall),
        *(_of_step(row) for row in rows if _has_target(TRUTHS[row.truth])),
        *_of_coverage(*coverage),
        *_of_ranks(ranks),
    )


def _has_target(truth: KnownTruth) -> bool:
    """Return whether a truth is a sharp step that must be found or, higher still, explained."""
    if truth.width or truth.step < TARGET_STEP:
        return False
    return truth.step == TARGET_STEP or not truth.height


def _of_nulls(nulls: Sequence[TruthRow], overall: Rate) -> Iterable[Target]:
    if not nulls:
        return
    worst = max(nulls, key=lambda row: row.jump.share)
    enough = min(row.jump.of for row in nulls) >= LEAST_TASKS
    yield Target(
        f"no smooth truth is called a jump in more than {100 * FALSE_MAX:.0f}%",
        f"at most {worst.jump.text} ({worst.name})",
        worst.jump.share <= FALSE_MAX,
        enough,
    )
    yield Target(
        f"over all smooth truths, at most {100 * FALSE_MAX_OVERALL:.0f}%",
        overall.text,
        overall.share <= FALSE_MAX_OVERALL,
        enough,
    )


def _of_step(row: TruthRow) -> Target:
    least = POWER_MIN if TRUTHS[row.truth].height else ATTRIBUTION_MIN
    name = f"{row.name}: right in at least {100 * least:.0f}%"
    # That a target is missed may be sure from fewer.
    enough = row.right.of >= LEAST_TASKS or row.right.interval[1] < least
    return Target(name, row.right.text, row.right.share >= least, enough)


def _of_ranks(ranks: Sequence[Uniformity]) -> Iterable[Target]:
    if ranks:
        inside = sum(each.inside is True for each in ranks)
        n_fits = min(each.n for each in ranks)
        yield Target(
            "ranks of true values inside their 95% bands",
            f"{inside} of {len(ranks)} quantities, {n_fits} fits",
            inside == len(ranks),
            n_fits >= LEAST_RANKS,
        )


def _of_coverage(of_null: Coverage, of_step: Coverage, of_count: Coverage) -> Iterable[Target]:
    for probability, rate in of_step.rates.items():
        low, high = rate.interval
        # Within 3 points, or no further off than so many tasks can tell.
        near = abs(rate.share - probability) <= COVERAGE_OFF_MAX or low <= probability <= high
        if rate.of:
            yield _covers(of_step, probability, near)
    # A jump of nothing is a point of the prior and a count is whole: their intervals hold more.
    for each in (of_null, of_count):
        for probability, rate in each.rates.items():
            if rate.of:
                yield _covers(each, probability, rate.interval[1] >= probability)


def _covers(coverage: Coverage, probability: float, reached: bool) -> Target:
    rate = coverage.rates[probability]
    name = f"{100 * probability:.0f}% intervals of the {coverage.what}"
    return Target(name, rate.text, reached, rate.of >= LEAST_TASKS)
