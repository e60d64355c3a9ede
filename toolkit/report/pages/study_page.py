"""What the cells of a study's page call: each function shows one part of the page."""

import html
from collections.abc import Sequence
from functools import cache
from math import isnan

import pandas as pd

from toolkit.analysis import Analysis, analyse
from toolkit.charts import jumps as charts
from toolkit.claims import Study
from toolkit.estimands import MATERIAL, ROPE
from toolkit.gates import Outcome
from toolkit.report import html_tables as tables
from toolkit.report import sentences
from toolkit.report.card.estimand_table import not_run
from toolkit.report.display import show_chart, show_html
from toolkit.report.downloads import command, file_list, study_files
from toolkit.report.numbers import NOT_MEASURED, counted, interval
from toolkit.reproduction import (
    SIDE,
    Reproduced,
    audit_replicates,
    read_repeats,
    reproduce,
    runs_of_record,
)
from toolkit.study import Profile, load_study_folder

# What may be known of a task; a study's table need not have them all.
TASK_COLUMNS = {
    "task": "task",
    "title": "title",
    "metric_of_record": "metric of record",
    "n_options": "options",
    "chance": "chance",
    "chance_source": "source of chance",
    "known_issue": "known issue",
}


@cache
def analysis_of(study: str, profile: Profile) -> Analysis:
    """Return the study's analysis; its draws come from the cache that the command has filled."""
    return analyse(load_study_folder(study), profile)


