"""The commands that bring scores in and hand them on."""

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.terminal import print_line, print_table, reading


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

    Nothing is written unless everything is understood; it ends with what was read and dropped, and
    what the table could decide.
    """
    from toolkit.importing.flow import Request, describe_study, import_published, import_study
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
    if to and files:
        _say_what_is_decidable(to)


def export(
    to_format: Annotated[str, typer.Argument(metavar="FORMAT", help="every-eval-ever.")],
    study: Annotated[str, typer.Argument(help="A bundled study, or a folder with its tables.")],
    to: Annotated[Path, typer.Option(help="A new or empty folder to write to.")],
    leave_out: Annotated[
        list[str] | None, typer.Option(help="A metric to leave out; may be given several times.")
    ] = None,
) -> None:
    """Write a study's scores in a format that others read, with the items where they are there.

    What was written is read back, and must give the same scores, before it is put in its place.
    """
    from toolkit.exporting.export import export_study

    with reading(f"Writing {study}") as tick:
        written = export_study(to_format, study, to, tuple(leave_out or ()), tick)
    records = sum(name.endswith(".json") for name in written)
    print_line(
        f"{to}: {records} records, {len(written) - records} files of items; read back, they give "
        "the same scores."
    )


def _say_what_is_decidable(folder: Path) -> None:
    from toolkit.planning.decidable import decidable

    found = decidable(folder)
    print_table(found.rows, found.title)
    for line in found.lines:
        print_line(line)
