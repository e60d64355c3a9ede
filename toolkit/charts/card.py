"""Charts of a claim's card: the jump and its parts, what was foretold, and what moves the answer.

Colour only repeats what place, shape or words say.
"""

import altair as alt
import pandas as pd

from toolkit.charts.looks import (
    ARM_COLOURS,
    ARM_SHAPES,
    FEW_SHOT,
    IN_POINTS,
    NEUTRAL,
    PANEL_HEIGHT,
    POINTS,
    ZERO_SHOT,
    Layered,
    arm_scale,
)

# Where a part's name ends and its numbers begin: two lines of one label.
NAME_END = "|"
ROW_HEIGHT = 40
STRIP_ROW = 20
YES, NO = "yes", "no"


def waterfall_chart(parts: pd.DataFrame, rope: float, title: str) -> Layered:
    """Return the jump as published, what is taken from it, and what is left, from top to bottom.

    ``parts`` has the columns part (name and numbers with ``NAME_END`` between), from and to
    (proportions, NaN where there is no bar), kind ("jump" or "part") and words, which stand where a
    bar is missing.
    """
    lines = f"split(datum.label, '{NAME_END}')"
    axis = alt.Axis(title=None, labelExpr=lines, labelLimit=170, ticks=False, domain=False)
    y = alt.Y("part:N", sort=list(parts["part"]), axis=axis)
    x = alt.X("from:Q", axis=alt.Axis(labelExpr=IN_POINTS, title="points of score", tickCount=5))
    scale = alt.Scale(domain=["jump", "part"], range=[ZERO_SHOT, FEW_SHOT])
    base = alt.Chart(parts).encode(y=y)
    tips = [
        alt.Tooltip("part:N"),
        alt.Tooltip("from:Q", format=".1%"),
        alt.Tooltip("to:Q", format=".1%"),
    ]
    bars = base.mark_bar(height=18, opacity=0.85).encode(
        x=x, x2="to:Q", color=alt.Color("kind:N", scale=scale, legend=None), tooltip=tips
    )
    words = base.mark_text(align="left", dx=6, fontSize=12, fontStyle="italic", color=NEUTRAL)
    zone = alt.Chart(pd.DataFrame({"rope": [rope], "nothing": [0.0]}))
    nil = zone.mark_rect(opacity=0.12, color=NEUTRAL).encode(x="nothing:Q", x2="rope:Q")
    layers = alt.layer(nil, bars, words.encode(x=alt.value(0), text="words:N"))
    return layers.properties(width="container", height=ROW_HEIGHT * len(parts), title=title)


def foretold_chart(cuts: pd.DataFrame, models: pd.DataFrame, title: str) -> Layered:
    """Return, at every cut in size, what was foretold of the larger checkpoints and what was seen.

    Parameters
    ----------
    cuts
        Columns upto (a size in words, in order), arm, foretold, low, high, seen (proportions),
        tail (a probability) and n_cells.
    models
        Columns upto, arm, model and foretold (a proportion): each smooth curve by itself.
    """
    arms, sizes = list(dict.fromkeys(cuts["arm"])), list(dict.fromkeys(cuts["upto"]))
    axis = alt.Axis(title="fitted to sizes up to", labelAngle=0)
    x = alt.X("upto:O", sort=sizes, axis=axis)
    beside = alt.XOffset("arm:N", sort=arms)
    colour = alt.Color("arm:N", scale=arm_scale(arms, ARM_COLOURS), legend=POINTS)
    score = alt.Axis(format="%", title="mean score of larger ones")
    y_scale = alt.Scale(domain=[0, 1])
    base = alt.Chart(cuts).encode(x=x, xOffset=beside, color=colour)
    interval = base.mark_rule(strokeWidth=3, opacity=0.45).encode(
        y=alt.Y("low:Q", scale=y_scale, axis=score), y2="high:Q"
    )
    single = (
        alt.Chart(models)
        .mark_tick(thickness=1.5, size=12, opacity=0.8)
        .encode(
            x=x,
            xOffset=beside,
            color=colour,
            y="foretold:Q",
            tooltip=["model:N", alt.Tooltip("foretold:Q", format=".1%")],
        )
    )
    seen = base.mark_point(filled=True, size=70).encode(
        y="seen:Q",
        shape=alt.Shape("arm:N", scale=arm_scale(arms, ARM_SHAPES), legend=POINTS),
        tooltip=[
            alt.Tooltip("arm:N"),
            alt.Tooltip("upto:O", title="fitted up to"),
            alt.Tooltip("n_cells:Q", title="larger checkpoints"),
            alt.Tooltip("seen:Q", format=".1%"),
            alt.Tooltip("foretold:Q", format=".1%"),
            alt.Tooltip("low:Q", format=".1%", title="90% interval from"),
            alt.Tooltip("high:Q", format=".1%", title="to"),
            alt.Tooltip("tail:Q", format=".2f", title="P(as high)"),
        ],
    )
    layers = alt.layer(interval, single, seen)
    return layers.properties(width="container", height=PANEL_HEIGHT, title=title)


def stability_strip(tried: pd.DataFrame, limits: tuple[float, float], title: str) -> Layered:
    """Return P(jump > ROPE) in this fit and in everything else that was fitted, kind by kind.

    Parameters
    ----------
    tried
        Columns kind (in order), unit, arm, probability and sure (``YES`` or ``NO``: the
        refit converged or its weights can be relied on).
    limits
        The probabilities from which on a verdict is no or yes.
    """
    arms, kinds = list(dict.fromkeys(tried["arm"])), list(dict.fromkeys(tried["kind"]))
    y = alt.Y("kind:N", sort=kinds, axis=alt.Axis(title=None, labelLimit=150))
    x_axis = alt.Axis(title="probability of a jump", tickCount=5)
    rules = alt.Chart(pd.DataFrame({"limit": list(limits)})).mark_rule(
        strokeDash=[2, 3], color=NEUTRAL
    )
    shapes = alt.Scale(domain=[YES, NO], range=["circle", "cross"])
    points = (
        alt.Chart(tried)
        .mark_point(filled=True, size=42, opacity=0.6)
        .encode(
            x=alt.X("probability:Q", scale=alt.Scale(domain=[0, 1]), axis=x_axis),
            y=y,
            yOffset=alt.YOffset("arm:N", sort=arms),
            color=alt.Color("arm:N", scale=arm_scale(arms, ARM_COLOURS), legend=POINTS),
            shape=alt.Shape("sure:N", scale=shapes, legend=None),
            tooltip=[
                alt.Tooltip("kind:N", title="what was changed"),
                alt.Tooltip("unit:N", title="to"),
                alt.Tooltip("arm:N"),
                alt.Tooltip("probability:Q", format=".3f"),
                alt.Tooltip("sure:N", title="to be relied on"),
            ],
        )
    )
    height = STRIP_ROW * len(kinds) * len(arms)
    layers = alt.layer(rules.encode(x="limit:Q"), points)
    return layers.properties(width="container", height=height, title=title)
