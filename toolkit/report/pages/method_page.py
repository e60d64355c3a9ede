"""What the cells of the method page call: each function shows one part of the page."""

import numpy as np
import pandas as pd
from scipy.special import expit

from toolkit.charts import method as charts
from toolkit.charts.scores import Shown, score_chart
from toolkit.estimands.estimate import CI_PROB, MATERIAL, SURE
from toolkit.estimands.jumps import ABOVE_JUMP
from toolkit.models.design import build_design
from toolkit.models.likelihood import LEAST_VARIANCE
from toolkit.models.priors import PRIORS
from toolkit.predictive.prior_predictive import prior_predictive
from toolkit.report import html_tables as tables
from toolkit.report.card.curves import AVERAGED
from toolkit.report.card.score_cells import arm_labels, arms_among, chance_levels, with_intervals
from toolkit.report.display import show_chart, show_html
from toolkit.report.html_tables import Num
from toolkit.report.numbers import chance_of, counted
from toolkit.report.pages import prior_page, reason_codes
from toolkit.report.pages import worked_examples as examples
from toolkit.report.pages.model_picture import model_picture
from toolkit.report.pages.thresholds import threshold_table
from toolkit.report.sentences import meaning, paragraphs
from toolkit.simulate import RICH, PlantedTask, simulate_study
from toolkit.verdict.gates import WITH_JUMP, Outcome
from toolkit.verdict.rules import Verdict
from toolkit.wording import size_label

# For the text: numbers that the code uses, as readers see them.
SURELY = f"{SURE:g}"
SURELY_NOT = f"{1 - SURE:.2g}"
INTERVAL = f"{100 * CI_PROB:g}%"
READ_AT = f"{ABOVE_JUMP:g} decades"
LEAST_SPREAD = f"{LEAST_VARIANCE**0.5:g}"
# The drawing of a jump: chance, log-odds at the middle, slope and step, invented.
CHANCE, LEVEL, SLOPE, STEP = 0.25, -1.6, 0.55, 1.7
SMALLEST, LARGEST, STEP_AT = 8.0, 10.6, 9.4  # log10 of parameters
N_PRIOR_TASKS = 12
CELL_COLUMNS = ["checkpoint", "n_params", "arm", "score", "low", "high"]


def jump_picture() -> None:
    """Show what a residual jump is, on an invented curve."""
    size = np.sort(np.r_[np.linspace(SMALLEST, LARGEST, 53), STEP_AT - 1e-6, STEP_AT])
    above = STEP_AT + ABOVE_JUMP
    kinds = {charts.WITH_STEP: STEP, charts.WITHOUT_STEP: 0.0}
    curves = pd.concat(
        [
            pd.DataFrame({"n_params": 10**size, "score": _score(size, step), "curve": name})
            for name, step in kinds.items()
        ]
    )
    low, high = (float(_score(np.array([above]), step)[0]) for step in (0.0, STEP))
    reading = pd.DataFrame(
        {"n_params": [10**above], "low": [low], "high": [high], "middle": [(low + high) / 2],
         "label": ["the jump"]}
    )  # fmt: skip
    chart = charts.jump_chart(
        curves.round(4), reading.round(4), CHANCE, "An invented curve with a step"
    )
    text = (
        "A score that rises smoothly with size and has a step. The jump is the difference, just "
        "above the step, between the curve with it and the same curve without it."
    )
    few = np.arange(SMALLEST, LARGEST + 0.1, 0.4)
    rows = [
        (
            Num(size_label(x)),
            *(Num(f"{100 * _score(np.array([x]), s)[0]:.0f}") for s in (STEP, 0.0)),
        )
        for x in few
    ]
    header = ("parameters", *(f"{name}, %" for name in kinds))
    show_chart(chart, text, tables.table(header, rows, "Expected scores"))


def _score(size: np.ndarray, step: float) -> np.ndarray:
    """Return expected scores of the drawing at sizes in log10 of parameters."""
    log_odds = LEVEL + SLOPE * (size - STEP_AT) + step * (size >= STEP_AT)
    return CHANCE + (1 - CHANCE) * expit(log_odds)


def rules() -> None:
    """Show what the posterior must say for each verdict."""
    jump = f"P(jump > {MATERIAL})"
    said = {
        Outcome.JUMP_REMAINS: f"{jump} after controls is at least {SURELY}",
        Outcome.EXPLAINED: f"{jump} as published is at least {SURELY}, after controls at most "
        f"{SURELY_NOT}, and P(the difference of the two > {MATERIAL}) is at least {SURELY}",
        Outcome.NO_JUMP: f"{jump} is at most {SURELY_NOT} as published and, if scored, after "
        "controls; also if the task is as likely to jump as not",
        Outcome.UNDETERMINED: "anything else; or a gate closed, a check failed, support missing",
    }
    also = {outcome: "rivals, priors, specifications" for outcome in WITH_JUMP} | {
        Outcome.NO_JUMP: "none besides",
        Outcome.UNDETERMINED: "",
    }
    rows = [(tables.badge(o), meaning(o), said[o], also[o]) for o in Outcome]
    header = ("verdict", "meaning", "what the posterior must say", "other fits it needs")
    show_html(tables.table(header, rows, "The rules"))


