"""Charts of a claim's scores: the published picture, and ours with what its reader can choose.

What can be chosen are parameters of the chart; a page sets them, and without a page they have the
values given here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import pandas as pd

from toolkit.charts.looks import (
    ARM_COLOURS,
    ARM_DASHES,
    ARM_SHAPES,
    CHOSEN_POINTS,
    IN_BILLIONS,
    NEUTRAL,
    PANEL_HEIGHT,
    POINTS,
    Layered,
    arm_scale,
    sizes_axis,
)
from toolkit.study.claims import ARM_LABELS
from toolkit.study.compute_sizes import PARAMETERS

HEIGHT = PANEL_HEIGHT + 30
COMPUTE = "compute"
# Room beside the smallest and the largest size, as a factor.
EDGE = 1.15
ACCURACY = alt.Scale(domain=[0, 1])
SCORE_AXIS = alt.Axis(format="%", title="score")
ON_COMPUTE = f"size_axis == '{COMPUTE}'"
INTERVAL_TIPS = [
    alt.Tooltip("score:Q", format=".1%"),
    alt.Tooltip("low:Q", format=".1%", title="90% interval from"),
    alt.Tooltip("high:Q", format=".1%", title="to"),
    alt.Tooltip("n_items:Q", title="items"),
]


@dataclass(frozen=True)
class Shown:
    """What a chart of scores shows until its reader chooses otherwise.

    ``arms`` are drawn; ``metric`` and ``prompt_format`` are those of record, the only ones that
    curves belong to; ``curve`` is what the columns of one curve begin with; ``size_name`` is what
    a size is called, as in ``compute_sizes``.
    """

    arms: Sequence[str]
    metric: str
    prompt_format: str
    curve: str
    size_name: str = PARAMETERS


def published_chart(
    cells: pd.DataFrame,
    baseline: float,
    threshold: float,
    sizes: tuple[str, float, float],
    title: str,
) -> Layered:
    """Return the published scores as their readers saw them: points joined by family and arm.

    Parameters
    ----------
    cells
        Columns n_params, score (a proportion), arm, lm_family and checkpoint.
    baseline
        The published score of guessing, a proportion; a horizontal rule.
    threshold
        The claimed size in parameters; a vertical rule.
    sizes
        What a size is called, and the smallest and the largest of the axis, in parameters.
    """
    arms = list(dict.fromkeys(cells["arm"]))
    colour = alt.Color("arm:N", scale=arm_scale(arms, ARM_COLOURS), legend=POINTS)
    size_name, smallest, largest = sizes
    ends = alt.Scale(type="log", nice=False, domain=[smallest / EDGE, largest * EDGE])
    x = alt.X("n_params:Q", scale=ends, axis=sizes_axis(size_name))
    base = alt.Chart(cells).encode(x=x, color=colour)
    joined = base.mark_line(strokeWidth=1.5, opacity=0.75).encode(
        y=alt.Y("mean(score):Q", scale=ACCURACY, axis=SCORE_AXIS),
        detail="lm_family:N",
        strokeDash=alt.StrokeDash("arm:N", scale=arm_scale(arms, ARM_DASHES), legend=None),
    )
    points = base.mark_point(filled=True, size=45, opacity=0.9).encode(
        y=alt.Y("score:Q", scale=ACCURACY, axis=SCORE_AXIS),
        shape=alt.Shape("arm:N", scale=arm_scale(arms, ARM_SHAPES), legend=POINTS),
        tooltip=[*_checkpoint_tips(size_name), INTERVAL_TIPS[0]],
    )
    rules = pd.DataFrame({"baseline": [baseline], "threshold": [threshold]})
    layers = alt.layer(_at_chance(rules, "baseline"), _claimed(rules), joined, points)
    return layers.properties(width="container", height=HEIGHT, title=title)


def score_chart(
    cells: pd.DataFrame,
    curves: pd.DataFrame,
    rules: tuple[pd.DataFrame, float],
    shown: Shown,
    title: str,
) -> Layered:
    """Return scores against size by arm, with the fitted curves of one metric and prompt format.

    Its parameters are ``arms``, ``metric``, ``prompt_format``, ``size_axis`` and ``curve``. Curves
    are drawn only under the metric and format of record and over sizes, which they were fitted
    to and over.

    Parameters
    ----------
    cells
        Columns n_params, train_flop (NaN where unknown), score, low, high (proportions), arm,
        metric, prompt_format, checkpoint, lm_family, n_items.
    curves
        Columns n_params, arm, and of each curve that can be chosen its mean, low and high, as in
        ``averaged_mean`` (proportions, NaN where there is none).
    rules
        The chance level of each metric that has one (columns metric and chance, a proportion),
        and the claimed size in parameters.
    """
    arms = [arm for arm in ARM_LABELS if arm in set(cells["arm"])]
    record = f"metric == {_quoted(shown.metric)} && prompt_format == {_quoted(shown.prompt_format)}"
    x = _either_size(cells, shown.size_name)
    colour = alt.Color("arm:N", scale=arm_scale(arms, ARM_COLOURS), legend=CHOSEN_POINTS)
    chosen_curve = (
        alt.Chart(curves)
        .transform_filter(f"!({ON_COMPUTE}) && {record}")
        .transform_filter("indexof(arms, datum.arm) >= 0 && isValid(datum[curve + '_mean'])")
        .transform_calculate(
            size="datum.n_params",
            mean="datum[curve + '_mean']",
            low="datum[curve + '_low']",
            high="datum[curve + '_high']",
        )
        .encode(x=x, color=colour)
    )
    band = chosen_curve.mark_area(opacity=0.18).encode(
        y=alt.Y("low:Q", scale=ACCURACY, axis=SCORE_AXIS), y2="high:Q"
    )
    line = chosen_curve.mark_line(strokeWidth=2).encode(
        y="mean:Q",
        strokeDash=alt.StrokeDash("arm:N", scale=arm_scale(arms, ARM_DASHES), legend=None),
    )
    chosen = (
        alt.Chart(cells)
        .transform_filter("datum.metric == metric && datum.prompt_format == prompt_format")
        .transform_filter("indexof(arms, datum.arm) >= 0")
        .transform_calculate(size=f"{ON_COMPUTE} ? datum.train_flop : datum.n_params")
        .transform_filter("isValid(datum.size)")
        .encode(x=x, color=colour)
    )
    interval = chosen.mark_rule(opacity=0.6).encode(y="low:Q", y2="high:Q")
    points = chosen.mark_point(filled=True, size=55, opacity=0.95).encode(
        y="score:Q",
        shape=alt.Shape("arm:N", scale=arm_scale(arms, ARM_SHAPES), legend=CHOSEN_POINTS),
        tooltip=[*_checkpoint_tips(shown.size_name), *INTERVAL_TIPS],
    )
    chance, threshold = rules
    guessed = _at_chance(chance, "chance").transform_filter("datum.metric == metric")
    claimed = _claimed(pd.DataFrame({"threshold": [threshold]}))
    claimed = claimed.transform_filter(f"!({ON_COMPUTE})")
    layers = alt.layer(guessed, claimed, band, line, interval, points)
    return layers.add_params(*_parameters(shown)).properties(
        width="container", height=HEIGHT, title=title
    )


def _parameters(shown: Shown) -> list[alt.Parameter]:
    return [
        alt.param(name="arms", value=list(shown.arms)),
        alt.param(name="metric", value=shown.metric),
        alt.param(name="prompt_format", value=shown.prompt_format),
        alt.param(name="size_axis", value=PARAMETERS),
        alt.param(name="curve", value=shown.curve),
    ]


def _checkpoint_tips(size_name: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("checkpoint:N"),
        alt.Tooltip("lm_family:N", title="family"),
        alt.Tooltip("arm:N"),
        alt.Tooltip("n_params:Q", format=".3~s", title=size_name),
    ]


def _either_size(cells: pd.DataFrame, size_name: str) -> alt.X:
    """Return the axis of size, of the same length whichever arms are shown."""
    params, flop = cells["n_params"], cells["train_flop"].dropna()
    if flop.empty:
        flop = params
    low = alt.expr(f"{ON_COMPUTE} ? {flop.min() / EDGE:.6g} : {params.min() / EDGE:.6g}")
    high = alt.expr(f"{ON_COMPUTE} ? {flop.max() * EDGE:.6g} : {params.max() * EDGE:.6g}")
    scale = alt.Scale(type="log", nice=False, domainMin=low, domainMax=high)
    # A prefix of training compute would be read by nobody.
    label = f"{ON_COMPUTE} ? replace(format(datum.value, '.0e'), '+', '') : {IN_BILLIONS}"
    return alt.X("size:Q", scale=scale, axis=sizes_axis(size_name, label))


def _at_chance(rules: pd.DataFrame, column: str) -> alt.Chart:
    y = alt.Y(f"{column}:Q", scale=ACCURACY, axis=SCORE_AXIS)
    return alt.Chart(rules).mark_rule(strokeDash=[2, 3], color=NEUTRAL).encode(y=y)


def _claimed(rules: pd.DataFrame) -> alt.Chart:
    tip = alt.Tooltip("threshold:Q", format=".3~s", title="claimed size")
    rule = alt.Chart(rules).mark_rule(strokeDash=[8, 4], color=NEUTRAL)
    return rule.encode(x="threshold:Q", tooltip=[tip])


def _quoted(text: str) -> str:
    """Return a text as a string of Vega's expressions."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
