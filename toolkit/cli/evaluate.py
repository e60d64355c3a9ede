"""The command that measures checkpoints: from a plan to a study folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from toolkit.cli.terminal import measuring, print_json, print_line, print_table, step_by_step
from toolkit.errors import one_of


def evaluate(
    plan: Annotated[Path, typer.Argument(help="A plan (TOML); docs/evaluating.md shows one.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count cells, requests and tokens; measure nothing.")
    ] = False,
    engine: Annotated[
        str, typer.Option(help="local, or ray (extra: cluster).", metavar="local|ray")
    ] = "local",
    address: Annotated[
        str | None, typer.Option(help="Ray cluster; by default one of --workers is started.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Checkpoints at a time.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Measure checkpoints on tasks: shots, kinds of demonstrations, prompt formats.

    Every answer is kept: a killed run goes on where it stopped, and ends with the same tables.
    """
    from toolkit.evaluate.dry_run import count_plan
    from toolkit.evaluate.items.task_items import load_tasks
    from toolkit.evaluate.plan.plan_file import read_plan
    from toolkit.evaluate.run import n_asked_items, run_plan
    from toolkit.evaluate.summary import closing_lines, measured_rows, work_rows
    from toolkit.jobs import ENGINES, Workers

    where = Workers(one_of(engine, ENGINES, "engine"), workers, address)
    read = read_plan(plan)
    tasks = load_tasks(read)
    if dry_run:
        with step_by_step(f"{plan.name}: counting") as tell:
            rows = work_rows(count_plan(read, tasks, tell))
        _print(rows, f"{plan.name}: what would be asked", [], as_json=as_json)
        return
    with measuring(plan.name, n_asked_items(read, tasks)) as (tell, tick):
        done = run_plan(read, plan, tasks, where, tell, tick)
    title = f"{done.plan.study}: measured"
    _print(measured_rows(done), title, closing_lines(done), as_json=as_json)


def _print(
    rows: Sequence[Mapping[str, Any]], title: str, lines: Sequence[str], *, as_json: bool
) -> None:
    if as_json:
        print_json({"title": title, "checkpoints": rows, "notes": lines})
        return
    print_table([_shown(row) for row in rows], title)
    for line in lines:
        print_line(line)


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with its shares in three digits."""
    return {k: f"{v:.3f}" if isinstance(v, float) else v for k, v in row.items()}
