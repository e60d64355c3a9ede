"""What a reader can choose for the chart of scores: arms, metric, prompt format, axis, curve.

A choice is there only where the study carries one. Names of controls are those of the chart's
parameters; the page's script sets these.
"""

import html
import json
from dataclasses import dataclass

import pandas as pd

from toolkit.charts.looks import log_title
from toolkit.charts.scores import COMPUTE, Shown
from toolkit.report.card.curves import AVERAGED, SMOOTH, STEP
from toolkit.report.card.score_cells import arms_among
from toolkit.study.compute_sizes import PARAMETERS

# An axis needs two sizes.
SIZES_MIN = 2
COMPUTE_TITLE = "training compute in FLOP"
CURVES = {
    AVERAGED: "averaged over both",
    STEP: "with a step",
    SMOOTH: "without a step (smooth)",
}


@dataclass(frozen=True)
class Choices:
    """What one claim's chart can show: its cells (``score_cells.COLUMNS``) and its curves."""

    cells: pd.DataFrame
    curves: pd.DataFrame
    shown: Shown

    @property
    def arms(self) -> list[str]:
        """Return the arms that were scored."""
        return arms_among(self.cells)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Return the metrics and prompt formats that have scores together, of record first."""
        record = (self.shown.metric, self.shown.prompt_format)
        pairs = self.cells[["metric", "prompt_format"]].drop_duplicates()
        found = sorted((str(m), str(f)) for m, f in pairs.itertuples(index=False))
        return sorted(found, key=lambda pair: pair != record)

    @property
    def kinds(self) -> list[str]:
        """Return the curves that enough draws have, in any arm."""
        return [name for name in CURVES if self.curves[f"{name}_mean"].notna().any()]

    @property
    def n_compute(self) -> tuple[int, int]:
        """Return of how many checkpoints the training compute is known, and how many there are."""
        once = self.cells.drop_duplicates("checkpoint")
        return int(once["train_flop"].notna().sum()), len(once)

    @property
    def has_compute(self) -> bool:
        """Return whether scores can be shown against training compute."""
        return self.cells["train_flop"].nunique() >= SIZES_MIN


def controls(choices: Choices, label: str, note: str) -> str:
    """Return the form beside a chart of scores; ``note`` is shown below it, both plain texts."""
    metrics = list(dict.fromkeys(metric for metric, _ in choices.pairs))
    formats = list(dict.fromkeys(prompt for _, prompt in choices.pairs))
    parts = [
        _arm_boxes(choices) if len(choices.arms) > 1 else "",
        _select("metric", "Metric", {m: m for m in metrics}),
        _select("prompt_format", "Prompt format", {f: f for f in formats}),
        _select("curve", "Curves", {name: CURVES[name] for name in choices.kinds}),
        _axis_buttons(choices.shown.size_name) if choices.has_compute else "",
    ]
    said = f'<p class="note">{html.escape(note)}</p>' if note else ""
    status = f'<p role="status">{html.escape(fitted_words(choices))}</p>'
    return (
        '<form class="card-controls" autocomplete="off" '
        f'aria-label="{html.escape(label, quote=True)}" {_words(choices)}>'
        f"{''.join(parts)}{status}{said}</form>"
    )


def fitted_words(choices: Choices) -> str:
    """Return what is shown at first."""
    shown = choices.shown
    return (
        f"Points are scores under {shown.metric} ({shown.prompt_format}), which the curves were "
        "fitted to."
    )


def _words(choices: Choices) -> str:
    """Return what the script says of a choice, as attributes."""
    shown, (known, every) = choices.shown, choices.n_compute
    fitted = f"{shown.metric} ({shown.prompt_format})"
    words = {
        "pairs": json.dumps(choices.pairs),
        "fitted": fitted_words(choices),
        "points-only": "Published points only: the curves were fitted to "
        f"{fitted} over {shown.size_name}.",
        "compute": f"The training compute of {known} of {every} checkpoints is known; the others "
        "are not shown.",
    }
    return " ".join(f'data-{k}="{html.escape(v, quote=True)}"' for k, v in words.items())


def _arm_boxes(choices: Choices) -> str:
    boxes = "".join(
        f'<label><input type="checkbox" name="arms" value="{html.escape(arm, quote=True)}"'
        f"{' checked' if arm in choices.shown.arms else ''}>"
        f"{html.escape(arm)}</label>"
        for arm in choices.arms
    )
    return f"<fieldset><legend>Arms</legend>{boxes}</fieldset>"


def _select(name: str, title: str, options: dict[str, str]) -> str:
    """Return a choice among some; nothing where there is only one."""
    if len(options) < 2:
        return ""
    listed = "".join(
        f'<option value="{html.escape(value, quote=True)}">{html.escape(words)}</option>'
        for value, words in options.items()
    )
    return f'<label>{title} <select name="{name}">{listed}</select></label>'


def _axis_buttons(size_name: str) -> str:
    axes = {PARAMETERS: (size_name, size_name), COMPUTE: ("training FLOP", COMPUTE_TITLE)}
    buttons = "".join(
        f'<label><input type="radio" name="size_axis" value="{value}" data-title="{title}"'
        f"{' checked' if value == PARAMETERS else ''}>{words}</label>"
        for value, (words, name) in axes.items()
        for title in [html.escape(log_title(name), quote=True)]
    )
    return f"<fieldset><legend>Size</legend>{buttons}</fieldset>"
