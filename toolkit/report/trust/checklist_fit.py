"""Checklist items that the fit answers: what the model is, how it was computed, what it says."""

import inspect
from collections.abc import Iterable
from types import ModuleType

import numpy as np

from toolkit.analysis.analyse import Analysis
from toolkit.estimands.estimate import CI_KIND, CI_PROB, ROPE, Estimate
from toolkit.fit.diagnose import ESS_MIN, RHAT_MAX
from toolkit.models import MODELS, likelihood
from toolkit.models.priors import PRIORS
from toolkit.predictive.posterior_predictive import PredictiveCheck
from toolkit.report.numbers import counted
from toolkit.report.sentences import likeliest_arm
from toolkit.report.trust.checklist_item import ChecklistItem, filled, listed
from toolkit.verdict.rules import Verdict
from toolkit.wording import size_label

MODEL, COMPUTATION, POSTERIOR = "1 model", "2 computation", "3 posterior"
ARM_OF = {
    "p_residual_jump": "in the controlled arm",
    "p_published_jump": "in the arm where the jump was claimed",
}
INTERVALS = {"eti": "equal-tailed", "hdi": "highest-density"}


def model_items(analysis: Analysis, prior_predictive: str) -> list[ChecklistItem]:
    """Return step 1: variables, likelihood, priors, formal specification, prior predictive."""
    frame, posterior = analysis.source.record.frame, analysis.posterior
    model = MODELS[analysis.source.plan.model]
    curve = inspect.getmodule(model.curve)
    step = inspect.getmodule(model.step)
    sizes = np.log10(frame["n_params"])
    reasoned = [name for name, prior in PRIORS.items() if prior.meaning and prior.reason]
    made = analysis.fitted.provenance
    return [
        filled(
            MODEL, "which variables?", "sec-data",
            "Predicted: items right of items asked, in {cells}. Predictors: task ({tasks}), "
            "checkpoint ({checkpoints}) and its family ({families}), log10 of parameters ({low} to "
            "{high}), demonstrations ({shots}), instruction tuning (in {tuned} of the cells).",
            cells=counted(len(frame), "cell"), tasks=frame["task"].nunique(),
            checkpoints=frame["checkpoint"].nunique(), families=frame["lm_family"].nunique(),
            low=size_label(sizes.min()), high=size_label(sizes.max()),
            shots=", ".join(f"{n:.0f}" for n in np.unique(frame["n_shots"])),
            tuned=int(frame["instruction_tuned"].sum()),
        ),
        filled(
            MODEL, "which likelihood, which unknowns?", "sec-model",
            "{likelihood} {curve} {jumps} Of primary interest: the jumps by task and arm, computed "
            "from the draws on the accuracy scale. Ancillary: {names} quantities of the posterior, "
            "{numbers} numbers per draw.",
            likelihood=_first_paragraph(likelihood), curve=_first_paragraph(curve),
            jumps=_first_paragraph(step),
            names=len(posterior.data_vars),
            numbers=sum(int(np.prod(v.shape[2:])) for v in posterior.data_vars.values()),
        ),
        filled(
            MODEL, "which priors, and why?", "sec-model",
            "{n} priors are registered, each with its meaning and its reason.",
            # A prior without a reason leaves the item open.
            n=len(PRIORS) if len(reasoned) == len(PRIORS) else None,
        ),
        filled(
            MODEL, "where is the formal specification?",
            f"{step.__name__.replace('.', '/')}.py" if step else "",
            "The model '{model}' as code, which is hashed into the name of the draws, {hash}.",
            model=made.get("model"), hash=made.get("hash"),
        ),
        filled(MODEL, "what do the priors predict?", "sec-model", "{said}", said=prior_predictive),
    ]  # fmt: skip


