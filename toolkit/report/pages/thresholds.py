"""Every threshold of the procedure with its meaning; values are read from the code that uses them.

No value stands here: a limit that is changed where it is used changes on the page.
"""

from dataclasses import dataclass
from types import ModuleType

from toolkit.estimands import estimate, even_odds, jumps
from toolkit.fit import diagnose
from toolkit.report import html_tables as tables
from toolkit.report.html_tables import Num
from toolkit.robustness import sensitivity, specifications, stability, variants
from toolkit.verdict import gates, jump_place, rules, support

FIT, DESIGN, JUMP, RULE, CAUTION = "fit", "design", "jump", "rule", "caution"


@dataclass(frozen=True)
class Threshold:
    """One limit: the constant it is read from, what it limits, and how it is shown.

    ``group`` is the section it stands in, ``code`` the reason code that a miss leads to. ``shown``
    has ``{v}`` for the value and ``{p}`` for the value in per cent or points.
    """

    module: ModuleType
    name: str
    group: str
    what: str
    shown: str
    code: str = ""

    @property
    def value(self) -> float:
        """Return the value that the code uses now."""
        return getattr(self.module, self.name)

    @property
    def limit(self) -> str:
        """Return the limit as readers see it."""
        return self.shown.format(v=f"{self.value:g}", p=f"{100 * self.value:g}")

    @property
    def constant(self) -> str:
        """Return where the value stands, as module and name."""
        return f"{self.module.__name__.rpartition('.')[2]}.{self.name}"


THRESHOLDS = (
    Threshold(estimate, "ROPE", RULE, "Smallest jump that counts: below it a jump is nearly "
              "nothing", "{p} points"),
    Threshold(estimate, "SURE", RULE, "Probability from which on the rules call something sure; "
              "one minus it is as sure a no", "{v}", "POSTERIOR_UNDECIDED"),
    Threshold(even_odds, "EVEN", RULE, "\"No jump\" must be sure also if the task jumps with "
              "this probability, whatever share of the study's tasks does", "{v}", "OTHER_TASKS"),
    Threshold(estimate, "CI_PROB", RULE, "Probability of every interval; as much is left out "
              "below it as above", "{p}%"),
    Threshold(jumps, "ABOVE_JUMP", RULE, "How far above its place the jump is read",
              "{v} decades"),
    Threshold(rules, "FDR_MAX", RULE, "Share of false discoveries to be expected in a set of "
              "claims that is reported as jumps", "at most {p}%"),
    Threshold(diagnose, "RHAT_MAX", FIT, "R-hat of every unknown and every reported number: do "
              "the chains agree?", "at most {v}", "NOT_CONVERGED"),
    Threshold(diagnose, "ESS_MIN", FIT, "Effective number of draws, in the middle (bulk) and in "
              "the tails", "at least {v}", "NOT_CONVERGED"),
    Threshold(diagnose, "DIVERGENT_SHARE_MAX", FIT, "Share of divergent draws in a chain: places "
              "that the sampler could not enter", "at most {p}%", "NOT_CONVERGED"),
    Threshold(diagnose, "BFMI_MIN", FIT, "E-BFMI of every chain: does the sampler reach all of "
              "the posterior?", "at least {v}", "NOT_CONVERGED"),
    Threshold(gates, "SIZES_MIN", DESIGN, "Distinct sizes in the arms that are compared",
              "at least {v}", "FEW_SIZES"),
    Threshold(gates, "SIZES_PER_SIDE_MIN", DESIGN, "Sizes below the claimed size, and sizes at "
              "or above it", "at least {v} each", "ONE_SIDED"),
    Threshold(gates, "GAP_MAX_DECADES", DESIGN, "Gap between the two sizes around the claimed "
              "size, and around the place where the fit puts the jump", "at most {v} decades",
              "WIDE_GAP, LOCATION_UNRESOLVED"),
    Threshold(estimate, "SURE", DESIGN, "Probability, over all cells of the task together, that "
              "one lies more than the smallest jump above chance", "at least {v}", "AT_FLOOR"),
    Threshold(jump_place, "SHARE_NEAR_MIN", DESIGN, "Share of the jumps that lie near the "
              "claimed size", "at least {p}%", "JUMP_ELSEWHERE"),
    Threshold(support, "RIVAL_SURE", JUMP, "Probability of a jump on each flexible rival curve "
              "with a step", "at least {v}", "RIVAL_CURVES"),
    Threshold(estimate, "SURE", JUMP, "The same probability on average over these curves and the "
              "main one; and under other priors of the jump: half and twice the scale of its size, "
              "fewer or more tasks or arms that jump", "at least {v}",
              "RIVAL_CURVES, JUMP_PRIOR"),
    Threshold(variants, "NARROW", JUMP, "Up to this width a rise counts as a step",
              "{v} decades", "WIDTH"),
    Threshold(support, "NARROW_MIN", JUMP, "Probability that a step of free width is "
              "there and so narrow",
              "at least {v}", "WIDTH"),
    Threshold(specifications, "HOLDS", JUMP, "Probability of a jump of any size from which on a "
              "specification counts as holding", "above {v}", "SPECIFICATIONS"),
    Threshold(support, "SPECIFICATIONS_MIN", JUMP, "Share of the admissible specifications that "
              "hold", "at least {p}%", "SPECIFICATIONS"),
    Threshold(gates, "MDE_MAX", CAUTION, "Difference that two cells need to be told apart",
              "at most {p} points", "FEW_ITEMS"),
    Threshold(gates, "BELOW_CHANCE_SHARE_MAX", CAUTION, "Share of cells that are surely below "
              "chance", "at most {p}%", "BELOW_CHANCE"),
    Threshold(sensitivity, "SENSITIVE", CAUTION, "How far the jump moves when a prior is scaled, "
              "from where on the priors are said to matter", "{v}", "PRIOR_SENSITIVE"),
    Threshold(stability, "MATERIAL_CHANGE", CAUTION, "Change of a probability that is flagged: "
              "by another curve or prior, without a unit, over the specifications", "{v}"),
)  # fmt: skip


def threshold_table(group: str) -> str:
    """Return the limits of one group as a table."""
    rows = [
        (each.what, Num(each.limit), tables.code(each.code), tables.code(each.constant))
        for each in THRESHOLDS
        if each.group == group
    ]
    return tables.table(("what is asked", "limit", "reason code", "in the code"), rows)


def limit(constant: str) -> str:
    """Return the first limit that is read from a constant, as ``"estimate.SURE"``."""
    return next(each.limit for each in THRESHOLDS if each.constant == constant)
