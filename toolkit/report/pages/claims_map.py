"""All claims of all studies at once: a map to look at, a filter, and a table to read.

Plain HTML, so that it is there without scripts; the page's script shows the filter and applies it
to map and table together.
"""

import html
from collections.abc import Sequence
from math import isnan

from toolkit.analysis.analyse import Analysis
from toolkit.report import html_tables as tables
from toolkit.report.html_tables import BADGES
from toolkit.report.sentences import PUBLISHED, shown_jump, square_words
from toolkit.verdict.gates import Outcome
from toolkit.verdict.rules import Verdict

HEADER = ("task", "study", "published verdict", "our verdict", *tables.JUMP_HEADER)
# Per cent of a square's width: a bar of any length says that the arm was scored.
BAR_MIN = 15


def page_of(analysis: Analysis) -> str:
    """Return the name of a study's page."""
    return f"{analysis.source.study.id}.html"


def claim_link(analysis: Analysis, verdict: Verdict) -> str:
    """Return where a claim's card is, from beside the study's page."""
    return f"{page_of(analysis)}#{verdict.claim.slug}"


def claims_filter(analyses: Sequence[Analysis]) -> str:
    """Return the form that filters map and table; styles hide it where no script can apply it.

    It is there from the start, as the script finds it: shown later, it would move what is below.
    """
    present = [o for o in Outcome if any(a.counts[o] for a in analyses)]
    boxes = "".join(
        f'<label><input type="checkbox" value="{outcome.name}" checked> '
        f"{tables.badge(outcome)}</label>"
        for outcome in present
    )
    options = "".join(
        f'<option value="{html.escape(a.source.study.id, quote=True)}">'
        f"{html.escape(a.source.study.short_title)}</option>"
        for a in analyses
    )
    n = sum(len(a.verdicts) for a in analyses)
    return (
        '<form class="claims-filter" role="search" aria-label="Filter the claims">'
        '<label class="words">Search <input type="search" placeholder="task, paper, reason" '
        'autocomplete="off"></label>'
        f'<label class="words">Study <select><option value="">all</option>{options}</select>'
        f"</label><fieldset><legend>Verdict</legend>{boxes}</fieldset>"
        f'<button type="reset">Show all</button><span role="status">{n} of {n} claims</span></form>'
    )


def claims_map(analyses: Sequence[Analysis]) -> str:
    """Return a square for each claim, study by study: colour and sign say the verdict."""
    rows = "".join(_study_row(analysis) for analysis in analyses)
    return (
        f'<div class="claims-map">{rows}'
        '<p class="map-words" aria-hidden="true">Point at a square, or go there by Tab.</p></div>'
    )


def _study_row(analysis: Analysis) -> str:
    study = analysis.source.study
    cells = "".join(f"<li>{_square(analysis, verdict)}</li>" for verdict in analysis.verdicts)
    label = html.escape(f"Claims of {study.short_title}", quote=True)
    return (
        f'<div class="map-row"><h3>{tables.link(page_of(analysis), study.short_title)}</h3>'
        f'<ul aria-label="{label}">{cells}</ul></div>'
    )


def _square(analysis: Analysis, verdict: Verdict) -> str:
    """Return one claim; its bar is as long as the probability of a jump after controls.

    Of the jump as published, and hollow, where nothing was scored after controls.
    """
    words = html.escape(square_words(verdict, analysis.source.study.short_title))
    where, _, p = shown_jump(verdict)
    kind = BADGES[verdict.outcome] + (" hollow" if where == PUBLISHED else "")
    bar = "" if isnan(p.median) else f' style="--p:{max(100 * p.median, BAR_MIN):.0f}%"'
    target = html.escape(claim_link(analysis, verdict), quote=True)
    return (
        f'<a class="claim-cell {kind}" href="{target}" title="{words}"{bar} '
        f"{_marks(analysis, verdict)}>"
        f'<span class="visually-hidden">{words}</span></a>'
    )


def _rank(p: float) -> tuple[bool, float]:
    return isnan(p), -p


def claims_table(analyses: Sequence[Analysis]) -> str:
    """Return every claim of every study, published beside ours, the likeliest jumps first."""
    of = [(analysis, verdict) for analysis in analyses for verdict in analysis.verdicts]
    of.sort(key=lambda pair: _rank(shown_jump(pair[1])[-1].median))
    rows = [
        (
            tables.link(claim_link(a, v), v.claim.row),
            tables.link(page_of(a), a.source.study.short_title),
            v.claim.published_verdict,
            tables.badge_link(v.outcome),
            *tables.jump_cells(v),
        )
        for a, v in of
    ]
    marks = [_marks(analysis, verdict) for analysis, verdict in of]
    shown = tables.table(HEADER, rows, tables.BESIDE, marks)
    return f'<div class="claims-list">{shown}</div>'


def _marks(analysis: Analysis, verdict: Verdict) -> str:
    """Return the attributes that the filter reads."""
    claim, study = verdict.claim, analysis.source.study
    reasons = [f"{reason.code} {reason.text}" for reason in verdict.reasons]
    words = " ".join(
        (claim.row, claim.task, study.short_title, study.authors, claim.published_verdict,
         verdict.outcome.value, *dict.fromkeys(reasons))
    )  # fmt: skip
    return (
        f'data-claim="{html.escape(words.lower(), quote=True)}" '
        f'data-study="{html.escape(study.id, quote=True)}" data-verdict="{verdict.outcome.name}"'
    )
