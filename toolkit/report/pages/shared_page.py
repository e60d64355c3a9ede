"""The same task in several studies, side by side and together."""

from collections.abc import Sequence

from toolkit import paths
from toolkit.analysis.analyse import Analysis
from toolkit.analysis.pooling import SharedAnswer, StudyAnswer, shared_answers
from toolkit.report import html_tables as tables
from toolkit.report import sentences
from toolkit.report.display import show_html
from toolkit.report.html_tables import Num
from toolkit.report.numbers import P_JUMP, chance_of, counted, hedge, interval, share
from toolkit.report.pages import claims_map as maps
from toolkit.study.shared_tasks import load_shared_tasks

# Fits of one task whose probabilities differ by more are named.
APART = 0.5
HEADER = (
    "task", "study", "verdict", "jump, points [90%]", P_JUMP, "before the scores",
    "in one more study", "studies disagree",
)  # fmt: skip


def shared(analyses: Sequence[Analysis]) -> None:
    """Show every task that at least two of the studies measured, with one answer where pooled."""
    path = paths.shared_tasks_file()
    answers = shared_answers(load_shared_tasks(path), analyses) if path.exists() else ()
    if not answers:
        show_html(sentences.paragraphs("No task was measured by two of these studies."))
        return
    rows = [row for answer in answers for row in _rows(answer)]
    shown = tables.table(HEADER, rows, "The same task in several studies")
    differences = tables.table(
        ("task", "what is not the same"),
        [(answer.shared.name, answer.shared.differs) for answer in answers],
        "What differs between the studies",
    )
    folded = tables.folds(tables.fold("What differs between the studies", differences))
    show_html(sentences.paragraphs(_said(answers)) + shown + folded)


def _said(answers: Sequence[SharedAnswer]) -> str:
    """Return what the pooled answers say, in a few sentences."""
    pooled = [(a.shared.name, a.pooled) for a in answers if a.pooled]
    apart = len(answers) - len(pooled)
    text = f"{counted(len(answers), 'task')} stand in more than one study. "
    if apart:
        text += (
            f"{apart} of them {'is' if apart == 1 else 'are'} not pooled: fewer than two fits "
            "passed their checks, or the studies share checkpoints and items. "
        )
    if not pooled:
        return f"{text.strip()}{_apart(answers)}"
    name, likeliest = max(pooled, key=lambda each: each[1].another.median)
    odd, split = max(pooled, key=lambda each: each[1].disagree)
    return (
        f"{text}Of the pooled ones the likeliest to jump in one more study is {name}, with "
        f"probability {chance_of(likeliest.another)}: {hedge(likeliest.another.median)}. They "
        f"disagree most about {odd}, with probability {share(split.disagree)}.{_apart(answers)}"
    )


def _apart(answers: Sequence[SharedAnswer]) -> str:
    """Return which tasks that are not pooled have the widest range of probabilities."""
    ranges = []
    for answer in answers:
        if not answer.pooled:
            found = sorted(answer.studies, key=lambda each: each.p_jump.median)
            width = found[-1].p_jump.median - found[0].p_jump.median
            ranges.append((width, answer.shared.name, found[0], found[-1]))
    widest = max(ranges, key=lambda each: each[:2], default=None)
    if widest is None or widest[0] < APART:
        return ""
    _, name, low, high = widest
    return (
        f" Of those that are not pooled, fits are furthest apart on {name}: P(jump) is "
        f"{_by(low)} and {_by(high)}."
    )


def _by(answer: StudyAnswer) -> str:
    """Return a study's probability with its name, and whether it can be relied on."""
    failed = "" if answer.trusted else ", where a check of the fit failed"
    return f"{share(answer.p_jump.median)} in {answer.analysis.source.study.short_title}{failed}"


def _rows(answer: SharedAnswer) -> list[tuple[object, ...]]:
    """Return a row for each study; the pooled answer stands beside the first."""
    together: tuple[object, object] = ("not pooled", "")
    if answer.pooled:
        together = (
            Num(f"{chance_of(answer.pooled.another)} (before: {answer.pooled.prior_another:.2f})"),
            Num(f"{answer.pooled.disagree:.2f} (before: {answer.pooled.prior_disagree:.2f})"),
        )
    return [
        (
            "" if number else answer.shared.name,
            tables.link(
                maps.claim_link(each.analysis, each.verdict),
                each.analysis.source.study.short_title,
            ),
            tables.badge(each.verdict.outcome),
            Num(interval(each.size)),
            Num(chance_of(each.p_jump) + ("" if each.trusted else " (not converged)")),
            Num(f"{each.p_prior:.2f}"),
            *(("", "") if number else together),
        )
        for number, each in enumerate(answer.studies)
    ]
