"""Tables of the report as HTML; every text from data is escaped here."""

import html
from collections.abc import Iterable, Mapping, Sequence
from math import isnan

from toolkit.analysis.analyse import Analysis
from toolkit.analysis.reproduction import Reproduced
from toolkit.estimands.estimate import Estimate
from toolkit.fit.diagnose import Check
from toolkit.models.priors import PRIORS
from toolkit.report.numbers import P_JUMP, chance_of, interval
from toolkit.report.sentences import CLAIMED_BEFORE, meaning
from toolkit.study.claims import ARM_LABELS
from toolkit.verdict.gates import WITH_JUMP, Gate, Outcome
from toolkit.verdict.rules import Verdict

BADGES = {
    Outcome.JUMP_REMAINS: "remains",
    Outcome.EXPLAINED: "explained",
    Outcome.NO_JUMP: "nojump",
    Outcome.UNDETERMINED: "undetermined",
}


FAILED = " †"
JUMP_HEADER = (
    "jump after controls, points [90%]", P_JUMP, "jump as published, points [90%]", P_JUMP,
)  # fmt: skip
BESIDE = f"Published verdict beside ours ({FAILED.strip()}: a check of the fit failed)"


class Markup(str):
    """A cell that is HTML already; everything else is escaped."""

    __slots__ = ()


class Num(str):
    """A number or interval: right-aligned and never wrapped."""

    __slots__ = ()


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    caption: str = "",
    marks: Sequence[str] | None = None,
) -> str:
    """Return an HTML table that scrolls inside itself.

    Parameters
    ----------
    marks
        Attributes of each row, as HTML.
    """
    listed = list(rows)
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in header)
    tags = [f"<tr {mark}>" for mark in marks] if marks else ["<tr>"] * len(listed)
    body = "".join(
        f"{tag}{''.join(_cell(value) for value in row)}</tr>"
        for tag, row in zip(tags, listed, strict=True)
    )
    label = html.escape(caption or ", ".join(header), quote=True)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table>{title}'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def fold(title: str, body: str) -> str:
    """Return a block that is closed until its reader opens it; ``body`` is HTML."""
    return (
        f'<details class="fold"><summary>{html.escape(title)}</summary>'
        f'<div class="fold-body">{body}</div></details>'
    )


def folds(*blocks: str) -> str:
    """Return folded blocks side by side; an open one takes the whole width."""
    return f'<div class="folds">{"".join(blocks)}</div>'


def _cell(value: object) -> str:
    text = value if isinstance(value, Markup) else html.escape(str(value))
    return f'<td class="num">{text}</td>' if isinstance(value, Num | int) else f"<td>{text}</td>"


def badge(outcome: Outcome) -> Markup:
    """Return a verdict as a coloured word."""
    return Markup(f'<span class="badge {BADGES[outcome]}">{outcome.value}</span>')


def badge_link(outcome: Outcome) -> Markup:
    """Return a verdict as a coloured word that leads to its meaning and a worked example."""
    target = f"method.html#{verdict_anchor(outcome)}"
    return Markup(f'<a class="badge {BADGES[outcome]}" href="{target}">{outcome.value}</a>')


def verdict_anchor(outcome: Outcome) -> str:
    """Return the name of a verdict's section on the method page."""
    return outcome.value.replace(" ", "-")


def link(target: str, text: str) -> Markup:
    """Return a link inside the site."""
    return Markup(f'<a href="{html.escape(target, quote=True)}">{html.escape(text)}</a>')


def outside_link(text: str) -> Markup:
    """Return a text that may begin with an address on the web as a link to follow, and the rest."""
    address, space, rest = text.partition(" ")
    if not address.startswith(("https://", "http://")):
        return Markup(html.escape(text))
    shown = html.escape(address, quote=True)
    return Markup(f'<a href="{shown}" rel="noopener">{shown}</a>{space}{html.escape(rest)}')


def code(words: str) -> Markup:
    """Return names of the code, with a comma between them, in its letters."""
    names = [name.strip() for name in words.split(",") if name.strip()]
    return Markup(", ".join(f"<code>{html.escape(name)}</code>" for name in names))


