"""How stable a claim's answer is: rivals, priors, influence and specifications, as HTML."""

import html

import pandas as pd

from toolkit.charts.checks import specification_chart
from toolkit.estimands.estimate import MATERIAL, ROPE
from toolkit.report.display import chart_html
from toolkit.report.html_tables import Num, marked, table
from toolkit.report.numbers import P_JUMP, points, share
from toolkit.report.robustness_file import share_text
from toolkit.report.sentences import paragraphs
from toolkit.robustness.axes import AXES
from toolkit.robustness.influence import Influential
from toolkit.robustness.specifications import HOLDS, ROPE_AXIS, carries
from toolkit.robustness.stability import ArmStability, RivalJump
from toolkit.robustness.variants import mixed
from toolkit.study.claims import Claim
from toolkit.verdict.rules import Verdict

FLAGS = {
    "RIVAL_NOT_CONVERGED": "a fit of a rival curve did not converge",
    "CURVE_MATTERS": "another curve under the step changes the answer",
    "JUMP_PRIOR_MATTERS": "another prior of how large jumps are, or of how often tasks or arms "
    "jump, changes the answer",
    "PRIOR_SENSITIVE": "power-scaling finds the jump sensitive to the priors",
    "INFLUENTIAL_UNIT": "without one checkpoint, family or task the answer changes",
    "SPECIFICATION_MATTERS": "another reasonable specification changes the answer",
}
JUMP = "jump, points [90%]"


def stability_block(
    verdict: Verdict, found: tuple[ArmStability, ...], specifications: pd.DataFrame
) -> str:
    """Return what the robustness tables say of a claim, arm by arm."""
    return "".join(_arm(verdict, arm, specifications) for arm in found)


def _arm(verdict: Verdict, arm: ArmStability, specifications: pd.DataFrame) -> str:
    flags = "".join(
        f"<li><code>{html.escape(flag)}</code> {html.escape(FLAGS[flag])}</li>"
        for flag in arm.flags
    )
    moved = f"<ul>{flags}</ul>" if flags else paragraphs("Nothing that was tried moves it.")
    return (
        f"<h5>{html.escape(arm.arm)}</h5>"
        + moved
        + _curve_table(arm)
        + _prior_table(arm)
        + paragraphs(_influence_text(arm.influential), _specification_text(arm))
        + specification_figure(verdict.claim, arm.arm, specifications)
    )


def _curve_table(arm: ArmStability) -> str:
    rows = [_rival_row(rival) for rival in arm.rivals]
    caption = "The jump on rival curves that carry a step"
    return table(("curve", P_JUMP, JUMP, "converged"), rows, caption)


def _rival_row(rival: RivalJump) -> tuple[str, ...]:
    jump = f"{points(rival.median)} [{points(rival.ci_low)}, {points(rival.ci_high)}]"
    converged = "yes" if rival.converged else marked("no")
    return (rival.title, Num(share(rival.p_above)), Num(jump), converged)


def _prior_table(arm: ArmStability) -> str:
    rows = [
        (f"prior of the jump: {prior.prior}", Num(share(prior.p_above)), prior.how)
        for prior in arm.priors
    ]
    rows += [
        (f"power-scaling of {name}", Num(f"{value:.3f}"), arm.sensitivity)
        for name, value in (
            ("the hyperpriors", arm.hyperpriors),
            ("the jump's prior", arm.jump_prior),
            ("the likelihood", arm.likelihood),
        )
    ]
    header = ("what is changed", f"{P_JUMP}, or sensitivity", "how, or reading")
    return table(header, rows, "Priors and likelihood")


def _influence_text(found: Influential | None) -> str:
    if found is None:
        return "Influence: no unit could be left out and its effect computed."
    unsure = "" if found.reliable else " (not reliable)"
    more = f" {found.n_not_computed} more could not be computed." if found.n_not_computed else ""
    return (
        f"Influence: most depends on the {found.kind} {found.unit}. Without it {P_JUMP} goes from "
        f"{share(found.p_main)} to {share(found.p_without)}, {found.how}{unsure}.{more}"
    )


def _specification_text(arm: ArmStability) -> str:
    of = arm.specifications
    if not of.n_carrying:
        return f"Specifications: none of {of.n_all} has scores on both sides of the claimed size."
    axis = f" The choice of {words(of.main_axis)} moves it most." if of.main_axis else ""
    return (
        f"Specifications: {of.n_carrying} of {of.n_all} have scores on both sides of the claimed "
        f"size ({of.n_failed} could not be fitted, {of.n_mixed} converged). P(jump > 0) is above "
        f"{HOLDS:g} in {share_text(of)}; {P_JUMP} runs from {share(of.p_low)} to "
        f"{share(of.p_high)}, median {share(of.p_median)}.{axis}"
    )


def words(name: str) -> str:
    """Return the name of an axis as words."""
    return "ROPE" if name == ROPE_AXIS else name.replace("_", " ")


def specification_figure(claim: Claim, arm: str, specifications: pd.DataFrame) -> str:
    """Return the specification curve of a claim in one arm; empty where none can speak of it."""
    own = specifications[carries(specifications, claim) & (specifications["arm"] == arm)]
    own = own[own["rope"] == ROPE].drop_duplicates("label").sort_values(["median", "label"])
    if own.empty:
        return ""
    own = own.assign(rank=range(len(own)), converged=mixed(own).map({True: "yes", False: "no"}))
    curve = own.rename(columns={"ci_low": "low", "ci_high": "high", "p_above": "probability"})
    curve = curve[["rank", "label", "median", "low", "high", "probability", "converged"]]
    varied = [axis for axis in AXES if len(own[axis].unique()) > 1]
    choices = [
        {"rank": row["rank"], "label": row["label"], "axis": words(axis),
         "option": f"{words(axis)}: {words(str(row[axis]))}"}
        for axis in varied for row in own.to_dict("records")
    ]  # fmt: skip
    if not choices:
        return ""
    ordered = pd.DataFrame(choices).sort_values(["axis", "option"], kind="stable")
    chart = specification_chart(curve.round(4), ordered, ROPE, f"Jump by specification, {arm}")
    text = (
        f"The jump on {claim.row} in the arm {arm} under {len(own)} specifications, in order, with "
        "the choices of each below. A cross is a fit that did not converge, the dotted line "
        f"{MATERIAL}."
    )
    rows = [
        (row["label"], Num(points(row["median"])), Num(share(row["probability"])),
         row["converged"])
        for row in curve.to_dict("records")
    ]  # fmt: skip
    header = ("specification", "jump, points", P_JUMP, "converged")
    return paragraphs(text) + chart_html(chart, text, table(header, rows, "Specifications"))
