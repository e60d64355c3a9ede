"""The shape, the definitions and the robustness of claims as plain data and as rows of tables."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd

from toolkit.analysis.analyse import Analysis
from toolkit.definitions.table import DefinitionResult
from toolkit.report.numbers import P_JUMP
from toolkit.report.sentences import chances_by_arm
from toolkit.robustness.assess import Robustness
from toolkit.robustness.specifications import HOLDS, SpecificationSummary
from toolkit.robustness.stability import ArmStability, stability
from toolkit.study.claims import CONTROLLED_ARM, Arm, Claim
from toolkit.verdict.rules import Verdict

DIGITS = 6


def shape_record(verdict: Verdict) -> dict[str, Any]:
    """Return E4 and E6 of a claim."""
    shape = verdict.shape
    return {
        "sharpness": {arm: plain(sharp) for arm, sharp in shape.sharpness.items()},
        "onset": [plain(onset) for onset in shape.onsets],
        "decades_earlier_than_controlled": {a: plain(e) for a, e in shape.earlier.items()},
    }


def support_record(verdict: Verdict) -> list[dict[str, Any]]:
    """Return the conditions on a jump, met or not."""
    return [plain(condition) for condition in verdict.support]


def stability_record(analysis: Analysis, verdict: Verdict) -> dict[str, Any] | None:
    """Return what the robustness tables say of a claim, by arm; None where it was not run."""
    found = claim_stability(analysis, verdict)
    return None if found is None else {each.arm: plain(each) for each in found}


def claim_stability(analysis: Analysis, verdict: Verdict) -> tuple[ArmStability, ...] | None:
    """Return the stability of a claim in the controlled and the published arm, where scored."""
    if analysis.robustness is None:
        return None
    return tuple(
        stability(verdict.claim, analysis.robustness, p.median, arm)
        for arm, p in chances_by_arm(verdict).items()
    )


def shown_arms(analysis: Analysis) -> dict[str, ArmStability]:
    """Return every claim's stability after controls, or as published where that was not scored.

    By slug; claims that were scored in neither arm are left out, and all where nothing was run.
    """
    found = {v.claim.slug: claim_stability(analysis, v) or () for v in analysis.verdicts}
    by_arm = {slug: {arm.arm: arm for arm in arms} for slug, arms in found.items() if arms}
    return {
        slug: arms.get(CONTROLLED_ARM.label) or next(iter(arms.values()))
        for slug, arms in by_arm.items()
    }


def definitions_record(results: Sequence[DefinitionResult]) -> list[dict[str, Any]]:
    """Return one claim's results without the tests that they rest on."""
    return [
        {
            "definition": each.definition.value,
            "arm": each.arm.label,
            "verdict": each.verdict,
            "decisive": each.decisive,
            "value": plain(each.value),
            "p_value": plain(each.p_value),
            "text": each.text,
        }
        for each in results
    ]


def metric_record(analysis: Analysis, claim: Claim) -> list[dict[str, Any]]:
    """Return the reading of a claim under every metric and prompt format, by arm."""
    return [
        {
            "arm": result.arm.label,
            "flags": list(result.flags),
            "text": result.text,
            "readings": [plain(reading) for reading in result.readings],
        }
        for result in analysis.metrics[claim.slug]
    ]


def robustness_rows(analysis: Analysis) -> list[dict[str, Any]]:
    """Return one row for each claim: the range of P(jump) in an arm and what moves it."""
    shown, out = shown_arms(analysis), []
    for claim in analysis.source.claims:
        if claim.slug not in shown:
            continue
        found = shown[claim.slug]
        p = [rival.p_above for rival in found.rivals]
        at = found.at_claim
        tail = "no cut" if at is None else f"{at.tail:.2f}" if at.converged else "not converged"
        out.append(
            {
                "task": claim.row,
                "arm": found.arm,
                f"{P_JUMP} on rivals": f"{min(p):.2f} to {max(p):.2f}",
                f"specifications with P(> 0) > {HOLDS:g}": share_text(found.specifications),
                "tail probability below the claimed size": tail,
                "flags": ", ".join(found.flags) or "none",
            }
        )
    return out


def share_text(found: SpecificationSummary) -> str:
    """Return in how many of the specifications that can speak of a claim its jump holds."""
    if not found.n_carrying:
        return "none can speak of it"
    return f"{round(found.share_positive * found.n_carrying)} of {found.n_carrying}"


def robustness_tables(robustness: Robustness) -> dict[str, Any]:
    """Return all tables as plain data."""
    tables = {name: plain(table) for name, table in robustness.tables.items()}
    return {"provenance": dict(robustness.provenance), "tables": tables}


def plain(value: Any) -> Any:
    """Return dataclasses, frames and numbers as JSON knows them; NaN and infinity as null."""
    if isinstance(value, Arm):
        return value.label
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, pd.DataFrame):
        return [plain(row) for row in value.to_dict("records")]
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | frozenset):
        parts = sorted(value) if isinstance(value, frozenset) else value
        return [plain(part) for part in parts]
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    if isinstance(value, np.bool_):
        return bool(value)
    if value is None or isinstance(value, str | int):
        return value
    number = float(cast(float, value))
    return round(number, DIGITS) if math.isfinite(number) else None
