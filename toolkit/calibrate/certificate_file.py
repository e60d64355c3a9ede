"""A certificate as plain data in a file, and as rows of a terminal's tables."""

import json
from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import Any

from toolkit.calibrate.certificate import Certificate, reading
from toolkit.calibrate.sbc import Uniformity
from toolkit.calibrate.targets import Rate
from toolkit.errors import ToolkitError
from toolkit.paths import write_whole

FORMAT = 1
SCHEMA = Path(__file__).with_name("certificate.schema.json")


def certificate_record(
    certificate: Certificate, made: Mapping[str, Any], ranks: Sequence[Uniformity] = ()
) -> dict[str, Any]:
    """Return the certificate as plain data, with what made it and the calibration by ranks."""
    return {
        "format": FORMAT,
        "made": dict(made),
        "n_studies": certificate.n_studies,
        "n_fits": certificate.n_fits,
        "reading": reading(certificate),
        "targets": [
            {"target": t.name, "found": t.found, "reached": t.reached, "enough": t.enough}
            for t in certificate.targets
        ],
        "truths": [
            {
                "truth": row.name,
                "verdicts": row.verdicts,
                "called_a_jump": _rate(row.jump),
                "right": _rate(row.right),
                "first_reason_where_undetermined": row.reasons,
            }
            for row in certificate.rows
        ],
        "called_a_jump_without_one": _rate(certificate.overall_false),
        "without_one_but_a_check_failed": _rate(certificate.unsound),
        "jumps_called_none": _rate(certificate.denied),
        "jumps_of_demonstrations_or_tuning_said_to_remain": _rate(certificate.not_credited),
        "coverage": [
            {
                "of": each.what,
                "intervals": [{"probability": p, **_rate(r)} for p, r in each.rates.items()],
            }
            for each in certificate.coverage
        ],
        "simulation_based_calibration": [
            {
                "of": each.quantity,
                "n_fits": each.n,
                "largest_difference": _number(each.largest_difference),
                "inside_band": each.inside,
                "curve": each.curve.round(4).to_dict("records"),
            }
            for each in ranks
        ],
    }


def write_certificate(record: Mapping[str, Any], path: Path) -> None:
    """Write a certificate as JSON, atomically."""
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
    write_whole(path, text + "\n")


def read_certificate(path: Path) -> dict[str, Any] | None:
    """Return a kept certificate, or None where there is none."""
    if not path.exists():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        known = record["format"] == FORMAT and "made" in record
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{path}: got a file that can't be read ({error}); run emergence calibrate again."
        raise ToolkitError(msg) from error
    if not known:
        msg = f"{path}: got another format, expected {FORMAT}; run emergence calibrate again."
        raise ToolkitError(msg)
    return record


def truth_rows(certificate: Certificate) -> list[dict[str, str]]:
    """Return one row of a table for each truth."""
    return [
        {
            "truth": row.name,
            **{name: str(n) for name, n in row.verdicts.items()},
            "right": row.right.text,
            "called a jump": row.jump.text,
            "why undetermined": ", ".join(f"{code} {n}" for code, n in row.reasons.items()),
        }
        for row in certificate.rows
    ]


def target_rows(certificate: Certificate) -> list[dict[str, str]]:
    """Return one row of a table for each target."""
    return [
        {
            "target": target.name,
            "found": target.found,
            "reached": ("yes" if target.reached else "no")
            + ("" if target.enough else " (too few)"),
        }
        for target in certificate.targets
    ]


def rank_rows(ranks: Sequence[Uniformity]) -> list[dict[str, str]]:
    """Return one row of a table for each ranked quantity."""
    said = {True: "inside its band", False: "outside its band", None: "too few fits"}
    return [
        {
            "quantity": each.quantity,
            "fits": str(each.n),
            "largest difference": f"{each.largest_difference:.3f}",
            "ECDF of ranks": said[each.inside],
        }
        for each in ranks
    ]


def _number(value: float) -> float | None:
    return None if isnan(value) else value


def _rate(rate: Rate) -> dict[str, Any]:
    low, high = rate.interval
    share = rate.n / rate.of if rate.of else None
    return {"n": rate.n, "of": rate.of, "share": share, "low": low, "high": high}
