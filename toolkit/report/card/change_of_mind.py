"""What would change our mind about a claim: other numbers, another measurement, other choices."""

import html
from math import isnan

import numpy as np
import pandas as pd

from toolkit.charts.card import NO, YES, stability_strip
from toolkit.estimands.estimate import MATERIAL, ROPE, SURE
from toolkit.models import MODELS
from toolkit.report.card import card_sentences as sentences
from toolkit.report.display import chart_html
from toolkit.report.html_tables import Markup, Num, badge_link, code, table
from toolkit.report.numbers import chance_of, counted, share
from toolkit.report.sentences import chances_by_arm, paragraphs
from toolkit.robustness.assess import Robustness
from toolkit.robustness.specifications import carries
from toolkit.robustness.variants import mixed
from toolkit.study.claims import Claim, arm_named
from toolkit.verdict.gates import WITH_JUMP, Outcome
from toolkit.verdict.reasons import ELSEWHERE, LOCATION, heading
from toolkit.verdict.rules import Verdict, by_probability
from toolkit.verdict.support import no_jump_conditions, unmet

LIMITS = (round(1 - SURE, 6), SURE)
HERE, CURVE, PRIOR, SPECIFICATION = "this fit", "other curve", "jump's prior", "specification"
P_JUMP = f"P(jump > {MATERIAL})"
NOT_ASKED = "where that arm's jump lies, and whether it holds on other curves, was not asked"
NEEDS = {
    Outcome.JUMP_REMAINS: f"after controls at least {SURE}",
    Outcome.EXPLAINED: f"after controls at most {LIMITS[0]}, as published and for the difference "
    f"at least {SURE}",
    Outcome.NO_JUMP: f"at most {LIMITS[0]} in both, or as published where there are no controls; "
    "at even odds too",
}


def mind_block(verdict: Verdict, tried: pd.DataFrame | None) -> str:
    """Return what would change the verdict; ``tried`` is None where no robustness was run."""
    now = verdict.outcome
    measure = verdict.next_measurement
    texts = [f"Next: {measure[0].lower()}{measure[1:]}"] if measure else []
    if tried is not None:
        texts.append(other_side(tried))
    else:
        texts.append(
            "Whether other curves, priors or cells change it was not tried, nor were the larger "
            "checkpoints foretold (emergence robustness)."
        )
    said = "Each of these is another verdict than ours, with what it takes and what there is."
    if now is Outcome.UNDETERMINED:
        said = "Any of these would end the doubt, with what it takes and what there is."
    return paragraphs(*texts, said) + verdicts_table(verdict)


def verdicts_table(verdict: Verdict) -> str:
    """Return the other verdicts with the probabilities they need and what stands in their way."""
    of = verdict.estimates
    after, published = (chance_of(of[f"p_{name}_jump"]) for name in ("residual", "published"))
    rows, asked = [], _asked_for(verdict)
    for outcome, needs in NEEDS.items():
        if outcome is verdict.outcome:
            continue
        # Place and support of a jump are looked at in one arm, and say nothing of the other's.
        other_arm = outcome in WITH_JUMP and outcome is not asked
        closed = [
            gate.code
            for gate in verdict.gates
            if not (gate.open or (other_arm and gate.code in (LOCATION, ELSEWHERE)))
            and outcome in gate.forbids
        ]
        missing = [c.code for c in unmet(verdict.support)] if outcome is asked else []
        if outcome is Outcome.NO_JUMP:
            missing = [c.code for c in unmet(no_jump_conditions(of))]
        in_the_way = code(", ".join(dict.fromkeys([*closed, *missing]))) or "nothing"
        if other_arm:
            in_the_way = Markup(f"{in_the_way}; {html.escape(NOT_ASKED)}")
        now = f"after controls {after}, as published {published}"
        rows.append((badge_link(outcome), needs, now, in_the_way))
    header = ("verdict", f"{P_JUMP} it takes", "now", "in the way besides")
    return table(header, rows, "What other verdicts would take")


def _asked_for(verdict: Verdict) -> Outcome | None:
    """Return the verdict with a jump whose arm ``judge`` looked at: rivals, priors and place.

    None where the posterior alone says that there is none: neither was looked at.
    That of the published arm where the posterior alone says "explained" or is nearest to it, or
    nothing else was scored; the controlled arm otherwise.
    """
    of = verdict.estimates
    wanted = by_probability(of, arm_named(verdict.claim.published_arm))
    if wanted is Outcome.NO_JUMP:
        return None
    alone = isnan(of["p_residual_jump"].median)
    explained = heading(wanted, of) is Outcome.EXPLAINED or alone
    return Outcome.EXPLAINED if explained else Outcome.JUMP_REMAINS


