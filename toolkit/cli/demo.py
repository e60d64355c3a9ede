"""The demos: a study made here from the beginning, whose truth is known."""

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.terminal import measuring, print_line, print_table
from toolkit.errors import one_of

demo = typer.Typer(
    help="Make a study whose truth is known, from the beginning.", no_args_is_help=True
)


@demo.callback()
def demos() -> None:
    """Make a study whose truth is known, from the beginning."""


@demo.command(epilog="Example: emergence demo ladder --to ladder-demo")
def ladder(
    to: Annotated[
        Path, typer.Option(help="Folder to write to; what the demo wrote there is written anew.")
    ],
    profile: Annotated[
        str,
        typer.Option(help="full, or quick (seconds; nothing is learnt).", metavar="full|quick"),
    ] = "full",
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:0, ...")] = "cpu",
    workers: Annotated[int, typer.Option(min=1, help="Sizes at a time.")] = 1,
) -> None:
    """Train tiny checkpoints, base and tuned, and write a plan to measure them by.

    Their tasks are made so that it is known what each of them needs: size, demonstrations, tuning,
    or nothing that helps. A killed run goes on with the next checkpoint. Minutes on one core.
    """
    from toolkit.ladder.build import build_demo
    from toolkit.ladder.files import PLAN, STUDY
    from toolkit.ladder.recipe import PROFILES

    recipe = PROFILES[one_of(profile, PROFILES, "--profile")]
    n_steps = len(recipe.widths) * (recipe.steps + recipe.tuning_steps)
    with measuring(f"{to.name}: training", n_steps, "steps") as (tell, tick):
        n_tokens = recipe.rows_per_step * recipe.row_length
        done = build_demo(
            to, recipe, device, workers, tell, lambda steps: tick(steps, steps * n_tokens)
        )
    rows = [
        {
            "checkpoint": each.name,
            "parameters": f"{each.n_params:,}",
            "tokens read": f"{each.n_tokens:,}",
            "loss of answers": f"{each.loss:.3f}",
        }
        for each in done.trained
    ]
    print_table(rows, f"{to}: {len(rows)} checkpoints, {done.n_reused} found again")
    print_line(f"The truth of every task: {to / 'README.md'}")
    print_line("Next:")
    print_line(f"  emergence evaluate {to / PLAN}")
    print_line(f"  emergence report {to / STUDY} --profile quick")
