"""The command that writes the documentation."""

from typing import Annotated, cast

import typer

from toolkit.cli.terminal import print_line, say


def docs(
    context: typer.Context,
    renderer: Annotated[
        str, typer.Option(help="auto takes Quarto where it runs.", metavar="auto|quarto|embedded")
    ] = "auto",
) -> None:
    """Write the documentation to reports/_site/docs (extra: docs)."""
    from toolkit.report.docs_site import build_docs

    pages = build_docs(renderer, _commands(context), say)
    print_line(f"Wrote {pages[0].path} and {len(pages) - 1} more ({pages[0].renderer} renderer)")


def _commands(context: typer.Context) -> str:
    """Return every command with its options as Markdown, made by Typer from the code."""
    from typer.cli import get_docs_for_click

    parent = cast("typer.Context", context.parent or context)
    return get_docs_for_click(obj=parent.command, ctx=parent, name="emergence", title="emergence")
