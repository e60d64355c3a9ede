"""Charts of the method pages: what a jump is, and the scores of a worked example.

As in ``charts``: frames are tidy, every number is computed elsewhere, and colour only repeats what
place, shape or words say.
"""

import altair as alt
import pandas as pd

from toolkit.charts import (
    BELOW,
    FEW_SHOT,
    NEUTRAL,
    PANEL_HEIGHT,
    SHOTS,
    SIZES,
    ZERO_SHOT,
    Layered,
)

WITH_STEP, WITHOUT_STEP = "with the step", "the same curve without it"


def jump_chart(curves: pd.DataFrame, reading: pd.DataFrame, chance: float, title: str) -> Layered:
    """Return a curve with a step, the same without, and the jump where it is read.

    Parameters
    ----------
    curves
        Columns n_params, score (a proportion) and curve (``WITH_STEP`` or ``WITHOUT_STEP``).
    reading
        One row: n_params, low and high (proportions), the two scores whose difference is the jump,
        and label.
    chance
        The expected score of guessing, a proportion.
    """
    names = [WITH_STEP, WITHOUT_STEP]
    x = alt.X("n_params:Q", scale=alt.Scale(type="log", nice=False), axis=SIZES)
    colour = alt.Color(
        "curve:N", scale=alt.Scale(domain=names, range=[FEW_SHOT, ZERO_SHOT]), legend=BELOW
    )
    dash = alt.StrokeDash(
        "curve:N", scale=alt.Scale(domain=names, range=[[1, 0], [6, 3]]), legend=BELOW
    )
    y = alt.Y(
        "score:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", title="expected score")
    )
    lines = alt.Chart(curves).mark_line(strokeWidth=2.5).encode(
        x=x, y=y, color=colour, strokeDash=dash
    )  # fmt: skip
    at = alt.Chart(reading).encode(x=x)
    jump = at.mark_rule(strokeWidth=4, color=NEUTRAL).encode(y="low:Q", y2="high:Q")
    word = at.mark_text(align="left", dx=8, fontSize=13).encode(y=alt.Y("middle:Q"), text="label:N")
    floor = (
        alt.Chart(pd.DataFrame({"chance": [chance]}))
        .mark_rule(strokeDash=[2, 3], color=NEUTRAL)
        .encode(y="chance:Q")
    )
    layers = alt.layer(floor, lines, jump, word)
    return layers.properties(width="container", height=PANEL_HEIGHT + 30, title=title)


def example_chart(cells: pd.DataFrame, chance: float, claimed_size: float, title: str) -> Layered:
    """Return the scores of an invented task against size, without and with demonstrations.

    ``cells`` has the columns n_params, score, low, high (proportions), shots and checkpoint; the
    vertical rule stands at ``claimed_size`` (parameters), the horizontal one at ``chance``.
    """
    x = alt.X("n_params:Q", scale=alt.Scale(type="log", nice=False, padding=12), axis=SIZES)
    y = alt.Y("score:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", title="score"))
    colour = alt.Color(
        "shots:N", scale=alt.Scale(domain=SHOTS, range=[ZERO_SHOT, FEW_SHOT]), legend=BELOW
    )
    markers = alt.Scale(domain=SHOTS, range=["circle", "triangle-up"])
    base = alt.Chart(cells).encode(x=x, color=colour)
    interval = base.mark_rule(opacity=0.6).encode(y=alt.Y("low:Q"), y2="high:Q")
    points = base.mark_point(filled=True, size=60, opacity=0.95).encode(
        y=y,
        shape=alt.Shape("shots:N", scale=markers, legend=BELOW),
        tooltip=[
            alt.Tooltip("checkpoint:N"),
            alt.Tooltip("shots:N", title="prompt"),
            alt.Tooltip("score:Q", format=".1%"),
        ],
    )
    rules = pd.DataFrame({"chance": [chance], "claimed": [claimed_size]})
    of_rules = alt.Chart(rules)
    floor = of_rules.mark_rule(strokeDash=[2, 3], color=NEUTRAL).encode(y="chance:Q")
    claimed = of_rules.mark_rule(strokeDash=[8, 4], color=NEUTRAL).encode(x="claimed:Q")
    layers = alt.layer(floor, claimed, interval, points)
    return layers.properties(width="container", height=PANEL_HEIGHT - 30, title=title)
