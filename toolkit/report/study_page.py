"""What the cells of a study's page call: each function shows one part of the page."""

import html
from functools import cache

import pandas as pd

from toolkit import charts
from toolkit.analysis import Analysis, Profile, analyse, load_study_folder
from toolkit.estimands import ROPE
from toolkit.gates import Outcome
from toolkit.report import html_tables as tables
from toolkit.report import sentences
from toolkit.report.curves import cell_intervals, exceedance, fitted_curves
from toolkit.report.display import chart_html, show_chart, show_html
from toolkit.report.numbers import interval
from toolkit.reproduction import audit_replicates, read_repeats, reproduce, runs_of_record
from toolkit.verdict import Verdict

CELL_COLUMNS = ["checkpoint", "lm_family", "n_params", "shots", "n_items", "score", "low", "high"]
CURVE_COLUMNS = ["n_params", "mean", "low", "high", "shots"]


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
    """Show which published quantities come out of the scores."""
    source = analysis.source
    rows = reproduce(source.folder, source.scores, source.claims, source.plan.prompt_format)
    failed = [row for row in rows if not row.agrees]
    text = f"{len(rows) - len(failed)} of {len(rows)} published quantities are reproduced."
    if failed:
        text += f" Not reproduced: {', '.join(f'{row.subject} ({row.kind})' for row in failed)}."
    show_html(sentences.paragraphs(text) + tables.reproduction_table(rows))


def verdicts(analysis: Analysis) -> None:
    """Show the table of verdicts, published beside ours."""
    show_html(tables.count_table(analysis.counts) + tables.verdict_table(analysis))


def survivors(analysis: Analysis) -> None:
    """Show the posterior of the number of claims that keep a jump."""
    prior = analysis.survivors("prior")
    numbers = pd.DataFrame(
        {"number": range(prior.n_claims + 1), "probability": prior.distribution}
    ).round(4)
    text = (
        f"Of {prior.n_claims} claimed jumps, {interval(prior.count)} exceed "
        f"{100 * ROPE:.0f} points in the controlled arm."
    )
    show_chart(charts.survivors_chart(numbers, "How many claimed jumps remain"), text)


def claim_cards(analysis: Analysis) -> None:
    """Show one card for each claim: sentence, pictures, gates, what would decide it."""
    curves = fitted_curves(
        analysis.posterior,
        analysis.fitted.design,
        analysis.fitted.provenance["settings"]["random_seed"],
    ).round(4)
    cells = cell_intervals(analysis.source.record.frame).round(4)
    cards = [_card(analysis, verdict, cells, curves) for verdict in analysis.verdicts]
    show_html("\n".join(cards))


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
    ]
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
    show_html(
        tables.table(("code", "because", "claims"), tally, "Why claims are undetermined")
        + tables.table(
            ("task", "cheapest further measurement"),
            [(v.claim.row, v.next_measurement or "") for v in undecided],
            "What would decide them",
        )
    )


def diagnostics(analysis: Analysis) -> None:
    """Show the checks of the fit, and of every reported quantity in brief."""
    own = [check for v in analysis.verdicts for check in v.diagnosis.checks]
    failed = sum(check.passed is not True for check in own)
    text = (
        f"Of {len(own)} checks behind the {len(analysis.verdicts)} verdicts {failed} did not pass. "
        "A verdict is given only where all of its checks pass."
    )
    show_html(sentences.paragraphs(text) + tables.check_table(analysis.sampler.checks))


def replicate_audit(analysis: Analysis) -> None:
    """Show how far repeats of a cell agree."""
    source = analysis.source
    if not (source.folder / "repeats.csv").exists():
        return
    runs = read_repeats(source.folder)
    of_record = runs_of_record(runs, source.scores, source.plan.prompt_format)
    groups = {"metric of record, as judged here": of_record}
    groups |= {f"{metric}, all": rows for metric, rows in runs.groupby("metric")}
    rows = []
    for name, some in groups.items():
        audit = audit_replicates(some)
        share = f"{audit.n_identical} of {audit.n_cells}"
        rows.append((name, share, f"{audit.variance_ratio:.3f}", f"{audit.icc:.3f}"))
    header = ("runs", "cells with identical repeats", "variance / binomial", "agreement (ICC)")
    show_html(tables.table(header, rows, "How far repeats of a cell agree"))


