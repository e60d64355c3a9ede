"""What a terminal shows: lines, tables, JSON, errors; texts from data are never read as markup."""

import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

# Files and pipes get lines wide enough for the tables.
PIPE_WIDTH = 160


def print_error(message: str) -> None:
    """Print one message to standard error, as it is."""
    Console(stderr=True, highlight=False).print(Text(f"Error: {message}"), soft_wrap=True)


def say(text: str) -> None:
    """Print a line about what goes on to standard error, where it is in nobody's way."""
    Console(stderr=True, highlight=False).print(Text(text), soft_wrap=True)


def print_line(text: str) -> None:
    """Print a line of the result."""
    _console().print(Text(text), soft_wrap=True)


def print_table(rows: Sequence[Mapping[str, Any]], title: str) -> None:
    """Print rows of equal keys as a table."""
    table = Table(title=title, title_justify="left")
    for name in rows[0] if rows else ():
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    _console().print(table)


def _cell(value: Any) -> Text:
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    return value if isinstance(value, Text) else Text(str(value))


@contextmanager
def step_by_step(title: str, n_steps: int | None = None) -> Iterator[Callable[[str], None]]:
    """Yield a function that is told each step done: a live line, or plain lines in a file.

    Where the number of steps is known, there is a bar with the time left.
    """
    if not sys.stderr.isatty():
        yield say
        return
    known = (BarColumn(), TimeRemainingColumn(), TextColumn("to go, after")) if n_steps else ()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), *known, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(escape(title), total=n_steps)
        done = 0

        def tell(step: str) -> None:
            nonlocal done
            done += 1
            said = escape(f"{title}: {done} steps done, last {step}")
            progress.update(task, description=said, completed=done)

        yield tell


@contextmanager
def reading(title: str) -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function that is told file, how much is done, and of how much: a bar, or nothing."""
    if not sys.stderr.isatty():
        yield lambda _file, _done, _total: None
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(escape(title), total=None)

        def tell(file: str, done: int, total: int) -> None:
            progress.update(task, description=escape(file), completed=done, total=total)

        yield tell


@contextmanager
def measuring(
    title: str, n_items: int, unit: str = "items"
) -> Iterator[tuple[Callable[[str], None], Callable[[float, int], None]]]:
    """Yield two functions: one is told what is done, one of items and tokens that were asked about.

    A live bar with throughput and time left; in a file what is done alone, line by line.
    """
    if not sys.stderr.isatty():
        yield say, lambda _items, _tokens: None
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(f"{unit},"),
        TextColumn("{task.fields[rate]:,.0f} tokens/s,"), TimeElapsedColumn(), TextColumn("and"),
        TimeRemainingColumn(), TextColumn("to go"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(escape(title), total=n_items, rate=0.0)
        items, tokens, began = 0.0, 0, time.monotonic()

        def tick(more_items: float, more_tokens: int) -> None:
            nonlocal items, tokens
            items, tokens = items + more_items, tokens + more_tokens
            rate = tokens / max(time.monotonic() - began, 1e-9)
            progress.update(task, completed=round(items), rate=rate)

        yield (lambda text: progress.console.print(Text(text)), tick)


def print_json(value: object) -> None:
    """Print plain data as JSON, with null for NaN."""
    text = json.dumps(_without_nan(value), indent=2, ensure_ascii=False, allow_nan=False)
    sys.stdout.write(text + "\n")


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value
