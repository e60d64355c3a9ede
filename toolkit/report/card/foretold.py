"""What smooth curves foretold of the larger checkpoints, from the smaller ones, and what came."""

from collections.abc import Sequence

import pandas as pd

from toolkit.charts.card import foretold_chart
from toolkit.models import MODELS
from toolkit.report.card import card_sentences as sentences
from toolkit.report.card.estimand_table import cuts_table
from toolkit.report.display import chart_html
from toolkit.report.sentences import paragraphs
from toolkit.robustness.stability import ArmStability
from toolkit.study.claims import Claim
from toolkit.wording import size_label

WHAT = (
    "The smooth curves (M0 to M3, without a step) are fitted to the checkpoints up to each size "
    "and foretell the mean score of the larger ones. Bars are 90% intervals of the stack of "
    "curves, ticks the single curves, filled marks what was seen."
)


def foretold_block(claim: Claim, found: Sequence[ArmStability], extrapolation: pd.DataFrame) -> str:
    """Return chart, sentences and tables of one claim; ``extrapolation`` is the kept table."""
    cuts = foretold_rows(found)
    said = [sentences.foretold_sentence(arm.arm, arm.at_claim) for arm in found]
    if cuts.empty:
        return paragraphs(*said)
    models = single_curves(claim, cuts, extrapolation)
    chart = foretold_chart(cuts.round(4), models, f"{claim.row}: foretold and seen")
    text = f"{' '.join(said)} By cut in size: what was foretold, with intervals, and what was seen."
    tables = "".join(cuts_table(arm) for arm in found if arm.extrapolation)
    return (
        paragraphs(*said, WHAT) + f'<div class="one-panel">{chart_html(chart, text, tables)}</div>'
    )


def foretold_rows(found: Sequence[ArmStability]) -> pd.DataFrame:
    """Return a row for each cut and arm, the smallest cut first; proportions and words."""
    rows = [
        {
            "upto": size_label(cut.cut),
            "cut": cut.cut,
            "arm": arm.arm,
            "foretold": cut.expected,
            "low": cut.low,
            "high": cut.high,
            "seen": cut.observed,
            "tail": cut.tail,
            "n_cells": cut.n_cells,
        }
        for arm in found
        for cut in arm.extrapolation
    ]
    frame = pd.DataFrame(rows)
    return frame if frame.empty else frame.sort_values("cut", kind="stable", ignore_index=True)


def single_curves(claim: Claim, cuts: pd.DataFrame, extrapolation: pd.DataFrame) -> pd.DataFrame:
    """Return what each smooth curve foretold by itself, for the arms and cuts of ``cuts``."""
    own = extrapolation[extrapolation["task"] == claim.task]
    own = own[own["arm"].isin(cuts["arm"])]
    return pd.DataFrame(
        {
            "upto": [size_label(cut) for cut in own["cut"]],
            "arm": own["arm"].to_numpy(),
            "model": [MODELS[name].title for name in own["model"]],
            "foretold": own["expected"].round(4).to_numpy(),
        }
    )
