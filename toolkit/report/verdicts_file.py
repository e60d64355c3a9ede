"""``verdicts.json``: what the report says, for programs; the schema lies beside this file."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from toolkit import __version__
from toolkit.analysis.analyse import Analysis, Survivors
from toolkit.definitions.rules import DefinitionResult
from toolkit.estimands.estimate import CI_KIND, CI_PROB, ROPE, Estimate
from toolkit.paths import kept_verdicts_file
from toolkit.report.robustness_file import (
    definitions_record,
    metric_record,
    shape_record,
    stability_record,
    support_record,
)
from toolkit.report.sentences import verdicts_given
from toolkit.verdict.gates import Outcome
from toolkit.verdict.rules import Reason, Verdict

FORMAT = 2
DIGITS = 6


def document(analyses: Sequence[Analysis]) -> dict[str, Any]:
    """Return the verdicts of several studies as plain data."""
    return {
        "format": FORMAT,
        "toolkit_version": __version__,
        "rope": ROPE,
        "ci_prob": CI_PROB,
        "ci_kind": CI_KIND,
        "studies": [study_record(analysis) for analysis in analyses],
    }


def kept_counts(study_id: str) -> str:
    """Return how many claims got each verdict in the study's kept verdicts; a dash without any."""
    path = kept_verdicts_file(study_id)
    if not path.exists():
        return "–"
    counts = json.loads(path.read_text(encoding="utf-8"))["counts"]
    return verdicts_given({Outcome[name]: n for name, n in counts.items()})


def as_text(value: Any) -> str:
    """Return plain data as JSON text; a NaN is an error, never written."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def study_record(analysis: Analysis) -> dict[str, Any]:
    """Return one study with its claims."""
    study = analysis.source.study
    sets = sorted({claim.claim_set for claim in analysis.source.claims})
    return {
        "study": study.id,
        "title": study.title,
        "version": study.version,
        "licence": study.licence,
        "attribution": study.attribution,
        "profile": analysis.profile,
        "fit": analysis.fitted.provenance,
        "fit_trusted": analysis.sampler.passed,
        "counts": {outcome.name: n for outcome, n in analysis.counts.items()},
        "expected_fdr_set": list(analysis.discoveries),
        "surviving": {
            "all": _survivors(analysis.survivors()),
            **{name: _survivors(analysis.survivors(name)) for name in sets},
        },
        "claims": [
            claim_record(analysis, verdict, analysis.definitions[verdict.claim.slug])
            for verdict in analysis.verdicts
        ],
    }


def claim_record(
    analysis: Analysis, verdict: Verdict, definitions: Sequence[DefinitionResult]
) -> dict[str, Any]:
    """Return one claim: the published verdict, ours, and what it rests on.

    ``stability`` is null where the robustness was not run.
    """
    claim = verdict.claim
    return {
        "slug": claim.slug,
        "task": claim.task,
        "published": {
            "paper_version": claim.paper_version,
            "table": claim.table,
            "row": claim.row,
            "arm": claim.published_arm,
            "threshold_n_params": claim.threshold_n_params,
            "size_chosen": claim.size_chosen,
            "claim_set": claim.claim_set,
            "prior_claim": claim.prior_claim,
            "study_claim": claim.study_claim,
            "verdict": claim.published_verdict,
        },
        "outcome": verdict.outcome.name,
        "residual_jump": _estimate(verdict.estimates["residual_jump"]),
        "p_residual_jump": _estimate(verdict.estimates["p_residual_jump"]),
        "published_jump": _estimate(verdict.estimates["published_jump"]),
        "p_published_jump": _estimate(verdict.estimates["p_published_jump"]),
        "estimates": {name: _estimate(e) for name, e in verdict.estimates.items()},
        "attribution": {
            "published_arm": {name: _estimate(e) for name, e in verdict.attribution.items()},
            "few_shot_and_tuned_arm": {n: _estimate(e) for n, e in verdict.elicitation.items()},
            "credited_to": list(verdict.credited_to),
        },
        "shape": shape_record(verdict),
        "support": support_record(verdict),
        "stability": stability_record(analysis, verdict),
        "definitions": definitions_record(definitions),
        "metrics": metric_record(analysis, claim),
        "reasons": [_reason(reason) for reason in verdict.reasons],
        "cautions": [_reason(reason) for reason in verdict.cautions],
        "next_measurement": verdict.next_measurement,
        "gates": [
            {
                "code": gate.code,
                "open": gate.open,
                "finding": gate.finding,
                "forbids": sorted(outcome.name for outcome in gate.forbids),
            }
            for gate in verdict.gates
        ],
        "diagnosis": {
            "passed": verdict.diagnosis.passed,
            "checks": [
                {
                    "name": check.name,
                    "value": number(check.value),
                    "threshold": check.threshold,
                    "passed": check.passed,
                }
                for check in verdict.diagnosis.checks
            ],
        },
    }


def counts_text(counts: dict[Outcome, int]) -> str:
    """Return the counts of verdicts as one line."""
    return ", ".join(f"{number} {outcome.value}" for outcome, number in counts.items())


def _survivors(survivors: Survivors) -> dict[str, Any]:
    of = {"n_claims": survivors.n_claims, "n_unmeasured": survivors.n_unmeasured}
    if not survivors.n_claims:  # neither a number is said of no task, nor that there is none
        return {**of, "count": None, "p_none": None, "distribution": [], "diagnosis_passed": None}
    return {
        **of,
        "count": _estimate(survivors.count),
        "p_none": _estimate(survivors.p_none),
        "distribution": [number(p) for p in survivors.distribution],
        "diagnosis_passed": survivors.diagnosis.passed,
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    values = dataclasses.asdict(estimate)
    return {k: number(v) if isinstance(v, float) else v for k, v in values.items()}


def _reason(reason: Reason) -> dict[str, str]:
    return {"code": reason.code, "text": reason.text}


def rows_as_csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as CSV with the digits of ``number``; what could not be computed is empty."""
    return pd.DataFrame(rows, columns=list(columns)).to_csv(index=False, lineterminator="\n")


def number(value: float) -> float | None:
    """Return a number with the digits worth writing; what could not be computed is null."""
    return None if value != value else round(float(value), DIGITS)
