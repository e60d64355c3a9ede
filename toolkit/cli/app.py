"""The command line: one command per stage, no logic of its own."""

import sys
import time
import warnings
from typing import Annotated, Any

import typer
from rich.text import Text

from toolkit.cli.calibrate import calibrate, simulate
from toolkit.cli.check import check
from toolkit.cli.demo import demo
from toolkit.cli.docs import docs
from toolkit.cli.evaluate import evaluate
from toolkit.cli.exchange import export, import_
from toolkit.cli.terminal import (
    print_error,
    print_json,
    print_line,
    print_table,
    say,
    step_by_step,
)
from toolkit.errors import ToolkitError

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
    "jump remains": "bold red",
    "explained": "bold blue",
    "no jump": "bold green",
    "undetermined": "yellow",
}


app.command(epilog="Example: emergence check lu2024")(check)
app.command(epilog="Example: emergence calibrate rich --block smooth")(calibrate)
app.command(epilog="Example: emergence simulate design.toml --to simulated")(simulate)
app.command(
    name="import",
    epilog="Example: emergence import lm-eval results/ --to data/mine --checkpoints sizes.csv",
)(import_)
app.command(epilog="Example: emergence export every-eval-ever lu2024 --to records")(export)
app.command(epilog="Example: emergence evaluate plan.toml --dry-run")(evaluate)
app.command(epilog="Example: emergence docs")(docs)
app.add_typer(demo, name="demo")


def main() -> None:
    """Run a command; an error that the reader can fix is one message and exit code 1."""
    # nutpie warns of an argument that its version for Python 3.11 knows by no other name.
    warnings.filterwarnings("ignore", ".use_grad_based_mass_matrix.", FutureWarning)
    try:
        app()
    except ToolkitError as error:
        print_error(str(error))
        sys.exit(1)


@app.command(epilog="Example: emergence studies")
def studies(as_json: JsonOption = False) -> None:
    """List the bundled studies with their claims, and the verdicts that are kept with them."""
    from toolkit import paths
    from toolkit.analysis.study_folder import load_study_folder, study_names
    from toolkit.fit.draws import is_fitted
    from toolkit.report.verdicts_file import kept_counts

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
            "verdicts": kept_counts(f.study.id),
            "fit in the cache": is_fitted(f.record, f.plan.model, f.plan.full, cache),
        }
        for f in found
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, "Studies")


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
    from toolkit.report.terminal_rows import LEGEND, verdict_rows
    from toolkit.report.verdicts_file import counts_text, study_record

    analysis = _analyse(study, profile)
    if as_json:
        print_json(study_record(analysis))
        return
    rows = [
        {**row, "verdict": Text(row["verdict"], style=COLOURS[row["verdict"]])}
        for row in verdict_rows(analysis)
    ]
    print_table(rows, f"{analysis.source.study.short_title}: points, median and 90% interval")
    print_line(LEGEND)
    print_line(counts_text(analysis.counts))


@app.command(epilog="Example: emergence robustness lu2024")
def robustness(study: StudyArgument, as_json: JsonOption = False) -> None:
    """Fit rivals, priors, held-out sizes, left-out units and specifications, and keep the tables.

    What was fitted before is found in the cache; a killed run goes on where it stopped.
    """
    from toolkit import paths
    from toolkit.analysis.analyse import analyse, robustness_input
    from toolkit.analysis.study_folder import load_study_folder
    from toolkit.report.robustness_file import robustness_rows, robustness_tables
    from toolkit.robustness.assess import assess, write_robustness

    source = load_study_folder(study)
    with step_by_step(f"{source.study.id}: robustness") as tell:
        found = assess(robustness_input(source), paths.cache_dir(), tell)
    folder = paths.robustness_dir(source.folder)
    write_robustness(found, folder)
    if as_json:
        print_json(robustness_tables(found))
        return
    rows = robustness_rows(analyse(source))
    print_table(rows, f"{source.study.id}: what moves the jumps")
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
    standalone: Annotated[
        bool, typer.Option("--standalone", help="Each page alone holds what draws its charts.")
    ] = False,
    preview: Annotated[
        bool, typer.Option("--serve", help="Then show the pages, and render what is changed.")
    ] = False,
    port: Annotated[int, typer.Option(help="Port of --serve; 0 takes a free one.")] = 8765,
) -> None:
    """Fit what is new and write the pages and verdicts.json to reports/_site."""
    from toolkit.analysis.study_folder import reported_names
    from toolkit.report.serve import serve
    from toolkit.report.site import build_site
    from toolkit.wording import duration

    wanted, began = _profile(profile), time.monotonic()
    names = study or reported_names()
    site = build_site(
        names, wanted, renderer, say, progress=sys.stderr.isatty(), standalone=standalone
    )
    say(f"all of it took {duration(time.monotonic() - began)}")
    said = f"{site.n_fitted} fitted" if site.n_fitted else "nothing to fit"
    print_line(f"Studies: {said}, {site.n_reused} reused from the cache.")
    for page in site.pages:
        print_line(f"Wrote {page.path} ({page.renderer} renderer)")
    print_line(f"Wrote {site.verdicts}")
    if preview:
        serve(site, port, say)


def _analyse(study: str, profile: str) -> Any:
    from toolkit.analysis.analyse import analyse
    from toolkit.analysis.study_folder import load_study_folder

    wanted = _profile(profile)
    source = load_study_folder(study)
    say(f"{source.study.id}: fitting, or reading the draws from the cache")
    return analyse(source, wanted, progress=sys.stderr.isatty())


def _profile(name: str) -> Any:
    from toolkit.analysis.study_folder import PROFILES
    from toolkit.errors import did_you_mean

    if name not in PROFILES:
        hint = did_you_mean(name, list(PROFILES))
        msg = f"profile is '{name}'{hint}; expected one of {', '.join(PROFILES)}"
        raise typer.BadParameter(msg)
    return name
