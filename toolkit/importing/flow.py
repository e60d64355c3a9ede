"""One import from beginning to end: read, look up, check, write, and say what was done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from toolkit import paths
from toolkit.errors import SourceError, ToolkitError, one_of
from toolkit.importing.items_file import items_file
from toolkit.importing.report import data_lines, reading_lines
from toolkit.importing.study_tables import ITEMS_FILE, make_tables, staged, write_tables
from toolkit.sources import FORMATS, SOURCES
from toolkit.sources.json_files import Tick, no_tick
from toolkit.sources.records import Asked, Ledger
from toolkit.sources.runs import Cell, Item
from toolkit.study.registry import Registry, load_registry
from toolkit.tables import shortened, write_table


@dataclass(frozen=True)
class Request:
    """What is imported, and what the user says besides."""

    format: str
    path: Path
    checkpoints: Path | None = None
    tasks: Path | None = None
    columns: Path | None = None
    shots: int | None = None
    leave_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Imported:
    """The files of the folder, with their rows, and the report."""

    files: Mapping[Path, int]
    lines: tuple[str, ...]


def import_published(source: str, path: Path, to: Path | None) -> dict[Path, int]:
    """Make the tables of a bundled study again; return the rows of each file."""
    folder = to or paths.data_dir() / source
    tables = SOURCES[source].import_scores(path)
    for name, table in tables.items():
        write_table(table, folder / name)
    return {folder / name: len(table) for name, table in tables.items()}


def import_study(request: Request, to: Path | None, tick: Tick = no_tick) -> Imported:
    """Write a study's tables into ``to``, or raise and leave nothing."""
    _format(request)
    if to is None:
        msg = f"{request.path}: got no folder to write to, expected one; give it with --to DIR."
        raise SourceError(msg)
    registry = load_registry(request.checkpoints)
    with staged(to) as folder:
        with items_file(folder / ITEMS_FILE, registry) as on_item:
            ledger = _read(request, on_item, tick)
        tables = make_tables(ledger, registry, request.tasks)
        write_tables(tables, folder)
        items = {ITEMS_FILE: ledger.n_records} if (folder / ITEMS_FILE).exists() else {}
    files = {name: len(table) for name, table in tables.files().items()}
    rows = {to / name: n for name, n in (files | items).items()}
    return Imported(rows, tuple(reading_lines(ledger) + data_lines(tables)))


def describe_study(request: Request, tick: Tick = no_tick) -> tuple[str, ...]:
    """Return what an import would understand, and what it would still need; nothing is written."""
    registry = load_registry(request.checkpoints)
    explain = getattr(FORMATS[_format(request)], "explain", None)
    if explain and request.columns is None:
        return tuple(explain(request.path))
    ledger = _read(request, None, tick)
    try:
        after = data_lines(make_tables(ledger, registry, request.tasks))
    except ToolkitError as error:
        after = [f"Still needed: {error}"]
    return (*reading_lines(ledger), *_understood(ledger, registry), *after)


def _format(request: Request) -> str:
    # Who misspells a bundled source comes here as well.
    return one_of(request.format, sorted([*FORMATS, *SOURCES]), "source", SourceError)


def _read(
    request: Request, on_item: Callable[[Cell, str, Item], None] | None, tick: Tick
) -> Ledger:
    reader = FORMATS[_format(request)]
    if not request.path.exists():
        msg = (
            f"{request.path}: no such file or folder, expected {request.format}; correct the path."
        )
        raise SourceError(msg)
    ledger = Ledger(on_item=on_item, without=frozenset(request.leave_out))
    reader.read(request.path, ledger, Asked(request.shots, request.columns), tick)
    return ledger


def _understood(ledger: Ledger, registry: Registry) -> list[str]:
    lines = []
    for given, size in sorted(ledger.sizes.items()):
        name = registry.name_of(given)
        known = "not in the registry"
        if name is not None:
            facts = registry.facts.loc[name].to_dict()
            tuned = "instruction-tuned" if facts["instruction_tuned"] else "base"
            params = facts["n_params"]
            large = f"{params:.3g} parameters" if pd.notna(params) else "parameters not known"
            known = f"{name}, {facts['lm_family']}, {large}, {tuned}"
        counted = f" ({size:.3g} parameters in its file)" if size else ""
        lines.append(f"Checkpoint {shortened(given)}{counted}: {known}")
    for task in sorted({cell.task for cell in ledger.runs}):
        cells = [cell for cell in ledger.runs if cell.task == task]
        metrics = ", ".join(sorted({cell.metric for cell in cells}))
        shots = ", ".join(str(n) for n in sorted({cell.n_shots for cell in cells}))
        formats = ", ".join(sorted({cell.prompt_format for cell in cells}))
        lines.append(f"Task {task}: {metrics}; shots {shots}; prompt format {formats}")
    return lines