def marked(text: str) -> Markup:
    """Return a text that must not be overlooked."""
    return Markup(f"<strong>{html.escape(text)}</strong>")


def _interval(estimate: Estimate) -> Num:
    return Num(interval(estimate))


def verdict_table(analysis: Analysis) -> str:
    """Return every claim with the published verdict beside ours."""
    rows = [
        (
            link(f"#{v.claim.slug}", v.claim.row),
            CLAIMED_BEFORE[v.claim.claim_set],
            v.claim.published_verdict,
            badge_link(v.outcome),
            *jump_cells(v),
        )
        for v in analysis.verdicts
    ]
    header = ("task", "jump claimed before", "published verdict", "our verdict", *JUMP_HEADER)
    return table(header, rows, BESIDE)


def jump_cells(verdict: Verdict) -> tuple[Num, ...]:
    """Return the jump after controls and as published, each with the probability of one."""
    of, mark = verdict.estimates, "" if verdict.diagnosis.passed is True else FAILED
    cells = []
    for name in ("residual", "published"):
        p = of[f"p_{name}_jump"]
        cells += [
            _interval(of[f"{name}_jump"]),
            Num(chance_of(p) + ("" if isnan(p.median) else mark)),
        ]
    return tuple(cells)


def count_table(counts: Mapping[Outcome, int]) -> str:
    """Return how many claims got each verdict and what it means."""
    rows = [(badge_link(outcome), number, meaning(outcome)) for outcome, number in counts.items()]
    return table(("verdict", "claims", "meaning"), rows, "Verdicts")


def reproduction_table(rows: Sequence[Reproduced]) -> str:
    """Return the published quantities against the recomputed ones."""
    return table(
        ("what", "of", "published", "recomputed from the scores", "result"),
        [
            (r.kind, r.subject, r.published, r.recomputed,
             "agrees" if r.agrees else marked("does not agree"))
            for r in rows
        ],
        "Published statements and the scores",
    )  # fmt: skip


def attribution_table(verdicts: Sequence[Verdict]) -> str:
    """Return the split of each jump from the controlled to the fully elicited arm."""
    parts = ("total", "few_shot", "instruction_tuning", "interaction")
    rows = [(v.claim.row, *(_interval(v.elicitation[part]) for part in parts)) for v in verdicts]
    header = ("task", "change in the jump", "few-shot", "instruction tuning", "interaction")
    return table(header, rows, "Attribution in points, median and 90% interval")


def arm_table(verdict: Verdict) -> str:
    """Return a claim's jump by arm."""
    rows = [(label, _interval(verdict.estimates[f"jump: {label}"])) for label in ARM_LABELS]
    return table(("arm", "jump, points [90%]"), rows, "Jump by arm")


def gate_table(verdict: Verdict) -> str:
    """Return a claim's gates, closed ones first."""
    rows = [
        (
            "open" if gate.open else Markup("<strong>closed</strong>"),
            gate.code,
            gate.finding,
            _role(gate),
        )
        for gate in sorted(verdict.gates, key=lambda gate: gate.open)
        if gate.finding
    ]
    return table(("gate", "code", "finding", "role"), rows, "What these data can decide")


def _role(gate: Gate) -> str:
    """Return what a gate is needed for."""
    if not gate.forbids:
        return "caution only"
    return "needed for a verdict with a jump" if gate.forbids <= WITH_JUMP else "needed for any"


def check_table(checks: Sequence[Check]) -> str:
    """Return checks of the sampler with value, threshold and result."""
    state = {True: "ok", False: Markup("<strong>failed</strong>"), None: "not checked"}
    rows = [
        (check.name, f"{check.value:.4g}", f"{check.threshold:g}", state[check.passed])
        for check in checks
    ]
    return table(("check", "value", "threshold", "result"), rows, "Checks of the fit")


def prior_table() -> str:
    """Return every prior with its reason."""
    rows = [(name, p.formula, p.meaning, p.reason) for name, p in PRIORS.items()]
    return table(("unknown", "prior", "meaning", "why"), rows, "Priors")
