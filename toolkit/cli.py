"""The command line: one command per stage, no logic of its own."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from toolkit.cli_calibrate import calibrate, simulate
from toolkit.cli_demo import demo
from toolkit.cli_evaluate import evaluate
from toolkit.errors import ToolkitError
from toolkit.terminal import (
    print_error,
    print_json,
    print_line,
    print_table,
    reading,
    say,
    step_by_step,
)

app = typer.Typer(
    help="Does a claimed jump of language models with scale remain after controls?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

StudyArgument = Annotated[
    str, typer.Argument(help="A bundled study, or the path of a study folder.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
ProfileOption = Annotated[
    str, typer.Option(help="full, or quick (few draws, never for citation).", metavar="full|quick")
]
COLOURS = {
    "JUMP_REMAINS": "bold red",
    "EXPLAINED": "bold blue",
    "NO_JUMP": "bold green",
    "UNDETERMINED": "yellow",
}


app.command(epilog="Example: emergence calibrate rich --block smooth")(calibrate)
app.command(epilog="Example: emergence simulate design.toml --to simulated")(simulate)
app.command(epilog="Example: emergence evaluate plan.toml --dry-run")(evaluate)
app.add_typer(demo, name="demo")


def main() -> None:
    """Run a command; an error that the reader can fix is one message and exit code 1."""
    try:
        app()
    except ToolkitError as error:
        print_error(str(error))
        sys.exit(1)


@app.command(epilog="Example: emergence studies")
def studies(as_json: JsonOption = False) -> None:
    """List the bundled studies."""
    from toolkit import paths
    from toolkit.analysis import load_study_folder, study_names
    from toolkit.fit import is_fitted

    found = [load_study_folder(name) for name in study_names()]
    cache = paths.cache_dir()
    rows = [
        {
            "study": f.study.id,
            "title": f.study.title,
            "claims": len(f.claims),
            "tasks": len(f.scores.tasks),
            "checkpoints": len(f.scores.checkpoints),
            "cells": len(f.scores.frame),
            "licence": f.study.licence,
            "full fit": is_fitted(f.record, f.plan.model, f.plan.full, cache),
        }
        for f in found
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, "Studies")


@app.command(epilog="Example: emergence check lu2024")
def check(study: StudyArgument, as_json: JsonOption = False) -> None:
    """Validate a study, recompute its published numbers, and say what its design can decide."""
    from toolkit.analysis import load_study_folder
    from toolkit.gates import design_gates
    from toolkit.reproduction import recompute_means, reproduce

    source = load_study_folder(study)
    record = source.record.frame
    reproduced = reproduce(source.folder, source.scores, source.claims, source.plan.prompt_format)
    gates = {
        claim.slug: design_gates(claim, record[record["task"] == claim.task])
        for claim in source.claims
    }
    means = (
        recompute_means(source.folder, source.scores).to_dict(orient="records")
        if (source.folder / "repeats.csv").exists()
        else []
    )
    rows = [
        {
            "kind": r.kind,
            "of": r.subject,
            "published": r.published,
            "recomputed": r.recomputed,
            "result": "reproduced" if r.agrees else "not reproduced",
        }
        for r in reproduced
    ]
    closed = [
        {
            "claim": slug,
            "closed gates": ", ".join(sorted({g.code for g in of if not g.open and g.forbids})),
            "cautions": ", ".join(sorted({g.code for g in of if not g.open and not g.forbids})),
        }
        for slug, of in gates.items()
    ]
    if as_json:
        print_json(
            {
                "study": source.study.id,
                "reproduction": rows,
                "means": means,
                "gates": closed,
            }
        )
        return
    print_table(rows, f"{source.study.id}: published numbers, recomputed")
    print_table(closed, "What the design can't decide (closed gates)")
    agreed = sum(r.agrees for r in reproduced)
    print_line(f"{source.study.id}: valid; {agreed} of {len(reproduced)} reproduced.")


@app.command(
    name="import",
    epilog="Example: emergence import lm-eval results/ --to data/mine --checkpoints sizes.csv",
)
def import_(
    source: Annotated[
        str,
        typer.Argument(
            help="lm-eval, inspect, helm, every-eval-ever, long, wide; or a bundled study (lu2024)."
        ),
    ],
    path: Annotated[Path, typer.Argument(help="The file or folder to read.")],
    to: Annotated[
        Path | None,
        typer.Option(help="Folder to write to; for a bundled study its own by default."),
    ] = None,
    checkpoints: Annotated[
        Path | None, typer.Option(help="Facts about checkpoints that the registry lacks (CSV).")
    ] = None,
    tasks: Annotated[
        Path | None, typer.Option(help="Chance levels and metrics of record of tasks (CSV).")
    ] = None,
    columns: Annotated[
        Path | None, typer.Option(help="What the columns of a long or wide table mean (TOML).")
    ] = None,
    shots: Annotated[
        int | None, typer.Option(min=0, help="Demonstrations, where the files do not say.")
    ] = None,
    leave_out: Annotated[
        list[str] | None, typer.Option(help="A metric to leave out; may be given several times.")
    ] = None,
    describe: Annotated[
        bool, typer.Option("--describe", help="Say what was understood; write nothing.")
    ] = False,
) -> None:
    """Make a study's scores from the logs of other tools, a table, or a published file.

    Nothing is written unless everything is understood; it ends with what was read and dropped.
    """
    from toolkit.import_study import Request, describe_study, import_published, import_study
    from toolkit.sources import SOURCES

    if source in SOURCES:
        for file, n_rows in import_published(source, path, to).items():
            print_line(f"{file}: {n_rows} rows")
        return
    left_out = tuple(leave_out or ())
    request = Request(source, path, checkpoints, tasks, columns, shots, left_out)
    with reading(f"Reading {path.name}") as tick:
        if describe:
            lines, files = describe_study(request, tick), {}
        else:
            done = import_study(request, to, tick)
            lines, files = done.lines, done.files
    for line in lines:
        print_line(line)
    for file, n_rows in files.items():
        print_line(f"{file}: {n_rows} rows")


@app.command(epilog="Example: emergence fit lu2024 --profile quick")
def fit(study: StudyArgument, profile: ProfileOption = "full") -> None:
    """Sample a study's model, or find its draws in the cache, and print the checks of the fit."""
    analysis = _analyse(study, profile)
    made = analysis.fitted.provenance
    said = "nothing to fit, draws reused" if analysis.fitted.reused else "fitted"
    print_line(f"{analysis.source.study.id}: {said} ({made['hash']})")
    checks = [
        {
            "check": c.name,
            "value": f"{c.value:.4g}",
            "threshold": f"{c.threshold:g}",
            "passed": c.passed,
        }
        for c in analysis.sampler.checks
    ]
    print_table(checks, "Checks of the fit")