def computation_items(analysis: Analysis) -> list[ChecklistItem]:
    """Return step 2: software, convergence, effective draws."""
    made = analysis.fitted.provenance
    settings = made.get("settings", {})
    checks = [*analysis.sampler.checks, *(c for v in analysis.verdicts for c in v.diagnosis.checks)]

    def worst(kind: str) -> tuple[float, float]:
        return _range(check.value for check in checks if check.name.startswith(kind))

    return [
        filled(
            COMPUTATION, "which software?", "sec-cite", "{versions}; Python {python}.",
            versions=listed(made.get("versions")), python=made.get("python"),
        ),
        filled(
            COMPUTATION, "have the chains converged?", "sec-diagnostics",
            "{chains} chains of {draws} draws. R-hat is at most {rhat:.4f} (allowed: {limit}) over "
            "the unknowns and every reported quantity; all checks passed for {passed} of {claims}.",
            chains=settings.get("chains"), draws=settings.get("draws"),
            rhat=worst("R-hat")[1], limit=RHAT_MAX,
            passed=sum(verdict.diagnosis.passed is True for verdict in analysis.verdicts),
            claims=counted(len(analysis.verdicts), "claim"),
        ),
        filled(
            COMPUTATION, "how many effective draws?", "sec-diagnostics",
            "At least {bulk:.0f} in the bulk and {tail:.0f} in the tails (needed: {limit}) of the "
            "unknowns and of every reported quantity, derived ones included.",
            bulk=worst("bulk ESS")[0], tail=worst("tail ESS")[0], limit=ESS_MIN,
        ),
    ]  # fmt: skip


def posterior_items(analysis: Analysis, predictive: PredictiveCheck) -> list[ChecklistItem]:
    """Return step 3: posterior predictive check, summaries, probabilities."""
    estimates = [e for v in analysis.verdicts for e in _shown(v)]
    finite = np.isfinite([v for e in estimates for v in (e.median, e.ci_low, e.ci_high)]).all()
    deciding = likeliest_arm(analysis)
    probabilities = [
        v.estimates[deciding] for v in analysis.verdicts
        if not np.isnan(v.estimates[deciding].median)
    ]  # fmt: skip
    low, high = _range(p.median for p in probabilities)
    overall = predictive.overall.iloc[0]
    abrupt = _range(predictive.rises_by_arm["p_rise"])
    return [
        filled(
            POSTERIOR, "does the model mimic the data?", "sec-fit",
            "Of {cells} cells {half:.0f}% lie in their 50% and {most:.0f}% in their 90% "
            "predictive intervals; scores lie {residual:+.1f} points from the prediction on "
            "average; {below:.0f}% are below chance, {few:.0f}% to {many:.0f}% in replicates; "
            "replicated curves have the larger steepest rise with probability {low:.2f} to "
            "{high:.2f}, by arm. The fit has seen these cells.",
            cells=int(overall["n_cells"]), half=100 * overall["covered_50"],
            most=100 * overall["covered_90"], residual=round(100 * overall["residual"], 1) + 0.0,
            below=100 * overall["below_chance"], few=100 * overall["below_chance_low"],
            many=100 * overall["below_chance_high"], low=abrupt[0], high=abrupt[1],
        ),
        filled(
            POSTERIOR, "how is the posterior summarised?", "sec-verdicts",
            "Median and {kind} interval of probability {prob:.2f}, for {n} quantities of {claims}; "
            "the Monte Carlo error of a probability is at most {mcse:.4f}.",
            kind=INTERVALS.get(CI_KIND), prob=CI_PROB, n=len(estimates) if finite else None,
            claims=counted(len(analysis.verdicts), "claim"),
            mcse=_range(p.mcse for p in probabilities)[1],
        ),
        filled(
            POSTERIOR, "which probabilities of hypotheses?", "sec-verdicts",
            "No Bayes factor; 'no jump' must hold at even odds of one. Over the claims the "
            "posterior probability of a jump above "
            "{rope:.0f} points {in_arm} runs from {low:.3f} to {high:.3f}.",
            rope=100 * ROPE, in_arm=ARM_OF[deciding], low=low, high=high,
        ),
    ]  # fmt: skip


def _shown(verdict: Verdict) -> list[Estimate]:
    """Return a claim's estimates but for those of arms that were not scored, which are NaN."""
    lacks_arms = any(caution.code == "ARM_NOT_MEASURED" for caution in verdict.cautions)
    return [e for e in verdict.estimates.values() if not (lacks_arms and np.isnan(e.median))]


def _first_paragraph(module: ModuleType | None) -> str:
    """Return what a module says it is: words that stand beside the code they are about."""
    return " ".join((inspect.getdoc(module) or "").split("\n\n")[0].split()) if module else ""


def _range(values: Iterable[float]) -> tuple[float, float]:
    """Return the smallest and the largest; NaN where one is NaN or where there are none."""
    array = np.fromiter(values, float)
    return (float(array.min()), float(array.max())) if array.size else (np.nan, np.nan)
