"""Files that a page carries: packed into their links, so that they need no server and no script.

A script unpacks them; without one they are saved packed, as ``.gz``.
"""

import base64
import gzip
import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from toolkit import __version__
from toolkit.analysis.analyse import Analysis
from toolkit.estimands.estimate import Estimate
from toolkit.estimands.shape import Shape
from toolkit.report.draws_summary import draws_csv
from toolkit.report.sentences import counted_tasks
from toolkit.report.verdicts_file import as_text, number, rows_as_csv, study_record
from toolkit.verdict.rules import Verdict

JSON, CSV, TEXT = "application/json", "text/csv", "text/plain"
VERDICT_COLUMNS = (
    "study", "slug", "task", "published_verdict", "claim_set", "published_arm",
    "threshold_n_params", "outcome", "reasons", "residual_jump", "residual_jump_low",
    "residual_jump_high", "p_residual_jump", "published_jump", "published_jump_low",
    "published_jump_high", "p_published_jump", "next_measurement",
)  # fmt: skip
ESTIMATE_COLUMNS = (
    "study", "slug", "group", "quantity", "unit", "median", "ci_low", "ci_high", "ci_prob",
    "ci_kind", "mcse", "mcse_low", "mcse_high",
)  # fmt: skip


@dataclass(frozen=True)
class File:
    """A file to save from a page: its name, what a reader is told, its type and its text."""

    name: str
    title: str
    mime: str
    text: str

    @property
    def link(self) -> str:
        """Return the link that holds the file."""
        # The same text gives the same page: no time of packing.
        packed = gzip.compress(self.text.encode("utf-8"), mtime=0)
        content = base64.b64encode(packed).decode("ascii")
        name = html.escape(self.name, quote=True)
        return (
            f'<a class="download" download="{name}.gz" data-name="{name}" data-type="{self.mime}" '
            f'href="data:application/gzip;base64,{content}">{html.escape(self.title)}</a>'
        )


def file_list(files: Iterable[File]) -> str:
    """Return the links to some files, and a button that prints the page where a script can."""
    links = "".join(f"<li>{file.link}</li>" for file in files)
    paper = '<li><button type="button" class="print" hidden>Print, with everything open</button>'
    return f'<ul class="downloads">{links}{paper}</li></ul>'


def study_files(analysis: Analysis) -> list[File]:
    """Return the files of a study's page."""
    name = analysis.source.study.id
    return [
        File(f"{name}-verdicts.json", "Verdicts (JSON)", JSON, as_text(study_record(analysis))),
        File(f"{name}-verdicts.csv", "Verdicts (CSV)", CSV, verdicts_csv([analysis])),
        File(f"{name}-estimates.csv", "Every estimate (CSV)", CSV, estimates_csv([analysis])),
        File(f"{name}-draws.csv", "Summary of the draws (CSV)", CSV, draws_csv(analysis)),
        File(f"{name}-made.json", "How this was made (JSON)", JSON, as_text(made(analysis))),
        File(f"{name}.bib", "BibTeX of study and report", TEXT, bibtex([analysis])),
    ]


def site_files(analyses: Sequence[Analysis]) -> list[File]:
    """Return the files of the index page; it links to verdicts.json, which lies beside it."""
    return [
        File("verdicts.csv", "All verdicts (CSV)", CSV, verdicts_csv(analyses)),
        File("estimates.csv", "Every estimate (CSV)", CSV, estimates_csv(analyses)),
        File("made.json", "How this was made (JSON)", JSON, as_text([made(a) for a in analyses])),
        File("emergence.bib", "BibTeX of studies and report", TEXT, bibtex(analyses)),
    ]


def made(analysis: Analysis) -> dict[str, Any]:
    """Return what made a study's results: command, settings with the seed, versions, hashes."""
    study, kept = analysis.source.study, analysis.robustness
    return {
        "study": study.id,
        "command": command(analysis),
        "toolkit_version": __version__,
        "profile": analysis.profile,
        "fit": analysis.fitted.provenance,
        "robustness": None if kept is None else dict(kept.provenance),
        "scores": {
            "repository": study.provenance.repository,
            "commit": study.provenance.commit,
            "file": study.provenance.file,
            "sha256": study.provenance.sha256,
        },
    }


def command(analysis: Analysis) -> str:
    """Return the command that makes a study's page."""
    quick = " --profile quick" if analysis.profile == "quick" else ""
    return f"emergence report {analysis.source.study.id}{quick}"


def verdicts_csv(analyses: Sequence[Analysis]) -> str:
    """Return one row for each claim, with the numbers of verdicts.json."""
    rows = [_verdict_row(a, verdict) for a in analyses for verdict in a.verdicts]
    return rows_as_csv(VERDICT_COLUMNS, rows)


