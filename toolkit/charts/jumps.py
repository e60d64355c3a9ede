"""Charts of the jumps of a study: how large, in how many tasks, and by what."""

import altair as alt
import pandas as pd

from toolkit.charts.looks import (
    ARM_COLOURS,
    ARM_DASHES,
    BELOW,
    IN_POINTS,
    NEUTRAL,
    ONE_COLUMN,
    PANEL_HEIGHT,
    ZERO_SHOT,
    Layered,
    arm_scale,
)
from toolkit.estimands.estimate import SURE


def exceedance_chart(exceedance: pd.DataFrame, rope: float, title: str) -> Layered:
    """Return, by arm, the posterior probability that the jump exceeds each size.

    ``exceedance`` has the columns jump and probability (proportions), and arm.
    """
    arms = list(dict.fromkeys(exceedance["arm"]))
    colour = alt.Color("arm:N", scale=arm_scale(arms, ARM_COLOURS), legend=ONE_COLUMN)
    dash = alt.StrokeDash("arm:N", scale=arm_scale(arms, ARM_DASHES), legend=ONE_COLUMN)
    x = alt.X("jump:Q", axis=alt.Axis(labelExpr=IN_POINTS, title="jump, in points", tickCount=7))
    line = (
        alt.Chart(exceedance)
        .mark_line(strokeWidth=2)
        .encode(
            x=x,
            y=alt.Y(
                "probability:Q",
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(format="%", title="P(jump is larger)"),
            ),
            color=colour,
            strokeDash=dash,
            tooltip=[
                alt.Tooltip("arm:N"),
                alt.Tooltip("jump:Q", format=".0%"),
                alt.Tooltip("probability:Q", format=".1%", title="P(jump is larger)"),
            ],
        )
    )
    zone = pd.DataFrame({"from": [0.0], "to": [rope]})
    practically_nil = (
        alt.Chart(zone).mark_rect(opacity=0.15, color=NEUTRAL).encode(x="from:Q", x2="to:Q")
    )
    needed = alt.Chart(pd.DataFrame({"p": [SURE]})).mark_rule(strokeDash=[2, 3], color=NEUTRAL)
    layers = alt.layer(practically_nil, needed.encode(y="p:Q"), line)
    return layers.properties(width="container", height=PANEL_HEIGHT, title=title)


def survivors_chart(distribution: pd.DataFrame, title: str) -> alt.Chart:
    """Return the posterior of a number of claims; columns number and probability."""
    return (
        alt.Chart(distribution)
        .mark_bar(color=ZERO_SHOT)
        .encode(
            x=alt.X(
                "number:O",
                title="tasks with a jump after controls",
                axis=alt.Axis(labelAngle=0, labelOverlap="greedy"),
            ),
            y=alt.Y("probability:Q", axis=alt.Axis(format="%"), title="posterior probability"),
            tooltip=["number:O", alt.Tooltip("probability:Q", format=".1%")],
        )
        .properties(width="container", height=200, title=title)
    )


def forest_chart(intervals: pd.DataFrame, rope: float, title: str) -> Layered:
    """Return one interval per row and series; columns label, series, median, low, high."""
    series = list(dict.fromkeys(intervals["series"]))
    y = alt.Y("label:N", sort=None, title=None, axis=alt.Axis(labelLimit=220))
    offset = alt.YOffset("series:N", sort=series)
    colour = alt.Color(
        "series:N", scale=alt.Scale(domain=series, range=ARM_COLOURS[: len(series)]), legend=BELOW
    )
    x = alt.X("low:Q", axis=alt.Axis(labelExpr=IN_POINTS, title="points of score"))
    base = alt.Chart(intervals).encode(y=y, yOffset=offset, color=colour)
    bars = base.mark_rule(strokeWidth=2).encode(x=x, x2="high:Q")
    shapes = alt.Scale(domain=series, range=["circle", "triangle-up", "square"][: len(series)])
    points = base.mark_point(filled=True, size=50).encode(
        x="median:Q",
        shape=alt.Shape("series:N", scale=shapes, legend=BELOW),
        tooltip=[
            alt.Tooltip("label:N", title="task"),
            alt.Tooltip("series:N", title="part"),
            alt.Tooltip("median:Q", format=".1%"),
            alt.Tooltip("low:Q", format=".1%", title="90% interval from"),
            alt.Tooltip("high:Q", format=".1%", title="to"),
        ],
    )
    zone = pd.DataFrame({"from": [-rope], "to": [rope]})
    practically_nil = (
        alt.Chart(zone).mark_rect(opacity=0.12, color=NEUTRAL).encode(x="from:Q", x2="to:Q")
    )
    height = 30 + 11 * len(intervals)
    layers = alt.layer(practically_nil, bars, points)
    return layers.properties(width="container", height=height, title=title)
