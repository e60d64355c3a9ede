"""A study's scores in another format: written, read back with our own reader, and only then moved.

Every Eval Ever: a record per checkpoint and run, with all its cells, and beside it the scored items
where ``items.parquet`` has them. Not carried, since the schema has no place for them or we have
none: log-probabilities of options (``options.csv``), texts of items and answers.
"""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from toolkit.errors import SourceError, one_of
from toolkit.exporting.study_runs import ItemSums, Runs, load_runs
from toolkit.importing.study_tables import cells_table, staged
from toolkit.sources import every_eval
from toolkit.sources.every_eval_records import (
    UNKNOWN,
    About,
    Place,
    Samples,
    place_of,
    record_of,
    sample_of,
)
from toolkit.sources.json_files import CHUNK, Tick, no_tick
from toolkit.sources.records import Asked, Ledger
from toolkit.sources.runs import Cell, Run
from toolkit.study.claims import load_study
from toolkit.study.compute_sizes import are_from_compute
from toolkit.study.scores import CELL

FORMATS = ("every-eval-ever",)
# What the tables write: ten digits.
TOLERANCE = 1e-9
COMPARED = ("n_items", "n_correct", "n_repeats", "repeat_sd", "score", "score_se")


def export_study(
    to_format: str, study: str, to: Path, left_out: tuple[str, ...] = (), tick: Tick = no_tick
) -> list[str]:
    """Write a study into a new folder, or raise and leave nothing; return the files written.

    Raises
    ------
    ToolkitError
        When the study is not valid, or holds what the format can't carry.
    """
    one_of(to_format, FORMATS, "format", SourceError)
    runs = load_runs(study, left_out)
    if to.is_dir() and any(to.iterdir()):
        msg = f"{to}: got a folder with files, expected a new or an empty one; choose another --to."
        raise SourceError(msg)
    with staged(to) as folder:
        written = _write(runs, folder, tick)
        _check_back(runs, folder, tick)
    return written


def _write(runs: Runs, folder: Path, tick: Tick) -> list[str]:
    about = _about(runs.folder)
    places: dict[tuple[str, int], Place] = {}
    of_place: dict[Place, dict[Cell, Run]] = {}
    sums = _write_items(runs, folder, about, places, tick)
    for cell, of_cell in (runs.totals | sums.runs()).items():
        for number, run in enumerate(of_cell):
            place = _place(places, about, cell.checkpoint, number)
            of_place.setdefault(place, {})[cell] = run
    checkpoints = runs.scores.checkpoints
    if are_from_compute(checkpoints):
        checkpoints = checkpoints.assign(n_params=None)
    facts: Any = checkpoints.set_index("checkpoint").to_dict("index")
    tasks: Any = runs.scores.tasks.set_index("task").to_dict("index")
    written = []
    for done, ((checkpoint, _), place) in enumerate(places.items(), start=1):
        samples = _samples(folder / place.samples)
        record = record_of(about, place, facts[checkpoint], tasks, of_place[place], samples)
        path = folder / place.record
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        written += [place.record, place.samples] if samples else [place.record]
        tick("records", done, len(places))
    return written


def _write_items(
    runs: Runs, folder: Path, about: About, places: dict[tuple[str, int], Place], tick: Tick
) -> ItemSums:
    """Write the scored items, batch by batch, and return what they add up to."""
    sums = ItemSums()
    done = 0
    for items in runs.items():
        lines: dict[Place, list[str]] = {}
        of_run: Any = items.groupby([*CELL, "run"], sort=False)
        for (*names, run), rows in of_run:
            cell = Cell(*names)
            number = runs.number_of(cell, run)
            if number is None:
                continue
            place = _place(places, about, cell.checkpoint, number)
            sums.add(cell, number, rows["score"].to_numpy())
            options = rows["n_options"].fillna(0)
            for item, score, n in zip(rows["item"], rows["score"], options, strict=True):
                sample = sample_of(cell, place, item, score, int(n))
                lines.setdefault(place, []).append(json.dumps(sample, allow_nan=False) + "\n")
        for place, of_place in lines.items():
            path = folder / place.samples
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8", newline="\n") as file:
                file.writelines(of_place)
        done += len(items)
        tick("items", done, runs.n_items)
    return sums


def _place(
    places: dict[tuple[str, int], Place], about: About, checkpoint: str, number: int
) -> Place:
    key = (checkpoint, number)
    if key not in places:
        places[key] = place_of(about, checkpoint, number)
    return places[key]


def _about(folder: Path) -> About:
    made = int(time.time())
    if (folder / "study.toml").is_file():
        study = load_study(folder)
        return About(study.id, study.title, study.authors, made)
    return About(folder.name, folder.name, UNKNOWN, made)


def _samples(path: Path) -> Samples | None:
    if not path.exists():
        return None
    digest, n_rows = hashlib.sha256(), 0
    with path.open("rb") as content:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
            n_rows += chunk.count(b"\n")
    return Samples(digest.hexdigest(), n_rows)


def _check_back(runs: Runs, folder: Path, tick: Tick) -> None:
    """Raise unless our own reader finds the very scores in what was written."""
    ledger = Ledger()
    every_eval.read(folder, ledger, Asked(), tick)
    ours = runs.scores.frame.set_index(CELL)
    found = cells_table(ledger.runs).set_index(CELL)
    for cell in ours.index:
        if cell not in found.index:
            why = "; ".join(f"{what}: {reason}" for what, reason in ledger.dropped)
            raise SourceError(_not_carried(runs, cell, f"nothing ({why})", "its score"))
    found = found.loc[ours.index]
    for name in COMPARED:
        values, expected = found[name].to_numpy(float), ours[name].to_numpy(float)
        # A score with a count needs no standard error.
        asked = np.isnan(ours["n_correct"].to_numpy(float)) if name == "score_se" else True
        wrong = asked & ~np.isclose(values, expected, rtol=0, atol=TOLERANCE, equal_nan=True)
        if np.any(wrong):
            at = int(np.flatnonzero(wrong)[0])
            said = f"{name} {values[at]:.10g}", f"{expected[at]:.10g}"
            raise SourceError(_not_carried(runs, ours.index[at], *said))


def _not_carried(runs: Runs, cell: pd.MultiIndex | tuple, got: str, expected: str) -> str:
    return (
        f"{runs.folder}: read back, {', '.join(str(part) for part in cell)} gives {got}, expected "
        f"{expected}; the format can't carry this cell: leave its metric out with --leave-out "
        f"{cell[2]}."
    )
