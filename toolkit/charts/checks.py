"""Charts of checks: specification curves, predictive checks, what the priors say.

Colour only repeats what place, shape or words say.
"""

import altair as alt
import pandas as pd

from toolkit.charts.looks import ARM_COLOURS, NEUTRAL, PANEL_HEIGHT, ZERO_SHOT, Layered, sizes_axis

# Both parts of a specification curve start at the same place: their labels get the same room.
LABELS = 185
PLOT_WIDTH, STEP_MIN, STEP_MAX = 260, 14, 32
OPTION_HEIGHT = 15
AXIS_COLOURS = [*ARM_COLOURS, "#7A6FBE", "#A87B00", "#5A7D3C"]


def specification_chart(
    curve: pd.DataFrame, choices: pd.DataFrame, rope: float, title: str
) -> alt.VConcatChart:
    """Return a specification curve: the jumps in order above, what each specification chose below.

    Parameters
    ----------
    curve
        Columns rank, label, median, low, high, probability and converged ("yes" or "no"), one row
        for each specification.
    choices
        Columns rank, label, axis and option, one row for each choice of a specification.
    """
    width = len(curve) * max(STEP_MIN, min(STEP_MAX, PLOT_WIDTH // len(curve)))
    place = alt.X("rank:O", axis=None)
    room = alt.Axis(format="%", title=None, minExtent=LABELS, maxExtent=LABELS)
    base = alt.Chart(curve).encode(x=place)
    interval = base.mark_rule(strokeWidth=2, color=NEUTRAL).encode(
        y=alt.Y("low:Q", axis=room), y2="high:Q"
    )
    shape = alt.Shape(
        "converged:N",
        scale=alt.Scale(domain=["yes", "no"], range=["circle", "cross"]),
        legend=None,
    )
    points = base.mark_point(filled=True, size=60, color=ZERO_SHOT).encode(
        y="median:Q",
        shape=shape,
        tooltip=[
            alt.Tooltip("label:N", title="specification"),
            alt.Tooltip("median:Q", format=".1%", title="jump"),
            alt.Tooltip("low:Q", format=".1%", title="90% interval from"),
            alt.Tooltip("high:Q", format=".1%", title="to"),
            alt.Tooltip("probability:Q", format=".2f", title=f"P(jump > {100 * rope:.0f} points)"),
        ],
    )
    limit = alt.Chart(pd.DataFrame({"rope": [rope]})).mark_rule(strokeDash=[2, 3], color=NEUTRAL)
    above = alt.layer(limit.encode(y="rope:Q"), interval, points)
    options = list(dict.fromkeys(choices["option"]))
    axes = list(dict.fromkeys(choices["axis"]))
    below = (
        alt.Chart(choices)
        .mark_square(size=70)
        .encode(
            x=place,
            y=alt.Y(
                "option:N",
                sort=options,
                axis=alt.Axis(
                    title=None, labelLimit=LABELS - 8, minExtent=LABELS, maxExtent=LABELS
                ),
            ),
            color=alt.Color(
                "axis:N",
                scale=alt.Scale(domain=axes, range=AXIS_COLOURS[: len(axes)]),
                legend=None,
            ),
            tooltip=[alt.Tooltip("label:N", title="specification"), "option:N"],
        )
    )
    return alt.vconcat(
        above.properties(width=width, height=150),
        below.properties(width=width, height=OPTION_HEIGHT * len(options)),
        spacing=6,
        title=title,
    ).resolve_scale(color="independent", shape="independent")


def pit_chart(curve: pd.DataFrame, title: str) -> Layered:
    """Return how far PIT values are from uniform, with the band that uniform ones stay in.

    ``curve`` has the columns pit, difference, low and high.
    """
    x = alt.X("pit:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(title="PIT value"))
    y = alt.Axis(title="observed - expected", format="+%")
    band = (
        alt.Chart(curve)
        .mark_area(opacity=0.18, color=NEUTRAL)
        .encode(x=x, y=alt.Y("low:Q", axis=y), y2="high:Q")
    )
    line = (
        alt.Chart(curve)
        .mark_line(strokeWidth=2, color=ZERO_SHOT)
        .encode(
            x=x,
            y="difference:Q",
            tooltip=[
                alt.Tooltip("pit:Q", format=".2f", title="PIT value"),
                alt.Tooltip("difference:Q", format="+.1%"),
                alt.Tooltip("low:Q", format="+.1%", title="band from"),
                alt.Tooltip("high:Q", format="+.1%", title="to"),
            ],
        )
    )
    layers = alt.layer(band, line)
    return layers.properties(
        width="container", height=PANEL_HEIGHT - 50, title=alt.TitleParams(title, limit=0, offset=8)
    )


def prior_chart(bands: pd.DataFrame, examples: pd.DataFrame, title: str) -> Layered:
    """Return prior curves: two bands, the median, and some single curves.

    ``bands`` has the columns n_params, low, quarter, middle, three_quarters and high, ``examples``
    curve, n_params and share.
    """
    x = alt.X(
        "n_params:Q",
        scale=alt.Scale(type="log", nice=False),
        axis=sizes_axis(),
    )
    axis = alt.Axis(format="%", title="from chance (0%) to perfect")
    of_all = alt.Chart(bands)

    def y(name: str) -> alt.Y:
        return alt.Y(f"{name}:Q", scale=alt.Scale(domain=[0, 1]), axis=axis)

    outer = of_all.mark_area(opacity=0.14, color=ZERO_SHOT).encode(x=x, y=y("low"), y2="high:Q")
    inner = of_all.mark_area(opacity=0.22, color=ZERO_SHOT).encode(
        x=x, y=y("quarter"), y2="three_quarters:Q"
    )
    middle = of_all.mark_line(strokeWidth=2.5, color=ZERO_SHOT).encode(x=x, y=y("middle"))
    single = (
        alt.Chart(examples)
        .mark_line(strokeWidth=1, opacity=0.7, color=NEUTRAL)
        .encode(x=x, y=y("share"), detail="curve:N")
    )
    layers = alt.layer(outer, inner, single, middle)
    return layers.properties(width="container", height=PANEL_HEIGHT, title=title)