def data_choices(analysis: Analysis) -> None:
    """Show the study's data choices, its limits, and what is known of each task."""
    study, tasks = analysis.source.study, analysis.source.scores.tasks
    lists = [
        f"<h3>{title}</h3><ul>{''.join(f'<li>{html.escape(text)}</li>' for text in texts)}</ul>"
        for title, texts in (("Choices", study.data_choices), ("Limits", study.limits))
    ]
    rows = tasks[
        ["title", "metric_of_record", "n_options", "chance", "chance_source", "known_issue"]
    ]
    header = ("task", "metric of record", "options", "chance", "source of chance", "known issue")
    body = rows.fillna("").itertuples(index=False)
    show_html("".join(lists) + tables.table(header, body, "Tasks"))


def priors() -> None:
    """Show every prior with its reason."""
    show_html(tables.prior_table())


def provenance(analysis: Analysis) -> None:
    """Show what made this page: command, settings, versions, hashes, licence."""
    study, made = analysis.source.study, analysis.fitted.provenance
    rows = [
        ("cite", f"{study.authors} ({study.year}). {study.title}. {study.venue}. {study.version}."),
        ("at", f"{study.url}, BibTeX key {study.bibtex_key}"),
        ("command", f"make report (emergence report {study.id})"),
        ("scores", f"{study.provenance.repository} at {study.provenance.commit}"),
        ("upstream file", f"{study.provenance.file}, sha256 {study.provenance.sha256}"),
        ("licence of the scores", f"{study.licence}. {study.attribution}"),
        ("fit", f"{made['hash']}, model '{made['model']}', profile {analysis.profile}"),
        ("settings", ", ".join(f"{k} {v}" for k, v in made["settings"].items())),
        ("libraries", ", ".join(f"{k} {v}" for k, v in made["versions"].items())),
        ("python", made["python"]),
        ("draws made", made["made"]),
    ]
    show_html(tables.table(("what", "value"), rows, "How this page was made"))


def _card(analysis: Analysis, verdict: Verdict, cells: pd.DataFrame, curves: pd.DataFrame) -> str:
    """Return a claim as a card that opens; its charts are drawn when it does."""
    claim = verdict.claim
    own_cells, own_curves = cells[cells["task"] == claim.task], curves[curves["task"] == claim.task]
    panels = []
    for tuned in (False, True):
        name = "instruction-tuned" if tuned else "base"
        some = own_cells[own_cells["instruction_tuned"] == tuned]
        if some.empty:
            continue
        curve = own_curves[own_curves["instruction_tuned"] == tuned]
        chart = charts.score_chart(
            some[CELL_COLUMNS],
            curve[CURVE_COLUMNS],
            float(some["chance"].iloc[0]),
            f"{claim.row}: {name} checkpoints",
            claim.threshold_n_params,
        )
        text = f"Scores of {name} checkpoints on {claim.row} against size, with fitted curves."
        rows = some[CELL_COLUMNS].sort_values(["n_params", "checkpoint"]).itertuples(index=False)
        data = tables.table(CELL_COLUMNS, rows, f"Scores, {name} checkpoints")
        panels.append(chart_html(chart, text, data))
    larger = exceedance(analysis.jumps, claim.task).round(4)
    text = f"Probability that the jump on {claim.row} exceeds each size, by arm."
    chart = charts.exceedance_chart(larger, ROPE, "How large is the jump?")
    panels.append(chart_html(chart, text, tables.arm_table(verdict)))
    decide = verdict.next_measurement
    reasons = "".join(
        f"<li><code>{html.escape(r.code)}</code> {html.escape(r.text)}</li>"
        for r in (*verdict.reasons, *verdict.cautions)
    )
    return (
        f'<details class="claim" id="{html.escape(claim.slug, quote=True)}">'
        f"<summary><h3>{html.escape(claim.row)}</h3> {tables.badge(verdict.outcome)} "
        f'<span class="published">published: {html.escape(claim.published_verdict)}</span>'
        "</summary>"
        + sentences.paragraphs(
            f"Claimed before: {claim.prior_claim} ({claim.prior_source}.)",
            f"{claim.table} of {claim.paper_version}, row {claim.row}: {claim.study_claim}",
            sentences.claim_sentence(verdict),
            sentences.attribution_sentence(verdict),
        )
        + f'<div class="panels">{"".join(panels)}</div>'
        + f"<h4>Why</h4><ul>{reasons}</ul>"
        + (sentences.paragraphs(f"What would decide it: {decide}") if decide else "")
        + tables.gate_table(verdict)
        + "</details>"
    )
