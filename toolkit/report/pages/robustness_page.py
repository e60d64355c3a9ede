"""What the page says about the robustness of a study as a whole, and the checklist's answers."""

from collections.abc import Mapping, Sequence

from toolkit.analysis.analyse import Analysis
from toolkit.estimands.estimate import MATERIAL, SURE
from toolkit.models import RIVALS
from toolkit.report import html_tables as tables
from toolkit.report.card.estimand_table import not_run
from toolkit.report.card.stability_block import FLAGS, words
from toolkit.report.display import show_html
from toolkit.report.html_tables import Num
from toolkit.report.numbers import counted
from toolkit.report.robustness_file import robustness_rows, shown_arms
from toolkit.report.sentences import paragraphs
from toolkit.report.trust.checklist import ROBUSTNESS
from toolkit.robustness.assess import Robustness
from toolkit.robustness.axes import axes_of
from toolkit.robustness.sensitivity import SENSITIVE
from toolkit.robustness.specifications import HOLDS, carries
from toolkit.robustness.stability import MATERIAL_CHANGE, ArmStability
from toolkit.robustness.variants import NARROW, ROPES
from toolkit.study.claims import CONTROLLED_ARM
from toolkit.verdict.support import NARROW_MIN, RIVAL_SURE, SPECIFICATIONS_MIN


def robustness(analysis: Analysis) -> None:
    """Show what was fitted besides the main model, and what of it moves the claims."""
    found = analysis.robustness
    specified = tables.fold("Which specifications are admissible, and why", _axes_table(analysis))
    if found is None:
        text = not_run(analysis.source.study.id)
        said = (
            f"{text} Until it is, no claim gets a verdict with a jump: nothing is known of rival "
            "curves, other priors, held-out larger checkpoints, influence and specifications."
        )
        show_html(paragraphs(said) + tables.folds(specified))
        return
    show_html(
        paragraphs(
            _summary(analysis), "Each claim's own numbers are in its card, under 'Does it hold?'."
        )
        + tables.folds(
            tables.fold("Claim by claim", _claim_table(analysis)),
            tables.fold("What the flags mean", _flag_table()),
            specified,
        )
        + paragraphs(_made(found))
    )


def _summary(analysis: Analysis) -> str:
    arms = list(shown_arms(analysis).values())
    unmoved = sum(not arm.flags for arm in arms)
    counts = {flag: sum(flag in arm.flags for arm in arms) for flag in FLAGS}
    named = [f"{FLAGS[flag]} ({n} of {len(arms)})" for flag, n in counts.items() if n]
    what = f"For the others: {'; '.join(named)}." if named else ""
    return (
        f"In {_which(arms)} nothing that was tried moves the answer of {unmoved} of "
        f"{counted(len(arms), 'claim')}. {what}"
    ).strip()


def _which(arms: Sequence[ArmStability]) -> str:
    """Return which arm is spoken of: the controlled one as far as it was scored."""
    controlled = {arm.arm == CONTROLLED_ARM.label for arm in arms}
    if controlled == {True}:
        return "the controlled arm"
    if controlled == {False}:
        return "the published arm (the controlled one was not scored)"
    return "the controlled arm (the published one where that was not scored)"


def _claim_table(analysis: Analysis) -> str:
    rows = robustness_rows(analysis)
    header = tuple(rows[0]) if rows else ("task",)
    body = [
        (row["task"], *(Num(row[name]) for name in header[1:-1]), row[header[-1]]) for row in rows
    ]
    return tables.table(header, body, "What moves the jumps")


def _flag_table() -> str:
    return tables.table(("flag", "meaning"), list(FLAGS.items()), "Flags")


def _axes_table(analysis: Analysis) -> str:
    source = analysis.source
    rows = [
        (words(axis.name), option.name, tried, option.reason)
        for axis in axes_of(source.scores, source.plan.prompt_format, source.plan.model)
        for options, tried in ((axis.options, "yes"), (axis.left_out, tables.marked("no")))
        for option in options
    ]
    header = ("choice", "option", "tried", "why")
    return tables.table(header, rows, "Choices of a specification, the main analysis' first")


def _made(found: Robustness) -> str:
    made = found.provenance
    return f"Tables made {made.get('made')}, key {made.get('key')}."


