"""What the cells of the index page call."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan

from toolkit.analysis.analyse import Analysis
from toolkit.analysis.study_folder import Profile
from toolkit.charts import jumps as charts
from toolkit.estimands.estimate import MATERIAL
from toolkit.report import html_tables as tables
from toolkit.report import sentences
from toolkit.report.display import show_chart, show_html
from toolkit.report.downloads import file_list, site_files
from toolkit.report.numbers import NOT_MEASURED, counted, interval
from toolkit.report.pages import claims_map as maps
from toolkit.report.pages.certificate_page import error_rates
from toolkit.report.pages.study_page import analysis_of, likely_numbers
from toolkit.report.reason_words import REASON_IN_WORDS
from toolkit.verdict.gates import Outcome
from toolkit.verdict.rules import Verdict
from toolkit.wording import listed


def analyses_of(studies: list[str], profile: Profile) -> list[Analysis]:
    """Return the analyses of bundled studies or study folders."""
    return [analysis_of(name, profile) for name in studies]


def answer(analyses: list[Analysis]) -> None:
    """Show the answer over all studies, a table of it, and what stands behind it."""
    found = {name: _outcomes(analyses, name) for name in sentences.CLAIMED}
    measured = [a for a in analyses if a.headline.n_claims]
    kept = "; ".join(f"{a.source.study.short_title}, {_kept(a)}" for a in measured)
    others = [a.source.study.short_title for a in analyses if not a.headline.n_claims]
    elsewhere = f" {listed(others)} did not score the controlled arm." if others else ""
    second = (
        f"As far as the fitted curves tell a bend from a step, jumps of more than {MATERIAL} left "
        f"after controls (median and 90% interval): {kept or NOT_MEASURED}.{elsewhere} An "
        "undetermined claim may still have one, whatever the fit says."
    )
    first = sentences.paragraphs(sentences.judged(found["prior"]), _what_next(analyses))
    behind = sentences.paragraphs(second, _behind(analyses))
    rows = [(name, sum(of.values()), *of.values()) for name, of in _named(found)]
    header = ("a jump had been claimed", "tasks", *(outcome.value for outcome in Outcome))
    shown = tables.table(header, rows, "All tasks, by what had been claimed of them")
    show_html(f'<div class="answer">{first}</div>{shown}<div class="answer">{behind}</div>')


def _outcomes(analyses: list[Analysis], claim_set: str) -> dict[Outcome, int]:
    """Return how many claims of a set got each verdict."""
    of_set = [v for a in analyses for v in a.verdicts if v.claim.claim_set == claim_set]
    return {o: sum(v.outcome is o for v in of_set) for o in Outcome}


def _named(found: Mapping[str, dict[Outcome, int]]) -> list[tuple[str, dict[Outcome, int]]]:
    """Return each set with its words, and all together."""
    every = {o: sum(of[o] for of in found.values()) for o in Outcome}
    named = [(sentences.FOR_WHOM[name], of) for name, of in found.items() if sum(of.values())]
    return [*named, ("all", every)] if len(named) > 1 else named


def _what_next(analyses: list[Analysis]) -> str:
    """Return what keeps claims open and what would help most of them, claimed jumps first."""
    undecided = _undecided(analyses)
    claimed = [(a, v) for a, v in undecided if v.claim.claim_set == "prior"] or undecided
    if not claimed:
        return "No claim is left undetermined."
    reasons = sentences.most_frequent_reasons([v for _, v in claimed])[:2]
    because = " and ".join(
        f"{REASON_IN_WORDS[code]} ({counted(number, 'claim')})" for code, number in reasons
    )
    both = "; a claim can have several reasons" if len(reasons) > 1 else ""
    first = _wanted(claimed)[0]
    step = first.what[:1].lower() + first.what[1:].removesuffix(".")
    return (
        f"What keeps most of {'these' if claimed is not undecided else 'the tasks'} open: {because}"
        f"{both}. The step that would open the largest number: {step} ({first.study}, "
        f"{len(first.of)} of {len(claimed)})."
    )


def _behind(analyses: list[Analysis]) -> str:
    """Return what stands behind the verdicts besides one fit of each study."""
    robust = [a.source.study.short_title for a in analyses if a.robustness is not None]
    fitted = (
        "Rival curves, other priors and other specifications were fitted for "
        f"{listed(robust) or 'no study yet'}: without them no claim is given a jump. 'No jump' "
        "does not wait for them; it rests on one curve and must hold whatever share of the other "
        "tasks jumps."
    )
    return f"{fitted} {error_rates(analyses)}"


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


@dataclass(frozen=True)
class Wanted:
    """A step that would open what is closed, and the claims of one study that it concerns."""

    study: str
    what: str
    of: list[tuple[Analysis, Verdict]]

    @property
    def n_claimed(self) -> int:
        """Return how many of them had been claimed for a family that is scored."""
        return sum(verdict.claim.claim_set == "prior" for _, verdict in self.of)


def _wanted(undecided: list[tuple[Analysis, Verdict]]) -> list[Wanted]:
    """Return the steps, those first that concern most claimed jumps, then most claims."""
    found: dict[tuple[str, str], list[tuple[Analysis, Verdict]]] = {}
    for analysis, verdict in undecided:
        key = (analysis.source.study.short_title, verdict.next_measurement or "")
        found.setdefault(key, []).append((analysis, verdict))
    wanted = [Wanted(*key, of) for key, of in found.items()]
    return sorted(wanted, key=lambda each: (-each.n_claimed, -len(each.of)))


def deciding(analyses: list[Analysis]) -> None:
    """Show what would decide the undetermined claims, what helps most claimed jumps first."""
    undecided = _undecided(analyses)
    wanted = _wanted(undecided)
    rows = [
        (
            tables.link(maps.page_of(each.of[0][0]), each.study),
            each.what,
            each.n_claimed,
            len(each.of),
            tables.Markup(
                ", ".join(tables.link(maps.claim_link(a, v), v.claim.row) for a, v in each.of)
            ),
        )
        for each in wanted
    ]
    header = ("study", "the least that would open it", "claimed jumps", "of tasks", "which")
    shown = tables.table(header, rows, "What would decide them")
    most = max(wanted, key=lambda each: len(each.of)) if wanted else None
    said = sentences.deciding(len(undecided), *((len(most.of), most.study) if most else (0, "")))
    show_html(sentences.paragraphs(said) + (shown if rows else ""))


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
        numbers = likely_numbers(found)
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