def example(name: str) -> None:
    """Show the worked example of a verdict, by the name of its ``Outcome``."""
    outcome = Outcome[name]
    shown = examples.example_of(outcome)
    cells = _cells(shown)
    first = cells.iloc[0]
    chart = score_chart(
        cells,
        pd.DataFrame(columns=["n_params", "arm"]),  # the scores alone, without a curve
        (chance_levels(cells), examples.CLAIMED_SIZE),
        Shown(arms_among(cells), first["metric"], first["prompt_format"], AVERAGED),
        f"{shown.setting.name}, invented",
    )
    text = f"Invented scores on {shown.setting.name} against size, with and without demonstrations."
    rows = cells[CELL_COLUMNS].itertuples(index=False)
    show_chart(chart, text, tables.table(CELL_COLUMNS, rows, text))
    show_html(f'<div class="fits">{_asked_table(shown.verdict)}</div>')
    verdict = shown.verdict
    if verdict.next_measurement:
        show_html(paragraphs(f"What would decide it: {verdict.next_measurement}"))


def _cells(shown: examples.Example) -> pd.DataFrame:
    """Return the scores with intervals for their number of items."""
    cells = with_intervals(shown.scores.frame.sort_values(["n_shots", "n_params"]))
    return cells.assign(arm=arm_labels(cells)).astype({"n_params": int}).round(3)


def _asked_table(verdict: Verdict) -> str:
    """Return what the rule of a verdict asks, what it needs, and what was found."""
    high, low = f"{SURELY} or more", f"{SURELY_NOT} or less"
    either = f"{high}, or {low}"
    after, published = {
        Outcome.JUMP_REMAINS: (high, "not asked"),
        Outcome.EXPLAINED: (low, high),
        Outcome.NO_JUMP: (low, low),
        Outcome.UNDETERMINED: (either, either),
    }[verdict.outcome]
    asked = [
        (f"P(jump > {MATERIAL}) after controls", after, "p_residual_jump"),
        (f"P(jump > {MATERIAL}) as published", published, "p_published_jump"),
    ]
    if verdict.outcome is Outcome.EXPLAINED:
        asked.append((f"P(difference > {MATERIAL})", high, "p_difference"))
    rows: list[tuple[str, str, str]] = [
        (what, needed, chance_of(verdict.estimates[name])) for what, needed, name in asked
    ]
    rows.append(("gates that forbid it", "none closed", _closed(verdict)))
    if verdict.outcome is not Outcome.UNDETERMINED:
        met = sum(each.met is True for each in verdict.support)
        found = f"{met} of {counted(len(verdict.support), 'condition')} met"
        rows.append(("support", "all met", found))
    passed = sum(check.passed is True for check in verdict.diagnosis.checks)
    found = f"{passed} of {counted(len(verdict.diagnosis.checks), 'check')} passed"
    rows.append(("the fit", "all passed", found))
    rows.append(("verdict", "", tables.badge(verdict.outcome)))
    return tables.table(("what is asked", "needed", "found"), rows, "How it is judged")


def _closed(verdict: Verdict) -> str:
    outcome = verdict.outcome
    undecided = outcome is Outcome.UNDETERMINED
    reasons = {reason.code for reason in verdict.reasons}
    closed = [
        gate.code
        for gate in verdict.gates
        if not gate.open and (gate.code in reasons if undecided else outcome in gate.forbids)
    ]
    return ", ".join(dict.fromkeys(closed)) or "none closed"


def picture() -> None:
    """Show the model as a picture."""
    show_html(model_picture())


def prior(name: str) -> str:
    """Return a prior as readers write it, by the name of its unknown."""
    return PRIORS[name].formula


def priors() -> None:
    """Show what the priors say of scores on a design on paper, and every prior with its reason."""
    tasks = [PlantedTask(f"task {n}", "none", 3e9) for n in range(1, N_PRIOR_TASKS + 1)]
    # The priors see sizes and arms alone: what was scored in them changes nothing here.
    scores = simulate_study(RICH, tasks, np.random.default_rng(1))
    prior_page.priors(prior_predictive(build_design(scores)))


def limits(group: str) -> None:
    """Show the thresholds of one group of ``THRESHOLDS``, as read from the code."""
    show_html(threshold_table(group))


def codes() -> None:
    """Show the reason codes and the cautions, folded."""
    show_html(
        tables.folds(
            tables.fold("Why a claim is undetermined", reason_codes.code_table()),
            tables.fold("Cautions", reason_codes.caution_table()),
        )
    )
