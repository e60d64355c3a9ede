"""The commands on simulated studies: make one, and count what the procedure says of many."""

from pathlib import Path
from typing import Annotated, Any

import typer

from toolkit.cli.terminal import print_json, print_line, print_table, step_by_step
from toolkit.errors import one_of

DesignArgument = Annotated[
    str, typer.Argument(help="A study, rich, lu-like, or the path of a design file (TOML).")
]
QUICK = {"draws": 60, "rival_draws": 60, "tune": 60, "chains": 4, "target_accept": 0.9}
# Enough for the scales that tasks share; a fit that still fails a check is repeated with more.
FULL = {"draws": 2500, "rival_draws": 800, "tune": 1000, "chains": 4, "target_accept": 0.95}


def calibrate(
    design: DesignArgument,
    block: Annotated[
        list[str] | None, typer.Option(help="Truths that share a study; all blocks by default.")
    ] = None,
    per_truth: Annotated[
        int,
        typer.Option(min=1, help="Tasks of each truth of a block; half of most in 'few steps'."),
    ] = 20,
    seed: Annotated[int, typer.Option(help="Seed of the first study of each block.")] = 1000,
    jobs: Annotated[int, typer.Option(min=1, help="Studies at a time, on all cores together.")] = 1,
    engine: Annotated[
        str, typer.Option(help="local, or ray (extra: cluster).", metavar="local|ray")
    ] = "local",
    address: Annotated[
        str | None, typer.Option(help="Ray cluster; by default one of --jobs workers is started.")
    ] = None,
    profile: Annotated[
        str,
        typer.Option(help="full, or quick (few draws, never shown as full).", metavar="full|quick"),
    ] = "full",
    sbc: Annotated[
        int, typer.Option(min=0, help="Fits of prior draws on a small design, to rank the truth.")
    ] = 0,
    keep_draws: Annotated[
        bool,
        typer.Option(
            "--keep-draws",
            help="Keep the draws of main fits, some 40 MB each, and the tables of all others, so "
            "that changed rules need no new fits.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Judge simulated studies of known truth, and count how often the procedure is right.

    Every study that is done is kept: a killed run goes on where it stopped. The certificate is that
    of all studies kept of this design, models and rules, whatever blocks are asked for.
    """
    from toolkit import paths
    from toolkit.calibrate.certificate import certify, reading
    from toolkit.calibrate.certificate_file import (
        certificate_record,
        rank_rows,
        target_rows,
        truth_rows,
        write_certificate,
    )
    from toolkit.calibrate.runs import (
        Campaign,
        jobs_for,
        kept_studies,
        missing_jobs,
        run_jobs,
        seeds_by_block,
    )
    from toolkit.calibrate.sbc import judge_ranks, missing_fits, ranks_made_by, run_sbc
    from toolkit.calibrate.truths import BLOCKS
    from toolkit.jobs import ENGINES, Workers

    blocks = [one_of(name, BLOCKS, "block") for name in block or BLOCKS]
    settings: dict[str, Any] = {"full": FULL, "quick": QUICK}[
        one_of(profile, ["full", "quick"], "profile")
    ]
    workers = Workers(one_of(engine, ENGINES, "engine"), jobs, address)
    name, found = _design(design)
    cache = paths.cache_dir() / "calibrate"
    campaign = Campaign(name, found, cache=cache, keep_draws=keep_draws, **settings)
    folder = paths.calibration_dir(name, profile)
    record = folder / "runs.jsonl"
    wanted = jobs_for(blocks, per_truth, seed)
    n_missing = len(missing_jobs(campaign, wanted, record))
    with step_by_step(f"{name}: calibration", n_missing) as tell:
        run_jobs(campaign, wanted, record, tell, workers)
    sampled, kept_ranks = campaign.settings(seed), folder / "sbc.jsonl"
    n_missing = len(missing_fits(sbc, sampled, kept_ranks))
    with step_by_step(f"{name}: calibration by ranks", n_missing) as tell:
        ranks = judge_ranks(run_sbc(sbc, sampled, kept_ranks, tell, workers))
    studies = kept_studies(campaign, record)
    certificate = certify(list(studies.values()), ranks)
    made = {
        "design": name,
        "profile": profile,
        "seeds": seeds_by_block(studies),
        "ranks": ranks_made_by(sampled)["code"],
        **campaign.made_by,
    }
    written = certificate_record(certificate, made, ranks)
    write_certificate(written, folder / "certificate.json")
    if as_json:
        print_json(written)
        return
    print_table(truth_rows(certificate), f"{name}, {profile}: what was said of each truth")
    print_table(target_rows(certificate), "Targets")
    if ranks:
        print_table(rank_rows(ranks), "Simulation-based calibration")
    print_line(reading(certificate))
    print_line(f"Certificate: {folder / 'certificate.json'}")


def simulate(
    design: Annotated[Path, typer.Argument(help="A design file (TOML) with its tasks.")],
    to: Annotated[Path, typer.Option(help="Folder to write to.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same scores.")] = 1,
) -> None:
    """Make the scores of a study whose truth is known, with the truth beside them."""
    from toolkit.calibrate.study_folder import write_study
    from toolkit.calibrate.truths import TRUTHS
    from toolkit.simulate.design_file import read_design

    found, tasks = read_design(design)
    for task in tasks:
        one_of(task.truth, TRUTHS, "truth")
    for path, n_rows in write_study(found, tasks, to, seed).items():
        print_line(f"{path}: {n_rows} rows")


def _design(design: str) -> tuple[str, Any]:
    """Return the name and the design of a study, a bundled design or a design file."""
    from toolkit.analysis.study_folder import load_study_folder, study_names
    from toolkit.simulate import LU_LIKE, RICH, OwnDesign
    from toolkit.simulate.design_file import read_design

    bundled = {"rich": RICH, "lu-like": LU_LIKE}
    if design in bundled:
        return design, bundled[design]
    path = Path(design)
    if path.suffix == ".toml":
        found, _ = read_design(path)
        return path.stem, found
    if design not in study_names() and not path.is_dir():
        one_of(design, [*bundled, *study_names()], "design (or the path of a design file)")
    source = load_study_folder(design)
    return source.study.id, OwnDesign(source.record, source.claims)