def conditions() -> None:
    """Show what a verdict with a jump needs besides the main fit; limits come from the code."""
    rows = [
        ("rivals", f"P(jump > {MATERIAL}) is at least {RIVAL_SURE:.2f} on each of "
         f"{len(RIVALS)} flexible curves that carry the step (M1, M2, M3), and at least {SURE} on "
         "their average with the main fit; their medians lie within the region of practical "
         "equivalence of the main one, or inside its interval; each has converged"),
        ("width", f"a step of free width, where it was fitted, is at most {NARROW:g} decades wide "
         f"with probability {NARROW_MIN:g} or more"),
        ("prior", f"P(jump > {MATERIAL}) stays at least {SURE} at half and at twice the prior "
         "scale of its size, and where fewer or more tasks, or arms of a task, are held to jump"),
        ("specifications", f"P(jump > 0) is above {HOLDS} in at least "
         f"{100 * SPECIFICATIONS_MIN:.0f}% of the admissible specifications"),
    ]  # fmt: skip
    caption = "What a verdict with a jump needs, in the arm whose jump is claimed"
    show_html(tables.table(("condition", "rule"), rows, caption))


def robustness_answers(analysis: Analysis) -> dict[str, str] | None:
    """Return the checklist's answers on sensitivity; None where the robustness was not run."""
    if analysis.robustness is None:
        return None
    shown = shown_arms(analysis)
    arms = list(shown.values())
    if not arms:
        return dict.fromkeys(ROBUSTNESS, "No claim was scored at two sizes in an arm it names.")
    return {
        "priors": f"In {_which(arms)}: {_priors_answer(arms)}",
        "rivals": f"In {_which(arms)}: {_rivals_answer(arms)}",
        "likelihood": f"In {_which(arms)}: {_likelihood_answer(arms)}",
        "decisions": f"In {_which(arms)}: {_decisions_answer(analysis, shown)}",
    }


def _flagged(arms: Sequence[ArmStability], flag: str) -> str:
    return f"{sum(flag in arm.flags for arm in arms)} of {counted(len(arms), 'claim')}"


def _priors_answer(arms: Sequence[ArmStability]) -> str:
    worst = max(max(arm.hyperpriors, arm.jump_prior) for arm in arms)
    return (
        "other priors of the jump's size, and of how often tasks and arms jump, change the answer "
        "for "
        f"{_flagged(arms, 'JUMP_PRIOR_MATTERS')}; power-scaling calls "
        f"{_flagged(arms, 'PRIOR_SENSITIVE')} sensitive to the priors (largest {worst:.3f}, limit "
        f"{SENSITIVE})."
    )


def _rivals_answer(arms: Sequence[ArmStability]) -> str:
    p = [rival.p_above for arm in arms for rival in arm.rivals]
    titles = dict.fromkeys(rival.title for arm in arms for rival in arm.rivals)
    return (
        f"on {len(titles)} other curves ({', '.join(titles)}) P(jump > {MATERIAL}) "
        f"runs from {min(p):.2f} to {max(p):.2f} over the claims; another curve changes the answer "
        f"for {_flagged(arms, 'CURVE_MATTERS')}; a rival did not converge for "
        f"{_flagged(arms, 'RIVAL_NOT_CONVERGED')}."
    )


def _likelihood_answer(arms: Sequence[ArmStability]) -> str:
    low, high = min(arm.likelihood for arm in arms), max(arm.likelihood for arm in arms)
    return (
        f"power-scaling of the likelihood moves the jumps by {low:.3f} to {high:.3f}; without one "
        f"checkpoint, family or task P(jump > {MATERIAL}) changes by more than {MATERIAL_CHANGE} "
        f"for {_flagged(arms, 'INFLUENTIAL_UNIT')}. Another observation model was not fitted."
    )


def _decisions_answer(analysis: Analysis, shown: Mapping[str, ArmStability]) -> str:
    arms = list(shown.values())
    by_rope = ", ".join(
        f"{n} with a ROPE of {100 * rope:.0f} points"
        for rope, n in claims_by_rope(analysis, shown).items()
    )
    held = sum(arm.specifications.share_positive >= SPECIFICATIONS_MIN for arm in arms)
    return (
        f"claims with P(jump > ROPE) of at least {SURE} in the main specification: "
        f"{by_rope}. P(jump > 0) is above {HOLDS} in at least "
        f"{100 * SPECIFICATIONS_MIN:.0f}% of the specifications for {held} of "
        f"{counted(len(arms), 'claim')}; a specification changes the answer for "
        f"{_flagged(arms, 'SPECIFICATION_MATTERS')}."
    )


def claims_by_rope(analysis: Analysis, shown: Mapping[str, ArmStability]) -> dict[float, int]:
    """Return for each ROPE how many claims keep a sure jump in the main specification."""
    assert analysis.robustness is not None
    table = analysis.robustness.tables["specifications"]
    sure = table[(table["label"] == "main") & (table["p_above"] >= SURE)]
    counts = dict.fromkeys(ROPES, 0)
    for claim in analysis.source.claims:
        if claim.slug in shown:
            own = sure[carries(sure, claim) & (sure["arm"] == shown[claim.slug].arm)]
            for rope in ROPES:
                counts[rope] += bool((own["rope"] == rope).any())
    return counts