def summary(analysis: Analysis) -> None:
    """Show what was claimed and what we find, in three sentences."""
    show_html(
        sentences.paragraphs(
            sentences.claimed(analysis), sentences.found(analysis), sentences.decided(analysis)
        )
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
        text += f" Not reproduced: {', '.join(f'{row.subject} ({row.kind})' for row in failed)}."
    body = tables.fold("Every published quantity", tables.reproduction_table(rows))
    show_html(sentences.paragraphs(text) + tables.folds(body))


def _reproduced(analysis: Analysis) -> list[Reproduced]:
    source = analysis.source
    return reproduce(source.folder, source.scores, source.claims, source.plan.prompt_format)


def _reproduced_text(rows: Sequence[Reproduced]) -> str:
    agreed = sum(row.agrees for row in rows)
    sides = sum(row.kind == SIDE for row in rows)
    return (
        f"{agreed} of {len(rows)} published quantities are reproduced from the scores; {sides} of "
        "them only say on which side of the baseline the score lies that a claim rests on."
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
    numbers = pd.DataFrame(
        {"number": range(found.n_claims + 1), "probability": found.distribution}
    ).round(4)
    text = (
        f"Of {sentences.counted_tasks(found)}, {interval(found.count)} have a jump above "
        f"{MATERIAL} in the controlled arm."
    )
    show_chart(charts.survivors_chart(numbers, "How many jumps remain"), text)


def attribution(analysis: Analysis) -> None:
    """Show the split of each jump over few-shot prompting, tuning and their interaction."""
    parts = {
        "few_shot": "few-shot",
        "instruction_tuning": "instruction tuning",
        "interaction": "interaction",
    }
    rows = [
        {
            "label": v.claim.row,
            "series": name,
            "median": v.elicitation[part].median,
            "low": v.elicitation[part].ci_low,
            "high": v.elicitation[part].ci_high,
        }
        for v in analysis.verdicts
        for part, name in parts.items()
        if not isnan(v.elicitation[part].median)
    ]
    if not rows:
        text = f"{NOT_MEASURED.capitalize()}: no task has scores in all four arms."
        show_html(sentences.paragraphs(text))
        return
    chart = charts.forest_chart(
        pd.DataFrame(rows).round(4), ROPE, "Parts of the change in the jump"
    )
    text = "For each task the parts of the change in the jump, median and 90% interval."
    show_chart(chart, text, tables.attribution_table(analysis.verdicts))


def decidable(analysis: Analysis) -> None:
    """Show why claims are undetermined and the cheapest measurement that would decide them."""
    undecided = [v for v in analysis.verdicts if v.outcome is Outcome.UNDETERMINED]
    tally = [
        (code, sentences.REASON_IN_WORDS[code], count)
        for code, count in sentences.most_frequent_reasons(analysis.verdicts)
    ]
    shown = tables.table(("code", "because", "claims"), tally, "Why claims are undetermined")
    next_ones = tables.table(
        ("task", "cheapest further measurement"),
        [(v.claim.row, v.next_measurement or "") for v in undecided],
        "What would decide them",
    )
    body = tables.fold("What would decide each claim", next_ones)
    show_html(shown + tables.folds(body))


def replicate_audit(analysis: Analysis) -> None:
    """Show how far repeats of a cell agree."""
    source = analysis.source
    runs = read_repeats(source.folder)
    if runs is None:
        return
    of_record = runs_of_record(runs, source.scores, source.plan.prompt_format)
    groups = {"metric of record, as judged here": of_record}
    groups |= {f"{metric}, all": rows for metric, rows in runs.groupby("metric")}
    rows = []
    for name, some in groups.items():
        audit = audit_replicates(some)
        if audit.n_cells == 0:
            continue  # a metric without a repeated cell
        share = f"{audit.n_identical} of {audit.n_cells}"
        rows.append((name, share, f"{audit.variance_ratio:.3f}", f"{audit.icc:.3f}"))
    header = ("runs", "cells with identical repeats", "variance / binomial", "agreement (ICC)")
    show_html(tables.table(header, rows, "How far repeats of a cell agree"))


def data_choices(analysis: Analysis) -> None:
    """Show the study's data choices, its limits, and what is known of each task."""
    source = analysis.source
    study, tasks = source.study, source.scores.tasks
    choices = [text for text in (*study.data_choices, source.said_of_sizes) if text]
    lists = [
        f"<h3>{title}</h3><ul>{''.join(f'<li>{html.escape(text)}</li>' for text in texts)}</ul>"
        for title, texts in (("Choices", choices), ("Limits", study.limits))
    ]
    known = {name: title for name, title in TASK_COLUMNS.items() if name in tasks}
    body = tasks[list(known)].astype(object).fillna("").itertuples(index=False)
    header = tuple(known.values())
    every = tables.fold("What is known of each task", tables.table(header, body, "Tasks"))
    show_html("".join(lists) + tables.folds(every))


def downloads(analysis: Analysis) -> None:
    """Show the files that this page carries."""
    show_html(file_list(study_files(analysis)))


def provenance(analysis: Analysis) -> None:
    """Show what made this page: command, settings, versions, hashes, licence."""
    study, made = analysis.source.study, analysis.fitted.provenance
    rows = [
        ("cite", _citation(study)),
        ("at", f"{study.url}, BibTeX key {study.bibtex_key}"),
        ("command", f"make report ({command(analysis)})"),
        ("scores", f"{study.provenance.repository} at {study.provenance.commit}"),
        ("upstream file", f"{study.provenance.file}, sha256 {study.provenance.sha256}"),
        ("licence of the scores", f"{study.licence}. {study.attribution}"),
        ("fit", f"{made['hash']}, model '{made['model']}', profile {analysis.profile}"),
        ("settings", ", ".join(f"{k} {v}" for k, v in made["settings"].items())),
        ("libraries", ", ".join(f"{k} {v}" for k, v in made["versions"].items())),
        ("python", made["python"]),
        ("draws made", made["made"]),
        ("robustness", _robustness_made(analysis)),
    ]
    show_html(tables.table(("what", "value"), rows, "How this page was made"))


def _robustness_made(analysis: Analysis) -> str:
    if analysis.robustness is None:
        return not_run(analysis.source.study.id)
    kept = analysis.robustness.provenance
    return f"emergence robustness {analysis.source.study.id}: {kept['key']}, made {kept['made']}"


def _citation(study: Study) -> str:
    """Return the study as a reference; a title that ends with a sign gets no full stop."""
    title = study.title if study.title.endswith(("?", "!", ".")) else f"{study.title}."
    return f"{study.authors} ({study.year}). {title} {study.venue}. {study.version}."
