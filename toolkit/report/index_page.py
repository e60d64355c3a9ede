"""What the cells of the index page call."""

import html

import pandas as pd

from toolkit import charts
from toolkit.analysis import Analysis, Profile
from toolkit.estimands import ROPE
from toolkit.gates import Outcome
from toolkit.report import html_tables as tables
from toolkit.report import sentences
from toolkit.report.display import show_chart, show_html
from toolkit.report.numbers import NOT_MEASURED, counted, interval
from toolkit.report.study_page import analysis_of


def analyses_of(studies: list[str], profile: Profile) -> list[Analysis]:
    """Return the analyses of bundled studies or study folders."""
    return [analysis_of(name, profile) for name in studies]


def answer(analyses: list[Analysis]) -> None:
    """Show the answer over all studies in three sentences."""
    n_claims = sum(len(a.verdicts) for a in analyses)
    counts = {o: sum(a.counts[o] for a in analyses) for o in Outcome}
    judged = ", ".join(f"{n} {outcome.value}" for outcome, n in counts.items())
    first = (
        f"{counted(len(analyses), 'study')[:-1] + 'ies' if len(analyses) > 1 else '1 study'} with "
        f"{counted(n_claims, 'claim')} re-analysed: {judged}."
    )
    kept = "; ".join(f"{_kept(a)} in {a.source.study.short_title}" for a in analyses)
    second = (
        "Claimed jumps with more than "
        f"{100 * ROPE:.0f} points left after controls (median and 90% interval): {kept}."
    )
    undecided = [v for a in analyses for v in a.verdicts if v.outcome is Outcome.UNDETERMINED]
    reasons = sentences.most_frequent_reasons(undecided)[:2]
    because = " and ".join(
        f"{sentences.REASON_IN_WORDS[code]} ({number} claims)" for code, number in reasons
    )
    third = (
        f"What keeps most undetermined claims open: {because}."
        if undecided
        else "No claim is left undetermined."
    )
    show_html(sentences.paragraphs(first, second, third))


def _kept(analysis: Analysis) -> str:
    """Return how many claimed jumps keep a material one, of those scored in the controlled arm."""
    found = analysis.headline
    return f"{interval(found.count)} of {found.n_claims}" if found.n_claims else NOT_MEASURED


def studies_table(analyses: list[Analysis]) -> None:
    """Show each study with its verdict counts and a link to its page."""
    rows = [
        (
            tables.link(f"{a.source.study.id}.html", a.source.study.short_title),
            a.source.study.question,
            *a.counts.values(),
        )
        for a in analyses
    ]
    header = ("study", "question", *(outcome.value for outcome in Outcome))
    show_html(tables.table(header, rows, "Studies"))


def claims_table(analyses: list[Analysis]) -> None:
    """Show every claim of every study."""
    parts = []
    for a in analyses:
        title = html.escape(a.source.study.short_title)
        parts.append(f"<h3>{title}</h3>" + tables.verdict_table(a, f"{a.source.study.id}.html"))
    show_html("".join(parts))


def survivors(analyses: list[Analysis]) -> None:
    """Show the posterior of how many claimed jumps remain, study by study."""
    for a in analyses:
        found = a.headline
        if not found.n_claims:
            continue
        numbers = pd.DataFrame(
            {"number": range(found.n_claims + 1), "probability": found.distribution}
        ).round(4)
        title = f"{a.source.study.short_title}: how many of {found.n_claims} claimed jumps remain"
        text = f"{title}: {interval(found.count)}, median and 90% interval."
        data = tables.table(("number", "probability"), numbers.itertuples(index=False), title)
        show_chart(charts.survivors_chart(numbers, title), text, data)


def meanings() -> None:
    """Show what each verdict means."""
    rows = [(tables.badge(outcome), sentences.meaning(outcome)) for outcome in Outcome]
    show_html(tables.table(("verdict", "meaning"), rows, "What the verdicts mean"))
