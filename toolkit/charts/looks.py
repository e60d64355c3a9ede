"""Colours, axes and legends that all charts share.

Colours of the arms are told apart by dash and marker shape as well, so that a chart reads without
colour; an arm looks the same in every chart.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import altair as alt

from toolkit.study.claims import ARM_LABELS
from toolkit.study.compute_sizes import PARAMETERS

# Told apart by the colour-blind, with contrast on white and on near-black alike.
ZERO_SHOT, FEW_SHOT = "#2887C8", "#D9661F"
# Also of words: 4.5 to 1 on white and on its own tint; lighter on dark (chart_theme.js).
NEUTRAL = "#5F6670"
PANEL_HEIGHT = 230
# Legends stand below, so that on a phone they do not take the width from the drawing.
BELOW = alt.Legend(orient="bottom", title=None, symbolOpacity=1)
ONE_COLUMN = alt.Legend(orient="bottom", title=None, columns=1, symbolStrokeWidth=2)
POINTS = alt.Legend(orient="bottom", title=None, columns=1, symbolStrokeWidth=0, symbolOpacity=1)
# Of the arms that the reader chose, where a chart has the parameter ``arms``; Vega can't draw a
# legend of none.
CHOSEN_POINTS = alt.Legend(**POINTS.to_dict(), values=alt.expr("length(arms) ? arms : null"))
# Readers write 7B, where a number's own prefix is G.
IN_BILLIONS = "replace(datum.label, 'G', 'B')"
# Proportions of the score, as points.
IN_POINTS = "format(100 * datum.value, '~g')"
ARM_COLOURS = [ZERO_SHOT, FEW_SHOT, "#1F9E89", "#B5559B"]
ARM_DASHES = [[1, 0], [6, 3], [2, 2], [8, 2, 2, 2]]
ARM_SHAPES = ["circle", "triangle-up", "square", "diamond"]


# What ``properties`` of a layered chart is typed to return.
Layered: TypeAlias = alt.LayerChart | alt.FacetChart


def sizes_axis(size_name: str = PARAMETERS, label: str = IN_BILLIONS) -> alt.Axis:
    """Return the axis of sizes on a logarithmic scale; ``size_name`` as in ``compute_sizes``."""
    return alt.Axis(
        format="~s",
        title=log_title(size_name),
        tickCount=5,
        grid=False,  # a logarithmic scale would have nine lines to a decade
        labelExpr=label,
    )


def log_title(size_name: str) -> str:
    """Return the title of such an axis."""
    return f"{size_name} (log scale)"


def arm_scale(arms: Sequence[str], looks: Sequence[Any]) -> alt.Scale:
    """Return the scale that gives each of these arms its own look, whichever others are there."""
    by_arm = dict(zip(ARM_LABELS, looks, strict=True))
    return alt.Scale(domain=list(arms), range=[by_arm[arm] for arm in arms])
