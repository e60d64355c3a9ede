"""The Bayesian analysis reporting guidelines (BARG, Kruschke 2021), filled by code.

Every answer is made from the analysis itself. One that comes out empty or NaN raises an error that
names the item, so that a report with a gap can't be built. The questions are in our words.
"""

from collections.abc import Mapping, Sequence

from toolkit import __version__
from toolkit.analysis.analyse import Analysis
from toolkit.analysis.reproduction import MARGINAL_RISE
from toolkit.estimands.estimate import ROPE, SURE
from toolkit.predictive.posterior_predictive import PredictiveCheck
from toolkit.report.html_tables import Markup, link, table
from toolkit.report.numbers import counted
from toolkit.report.trust.checklist_fit import computation_items, model_items, posterior_items
from toolkit.report.trust.checklist_item import ChecklistItem, filled, listed
from toolkit.verdict.rules import FDR_MAX

PREAMBLE, DECISIONS = "preamble", "4 decisions"
SENSITIVITY, REPRODUCIBLE = "5 sensitivity", "6 reproducibility"
# What a robustness summary must answer, by its key.
ROBUSTNESS = {
    "priors": "do the conclusions depend on the priors?",
    "rivals": "do the conclusions depend on the curve that a jump is compared with?",
    "likelihood": "do the conclusions depend on the observation model?",
    "decisions": "do the decisions depend on the ROPE and the specification?",
}


def checklist(
    analysis: Analysis,
    *,
    prior_predictive: str,
    predictive: PredictiveCheck,
    robustness: Mapping[str, str] | None,
) -> tuple[ChecklistItem, ...]:
    """Return every item filled, or raise ``ReportError`` naming the first that is not.

    Parameters
    ----------
    prior_predictive
        What the priors say on the scale of scores, as a sentence with its numbers.
    robustness
        A sentence for each key of ``ROBUSTNESS``; None where it was not run, which is then said.
    """
    return (
        *_preamble(analysis),
        *model_items(analysis, prior_predictive),
        *computation_items(analysis),
        *posterior_items(analysis, predictive),
        *_decisions(analysis),
        *_sensitivity(analysis.source.study.id, robustness),
        *_reproducibility(analysis),
    )


def checklist_table(items: Sequence[ChecklistItem]) -> str:
    """Return the checklist as an HTML table; an answer links to where the report says more."""
    rows = [(item.step, item.question, item.answer, _place(item.where)) for item in items]
    caption = "Bayesian analysis reporting guidelines (BARG), filled by code"
    return table(("step", "item", "answer", "more"), rows, caption)


def _place(where: str) -> Markup | str:
    return link(f"#{where}", where.removeprefix("sec-")) if where.startswith("sec-") else where


def _preamble(analysis: Analysis) -> list[ChecklistItem]:
    design = analysis.fitted.design
    return [
        filled(
            PREAMBLE, "why Bayesian?", "sec-decidable",
            "{claims} on {tasks} are judged together from {checkpoints}. The posterior gives the "
            "probability of a jump of any size, so that 'no jump' can be accepted and told from "
            "'undetermined'.",
            claims=counted(len(analysis.verdicts), "claim"),
            tasks=counted(len(design.tasks), "task"),
            checkpoints=counted(len(design.checkpoints), "checkpoint"),
        ),
        filled(
            PREAMBLE, "what is the goal?", "sec-summary",
            "{asked} First the size of the jump that remains, then a decision on each claim.",
            asked=analysis.source.study.question,
        ),
    ]  # fmt: skip


def _decisions(analysis: Analysis) -> list[ChecklistItem]:
    claims = analysis.source.claims
    return [
        filled(
            DECISIONS, "which decisions, and why?", "sec-verdicts",
            "Each claim gets one of {n} verdicts: {outcomes}. 'No jump' is accepted only from the "
            "posterior, at even odds too, and a design whose gates are open.",
            n=len(analysis.counts),
            outcomes=listed({outcome.value: k for outcome, k in analysis.counts.items()}),
        ),
        filled(
            DECISIONS, "which rule or loss?", "sec-decidable",
            "Fixed probabilities, no loss function: at least {sure} for a verdict, every gate "
            "that forbids it open, every check passed; expected false discoveries at most {fdr} "
            "among the jumps that remain ({discoveries}).",
            sure=SURE, fdr=FDR_MAX, discoveries=counted(len(analysis.discoveries), "claim"),
        ),
        filled(
            DECISIONS, "which ROPE, and why?", "sec-verdicts",
            "{rope:.0f} points to either side: Lu et al. (2024) call a rise below {limit:.0f} "
            "points marginal. Of the {claims} here {marginal} are published as marginal.",
            rope=100 * ROPE, limit=100 * MARGINAL_RISE, claims=counted(len(claims), "claim"),
            marginal=sum(claim.published_marginal for claim in claims),
        ),
        filled(
            DECISIONS, "are estimates given beside decisions?", "sec-claims",
            "All {n} verdicts stand beside the jump after controls and the jump as published, with "
            "their intervals and probabilities.",
            n=len(analysis.verdicts) or None,
        ),
    ]  # fmt: skip


def _sensitivity(study: str, robustness: Mapping[str, str] | None) -> list[ChecklistItem]:
    if robustness is None:
        said = dict.fromkeys(ROBUSTNESS, f"Not run: emergence robustness {study}.")
    else:
        said = robustness
    where = "sec-model" if robustness is None else "sec-robustness"
    return [
        filled(SENSITIVITY, question, where, "{said}", said=said.get(key))
        for key, question in ROBUSTNESS.items()
    ]


def _reproducibility(analysis: Analysis) -> list[ChecklistItem]:
    study, made = analysis.source.study, analysis.fitted.provenance
    settings = made.get("settings", {})
    return [
        filled(
            REPRODUCIBLE, "which code, run how?", "sec-cite",
            "emergence-toolkit {version}: emergence report {study} --profile {profile}",
            version=__version__, study=study.id, profile=analysis.profile,
        ),
        filled(
            REPRODUCIBLE, "which data?", "sec-data",
            "{file} of {repository} at {commit}, sha256 {sha256}; {licence}.",
            file=study.provenance.file, repository=study.provenance.repository,
            commit=study.provenance.commit, sha256=study.provenance.sha256, licence=study.licence,
        ),
        filled(
            REPRODUCIBLE, "which seeds and settings?", "sec-cite", "{settings}.",
            settings=listed(settings if "random_seed" in settings else None),
        ),
        filled(
            REPRODUCIBLE, "are the draws kept?", "sec-cite",
            "As {hash}, a hash of scores, code, priors, settings and versions; made {made}.",
            hash=made.get("hash"), made=made.get("made"),
        ),
    ]  # fmt: skip
