"""What the page says of the procedure's error rates: the kept certificates, or that there are none.

A certificate counts while models, simulator and design are those that it was made with.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from toolkit import paths
from toolkit.analysis.analyse import Analysis
from toolkit.calibrate.certificate import FOUND_STEP
from toolkit.calibrate.certificate_file import read_certificate
from toolkit.calibrate.runs import SETTINGS, Campaign
from toolkit.calibrate.sbc import ranks_made_by
from toolkit.calibrate.targets import Rate
from toolkit.calibrate.truths import BLOCKS
from toolkit.charts.checks import pit_chart
from toolkit.report import html_tables as tables
from toolkit.report import sentences
from toolkit.report.display import chart_html, show_html
from toolkit.report.html_tables import Num
from toolkit.simulate import RICH, Design, OwnDesign
from toolkit.wording import listed

OWN, ELSEWHERE = "On this study's own design", "On a rich design"
RICH_TEXT = (
    " (four families of five sizes, base and tuned, zero- and few-shot, 200 items: what the "
    "procedure does where data are plenty)"
)


def certificate(analysis: Analysis) -> None:
    """Show how often the procedure is right, on this design and on a rich one."""
    source = analysis.source
    own = _kept(source.study.id, OwnDesign(source.record, source.claims))
    rich = _kept("rich", RICH)
    if own is None and rich is None:
        text = (
            "With these models and rules it is not known yet, neither on this study's own design "
            f"(emergence calibrate {source.study.id}) nor on a rich one (emergence calibrate rich)."
        )
        show_html(sentences.paragraphs(text))
        return
    show_html(_shown(OWN, "", source.study.id, own) + _shown(ELSEWHERE, RICH_TEXT, "rich", rich))


def error_rates(analyses: Sequence[Analysis]) -> str:
    """Return how often claims are judged wrong, on the designs whose certificate counts."""
    designs: list[tuple[str, str, Design]] = [
        (f"the design of {of.study.short_title}", of.study.id, OwnDesign(of.record, of.claims))
        for of in (analysis.source for analysis in analyses)
    ]
    said = [
        f"In {record['n_studies']} simulated studies of {name}, {_rates(record)}."
        for name, of, design in (*designs, ("a rich design", "rich", RICH))
        if (record := _kept(of, design)) is not None
    ]
    return " ".join(said) or "How often such verdicts are right is not known yet for these rules."


def _rates(record: dict[str, Any]) -> str:
    false, denied = record["called_a_jump_without_one"], record["jumps_called_none"]
    failed = record["without_one_but_a_check_failed"]["n"]
    unsound = f"; {failed} of them undetermined because a fit failed a check" if failed else ""
    none = f" and {denied['n']} of {denied['of']} jumps were called none" if denied["of"] else ""
    return (
        f"{false['n']} of {false['of']} claims without a jump were called one "
        f"({100 * false['low']:.1f}% to {100 * false['high']:.1f}% in the long run{unsound}){none}"
        f"{_power(record)}"
    )


def _power(record: dict[str, Any]) -> str:
    """Return how often a step of 20 points in all arms was found, where most or few tasks step."""
    found = [
        f"{row['right']['n']} of {row['right']['of']}"
        + row["truth"].removeprefix(FOUND_STEP).replace(",", "")
        for row in record["truths"]
        if row["truth"].startswith(FOUND_STEP)
    ]
    steps = FOUND_STEP.replace("step", "steps")
    return f"; {steps} were found in {listed(found)}" if found else ""


def _shown(title: str, about: str, name: str, record: dict[str, Any] | None) -> str:
    """Return one design's certificate, or that there is none."""
    if record is None:
        return sentences.paragraphs(
            f"{title}: not run with these models and rules (emergence calibrate {name})."
        )
    said = (
        f"{title}{about}: {record['reading']} From {record['n_studies']} simulated studies and "
        f"{record['n_fits']} fits{_not_run(record)}."
    )
    return sentences.paragraphs(said) + tables.folds(
        tables.fold("Truth by truth", _truth_table(record)),
        tables.fold("Targets", _target_table(record)),
        tables.fold("Coverage of intervals", _coverage_table(record)),
        *_rank_fold(record),
    )


def _not_run(record: dict[str, Any]) -> str:
    """Return which blocks of truths have no study yet."""
    missing = [block for block in BLOCKS if block not in record["made"]["seeds"]]
    return f"; not run: {listed(missing)}" if missing else ""


def _kept(name: str, design: Design) -> dict[str, Any] | None:
    """Return the full certificate of a design, if it was made with today's models."""
    record = read_certificate(paths.calibration_dir(name, "full") / "certificate.json")
    if record is None:
        return None
    made = record["made"]
    settings = {key: made[key] for key in SETTINGS}
    campaign = Campaign(name, design, cache=paths.cache_dir(), **settings)
    today = {**campaign.made_by, "ranks": ranks_made_by(campaign.settings(0))["code"]}
    same = all(made.get(key) == value for key, value in today.items())
    return record if same and made["profile"] == "full" else None


def _truth_table(record: dict[str, Any]) -> str:
    header = ("truth", *record["truths"][0]["verdicts"], "right [90%]", "why undetermined")
    rows = [
        (
            row["truth"],
            *(Num(n) for n in row["verdicts"].values()),
            Num(_rate(row["right"])),
            ", ".join(f"{c} {n}" for c, n in row["first_reason_where_undetermined"].items()),
        )
        for row in record["truths"]
    ]
    return tables.table(header, rows, "What was said of tasks of known truth")


def _target_table(record: dict[str, Any]) -> str:
    rows = []
    for row in record["targets"]:
        reached = "yes" if row["reached"] else tables.marked("no")
        rows.append((row["target"], Num(row["found"]), reached if row["enough"] else "too few"))
    return tables.table(("target", "found [90%]", "reached"), rows, "Targets of the procedure")


def _coverage_table(record: dict[str, Any]) -> str:
    rows = [
        (row["of"], *(Num(_rate(each)) for each in row["intervals"])) for row in record["coverage"]
    ]
    first = record["coverage"][0]["intervals"]
    header = ("of the", *(f"{100 * each['probability']:.0f}% intervals" for each in first))
    return tables.table(header, rows, "How often central intervals hold the truth [90%]")


def _rank_fold(record: dict[str, Any]) -> tuple[str, ...]:
    """Return the calibration by ranks, where it was made."""
    found = record["simulation_based_calibration"]
    if not found:
        return ()
    said = {True: "inside its band", False: tables.marked("outside its band"), None: "too few fits"}
    rows = [(row["of"], Num(row["n_fits"]), said[row["inside_band"]]) for row in found]
    caption = "Ranks of prior draws in the fits of their data: uniform if all is right"
    curves = "".join(
        chart_html(
            pit_chart(pd.DataFrame(row["curve"]), row["of"]),
            f"How far the ranks of the {row['of']} are from uniform, with a 95% band.",
        )
        for row in found
        if row["curve"]
    )
    shown = tables.table(("quantity", "fits", "ECDF of ranks"), rows, caption)
    return (
        tables.fold("Simulation-based calibration", f'{shown}<div class="panels">{curves}</div>'),
    )


def _rate(rate: dict[str, Any]) -> str:
    return Rate(rate["n"], rate["of"]).text if rate["of"] else "none"
