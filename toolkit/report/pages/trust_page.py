"""What the page says about trusting the analysis: predictive checks, threats, the checklist."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from toolkit.analysis.analyse import Analysis
from toolkit.analysis.reproduction import (
    ReplicateAudit,
    audit_replicates,
    read_repeats,
    runs_of_record,
)
from toolkit.charts.checks import pit_chart
from toolkit.estimands.cell_accuracy import predicted_cells
from toolkit.estimands.curves import thinned
from toolkit.fit.diagnose import Check
from toolkit.predictive.posterior_predictive import PredictiveCheck, check_predictions
from toolkit.predictive.prior_predictive import PriorPredictive
from toolkit.predictive.replicates import predict
from toolkit.report import html_tables as tables
from toolkit.report import sentences
from toolkit.report.card.estimand_table import not_run
from toolkit.report.display import chart_html, show_html
from toolkit.report.html_tables import Num
from toolkit.report.pages.robustness_page import robustness_answers
from toolkit.report.trust import checklist as barg
from toolkit.report.trust import threats as validity
from toolkit.robustness.variants import mixed

IN_SAMPLE = (
    "The fit has seen these cells, so that this is not a test of calibration: with effects of its "
    "own for every checkpoint on every task a model covers too much of what it was fitted to, and "
    "observed scores vary less than replicated ones. Scores that vary more, or lie lower or higher "
    "as a whole, speak against the model; PIT curves inside their bands say little for it."
)
NOT_HELD_OUT = "Families that a fit has not seen were not predicted."
INSIDE, FEW = "inside its band", "not checked (few cells)"
LESS, MORE = "scores vary less than replicated", "scores vary more than replicated"
LOW, HIGH = "scores lie lower than replicated", "scores lie higher than replicated"


def predictive_of(analysis: Analysis) -> PredictiveCheck:
    """Return replicated against observed cells, from thinned draws of the fit."""
    seed = int(analysis.fitted.provenance["settings"]["random_seed"])
    draws = predicted_cells(thinned(analysis.posterior), analysis.fitted)
    return check_predictions(predict(draws, analysis.fitted.design, seed), seed)


def predictive_checks(check: PredictiveCheck) -> None:
    """Show how well replicated scores mimic the observed ones, by arm and size."""
    show_html(sentences.paragraphs(_overall_text(check), IN_SAMPLE) + predictive_folds(check))


def left_out_families(analysis: Analysis) -> None:
    """Show how fits that have not seen a family predict it, or that there are no such fits."""
    if analysis.robustness is None:
        show_html(sentences.paragraphs(f"{NOT_HELD_OUT} {not_run(analysis.source.study.id)}"))
        return
    found = analysis.robustness.tables["left_out_families"]
    if found.empty:
        show_html(sentences.paragraphs("The study has a single family: none can be left out."))
        return
    cells = found["n_cells"]
    half, most = (float(np.average(found[f"covered_{c}"], weights=cells)) for c in (50, 90))
    text = (
        f"{len(found)} families, {cells.sum():.0f} cells, each family "
        f"predicted by a fit without it: {100 * half:.0f}% of the cells lie in their 50% and "
        f"{100 * most:.0f}% in their 90% predictive intervals. These fits have not seen the "
        "cells, so that coverage should be nominal; the cells of a family lie high or low together."
    )
    shown = tables.fold("Family by family", _family_table(found))
    show_html(sentences.paragraphs(text) + tables.folds(shown))


def _family_table(found: pd.DataFrame) -> str:
    rows = [
        (
            str(row["lm_family"]),
            Num(f"{row['n_cells']:.0f}"),
            Num(f"{100 * row['covered_50']:.0f}%"),
            Num(f"{100 * row['covered_90']:.0f}%"),
            Num(_ranged(row, "residual")),
            Num(f"{row['log_score']:.2f}"),
            "yes" if row["mixed"] else tables.marked("no"),
        )
        for row in found.assign(mixed=mixed(found)).to_dict("records")
    ]
    header = (
        "family", "cells", "in 50% intervals", "in 90% intervals",
        "mean residual, points (in replicates)", "log score by cell", "converged",
    )  # fmt: skip
    return tables.table(header, rows, "Each family, predicted by a fit without it")


def _overall_text(check: PredictiveCheck) -> str:
    row = check.overall.iloc[0]
    by_arm = pit_readings(check)
    told = [f"{arm}: {said}" for arm, said in by_arm.items() if said not in (INSIDE, FEW)]
    shape = "leaves its band in no arm"
    if told:
        shape = f"leaves its band in {len(told)} of {len(by_arm)} arms ({'; '.join(told)})"
    return (
        f"Of {row['n_cells']:.0f} cells {100 * row['covered_50']:.0f}% lie in their 50% and "
        f"{100 * row['covered_90']:.0f}% in their 90% predictive intervals; "
        f"{100 * row['below_chance']:.0f}% are below chance, "
        f"{100 * row['below_chance_low']:.0f}% to {100 * row['below_chance_high']:.0f}% in "
        f"replicates; the PIT curve {shape}."
    )


def pit_readings(check: PredictiveCheck) -> dict[str, str]:
    """Return by arm what its PIT curve says: inside its band, or how scores vary instead."""
    return {
        str(row["arm"]): _pit_reading(
            row["uniform"], check.curves[check.curves["arm"] == row["arm"]]
        )
        for row in check.uniformity.to_dict("records")
    }


def _pit_reading(uniform: bool | None, curve: pd.DataFrame) -> str:
    if uniform is None:
        return FEW
    if uniform:
        return INSIDE
    left, difference = curve["pit"] < 0.5, curve["difference"]
    # Too many small and too many large PIT values: above zero on the left, below on the right.
    # Too many small ones alone: above zero on both sides.
    spread = (difference[left].mean() - difference[~left].mean()) / 2
    shift = difference.mean()
    if abs(shift) > abs(spread):
        return LOW if shift > 0 else HIGH
    return MORE if spread > 0 else LESS


def predictive_folds(check: PredictiveCheck) -> str:
    """Return the tables and curves of a predictive check, folded."""
    curves = [
        _pit_figure(str(arm), rows) for arm, rows in check.curves.groupby("arm", observed=True)
    ]
    shown = f'<div class="panels">{"".join(curves)}</div>'
    few = sentences.paragraphs("Every arm has fewer cells than such a curve needs.")
    return tables.folds(
        tables.fold("PIT curves by arm", shown if curves else few),
        tables.fold("Coverage by arm", _group_table(check.by_arm, "arm", pit_readings(check))),
        tables.fold("Coverage by size", _group_table(check.by_size, "sizes")),
        tables.fold("Steepest rises", _rise_table(check.rises_by_arm)),
    )


def _pit_figure(arm: str, curve: pd.DataFrame) -> str:
    text = f"How far the PIT values of the arm {arm} are from uniform, with a 95% band."
    chart = pit_chart(curve[["pit", "difference", "low", "high"]].round(4), arm)
    return chart_html(chart, text)


def _group_table(groups: pd.DataFrame, by: str, readings: Mapping[str, str] | None = None) -> str:
    rows = []
    for row in groups.to_dict("records"):
        cells = (
            str(row[by]),
            Num(f"{row['n_cells']:.0f}"),
            Num(f"{100 * row['covered_50']:.0f}%"),
            Num(f"{100 * row['covered_90']:.0f}%"),
            Num(_ranged(row, "residual")),
            Num(_ranged(row, "below_chance")),
        )
        pit = (readings[str(row[by])],) if readings else ()
        rows.append((*cells, *pit))
    header = (
        by, "cells", "in 50% intervals", "in 90% intervals",
        "mean residual, points (in replicates)", "below chance, % (in replicates)",
        *(("PIT curve",) if readings else ()),
    )  # fmt: skip
    return tables.table(header, rows, f"Observed against replicated scores by {by}")


def _ranged(row: Mapping[Any, Any], name: str) -> str:
    value, low, high = (
        round(100 * row[key], 1) + 0.0 for key in (name, f"{name}_low", f"{name}_high")
    )
    return f"{value:.1f} ({low:.1f} to {high:.1f})"


def _rise_table(rises: pd.DataFrame) -> str:
    rows = [
        (str(row["arm"]), Num(f"{row['n_curves']:.0f}"), Num(_ranged(row, "rise")),
         Num(f"{row['p_rise']:.2f}"))
        for row in rises.to_dict("records")
    ]  # fmt: skip
    header = ("arm", "curves", "largest rise between sizes, points (in replicates)",
              "P(replicates steeper)")  # fmt: skip
    note = "A small probability says that observed curves are more abrupt than the model's."
    return sentences.paragraphs(note) + tables.table(header, rows, "Steepest rises by arm")


def diagnostics(analysis: Analysis) -> None:
    """Show the checks of the fit, and of every reported quantity in brief."""
    own: list[Check] = [check for v in analysis.verdicts for check in v.diagnosis.checks]
    failed = sum(check.passed is not True for check in own)
    text = (
        f"Of {len(own)} checks behind the {len(analysis.verdicts)} verdicts {failed} did not pass. "
        "A verdict is given only where all of its checks pass."
    )
    show_html(sentences.paragraphs(text) + tables.check_table(analysis.sampler.checks))


def audit_of(analysis: Analysis) -> ReplicateAudit | None:
    """Return how far repeats of a cell agree; None where the study has none."""
    source = analysis.source
    runs = read_repeats(source.folder)
    if runs is None:
        return None
    return audit_replicates(runs_of_record(runs, source.scores, source.plan.prompt_format))


def threats(analysis: Analysis, check: PredictiveCheck) -> None:
    """Show the threats to validity: how many of each type, the table folded."""
    found = validity.threats(analysis, audit_of(analysis), check)
    text = f"{len(found)} threats of four types, each filled from the study's own tables."
    body = validity.threat_table(found)
    show_html(
        sentences.paragraphs(text) + tables.folds(tables.fold("All threats to validity", body))
    )


def checklist(analysis: Analysis, check: PredictiveCheck, prior: PriorPredictive) -> None:
    """Show the reporting checklist, folded; an item that comes out empty stops the report."""
    items = barg.checklist(
        analysis,
        prior_predictive=prior.sentence,
        predictive=check,
        robustness=robustness_answers(analysis),
    )
    unmade = sum(item.answer.startswith("Not run") for item in items)
    text = f"{len(items)} items, all filled from the analysis"
    text += f"; {unmade} of them say that something was not run." if unmade else "."
    body = barg.checklist_table(items)
    show_html(sentences.paragraphs(text) + tables.folds(tables.fold("The checklist", body)))
