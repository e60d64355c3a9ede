"""What the cells of the index page call."""

from math import isnan

import pandas as pd

from toolkit.analysis import Analysis
from toolkit.charts import jumps as charts
from toolkit.estimands import MATERIAL
from toolkit.gates import Outcome
from toolkit.report import html_tables as tables
from toolkit.report import sentences
from toolkit.report.display import show_chart, show_html
from toolkit.report.downloads import file_list, site_files
from toolkit.report.numbers import NOT_MEASURED, counted, interval
from toolkit.report.pages import claims_map as maps
from toolkit.report.pages.certificate_page import certified_names
from toolkit.report.pages.study_page import analysis_of
from toolkit.study import Profile
from toolkit.verdict import Verdict
from toolkit.wording import listed


def analyses_of(studies: list[str], profile: Profile) -> list[Analysis]:
    """Return the analyses of bundled studies or study folders."""
    return [analysis_of(name, profile) for name in studies]


def answer(analyses: list[Analysis]) -> None:
    """Show the answer over all studies in three sentences, and what stands behind it."""
    counts = {o: sum(a.counts[o] for a in analyses) for o in Outcome}
    measured = [a for a in analyses if a.headline.n_claims]
    kept = "; ".join(f"{a.source.study.short_title}, {_kept(a)}" for a in measured)
    others = [a.source.study.short_title for a in analyses if not a.headline.n_claims]
    elsewhere = f" {listed(others)} did not score the controlled arm." if others else ""
    second = (
        f"As far as the fitted curves tell a bend from a step, jumps of more than {MATERIAL} left "
        f"after controls (median and 90% interval): {kept or NOT_MEASURED}.{elsewhere} An "
        "undetermined claim may still have one, whatever the fit says."
    )
    undecided = [v for _, v in _undecided(analyses)]
    reasons = sentences.most_frequent_reasons(undecided)[:2]
    because = " and ".join(
        f"{sentences.REASON_IN_WORDS[code]} ({counted(number, 'claim')})"
        for code, number in reasons
    )
    third = (
        f"What keeps most undetermined claims open: {because}."
        if undecided
        else "No claim is left undetermined."
    )
    first = sentences.judged(counts, len(analyses), sum(a.n_claimed for a in analyses))
    said = sentences.paragraphs(first, second, third, _behind(analyses))
    show_html(f'<div class="answer">{said}</div>')


def _behind(analyses: list[Analysis]) -> str:
    """Return what stands behind the verdicts besides one fit of each study."""
    robust = [a.source.study.short_title for a in analyses if a.robustness is not None]
    certified = certified_names(analyses)
    return (
        "Rival curves, other priors and other specifications were fitted for "
        f"{listed(robust) or 'no study yet'}; without them no claim is given a jump. How often "
        "such verdicts are right is known from simulated studies of "
        f"{listed(certified) or 'no design yet'}."
    )


def _undecided(analyses: list[Analysis]) -> list[tuple[Analysis, Verdict]]:
    return [(a, v) for a in analyses for v in a.verdicts if v.outcome is Outcome.UNDETERMINED]


def _kept(analysis: Analysis) -> str:
    """Return on how many tasks a material jump remains, of those scored in the controlled arm."""
    found = analysis.headline
    if not found.n_claims:
        return NOT_MEASURED
    unsure = sum(
        v.outcome is Outcome.UNDETERMINED
        for v in analysis.verdicts
        if found.claim_set in (None, v.claim.claim_set)
        and not isnan(v.estimates["p_residual_jump"].median)
    )
    return (
        f"{interval(found.count)} of {sentences.counted_tasks(found)}, of which {unsure} "
        f"{'is' if unsure == 1 else 'are'} undetermined"
    )


def claims(analyses: list[Analysis]) -> None:
    """Show every claim of every study as a map and as a table, with one filter for both."""
    show_html(
        maps.claims_filter(analyses) + maps.claims_map(analyses) + maps.claims_table(analyses)
    )


def deciding(analyses: list[Analysis]) -> None:
    """Show what would decide the undetermined claims, what helps most of them first."""
    undecided = _undecided(analyses)
    wanted: dict[tuple[str, str], list[tuple[Analysis, Verdict]]] = {}
    for analysis, verdict in undecided:
        key = (analysis.source.study.short_title, verdict.next_measurement or "")
        wanted.setdefault(key, []).append((analysis, verdict))
    ordered = sorted(wanted.items(), key=lambda item: -len(item[1]))
    most, study = (len(ordered[0][1]), ordered[0][0][0]) if ordered else (0, "")
    rows = [
        (
            tables.link(maps.page_of(of[0][0]), name),
            what,
            len(of),
            tables.Markup(
                ", ".join(tables.link(maps.claim_link(a, v), v.claim.row) for a, v in of)
            ),
        )
        for (name, what), of in ordered
    ]
    shown = tables.table(
        ("study", "cheapest further measurement", "claims", "which"), rows, "What would decide them"
    )
    text = sentences.paragraphs(sentences.deciding(len(undecided), most, study))
    show_html(text + (shown if rows else ""))


def studies_table(analyses: list[Analysis]) -> None:
    """Show each study with its verdict counts and a link to its page."""
    rows = [
        (
            tables.link(maps.page_of(a), a.source.study.short_title),
            a.source.study.question,
            *a.counts.values(),
            _kept(a),
        )
        for a in analyses
    ]
    header = (
        "study", "question", *(outcome.value for outcome in Outcome),
        "jumps left after controls [90%]",
    )  # fmt: skip
    show_html(tables.table(header, rows, "Studies"))


def survivors(analyses: list[Analysis]) -> None:
    """Show the posterior of how many jumps remain, study by study."""
    for a in analyses:
        found = a.headline
        if not found.n_claims:
            continue
        numbers = pd.DataFrame(
            {"number": range(found.n_claims + 1), "probability": found.distribution}
        ).round(4)
        of = sentences.counted_tasks(found)
        title = f"{a.source.study.short_title}: jumps that remain, of {of}"
        text = f"{title}: {interval(found.count)}, median and 90% interval."
        data = tables.table(("number", "probability"), numbers.itertuples(index=False), title)
        show_chart(charts.survivors_chart(numbers, title), text, data)


def meanings() -> None:
    """Show what each verdict means."""
    rows = [(tables.badge_link(outcome), sentences.meaning(outcome)) for outcome in Outcome]
    show_html(tables.table(("verdict", "meaning"), rows, "What the verdicts mean"))


def downloads(analyses: list[Analysis]) -> None:
    """Show the files of this page, and where the rest is."""
    beside = (
        '<p>All verdicts with everything they rest on: <a href="verdicts.json" download>'
        "verdicts.json</a>, beside this page. The files below are inside this page itself.</p>"
    )
    show_html(beside + file_list(site_files(analyses)))
