"""A claim as a card: its verdict, one picture, and everything else folded below it."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from toolkit import charts
from toolkit.analysis import Analysis
from toolkit.claims import Claim
from toolkit.definition_rules import DefinitionResult
from toolkit.estimands import ROPE
from toolkit.metric_swap import swap_metrics
from toolkit.report import html_tables as tables
from toolkit.report import sentences
from toolkit.report.curves import cell_intervals, exceedance, fitted_curves
from toolkit.report.definition_table import definition_table, metric_table
from toolkit.report.display import chart_html, show_html
from toolkit.report.estimand_table import cuts_table, estimand_table, not_run
from toolkit.report.robustness_file import claim_stability
from toolkit.report.stability_block import stability_block
from toolkit.support import Condition
from toolkit.verdict import Verdict

CELL_COLUMNS = ["checkpoint", "lm_family", "n_params", "shots", "n_items", "score", "low", "high"]
CURVE_COLUMNS = ["n_params", "mean", "low", "high", "shots"]


@dataclass(frozen=True)
class Cards:
    """What the cards of a study share: made once, not once for each claim."""

    analysis: Analysis
    cells: pd.DataFrame
    curves: pd.DataFrame
    definitions: Mapping[str, Sequence[DefinitionResult]]

    def card(self, verdict: Verdict) -> str:
        """Return one claim, open, with its folds closed."""
        claim = verdict.claim
        return (
            f'<details class="claim" open id="{html.escape(claim.slug, quote=True)}">'
            f"<summary><h3>{html.escape(claim.row)}</h3> {tables.badge(verdict.outcome)} "
            f'<span class="published">published: {html.escape(claim.published_verdict)}</span>'
            "</summary>"
            + _own_link(claim)
            + sentences.paragraphs(sentences.claim_sentence(verdict))
            + f'<div class="panels">{self._picture(verdict)}</div>'
            + tables.folds(
                tables.fold("Why, and what would decide it", _why(verdict)),
                tables.fold("Six estimands", self._estimands(verdict)),
                tables.fold("Under other definitions", definition_table(verdict, self.definitions)),
                tables.fold("Under other metrics", self._metrics(verdict)),
                tables.fold("Does it hold?", self._stability(verdict)),
                tables.fold("The claim as published", _published(verdict)),
            )
            + "</details>"
        )

    def _picture(self, verdict: Verdict) -> str:
        """Return the scores with the fitted curves, base and tuned checkpoints side by side."""
        claim = verdict.claim
        cells = self.cells[self.cells["task"] == claim.task]
        curves = self.curves[self.curves["task"] == claim.task]
        panels = []
        for tuned in (False, True):
            name = "instruction-tuned" if tuned else "base"
            some = cells[cells["instruction_tuned"] == tuned]
            if some.empty:
                continue
            curve = curves[curves["instruction_tuned"] == tuned]
            chart = charts.score_chart(
                some[CELL_COLUMNS],
                curve[CURVE_COLUMNS],
                float(some["chance"].iloc[0]),
                f"{claim.row}: {name} checkpoints",
                claim.threshold_n_params,
            )
            text = f"Scores of {name} checkpoints on {claim.row} against size, with fitted curves."
            rows = (
                some[CELL_COLUMNS].sort_values(["n_params", "checkpoint"]).itertuples(index=False)
            )
            data = tables.table(CELL_COLUMNS, rows, f"Scores, {name} checkpoints")
            panels.append(chart_html(chart, text, data))
        return "".join(panels)

    def _estimands(self, verdict: Verdict) -> str:
        found = claim_stability(self.analysis, verdict)
        larger = exceedance(self.analysis.jumps, verdict.claim.task).round(4)
        text = f"Probability that the jump on {verdict.claim.row} exceeds each size, by arm."
        chart = charts.exceedance_chart(larger, ROPE, "How large is the jump?")
        cuts = "".join(cuts_table(arm) for arm in found or () if arm.extrapolation)
        return (
            estimand_table(verdict, found, self.analysis.source.study.id)
            + f'<div class="one-panel">{chart_html(chart, text, tables.arm_table(verdict))}</div>'
            + cuts
        )

    def _metrics(self, verdict: Verdict) -> str:
        source = self.analysis.source
        return metric_table(swap_metrics(verdict.claim, source.scores, source.plan.prompt_format))

    def _stability(self, verdict: Verdict) -> str:
        found = claim_stability(self.analysis, verdict)
        if found is None or self.analysis.robustness is None:
            text = (
                f"{not_run(self.analysis.source.study.id)} Until then nothing is said about rival "
                "curves, other priors, influence and other specifications."
            )
            return sentences.paragraphs(text)
        specifications = self.analysis.robustness.tables["specifications"]
        return stability_block(verdict, found, specifications)


def cards_of(analysis: Analysis) -> Cards:
    """Return what the cards are made from."""
    settings: Mapping[str, Any] = analysis.fitted.provenance["settings"]
    return Cards(
        analysis,
        cell_intervals(analysis.source.record.frame).round(4),
        fitted_curves(analysis.fitted, settings["random_seed"]).round(4),
        analysis.definitions,
    )


def claim_cards(analysis: Analysis) -> None:
    """Show one card for each claim."""
    cards = cards_of(analysis)
    show_html("\n".join(cards.card(verdict) for verdict in analysis.verdicts))


def _own_link(claim: Claim) -> str:
    """Return the link to this very card, to be shared."""
    slug, row = (html.escape(text, quote=True) for text in (claim.slug, claim.row))
    label = f"#{slug}, link to the claim {row}"
    return f'<p class="claim-link"><a href="#{slug}" aria-label="{label}">#{slug}</a></p>'


def _why(verdict: Verdict) -> str:
    reasons = "".join(
        f"<li><code>{html.escape(reason.code)}</code> {html.escape(reason.text)}</li>"
        for reason in (*verdict.reasons, *verdict.cautions)
    )
    decide = verdict.next_measurement
    return (
        f"<ul>{reasons}</ul>"
        + (sentences.paragraphs(f"What would decide it: {decide}") if decide else "")
        + tables.gate_table(verdict)
        + condition_table(verdict.support)
    )


def condition_table(support: Sequence[Condition]) -> str:
    """Return the conditions that a verdict with a jump needs, met or not."""
    state = {True: "met", False: tables.marked("not met"), None: tables.marked("not looked at")}
    rows = [(state[each.met], each.code, each.finding) for each in support]
    return tables.table(("condition", "code", "finding"), rows, "What a jump must also stand on")


def _published(verdict: Verdict) -> str:
    claim = verdict.claim
    return sentences.paragraphs(
        f"Claimed before: {claim.prior_claim} ({claim.prior_source}.)",
        f"{claim.table} of {claim.paper_version}, row {claim.row}: {claim.study_claim}",
        f"Published verdict: {claim.published_verdict}.",
        sentences.attribution_sentence(verdict),
    )
