"""The six estimands of a claim as one table: value, unit, Monte Carlo error, meaning in a line."""

from collections.abc import Mapping
from math import log10

from toolkit.estimands.curves import Sharpness
from toolkit.estimands.estimate import MATERIAL, SURE, Estimate
from toolkit.estimands.onset import Onset
from toolkit.estimands.reported import ELICITED
from toolkit.report.card.card_sentences import not_converged
from toolkit.report.html_tables import Markup, Num, link, marked, table
from toolkit.report.numbers import (
    chance_of,
    counted,
    interval,
    monte_carlo_error,
    points,
    share,
    sizes_interval,
)
from toolkit.robustness.extrapolation import Extrapolation
from toolkit.robustness.stability import ArmStability
from toolkit.study.claims import CONTROLLED_ARM, arm_named
from toolkit.verdict.rules import Verdict
from toolkit.wording import size_label

Row = tuple[str, str, Num | Markup | str, str, Num | str, str]
HEADER = ("", "quantity", "value [90%]", "unit", "Monte Carlo error", "what it means")
POINTS, DECADES, SIZE, CHANCE = "points", "decades", "parameters", "probability"
PARTS = {
    "total": "the jump there minus the jump after controls",
    "few_shot": "what demonstrations bring on their own",
    "instruction_tuning": "what instruction tuning brings on its own",
    "interaction": "what only both together bring",
    "shapley_few_shot": "demonstrations, with half of the interaction",
    "shapley_instruction_tuning": "instruction tuning, with half of the interaction",
}


def not_run(study: str) -> str:
    """Return that the robustness was not run, with the command that runs it."""
    return f"Not run: emergence robustness {study}."


def estimand_table(verdict: Verdict, found: tuple[ArmStability, ...] | None, study: str) -> str:
    """Return E1 to E6 of a claim; ``found`` is None where the robustness was not run."""
    survivors = link("#sec-survivors", "see how many remain")
    rows = [
        *_jump_rows(verdict),
        *_attribution_rows(verdict),
        ("E3", "claims that keep a jump", survivors, "claims", "", "one number for the study"),
        *_sharpness_rows(verdict.shape.sharpness),
        *_extrapolation_rows(found, study),
        *_onset_rows(verdict),
    ]
    return table(HEADER, rows, "The six estimands")


def _jump_rows(verdict: Verdict) -> list[Row]:
    of, arm = verdict.estimates, verdict.claim.published_arm
    beyond = f"P(jump > {MATERIAL})"
    rows = [
        _row("E1", "jump after controls", of["residual_jump"], POINTS,
             f"what the step adds just above its place, {CONTROLLED_ARM.label}"),
        _row("E1", "the same, of the room above chance", of["residual_jump_above_chance"],
             "per cent", "comparable between tasks of different chance levels"),
        _row("E1", f"{beyond} after controls", of["p_residual_jump"], CHANCE,
             "what the verdict rests on"),
    ]  # fmt: skip
    if arm_named(arm) == CONTROLLED_ARM:
        return rows
    return [
        *rows,
        _row("E1", "jump as published", of["published_jump"], POINTS, f"the same in {arm}"),
        _row("E1", f"{beyond} as published", of["p_published_jump"], CHANCE,
             "whether there was a jump to explain"),
    ]  # fmt: skip


def _attribution_rows(verdict: Verdict) -> list[Row]:
    """Return E2 in all its parts, to the arm with both factors; elsewhere one factor has it all."""
    published = arm_named(verdict.claim.published_arm)
    rows = [
        _row("E2", _part_name(part, verdict), verdict.elicitation[part], POINTS, meaning)
        for part, meaning in PARTS.items()
    ]
    if published in (CONTROLLED_ARM, ELICITED):
        return rows
    factor = "few-shot prompting" if published.few_shot else "instruction tuning"
    meaning = f"the jump as published minus that after controls; all of it is {factor}"
    change = verdict.attribution["total"]
    return [_row("E2", f"change to {published.label}", change, POINTS, meaning), *rows]


def _part_name(part: str, verdict: Verdict) -> str:
    return f"change to {ELICITED.label}" if part == "total" else verdict.elicitation[part].name


def _row(code: str, name: str, value: Estimate, unit: str, meaning: str) -> Row:
    shown = chance_of(value) if value.unit == "probability" else interval(value)
    return (code, name, Num(shown), unit, Num(monte_carlo_error(value)), meaning)


