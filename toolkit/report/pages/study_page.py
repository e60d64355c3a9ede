"""What the cells of a study's page call: each function shows one part of the page."""

import html
from collections.abc import Sequence
from functools import cache
from math import isnan

import pandas as pd

from toolkit.analysis.analyse import Analysis, Survivors, analyse
from toolkit.analysis.reproduction import SIDE, Reproduced, reproduce
from toolkit.analysis.study_folder import Profile, load_study_folder
from toolkit.charts import jumps as charts
from toolkit.estimands.estimate import MATERIAL, ROPE, Estimate
from toolkit.report import html_tables as tables
from toolkit.report import sentences
from toolkit.report.display import show_chart, show_html
from toolkit.report.numbers import NOT_MEASURED, counted, interval
from toolkit.report.pages.certificate_page import error_rates
from toolkit.report.reason_words import REASON_IN_WORDS
from toolkit.verdict.gates import Outcome

# Numbers of jumps beyond the last that is as likely as this are not drawn.
LEAST_SHOWN = 0.0005
# Parts of a jump that surely are smaller are not drawn.
PART_SHOWN = 0.01


@cache
def analysis_of(study: str, profile: Profile) -> Analysis:
    """Return the study's analysis; its draws come from the cache that the command has filled."""
    return analyse(load_study_folder(study), profile)


def summary(analysis: Analysis) -> None:
    """Show what was claimed and what we find, in three sentences, and how often that is wrong."""
    rates = html.escape(error_rates([analysis]))
    show_html(
        sentences.paragraphs(
            sentences.claimed(analysis), sentences.found(analysis), sentences.decided(analysis)
        )
        + f'<p>{rates} <a href="#sec-certificate">More of this</a>.</p>'
    )


def profile_note(analysis: Analysis) -> None:
    """Show a warning on pages whose fit is a quick one or is not to be trusted."""
    notes = []
    if analysis.profile == "quick":
        notes.append("Quick profile: too few draws for a verdict. Do not cite these numbers.")
    if analysis.sampler.passed is not True:
        worst = "; ".join(check.text for check in analysis.sampler.failures)
        notes.append(f"The sampler's checks did not all pass ({worst}): nothing is decided.")
    if notes:
        body = "".join(f"<p><strong>{html.escape(note)}</strong></p>" for note in notes)
        show_html(f'<div class="callout callout-warning" role="note">{body}</div>')


def reproduction(analysis: Analysis) -> None:
    """Show which published quantities come out of the scores; the table is folded."""
    rows = _reproduced(analysis)
    failed = [row for row in rows if not row.agrees]
    text = _reproduced_text(rows)
    if failed:
        text += f" Not borne out: {', '.join(f'{row.subject} ({row.kind})' for row in failed)}."
    body = tables.fold("Every statement", tables.reproduction_table(rows))
    show_html(sentences.paragraphs(text) + tables.folds(body))


def _reproduced(analysis: Analysis) -> list[Reproduced]:
    source = analysis.source
    return reproduce(source.folder, source.scores, source.claims, source.plan.prompt_format)


def _reproduced_text(rows: Sequence[Reproduced]) -> str:
    agreed = sum(row.agrees for row in rows)
    sides = sum(row.kind == SIDE for row in rows)
    return (
        f"The scores agree with {agreed} of {len(rows)} published statements; {sides} of them only "
        "say on which side of the baseline the score lies that a claim rests on."
    )


def verdicts(analysis: Analysis) -> None:
    """Show the table of verdicts, published beside ours, and how many got each."""
    first = sentences.paragraphs(_reproduced_text(_reproduced(analysis)))
    counts = tables.fold("What the verdicts mean", tables.count_table(analysis.counts))
    show_html(first + tables.verdict_table(analysis) + tables.folds(counts))


def survivors(analysis: Analysis) -> None:
    """Show the posterior of the number of tasks on which a jump remains."""
    found = analysis.headline
    if not found.n_claims:
        tasks = counted(found.n_unmeasured, "task")
        text = f"No jump can be counted: the controlled arm of {tasks} was not scored."
        show_html(sentences.paragraphs(text))
        return
    numbers = likely_numbers(found)
    text = (
        f"Of {sentences.counted_tasks(found)}, {interval(found.count)} have a jump above "
        f"{MATERIAL} in the controlled arm."
    )
    show_chart(charts.survivors_chart(numbers, "How many jumps remain"), text)


def likely_numbers(found: Survivors) -> pd.DataFrame:
    """Return the posterior of a number of jumps, up to the last that is at all likely."""
    last = max(k for k, p in enumerate(found.distribution) if p >= LEAST_SHOWN)
    shown = found.distribution[: last + 1]
    return pd.DataFrame({"number": range(len(shown)), "probability": shown}).round(4)


def attribution(analysis: Analysis) -> None:
    """Show the split of each jump over few-shot prompting, tuning and their interaction."""
    parts = {
        "few_shot": "few-shot",
        "instruction_tuning": "instruction tuning",
        "interaction": "interaction",
    }
    known = [v for v in analysis.verdicts if not isnan(v.elicitation["interaction"].median)]
    if not known:
        text = f"{NOT_MEASURED.capitalize()}: no task has scores in all four arms."
        show_html(sentences.paragraphs(text))
        return
    shown = [v for v in known if any(_reaches(v.elicitation[part]) for part in parts)]
    every = tables.attribution_table(known)
    said = (
        f"Of {counted(len(known), 'task')} scored in all four arms, {len(shown)} "
        f"{'has' if len(shown) == 1 else 'have'} a part whose 90% interval reaches "
        f"{100 * PART_SHOWN:.0f} point."
    )
    show_html(sentences.paragraphs(said))
    if not shown:
        show_html(tables.folds(tables.fold("Every task", every)))
        return
    rows = [
        {
            "label": v.claim.row,
            "series": name,
            "median": v.elicitation[part].median,
            "low": v.elicitation[part].ci_low,
            "high": v.elicitation[part].ci_high,
        }
        for v in shown
        for part, name in parts.items()
    ]
    chart = charts.forest_chart(
        pd.DataFrame(rows).round(4), ROPE, "Parts of the change in the jump"
    )
    text = (
        "For these tasks the parts of the change in the jump: a point is the median, a bar the 90% "
        f"interval; the grey zone, up to {MATERIAL}, counts as nothing."
    )
    show_html(sentences.paragraphs(text))
    show_chart(chart, text, every)


def _reaches(part: Estimate) -> bool:
    """Return whether a part may be more than next to nothing."""
    return max(abs(part.ci_low), abs(part.ci_high)) >= PART_SHOWN


def decidable(analysis: Analysis) -> None:
    """Show why claims are undetermined and the least that would open what is closed."""
    undecided = [v for v in analysis.verdicts if v.outcome is Outcome.UNDETERMINED]
    tally = [
        (code, REASON_IN_WORDS[code], count)
        for code, count in sentences.most_frequent_reasons(analysis.verdicts)
    ]
    shown = tables.table(("code", "because", "claims"), tally, "Why claims are undetermined")
    next_ones = tables.table(
        ("task", "the least that would open it"),
        [(v.claim.row, v.next_measurement or "") for v in undecided],
        "What would decide them",
    )
    body = tables.fold("What would decide each claim", next_ones)
    show_html(shown + tables.folds(body))
