"""Tidy frames -> ``alt.Chart``. Charts only draw: every number is computed elsewhere.

Colours of the two lines are told apart by dash and marker shape as well, so that a chart reads
without colour.
"""

from typing import TypeAlias

import altair as alt
import pandas as pd

# Told apart by the colour-blind, with contrast on white and on near-black alike.
ZERO_SHOT, FEW_SHOT = "#2887C8", "#D9661F"
SHOTS = ["zero-shot", "few-shot"]
NEUTRAL = "#888888"
PANEL_HEIGHT = 230
# Legends stand below, so that on a phone they do not take the width from the drawing.
BELOW = alt.Legend(orient="bottom", title=None, symbolOpacity=1)
TWO_COLUMNS = alt.Legend(orient="bottom", title=None, columns=1, symbolStrokeWidth=2)
# Readers write 7B, where a number's own prefix is G.
SIZES = alt.Axis(
    format="~s",
    title="parameters (log scale)",
    tickCount=5,
    grid=False,  # a logarithmic scale would have nine lines to a decade
    labelExpr="replace(datum.label, 'G', 'B')",
)
ARM_COLOURS = [ZERO_SHOT, FEW_SHOT, "#1F9E89", "#B5559B"]


# What ``properties`` of a layered chart is typed to return.
Layered: TypeAlias = alt.LayerChart | alt.FacetChart


def score_chart(
    cells: pd.DataFrame, curves: pd.DataFrame, chance: float, title: str, threshold: float
) -> Layered:
    """Return scores against size with the fitted curves of one kind of checkpoint.

    Parameters
    ----------
    cells
        Columns n_params, score, low, high (proportions), shots, checkpoint, lm_family, n_items.
    curves
        Columns n_params, mean, low, high (proportions), shots.
    threshold
        The claimed size in parameters; a vertical rule.
    """
    shots = alt.Scale(domain=SHOTS, range=[ZERO_SHOT, FEW_SHOT])
    colour = alt.Color("shots:N", scale=shots, legend=BELOW)
    x = alt.X(
        "n_params:Q",
        scale=alt.Scale(type="log", nice=False),
        axis=SIZES,
    )
    accuracy = alt.Scale(domain=[0, 1])
    y_axis = alt.Axis(format="%", title="score")
    band = (
        alt.Chart(curves)
        .mark_area(opacity=0.18)
        .encode(x=x, y=alt.Y("low:Q", scale=accuracy, axis=y_axis), y2="high:Q", color=colour)
    )
    dash = alt.StrokeDash("shots:N", scale=alt.Scale(domain=SHOTS, range=[[1, 0], [6, 3]]))
    line = (
        alt.Chart(curves)
        .mark_line(strokeWidth=2)
        .encode(x=x, y=alt.Y("mean:Q"), color=colour, strokeDash=dash.legend(None))
    )
    markers = alt.Scale(domain=SHOTS, range=["circle", "triangle-up"])
    shape = alt.Shape("shots:N", scale=markers, legend=BELOW)
    base = alt.Chart(cells).encode(x=x, color=colour)
    interval = base.mark_rule(opacity=0.6).encode(y="low:Q", y2="high:Q")
    points = base.mark_point(filled=True, size=55, opacity=0.95).encode(
        y="score:Q",
        shape=shape,
        tooltip=[
            alt.Tooltip("checkpoint:N"),
            alt.Tooltip("lm_family:N", title="family"),
            alt.Tooltip("shots:N", title="prompt"),
            alt.Tooltip("n_params:Q", format=".3~s", title="parameters"),
            alt.Tooltip("score:Q", format=".1%"),
            alt.Tooltip("low:Q", format=".1%", title="90% interval from"),
            alt.Tooltip("high:Q", format=".1%", title="to"),
            alt.Tooltip("n_items:Q", title="items"),
        ],
    )
    rules = pd.DataFrame({"chance": [chance], "threshold": [threshold]})
    at_chance = alt.Chart(rules).mark_rule(strokeDash=[2, 3], color=NEUTRAL).encode(y="chance:Q")
    claimed = (
        alt.Chart(rules)
        .mark_rule(strokeDash=[8, 4], color=NEUTRAL)
        .encode(x="threshold:Q", tooltip=[alt.Tooltip("threshold:Q", format=".3~s")])
    )
    layers = alt.layer(at_chance, claimed, band, line, interval, points)
    return layers.properties(width="container", height=PANEL_HEIGHT, title=title)


def exceedance_chart(exceedance: pd.DataFrame, rope: float, title: str) -> Layered:
    """Return, by arm, the posterior probability that the jump exceeds each size.

    ``exceedance`` has the columns jump and probability (proportions), and arm.
    """
    arms = list(dict.fromkeys(exceedance["arm"]))
    colour = alt.Color(
        "arm:N", scale=alt.Scale(domain=arms, range=ARM_COLOURS[: len(arms)]), legend=TWO_COLUMNS
    )
    dashes = [[1, 0], [6, 3], [2, 2], [8, 2, 2, 2]][: len(arms)]
    dash = alt.StrokeDash("arm:N", scale=alt.Scale(domain=arms, range=dashes), legend=TWO_COLUMNS)
    x = alt.X("jump:Q", axis=alt.Axis(format="%", title="jump in score"))
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
    needed = alt.Chart(pd.DataFrame({"p": [0.95]})).mark_rule(strokeDash=[2, 3], color=NEUTRAL)
    layers = alt.layer(practically_nil, needed.encode(y="p:Q"), line)
    return layers.properties(width="container", height=PANEL_HEIGHT, title=title)


def survivors_chart(distribution: pd.DataFrame, title: str) -> alt.Chart:
    """Return the posterior of a number of claims; columns number and probability."""
    return (
        alt.Chart(distribution)
        .mark_bar(color=ZERO_SHOT)
        .encode(
            x=alt.X("number:O", title="claims with a residual jump", axis=alt.Axis(labelAngle=0)),
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
    x = alt.X("low:Q", axis=alt.Axis(format="%", title="points of score"))
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