@app.command(epilog="Example: emergence verdicts lu2024 --json")
def verdicts(
    study: StudyArgument, as_json: JsonOption = False, profile: ProfileOption = "full"
) -> None:
    """Print what is said of every claim of a study."""
    from toolkit.report.numbers import chance_of, interval
    from toolkit.report.verdicts_file import counts_text, study_record

    analysis = _analyse(study, profile)
    if as_json:
        print_json(study_record(analysis))
        return
    rows = [
        {
            "task": v.claim.row,
            "published": v.claim.published_verdict,
            "verdict": Text(v.outcome.value, style=COLOURS[v.outcome.name]),
            "jump after controls": interval(v.estimates["residual_jump"]),
            "P(> 5 points)": chance_of(v.estimates["p_residual_jump"]),
            "reasons": ", ".join(dict.fromkeys(reason.code for reason in v.reasons)),
        }
        for v in analysis.verdicts
    ]
    print_table(rows, f"{analysis.source.study.short_title}: points, median and 90% interval")
    print_line(counts_text(analysis.counts))


@app.command(epilog="Example: emergence robustness lu2024")
def robustness(study: StudyArgument, as_json: JsonOption = False) -> None:
    """Fit rivals, priors, held-out sizes, left-out units and specifications, and keep the tables.

    What was fitted before is found in the cache; a killed run goes on where it stopped.
    """
    from toolkit import paths
    from toolkit.analysis import load_study_folder, robustness_input
    from toolkit.report.robustness_file import robustness_rows, robustness_tables
    from toolkit.robustness import assess, write_robustness

    source = load_study_folder(study)
    with step_by_step(f"{source.study.id}: robustness") as tell:
        found = assess(robustness_input(source), paths.cache_dir(), tell)
    folder = paths.robustness_dir(source.folder)
    write_robustness(found, folder)
    if as_json:
        print_json(robustness_tables(found))
        return
    print_table(robustness_rows(source.claims, found), f"{source.study.id}: what moves the jumps")
    print_line(f"Tables: {folder}")


@app.command(epilog="Example: emergence report lu2024 --renderer embedded")
def report(
    study: Annotated[
        list[str] | None,
        typer.Argument(help="Studies or folders; all analysed ones by default."),
    ] = None,
    renderer: Annotated[
        str, typer.Option(help="auto takes Quarto where it runs.", metavar="auto|quarto|embedded")
    ] = "auto",
    profile: ProfileOption = "full",
) -> None:
    """Fit what is new and write the pages and verdicts.json to reports/_site."""
    from toolkit.analysis import reported_names
    from toolkit.report.site import build_site

    wanted = _profile(profile)
    names = study or reported_names()
    site = build_site(names, wanted, renderer, say, progress=sys.stderr.isatty())
    said = f"{site.n_fitted} fitted" if site.n_fitted else "nothing to fit"
    print_line(f"Studies: {said}, {site.n_reused} reused from the cache.")
    for page in site.pages:
        print_line(f"Wrote {page.path} ({page.renderer} renderer)")
    print_line(f"Wrote {site.verdicts}")


def _analyse(study: str, profile: str) -> Any:
    from toolkit.analysis import analyse, load_study_folder

    wanted = _profile(profile)
    source = load_study_folder(study)
    say(f"{source.study.id}: fitting, or reading the draws from the cache")
    return analyse(source, wanted, progress=sys.stderr.isatty())


def _profile(name: str) -> Any:
    from toolkit.analysis import PROFILES
    from toolkit.errors import did_you_mean

    if name not in PROFILES:
        hint = did_you_mean(name, list(PROFILES))
        msg = f"profile is '{name}'{hint}; expected one of {', '.join(PROFILES)}"
        raise typer.BadParameter(msg)
    return name
