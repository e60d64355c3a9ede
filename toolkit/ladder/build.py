"""A demo from beginning to end: what is trained, what is found again, and the files around it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from toolkit.errors import EngineError, SourceError, install_extra
from toolkit.jobs import Workers, run_unordered
from toolkit.ladder.checkpoints import Trained, finished, make_checkpoint, training_rows
from toolkit.ladder.files import CHECKPOINTS, write_demo
from toolkit.ladder.recipe import Recipe, rung_of
from toolkit.ladder.tasks import make_tasks
from toolkit.ladder.world import make_world

Tick = Callable[[int], None]


@dataclass(frozen=True)
class Demo:
    """The checkpoints of a demo, the smallest first, and how many of them were found again."""

    trained: tuple[Trained, ...]
    n_reused: int


class Pair(NamedTuple):
    """A base checkpoint and the one tuned from it."""

    base: Trained
    tuned: Trained
    n_reused: int


def build_demo(
    folder: Path, recipe: Recipe, device: str, n_workers: int,
    tell: Callable[[str], None], tick: Tick,
) -> Demo:  # fmt: skip
    """Train what is missing and write a demo; a killed run goes on with the next checkpoint.

    ``tick`` is told steps of training where one worker runs, in this process; ``tell`` of each
    finished size.

    Raises
    ------
    ToolkitError
        When torch or transformers is missing, the device is not there, or the folder is a file.
    """
    if folder.exists() and not folder.is_dir():
        msg = f"{folder}: got a file, expected a folder or nothing; choose another --to."
        raise SourceError(msg)
    check_device(device)
    pairs: list[Pair] = []
    # Another process can't call back. The largest come first, so that workers end together.
    told = tick if n_workers == 1 else no_tick
    jobs = [
        (width, folder / CHECKPOINTS, recipe, device, told)
        for width in sorted(recipe.widths, reverse=True)
    ]
    for pair in run_unordered(make_pair, jobs, Workers(n=n_workers)):
        pairs.append(pair)
        tell(f"{pair.base.name}, {pair.base.n_params:,} parameters: {_done(pair)}")
    pairs.sort(key=lambda pair: pair.base.n_params)
    trained = tuple(each for pair in pairs for each in (pair.base, pair.tuned))
    write_demo(folder, recipe, trained, make_tasks(make_world(recipe.seed), recipe.seed))
    return Demo(trained, sum(pair.n_reused for pair in pairs))


def make_pair(width: int, folder: Path, recipe: Recipe, device: str, tick: Tick) -> Pair:
    """Return the base and the tuned checkpoint of one size, trained unless they lie there."""
    made: list[Trained] = []
    n_reused = 0
    for tuned in (False, True):
        rung = rung_of(width, tuned=tuned)
        found = finished(folder / rung.name, recipe, width)
        n_reused += found is not None
        if found is None:
            base = (folder / made[0].name, made[0]) if tuned else None
            rows = training_rows(recipe, tuned=tuned)
            found = make_checkpoint(rung, folder / rung.name, recipe, rows, device, tick, base)
        else:
            tick(recipe.tuning_steps if tuned else recipe.steps)
        made.append(found)
    return Pair(made[0], made[1], n_reused)


def check_device(device: str) -> None:
    """Raise ``EngineError`` unless torch is there and computes on this device."""
    try:
        import torch
        import transformers  # noqa: F401 - better missed now than after the documents are made
    except ImportError as error:
        msg = f"emergence demo ladder: {error.name} is not installed; {install_extra('evaluate')}"
        raise EngineError(msg) from error
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        msg = (
            f"--device: got {device!r}, which torch can't compute on here "
            f"({str(error).splitlines()[0]}); expected cpu, or cuda on a machine with a GPU."
        )
        raise EngineError(msg) from error


def no_tick(_steps: int) -> None:
    """Take no notice of steps."""


def _done(pair: Pair) -> str:
    return "found again" if pair.n_reused == len(pair) - 1 else "trained"
