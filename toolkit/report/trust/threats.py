"""Threats to validity by four types (König et al. 2026), filled from the study and its verdicts.

Statistical: could these data show it? Internal: is it due to what it is credited to? External: does
it hold elsewhere? Construct: does the score measure what the claim speaks of? A number in the table
comes from the study's own tables; where these are silent, that is said.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.analysis.analyse import Analysis
from toolkit.analysis.reproduction import ReplicateAudit
from toolkit.estimands.estimate import MATERIAL
from toolkit.predictive.posterior_predictive import PredictiveCheck
from toolkit.report.html_tables import table
from toolkit.report.numbers import counted
from toolkit.report.trust.evidence import Evidence, known, span, tally
from toolkit.verdict.gates import GAP_MAX_DECADES, SIZES_MIN, Outcome
from toolkit.verdict.rules import FDR_MAX

STATISTICAL, INTERNAL, EXTERNAL, CONSTRUCT = "statistical", "internal", "external", "construct"


@dataclass(frozen=True)
class Threat:
    """One threat: its type, what these data say of it, how it is handled, and what remains."""

    validity: str
    threat: str
    finding: str
    handling: str
    remains: str


def threats(
    analysis: Analysis,
    audit: ReplicateAudit | None = None,
    predictive: PredictiveCheck | None = None,
) -> tuple[Threat, ...]:
    """Return every threat with what the data say of it.

    Parameters
    ----------
    audit
        Agreement of repeated runs; None where the study has none.
    predictive
        Observed against predicted cells; None where it was not checked.
    """
    evidence = Evidence(analysis)
    return (
        *_design_threats(evidence, audit),
        *_inference_threats(evidence, predictive),
        *_internal(evidence),
        *_external(evidence),
        *_construct(evidence),
    )


def threat_table(rows: Sequence[Threat]) -> str:
    """Return the threats as an HTML table."""
    header = ("validity", "threat", "what these data say", "how it is handled", "what remains")
    cells = [(t.validity, t.threat, t.finding, t.handling, t.remains) for t in rows]
    return table(header, cells, "Threats to validity")


def _design_threats(of: Evidence, audit: ReplicateAudit | None) -> list[Threat]:
    undetermined = of.analysis.counts[Outcome.UNDETERMINED]
    n_sizes = span(len(sizes) for sizes in of.controlled_sizes)
    items = span(of.cells.groupby("task")["n_items"].max())
    if audit is None:
        repeats = "No repeated runs: how far a rerun would differ is unknown."
    else:
        repeats = (
            f"{audit.n_identical} of {audit.n_cells} cells with repeats have identical ones; "
            f"agreement (ICC) {known(audit.icc)}."
        )
    return [
        Threat(
            STATISTICAL, "too few sizes, or none near the claimed one",
            f"{n_sizes} sizes per claimed task in the controlled arm (needed: {SIZES_MIN}); around "
            f"the claimed size a gap of {span(of.claimed_gaps, 2)} decades, in the published arm "
            f"where that was not scored (allowed: {GAP_MAX_DECADES}); in either "
            f"{of.closed('MISSING_ARM', 'FEW_SIZES', 'ONE_SIDED', 'WIDE_GAP')}.",
            "A closed gate leaves the claim undetermined, never 'no jump'; where only the "
            "controlled arm is missing, there may still be none as published.",
            f"{undetermined} of {counted(len(of.analysis.verdicts), 'claim')} undetermined.",
        ),
        Threat(
            STATISTICAL, "few items",
            f"{items} items per task; with the fewest, two cells near 0.5 must differ by "
            f"{100 * of.largest_undetected:.0f} points to be told apart; {of.closed('FEW_ITEMS')}.",
            "Counts enter with their number of items; a task with few is flagged.",
            "Jumps below that size can't be seen in one pair of cells.",
        ),
        Threat(
            STATISTICAL, "repeats taken for further items", repeats,
            "Repeats are collapsed to one row before anything is fitted.",
            "Repeats are runs of one checkpoint: they say nothing of its training.",
        ),
    ]  # fmt: skip


def _inference_threats(of: Evidence, predictive: PredictiveCheck | None) -> list[Threat]:
    analysis = of.analysis
    claims = counted(len(analysis.verdicts), "claim")
    passed = sum(verdict.diagnosis.passed is True for verdict in analysis.verdicts)
    found, kept = len(analysis.discoveries), analysis.counts[Outcome.JUMP_REMAINS]
    return [
        Threat(
            STATISTICAL, "many claims at once",
            f"{claims}; {kept} with a jump that remains, {found} of them in the set with an "
            f"expected false discovery rate of {FDR_MAX}.",
            "One model of all tasks; the expected false discovery rate is bounded.",
            "The rate is the model's own: it is as right as the model is.",
        ),
        Threat(
            STATISTICAL, "draws that have not mixed",
            f"All checks passed for {passed} of {claims}; profile {analysis.profile}.",
            "A claim whose checks do not all pass is undetermined.",
            "Checks can fail to find a mode that no chain visited.",
        ),
        Threat(
            STATISTICAL, "a model that does not fit", *_fit_of(predictive),
        ),
    ]  # fmt: skip


def _fit_of(predictive: PredictiveCheck | None) -> tuple[str, str, str]:
    if predictive is None:
        return "Not checked here.", "None.", "How well the model mimics the scores is unknown."
    row = predictive.overall.iloc[0]
    low, high = 100 * row["below_chance_low"], 100 * row["below_chance_high"]
    return (
        f"{100 * row['covered_90']:.0f}% of {row['n_cells']:.0f} cells lie in their 90% predictive "
        f"intervals; {100 * row['below_chance']:.0f}% are below chance, against {low:.0f}% to "
        f"{high:.0f}% in replicates.",
        "Over-dispersion by task; replicated scores are compared with the observed.",
        "The fit has seen these cells: covering them is weak support.",
    )


def _internal(of: Evidence) -> list[Threat]:
    caveats = [c.row for c in of.analysis.source.claims if c.control_caveat]
    named = f" ({', '.join(caveats)})" if caveats else ""
    return [
        Threat(
            INTERNAL, "size mixed up with recipe",
            "Families with base checkpoints at or above the claimed size: "
            f"{span(of.families_above)}; {of.closed('ONE_RECIPE')}.",
            of.effects("sigma_family", "sigma_family_slope", "sigma_checkpoint"),
            "Size was observed, not assigned: a jump describes released checkpoints.",
        ),
        Threat(
            INTERNAL, "a controlled arm that is not free of demonstrations",
            f"{of.closed('CONTROL_NOT_CLEAN')}{named}.",
            "The gate forbids 'jump remains' and 'explained'.",
            "What the study does not tell of its prompts can't be seen here.",
        ),
        Threat(
            INTERNAL, "tuned partners that differ in more than instructions", of.pairs,
            of.effects("sigma_pair"),
            "A pair's difference is that of one release's whole post-training.",
        ),
        Threat(
            INTERNAL, "training on the tasks",
            f"No table tells what a checkpoint was trained on. {of.dated}",
            f"Dates and training data are not in the model. {of.effects('sigma_checkpoint_task')}",
            "Whether later or larger checkpoints had seen the tasks is unknown.",
        ),
    ]  # fmt: skip


def _external(of: Evidence) -> list[Threat]:
    n_formats = of.analysis.source.scores.frame["prompt_format"].nunique()
    repeated, recipes = of.same_recipe
    return [
        Threat(
            EXTERNAL, "other checkpoints",
            f"{len(of.checkpoints)} checkpoints ({len(of.bases)} base), families: "
            f"{of.checkpoints['lm_family'].nunique()}, sizes: {of.size_span}; {of.served_by_api}.",
            "Jumps and curves are those expected of a new checkpoint of a new family.",
            "How much families differ is learnt from these only.",
        ),
        Threat(
            EXTERNAL, "other training runs",
            f"{repeated} of {recipes} combinations of family and size have several base "
            "checkpoints; repeats are runs of one checkpoint.",
            of.effects("sigma_checkpoint", "sigma_checkpoint_task"),
            "Where there is one run, its luck can't be told from the effect of its size.",
        ),
        Threat(
            EXTERNAL, "other tasks",
            f"{counted(len(of.tasks), 'task')}; claims: {of.claim_sets}.",
            "Surviving claims are counted within each set of claims.",
            "Nothing is said of tasks outside the study.",
        ),
        Threat(
            EXTERNAL, "other prompts",
            f"Verdicts use the prompt format '{of.analysis.source.plan.prompt_format}', one of "
            f"{n_formats} in the table; demonstrations: {of.shots}.",
            "Zero-shot and few-shot cells are separate arms.",
            "Other formats are not used; another wording may give other scores.",
        ),
    ]  # fmt: skip


def _construct(of: Evidence) -> list[Threat]:
    claims, tasks = of.analysis.source.claims, of.tasks
    flop = int(of.checkpoints["train_flop"].notna().sum())
    unparseable = of.cautioned("IF_PARSEABLE")
    return [
        Threat(
            CONSTRUCT, "a wrong chance level",
            f"Chance levels: {span(tasks['chance'], 2)}; sources, with their number of tasks: "
            f"{tally(tasks['chance_source'])}. {of.n_below_chance} of {len(of.cells)} cells lie "
            f"below chance; {of.closed('BELOW_CHANCE')}.",
            "Chance is fixed by task; claims with many cells surely below it are flagged.",
            "A wrong level shifts every jump of its task that starts near the floor.",
        ),
        Threat(
            CONSTRUCT, "a metric that misses the ability",
            f"Metrics of record, with their number of tasks: {tally(tasks['metric_of_record'])}.",
            f"Unparseable answers are an event of their own for {counted(unparseable, 'claim')}.",
            "Whether the metric follows the ability can't be told from the scores.",
        ),
        Threat(
            CONSTRUCT, "tasks that do not ask what they seem to",
            f"Known issues are noted for {of.n_known_issues} of {counted(len(tasks), 'task')}.",
            "They are printed in the table of tasks.",
            "An issue that nobody noted does not show.",
        ),
        Threat(
            CONSTRUCT, "number of parameters as scale",
            f"Training compute is known for {flop} of {len(of.checkpoints)} checkpoints.",
            f"Scale is log10 of parameters throughout. {of.analysis.source.said_of_sizes}".strip(),
            "Checkpoints of one size may differ in data and compute.",
        ),
        Threat(
            CONSTRUCT, "what counts as emergence",
            f"{sum(c.published_emergent for c in claims)} of {counted(len(claims), 'claim')} are "
            f"published as emergent, {sum(c.published_marginal for c in claims)} as marginal; "
            f"{of.closed('JUMP_ELSEWHERE', 'LOCATION_UNRESOLVED')}.",
            f"A jump is a step above {MATERIAL} beyond a smooth curve, near the "
            "claimed size.",
            "A rise that is steep but smooth is no jump here; other definitions may call it one.",
        ),
    ]  # fmt: skip
