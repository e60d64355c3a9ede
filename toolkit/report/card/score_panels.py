"""The picture of a claim: the published scores as they were read, and ours beside them."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log10

import numpy as np
import pandas as pd

from toolkit.analysis.analyse import Analysis
from toolkit.charts.scores import Shown, published_chart, score_chart
from toolkit.estimands.estimate import Estimate, probability
from toolkit.estimands.measured import measured_arms
from toolkit.report import html_tables as tables
from toolkit.report.card.card_controls import Choices, controls
from toolkit.report.card.card_sentences import (
    IF_PARSEABLE,
    UNPARSED_IS_WRONG,
    size_sentence,
    step_sentence,
)
from toolkit.report.card.curves import AVERAGED, fitted_curves
from toolkit.report.card.score_cells import arms_among, chance_levels, published_cells
from toolkit.report.display import chart_html
from toolkit.report.html_tables import Num
from toolkit.study.claims import ARMS, CONTROLLED_ARM, Claim
from toolkit.wording import size_label

# What the charts are given, and how the tables beside them call it.
SHOWN_COLUMNS = {
    "checkpoint": "checkpoint", "lm_family": "family", "arm": "arm", "metric": "metric",
    "prompt_format": "prompt format", "n_params": "parameters", "train_flop": "training FLOP",
    "n_items": "items", "score": "score", "low": "90% from", "high": "to",
}  # fmt: skip
PUBLISHED_COLUMNS = ["checkpoint", "lm_family", "arm", "n_params", "score"]


@dataclass(frozen=True)
class Panels:
    """What the pictures of a study's claims share: made once, not once for each claim."""

    cells: pd.DataFrame
    curves: pd.DataFrame
    present: Mapping[str, Mapping[str, Estimate]]
    with_compliance: frozenset[str]
    size_name: str
    said_of_sizes: str

    def of(self, claim: Claim) -> str:
        """Return the published picture, ours, and what can be chosen for ours."""
        cells = self.cells[self.cells["task"] == claim.task]
        record = cells[cells["of_record"]]
        shown = Shown(
            _arms_of_interest(claim, record), str(record["metric"].iloc[0]),
            str(record["prompt_format"].iloc[0]), AVERAGED, self.size_name,
        )  # fmt: skip
        choices = Choices(cells, self.curves[self.curves["task"] == claim.task], shown)
        note = step_sentence(self.present.get(claim.task, {}))
        if shown.metric == "exact_match":
            parsed = claim.task in self.with_compliance
            note += f" {IF_PARSEABLE if parsed else UNPARSED_IS_WRONG}"
        note = " ".join(text for text in (note, size_sentence(claim), self.said_of_sizes) if text)
        label = f"What the chart of {claim.row} shows"
        return (
            f'<div class="panels">{_published(claim, cells, self.size_name)}'
            f'<div class="ours">{_ours(claim, choices)}</div></div>{controls(choices, label, note)}'
        )


def panels_of(analysis: Analysis) -> Panels:
    """Return what the pictures of a study are made from."""
    seed: int = analysis.fitted.provenance["settings"]["random_seed"]
    design = analysis.fitted.design
    return Panels(
        published_cells(analysis.source),
        fitted_curves(analysis.fitted, seed),
        steps_present(analysis),
        frozenset(np.array(design.tasks)[design.has_compliance].tolist()),
        analysis.source.size_name,
        analysis.source.said_of_sizes,
    )


def steps_present(analysis: Analysis) -> dict[str, dict[str, Estimate]]:
    """Return the probability of a step of any size by task and measured arm."""
    present, design = analysis.posterior["jump_present"], analysis.fitted.design
    return {
        task: {
            arm.label: probability(
                f"P(step, {arm.label})", present.sel(task=task, arm=arm.label).astype(float)
            )
            for arm in ARMS
            if measured_arms(design, index)[arm]
        }
        for index, task in enumerate(design.tasks)
    }


def _arms_of_interest(claim: Claim, record: pd.DataFrame) -> list[str]:
    """Return the controlled and the published arm; every scored one where neither was scored."""
    scored = arms_among(record)
    wanted = [arm for arm in scored if arm in (CONTROLLED_ARM.label, claim.published_arm)]
    return wanted or scored


def _published(claim: Claim, of_task: pd.DataFrame, size_name: str) -> str:
    """Return the scores of the arms that were published about, joined as their readers saw them."""
    record = of_task[of_task["of_record"]]
    scored = arms_among(record)
    spoken = [arm for arm in scored if arm in (claim.published_arm, claim.judged_arm)] or scored
    cells = pd.concat(
        [record[record["arm"] == arm].sort_values(["n_params", "checkpoint"]) for arm in spoken]
    )
    chance = float(record["chance"].iloc[0])
    baseline = chance if claim.published_baseline is None else claim.published_baseline
    chart = published_chart(
        cells[PUBLISHED_COLUMNS],
        baseline,
        claim.threshold_n_params,
        (size_name, of_task["n_params"].min(), of_task["n_params"].max()),
        f"{claim.row}: as published",
    )
    text = (
        f"Published scores on {claim.row} against size, re-drawn, in the arms {'; '.join(spoken)}."
    )
    data = _score_table(cells[PUBLISHED_COLUMNS], size_name, "Published scores")
    return chart_html(chart, text, data)


def _ours(claim: Claim, choices: Choices) -> str:
    """Return the scores with intervals and fitted curves, by arm."""
    cells = choices.cells
    rules = (chance_levels(cells), claim.threshold_n_params)
    chart = score_chart(
        cells[list(SHOWN_COLUMNS)],
        choices.curves.drop(columns="task").dropna(axis="columns", how="all"),
        rules,
        choices.shown,
        f"{claim.row}: re-analysed",
    )
    text = f"Scores on {claim.row} against size by arm, with intervals and fitted curves."
    ordered = cells.sort_values(["metric", "prompt_format", "arm", "n_params"])
    caption = "Scores, in every metric and prompt format"
    data = _score_table(ordered[list(SHOWN_COLUMNS)], choices.shown.size_name, caption)
    return chart_html(chart, text, data)


def _score_table(cells: pd.DataFrame, size_name: str, caption: str) -> str:
    """Return scores as a table for readers; what is not known stays empty."""
    written = {
        "n_params": lambda n: size_label(log10(n)),
        "train_flop": "{:.2g}".format,
        "n_items": "{:.0f}".format,
        **dict.fromkeys(("score", "low", "high"), "{:.3f}".format),
    }
    names = [str(name) for name in cells]
    columns = [
        [Num(write(value)) if pd.notna(value) else "" for value in cells[name]]
        if (write := written.get(name))
        else cells[name]
        for name in names
    ]
    header = [(SHOWN_COLUMNS | {"n_params": size_name})[name] for name in names]
    return tables.table(header, zip(*columns, strict=True), caption)