def tried_rows(verdict: Verdict, robustness: Robustness) -> pd.DataFrame:
    """Return P(jump > ROPE) in this fit and in all others, arm by arm.

    Refits that gave no number are left out; ``sure`` is "no" where one did not converge or its
    weights cannot be relied on.
    """
    claim, tables = verdict.claim, robustness.tables
    every = []
    for arm, here in chances_by_arm(verdict).items():
        rows = [(HERE, HERE, here.median, YES)]
        for name, read in _READERS.items():
            table = tables[name]
            rows += read(table[(table["task"] == claim.task) & (table["arm"] == arm.label)], claim)
        every += [(kind, unit, arm.label, p, sure) for kind, unit, p, sure in rows]
    frame = pd.DataFrame(every, columns=["kind", "unit", "arm", "probability", "sure"])
    return frame[frame["probability"].notna()].reset_index(drop=True)


Tried = list[tuple[str, str, float, str]]


def _rivals(own: pd.DataFrame, _: Claim) -> Tried:
    titles = [MODELS[name].title for name in own["model"]]
    return _rows([CURVE] * len(own), titles, own[f"p_above_{ROPE:g}"], mixed(own))


def _priors(own: pd.DataFrame, _: Claim) -> Tried:
    return _rows([PRIOR] * len(own), list(own["prior"]), own["p_above"], own["converged"])


def _units(own: pd.DataFrame, _: Claim) -> Tried:
    kinds = [f"without a {kind}" for kind in own["kind"]]
    units = [f"without {unit}" for unit in own["unit"]]
    return _rows(kinds, units, own["p_without"], own["reliable"])


def _specified(own: pd.DataFrame, claim: Claim) -> Tried:
    own = own[carries(own, claim) & (own["rope"] == ROPE) & (own["label"] != "main")]
    return _rows([SPECIFICATION] * len(own), list(own["label"]), own["p_above"], mixed(own))


_READERS = {
    "rivals": _rivals, "jump_prior": _priors, "influence": _units, "specifications": _specified,
}  # fmt: skip


def _rows(kinds: list[str], units: list[str], values: pd.Series, good: pd.Series) -> Tried:
    sure = [YES if each else NO for each in good.astype(bool)]
    return list(zip(kinds, units, values.astype(float).tolist(), sure, strict=True))


def other_side(tried: pd.DataFrame) -> str:
    """Return which of the other fits fall on the other side of a rule's limit than this one."""
    moved: list[pd.DataFrame] = []
    others = 0
    for _, rows in tried.groupby("arm", sort=False):
        here = rows.loc[rows["kind"] == HERE, "probability"]
        rest = rows[rows["kind"] != HERE]
        if here.empty or rest.empty:
            continue
        others += len(rest)
        sides = np.digitize(rest["probability"], LIMITS) != np.digitize(here.iloc[0], LIMITS)
        moved.append(rest.assign(far=(rest["probability"] - here.iloc[0]).abs())[sides])
    limits = f"{LIMITS[0]} or {LIMITS[1]}"
    every = pd.concat(moved, ignore_index=True) if moved else tried.iloc[:0]
    if every.empty:
        return f"None of {counted(others, 'other fit')} puts {P_JUMP} across {limits}."
    kinds = ", ".join(f"{kind} {n}" for kind, n in every["kind"].value_counts(sort=False).items())
    farthest = every.iloc[int(every["far"].argmax())]
    return (
        f"{len(every)} of {counted(others, 'other fit')} put {P_JUMP} across {limits}: {kinds}. "
        f"The farthest is {farthest['unit']} ({farthest['arm']}), with "
        f"{share(farthest['probability'])}."
    )


def strip_block(verdict: Verdict, tried: pd.DataFrame) -> str:
    """Return the strip of everything that was tried, with a sentence for each arm."""
    claim, said, rows = verdict.claim, [], []
    for arm, here in chances_by_arm(verdict).items():
        own = tried[(tried["arm"] == arm.label) & (tried["kind"] != HERE)]
        if own.empty:
            continue
        p = own["probability"]
        said.append(sentences.tried_sentence(arm.label, len(own), here, p.min(), p.max()))
        rows += [
            (arm.label, kind, Num(len(of)), Num(share(of["probability"].min())),
             Num(share(of["probability"].max())), Num(int((of["sure"] == NO).sum())))
            for kind, of in own.groupby("kind", sort=False)
        ]  # fmt: skip
    if not rows:
        return ""
    title = f"{claim.row}: what moves P(jump > {MATERIAL})"
    chart = stability_strip(tried.round(4), LIMITS, title)
    header = ("arm", "what was changed", "fits", "lowest", "highest", "not to be relied on")
    text = f"{' '.join(said)} A mark is a fit, a cross one that is not to be relied on."
    return paragraphs(*said) + chart_html(chart, text, table(header, rows, f"{P_JUMP}, by change"))
