"""The command that looks at a study, or a design on paper, before anything is fitted."""

from typing import Annotated, Any

import typer

from toolkit.cli.terminal import print_json, print_line, print_table
from toolkit.errors import did_you_mean


def check(
    study: Annotated[
        str | None, typer.Argument(help="A bundled study, or the path of a study folder.")
    ] = None,
    as_map: Annotated[
        bool,
        typer.Option(
            "--map",
            help="How high a step could be told from none: for designs on paper, or with a study "
            "the cheapest measurement that would decide each claim.",
        ),
    ] = False,
    noise: Annotated[
        str,
        typer.Option(help="How noisy checkpoints are, for --map.", metavar="published|simulated"),
    ] = "published",
    height: Annotated[
        float, typer.Option(min=0.05, max=0.6, help="The step to be found, for --map of a study.")
    ] = 0.2,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Validate a study, recompute its published numbers, and say what its design can decide."""
    if as_map:
        rows, title, reading = _map(study, noise, height)
        if as_json:
            print_json({"noise": noise, "rows": rows})
            return
        print_table(rows, title)
        print_line(reading)
    elif study is None:
        msg = "expected a study, or --map for designs on paper"
        raise typer.BadParameter(msg, param_hint="STUDY")
    else:
        _check(study, as_json)


def _map(study: str | None, noise: str, height: float) -> tuple[list[dict[str, Any]], str, str]:
    from toolkit.analysis.study_folder import load_study_folder
    from toolkit.planning.next_measurement import addition_rows, additions_reading
    from toolkit.planning.resolvability import map_reading, map_rows
    from toolkit.planning.step_power import NOISE

    if noise not in NOISE:
        msg = f"noise is '{noise}'{did_you_mean(noise, list(NOISE))}; expected {', '.join(NOISE)}"
        raise typer.BadParameter(msg)
    if study is None:
        title = "The lowest step (points) that would be found four times in five"
        return map_rows(NOISE[noise].scales), title, map_reading(noise)
    source = load_study_folder(study)
    rows = addition_rows(source.claims, source.record.frame, NOISE[noise].scales, height)
    title = f"{source.study.id}: what to measure to find a step of {100 * height:.0f} points"
    return rows, title, additions_reading(noise)


def _check(study: str, as_json: bool) -> None:
    from toolkit.analysis.reproduction import recompute_means, reproduce
    from toolkit.analysis.study_folder import load_study_folder
    from toolkit.planning.decidable import closed_gates

    source = load_study_folder(study)
    reproduced = reproduce(source.folder, source.scores, source.claims, source.plan.prompt_format)
    means = recompute_means(source.folder, source.scores)
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
    closed = closed_gates(source)
    if as_json:
        print_json(
            {
                "study": source.study.id,
                "sizes": source.said_of_sizes or source.size_name,
                "reproduction": rows,
                "means": [] if means is None else means.to_dict(orient="records"),
                "gates": closed,
            }
        )
        return
    print_table(rows, f"{source.study.id}: published numbers, recomputed")
    print_table(closed, "What the design can't decide (closed gates)")
    agreed = sum(r.agrees for r in reproduced)
    if source.said_of_sizes:
        print_line(source.said_of_sizes)
    print_line(f"{source.study.id}: valid; {agreed} of {len(reproduced)} reproduced.")