def _verdict_row(analysis: Analysis, verdict: Verdict) -> dict[str, Any]:
    claim, of = verdict.claim, verdict.estimates
    row = {
        "study": analysis.source.study.id,
        "slug": claim.slug,
        "task": claim.task,
        "published_verdict": claim.published_verdict,
        "claim_set": claim.claim_set,
        "published_arm": claim.published_arm,
        "threshold_n_params": claim.threshold_n_params,
        "outcome": verdict.outcome.name,
        "reasons": " ".join(dict.fromkeys(reason.code for reason in verdict.reasons)),
        "next_measurement": verdict.next_measurement,
    }
    for name in ("residual_jump", "published_jump"):
        row |= {
            name: number(of[name].median),
            f"{name}_low": number(of[name].ci_low),
            f"{name}_high": number(of[name].ci_high),
            f"p_{name}": number(of[f"p_{name}"].median),
        }
    return row


def estimates_csv(analyses: Sequence[Analysis]) -> str:
    """Return one row for each reported quantity of each study and claim.

    E5 is no quantile of draws, and stands in verdicts.json under ``stability``.
    """
    rows = []
    for analysis in analyses:
        of_study = {"study": analysis.source.study.id, "slug": ""}
        found = analysis.headline
        rows += [
            {**of_study, "group": f"of {counted_tasks(found)}", "quantity": of.name, **_values(of)}
            for of in (found.count, found.p_none)
            if found.n_claims
        ]
        for verdict in analysis.verdicts:
            groups: dict[str, Mapping[str, Estimate]] = {
                "jump": verdict.estimates,
                "attribution, published arm": verdict.attribution,
                "attribution, few-shot and tuned arm": verdict.elicitation,
                **_shape_groups(verdict.shape),
            }
            where = {**of_study, "slug": verdict.claim.slug}
            rows += [
                {**where, "group": group, "quantity": name, **_values(each)}
                for group, estimates in groups.items()
                for name, each in estimates.items()
            ]
    return rows_as_csv(ESTIMATE_COLUMNS, rows)


def _shape_groups(shape: Shape) -> dict[str, dict[str, Estimate]]:
    """Return E4 and E6 by arm; sizes are log10 of parameters."""
    found: dict[str, dict[str, Estimate]] = {}
    for arm, sharp in shape.sharpness.items():
        known = {"P(rise)": sharp.p_rises, "width of the rise": sharp.width}
        found[f"sharpness, {arm}"] = {name: each for name, each in known.items() if each}
    for onset in shape.onsets:
        known = {
            "P(within the sizes)": onset.p_within,
            "P(at the smallest)": onset.p_smallest,
            "log10 of size (parameters)": onset.at,
            "earlier than controlled by": shape.earlier.get(onset.arm),
        }
        found[f"onset, {onset.arm}"] = {name: each for name, each in known.items() if each}
    return found


def _values(estimate: Estimate) -> dict[str, Any]:
    values = {name: getattr(estimate, name) for name in ESTIMATE_COLUMNS[4:]}
    return {k: number(v) if isinstance(v, float) else v for k, v in values.items()}


def bibtex(analyses: Sequence[Analysis]) -> str:
    """Return the entries to cite: each study whose scores are used, and this report."""
    entries = [_study_entry(analysis) for analysis in analyses]
    names = " and ".join(a.source.study.short_title for a in analyses)
    hashes = ", ".join(a.fitted.provenance["hash"] for a in analyses)
    report = _entry(
        "misc",
        "emergence-toolkit",
        title=f"Emergence Toolkit: a re-analysis of {names}",
        author="{The Emergence Toolkit contributors}",
        year=analyses[0].fitted.provenance["made"][:4],
        note=f"Version {__version__}, draws {hashes}",
    )
    return "\n".join([*entries, report])


def _study_entry(analysis: Analysis) -> str:
    study = analysis.source.study
    authors = " and ".join(name.strip() for name in study.authors.split(","))
    return _entry(
        "misc", study.bibtex_key, title=study.title, author=authors, year=str(study.year),
        howpublished=study.venue, note=study.version, url=study.url,
    )  # fmt: skip


def _entry(kind: str, key: str, **fields: str) -> str:
    lines = [f"  {name} = {{{_for_bibtex(name, text)}}}" for name, text in fields.items()]
    return f"@{kind}{{{key},\n" + ",\n".join(lines) + "\n}\n"


def _for_bibtex(name: str, text: str) -> str:
    # A brace that is not closed would swallow what follows; TeX reads some signs as its own.
    depth = list(accumulate((sign == "{") - (sign == "}") for sign in text)) or [0]
    balanced = min(depth) >= 0 and depth[-1] == 0
    kept = text if balanced else text.replace("{", "").replace("}", "")
    return kept if name == "url" else re.sub(r"(?<!\\)([&%#_$])", r"\\\1", kept)