def _sharpness_rows(by_arm: Mapping[str, Sharpness]) -> list[Row]:
    if not by_arm:
        return [("E4", "width of the rise", "not measured", DECADES, "", "two sizes are needed")]
    rows: list[Row] = []
    for arm, sharp in by_arm.items():
        name = f"width of the rise, {arm}"
        if sharp.width is None:
            text = f"P(a rise above {MATERIAL}) is {chance_of(sharp.p_rises)}"
            rows.append(("E4", name, sharp.reading, DECADES, "", text))
        else:
            text = (
                f"from 10% to 90% of the rise, which is above {MATERIAL} with "
                f"probability {chance_of(sharp.p_rises)}; gap between sizes there {sharp.gap:.2f}, "
                f"{counted(sharp.sizes_inside, 'size')} inside: {sharp.reading}"
            )
            rows.append(_row("E4", name, sharp.width, DECADES, text))
    return rows


def _extrapolation_rows(found: tuple[ArmStability, ...] | None, study: str) -> list[Row]:
    name = "larger sizes foretold"
    if found is None:
        return [("E5", name, not_run(study), CHANCE, "", "smooth curves up to the claimed size")]
    rows: list[Row] = []
    for arm in found:
        at = arm.at_claim
        if at is None:
            text = "no cut with three sizes lies below the claimed one"
            rows.append(("E5", f"{name}, {arm.arm}", "no cut", CHANCE, "", text))
            continue
        text = (
            f"of scores as high as seen, from sizes up to {size_label(at.cut)}: foretold "
            f"{points(at.expected)} [{points(at.low)}, {points(at.high)}], seen "
            f"{points(at.observed)} points; small means abrupt"
        )
        if at.converged:
            value, error = Num(share(at.tail)), Num(f"{at.tail_mcse:.3f}")
        else:
            value, error = marked("not converged"), ""
            text = f"{text}; {not_converged(at)}"
        rows.append(("E5", f"{name}, {arm.arm}", value, CHANCE, error, text))
    return rows


def _onset_rows(verdict: Verdict) -> list[Row]:
    if not verdict.shape.onsets:
        return [("E6", "onset", "not measured", SIZE, "", "two sizes are needed")]
    rows = [_onset_row(onset) for onset in verdict.shape.onsets]
    for arm, earlier in verdict.shape.earlier.items():
        text = "how much smaller a typical checkpoint shows it there than after controls"
        rows.append(_row("E6", f"earlier by, {arm}", earlier, DECADES, text))
    return rows


def _onset_row(onset: Onset) -> Row:
    sure = "none"
    if onset.sure_from is not None:
        sure = (
            f"{size_label(log10(onset.sure_from))} ({onset.n_showing} of "
            f"{counted(onset.n_up_to, 'checkpoint')} up to there scored so high)"
        )
    text = (
        f"of a typical checkpoint; {MATERIAL} above chance with probability {SURE:g} from: {sure}; "
        f"within the sizes at all with probability {chance_of(onset.p_within)}, at the smallest "
        f"already (then the onset lies below it) with {chance_of(onset.p_smallest)}"
    )
    name = f"onset, {onset.arm}"
    if onset.at is None:
        return ("E6", name, "not within the sizes, or too few draws", SIZE, "", text)
    error = Num(f"{onset.at.mcse:.3f} decades")
    return ("E6", name, Num(sizes_interval(onset.at)), SIZE, error, text)


def cuts_table(arm: ArmStability) -> str:
    """Return E5 at every cut in size."""
    rows = [_cut_row(cut) for cut in arm.extrapolation]
    header = (
        "sizes up to", "larger cells", "foretold, points [90%]", "seen", "P(as high)",
        "log score", "largest R-hat", "fewest draws (ESS)",
    )  # fmt: skip
    return table(header, rows, f"E5 at every cut, {arm.arm}")


def _cut_row(cut: Extrapolation) -> tuple[Num | Markup, ...]:
    return (
        Num(size_label(cut.cut)),
        Num(cut.n_cells),
        Num(f"{points(cut.expected)} [{points(cut.low)}, {points(cut.high)}]"),
        Num(points(cut.observed)),
        Num(share(cut.tail)) if cut.converged else marked("not converged"),
        Num(f"{cut.log_score:.2f}"),
        Num(f"{cut.worst_rhat:.3f}"),
        Num(f"{cut.least_ess:.0f}"),
    )
