"""The chart of the method page: what a jump is.

Colour only repeats what place, shape or words say.
"""

import altair as alt
import pandas as pd

from toolkit.charts.looks import (
    BELOW,
    FEW_SHOT,
    NEUTRAL,
    PANEL_HEIGHT,
    ZERO_SHOT,
    Layered,
    sizes_axis,
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
    x = alt.X("n_params:Q", scale=alt.Scale(type="log", nice=False), axis=sizes_axis())
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
