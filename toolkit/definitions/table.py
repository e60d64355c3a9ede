"""One claim under each published definition of emergence, in its own and in the controlled arm.

"Met" is said of a definition, not of the world: ``ABSENT_BELOW`` is met where no test rejects, soon
the case with few items (then it is not ``decisive``), and ``STEADY_RISE`` being met speaks against
a jump.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from zlib import crc32

import numpy as np
import pandas as pd

from toolkit.definitions.above_chance import NotTestableError, holm
from toolkit.definitions.continuous_rule import continuous
from toolkit.definitions.rules import (
    Definition,
    DefinitionResult,
    absent_below,
    breakthrough,
    not_extrapolated,
    present_above,
    steady_rise,
    untested,
)
from toolkit.study.claims import Arm, Claim
from toolkit.study.scores import Scores

Rule = Callable[[Definition, pd.DataFrame, Arm, float], DefinitionResult]


def apply_definitions(
    claim: Claim, cells: pd.DataFrame, others: pd.DataFrame, random_seed: int
) -> tuple[DefinitionResult, ...]:
    """Return every definition in the controlled and in the published arm.

    Parameters
    ----------
    cells
        Rows of ``Scores.frame`` for the claim's task: metric and prompt format of record.
    others
        Rows of the same task and prompt format under other metrics; may be empty.
    """
    results = []
    for number, arm in enumerate(claim.arms):
        # Neither the order nor the number of claims may change a claim's simulation.
        seed = (random_seed, crc32(claim.slug.encode()), number)
        judged = partial(_judge, arm=arm, threshold=claim.threshold_n_params)
        results += [
            judged(Definition.ABSENT_BELOW, absent_below, cells),
            judged(Definition.PRESENT_ABOVE, present_above, cells),
            judged(Definition.NOT_EXTRAPOLATED, not_extrapolated, cells),
            judged(Definition.BREAKTHROUGH, partial(breakthrough, seed=seed), cells),
            judged(Definition.STEADY_RISE, partial(steady_rise, seed=seed), cells),
            judged(Definition.CONTINUOUS, continuous, others),
        ]
    return tuple(results)


def study_definitions(
    scores: Scores, claims: Iterable[Claim], prompt_format: str, random_seed: int
) -> dict[str, tuple[DefinitionResult, ...]]:
    """Return every claim's results by slug."""
    record = scores.of_record(prompt_format).frame
    metric = scores.tasks.set_index("task")["metric_of_record"]
    frame = scores.frame[scores.frame["prompt_format"] == prompt_format]
    others = frame[frame["metric"] != frame["task"].map(metric)]
    return {
        claim.slug: apply_definitions(
            claim,
            record[record["task"] == claim.task],
            others[others["task"] == claim.task],
            random_seed,
        )
        for claim in claims
    }


def over_claims(
    by_claim: Mapping[str, Sequence[DefinitionResult]], definition: Definition, arm: Arm
) -> dict[str, float]:
    """Return one definition's p-values by slug, Holm over the claims where it was tested."""
    p = {
        slug: result.p_value
        for slug, results in by_claim.items()
        for result in results
        if result.definition is definition and result.arm == arm and np.isfinite(result.p_value)
    }
    return dict(zip(p, map(float, holm(list(p.values()))), strict=True))


def _judge(
    definition: Definition, rule: Rule, cells: pd.DataFrame, arm: Arm, threshold: float
) -> DefinitionResult:
    try:
        return rule(definition, cells, arm, threshold)
    except NotTestableError as reason:
        return untested(definition, arm, f"Not testable: {reason}.")
