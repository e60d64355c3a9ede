"""What a study's page says of its data and of how it was made: choices, limits, repeats, files."""

import html

from toolkit.analysis.analyse import Analysis
from toolkit.analysis.reproduction import audit_replicates, read_repeats, runs_of_record
from toolkit.report import html_tables as tables
from toolkit.report.card.estimand_table import not_run
from toolkit.report.display import show_html
from toolkit.report.downloads import command, file_list, study_files
from toolkit.study.claims import Study

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
        ("at", tables.outside_link(study.url)),
        ("BibTeX key", study.bibtex_key),
        ("command", f"make report ({command(analysis)})"),
        ("scores", tables.outside_link(study.provenance.repository)),
        ("their version", study.provenance.commit),
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
