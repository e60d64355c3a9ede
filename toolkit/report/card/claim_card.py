"""A claim as a card: its verdict, one picture, and everything else folded below it."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import pandas as pd

from toolkit.analysis.analyse import Analysis
from toolkit.charts import jumps as charts
from toolkit.definitions.rules import DefinitionResult
from toolkit.estimands.estimate import MATERIAL, ROPE
from toolkit.report import html_tables as tables
from toolkit.report import sentences
from toolkit.report.card import card_sentences
from toolkit.report.card.change_of_mind import mind_block, strip_block, tried_rows
from toolkit.report.card.curves import exceedance
from toolkit.report.card.definition_table import definition_table, metric_table
from toolkit.report.card.estimand_table import estimand_table
from toolkit.report.card.foretold import foretold_block
from toolkit.report.card.jump_parts import parts_block
from toolkit.report.card.score_panels import Panels, panels_of
from toolkit.report.card.stability_block import stability_block
from toolkit.report.display import chart_html, show_html
from toolkit.report.robustness_file import claim_stability
from toolkit.robustness.stability import ArmStability
from toolkit.study.claims import Claim
from toolkit.verdict.rules import Verdict
from toolkit.verdict.support import Condition

# How a claim held, arm by arm; None where its study's robustness was not run.
Found: TypeAlias = tuple[ArmStability, ...] | None


@dataclass(frozen=True)
class Cards:
    """What the cards of a study share: made once, not once for each claim."""

    analysis: Analysis
    panels: Panels
    definitions: Mapping[str, Sequence[DefinitionResult]]

    def card(self, verdict: Verdict) -> str:
        """Return one claim, open, with its folds closed."""
        claim, kept = verdict.claim, self.analysis.robustness
        found = claim_stability(self.analysis, verdict)
        tried = None if kept is None else tried_rows(verdict, kept)
        return (
            _head(verdict)
            + _own_link(claim)
            + sentences.paragraphs(
                sentences.claim_sentence(verdict),
                card_sentences.why_sentence(verdict),
                *filter(None, [card_sentences.caution_sentence(verdict)]),
            )
            + self.panels.of(claim)
            + tables.folds(
                tables.fold("Why", _why(verdict)),
                tables.fold("What would change our mind", mind_block(verdict, tried)),
                tables.fold("The jump and its parts", self._jump(verdict)),
                *self._robust(verdict, found, tried),
                tables.fold("Six estimands", self._estimands(verdict, found)),
                tables.fold("Under other definitions", definition_table(verdict, self.definitions)),
                tables.fold("Under other metrics", metric_table(self.analysis.metrics[claim.slug])),
                tables.fold("The claim as published", _published(verdict)),
            )
            + "</details>"
        )

    def _jump(self, verdict: Verdict) -> str:
        """Return the posterior of the jump by arm, and the jump taken apart."""
        claim, jumps = verdict.claim, self.analysis.jumps
        larger = exceedance(jumps, claim.task).round(4)
        text = f"Probability that the jump on {claim.row} exceeds each size, by arm."
        title = f"{claim.row}: how large is the jump?"
        chart = charts.exceedance_chart(larger, ROPE, title)
        posterior = chart_html(chart, text, tables.arm_table(verdict))
        kept = self.analysis.robustness
        specifications = None if kept is None else kept.tables["specifications"]
        own = jumps.sel(task=claim.task, drop=True)
        return (
            sentences.paragraphs(EXCEEDANCE)
            + f'<div class="one-panel">{posterior}</div>'
            + parts_block(claim, own, specifications)
        )

    def _estimands(self, verdict: Verdict, found: Found) -> str:
        return estimand_table(verdict, found, self.analysis.source.study.id)

    def _robust(
        self, verdict: Verdict, found: Found, tried: pd.DataFrame | None
    ) -> tuple[str, ...]:
        """Return the folds that rest on fits besides this one, where those were made."""
        kept = self.analysis.robustness
        if found is None or kept is None or tried is None:
            return ()
        foretold = foretold_block(verdict.claim, found, kept.tables["extrapolation"])
        stable = stability_block(verdict, found, kept.tables["specifications"])
        return (
            tables.fold("Foretold and seen", foretold),
            tables.fold("Does it hold?", strip_block(verdict, tried) + stable),
        )


EXCEEDANCE = (
    "The posterior of the jump, arm by arm: the probability that it is larger than each size. The "
    f"grey zone, up to {MATERIAL}, counts as nothing; where a line leaves it is the "
    "probability that verdicts rest on, which must reach the dotted line."
)


def cards_of(analysis: Analysis) -> Cards:
    """Return what the cards are made from."""
    return Cards(analysis, panels_of(analysis), analysis.definitions)


def claim_cards(analysis: Analysis) -> None:
    """Show one card for each claim."""
    cards = cards_of(analysis)
    show_html("\n".join(cards.card(verdict) for verdict in analysis.verdicts))


def _head(verdict: Verdict) -> str:
    claim = verdict.claim
    return (
        f'<details class="claim" open id="{html.escape(claim.slug, quote=True)}">'
        f"<summary><h3>{html.escape(claim.row)}</h3> {tables.badge(verdict.outcome)} "
        f'<span class="published">published: {html.escape(claim.published_verdict)}</span>'
        "</summary>"
    )


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
    return f"<ul>{reasons}</ul>" + tables.gate_table(verdict) + condition_table(verdict.support)


def condition_table(support: Sequence[Condition]) -> str:
    """Return the conditions that a verdict needs besides, met or not."""
    state = {True: "met", False: tables.marked("not met"), None: tables.marked("not looked at")}
    rows = [(state[each.met], each.code, each.finding) for each in support]
    return tables.table(("condition", "code", "finding"), rows, "What it must also stand on")


def _published(verdict: Verdict) -> str:
    claim = verdict.claim
    before = "Said before" if claim.claim_set == "control" else "Claimed before"
    return sentences.paragraphs(
        f"{before}: {claim.prior_claim} ({claim.prior_source}.)",
        *filter(None, [card_sentences.size_sentence(claim)]),
        f"{claim.table} of {claim.paper_version}, row {claim.row}: {claim.study_claim}",
        f"Published verdict: {claim.published_verdict}.",
    )
