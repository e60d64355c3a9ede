"""Inspect logs, log format 2: ``.eval`` (a zip archive of JSON) and ``.json``.

Taken over
    Finished logs (status success), sample by sample; epochs are repeats on the same items. A log
    without samples gives its accuracy and standard error.
Checkpoint
    ``eval.model``; hf, vllm and sglang are dropped from its front: what follows is the name of the
    checkpoint.
Prompt format
    The solvers in order, and the arguments of the task but the number of shots: runs that differ in
    them are no repeats of one another. An argument that is long or holds markup, as templates do,
    is named by a digest of its text, and a note says what it was.
Shots
    From an argument of the task or of a solver that says so; else ``--shots``.
Metrics
    The scorer's name; for a score of several values its key is added (``scorer.key``). C counts 1,
    P 0.5, I and N (no answer) 0, as in Inspect's own accuracy.
Options
    The number of choices of a sample. Inspect keeps no log-probabilities of choices.
Left out
    Samples that ended in an error; scores that are texts or lists.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit.errors import SourceError
from toolkit.sources.checks import is_name
from toolkit.sources.inspect_archive import member, members_of, opened, samples_of
from toolkit.sources.inspect_results import check_means, read_totals
from toolkit.sources.json_files import Tick, expect, field, files_under, optional
from toolkit.sources.json_stream import Record, read_object
from toolkit.sources.records import Asked, Ledger
from toolkit.sources.runs import Cell, Item
from toolkit.tables import shortened

LOG_FORMAT = 2
LETTERS = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
LOCAL_PROVIDERS = ("hf/", "vllm/", "sglang/")
SHOT_ARGUMENTS = (
    "num_fewshot",
    "n_fewshot",
    "fewshot",
    "few_shot",
    "n_shots",
    "num_shots",
    "shots",
)
ARGUMENT_MAX = 80
# 40 bits: two of a hundred templates share them with a probability of 5e-9.
DIGITS = 10


def read(path: Path, ledger: Ledger, asked: Asked, tick: Tick) -> None:
    """Read one log, or all under a folder, into the ledger."""
    for log in files_under(path, ["*.eval", "*.json"], "logs of Inspect"):
        if log.suffix == ".eval":
            _read_archive(log, ledger, asked, tick)
        else:
            # Samples follow the header: their order is part of the log format.
            parts = read_object(log, "samples", tick)
            _, header = next(parts)
            optional(header, "samples", list, str(log))
            _read_log(log, header, parts, ledger, asked)


def _read_archive(path: Path, ledger: Ledger, asked: Asked, tick: Tick) -> None:
    with opened(path) as archive:
        members = members_of(path, archive)
        if "header.json" not in members:
            msg = (
                f"{path}: got no header.json, expected the log of a finished run; "
                "finish it with 'inspect eval-retry'."
            )
            raise SourceError(msg)
        header = member(path, archive, members["header.json"])
        names = sorted(n for n in members if n.startswith("samples/") and n.endswith(".json"))
        samples = samples_of(path, archive, [members[n] for n in names], tick)
        _read_log(path, header, samples, ledger, asked)


def _read_log(
    path: Path, log: dict[str, Any], samples: Iterator[Record], ledger: Ledger, asked: Asked
) -> None:
    where = str(path)
    _check_finished(log, where)
    ledger.files.append(path.name)
    info = field(log, "eval", dict, where)
    results = field(log, "results", dict, where)
    cell = _cell(log, info, asked, ledger, where)
    ledger.see_checkpoint(cell.checkpoint, None, where)
    run = str(info.get("eval_id") or info.get("run_id") or path.stem)
    n_samples = n_whole = 0
    for at, sample in samples:
        n_samples += 1
        n_whole += not sample.get("error")
        _read_sample(sample, cell, run, ledger, at)
    epochs = ledger.close(where)
    if n_samples == 0:
        ledger.drop("samples of logs", "the log has none (only its header was kept)")
        read_totals(results, info, cell, run, ledger, where)
        return
    total = field(results, "total_samples", int, f"{where} results")
    if total != n_samples:
        msg = (
            f"{where}: got {n_samples} samples, expected {total} as its results say; "
            "the log is cut off: restore it."
        )
        raise SourceError(msg)
    # Without some of its epochs an item's mean is another than that over samples.
    if n_whole == n_samples:
        check_means(results, epochs, where)


def _check_finished(log: dict[str, Any], where: str) -> None:
    version = field(log, "version", int, where)
    if version != LOG_FORMAT:
        msg = (
            f"{where}: got log format {version}, expected {LOG_FORMAT}; "
            "write it anew with a current Inspect ('inspect log convert')."
        )
        raise SourceError(msg)
    status = field(log, "status", str, where)
    if status != "success":
        msg = (
            f"{where}: got a run with status {shortened(status)!r}, expected 'success'; "
            "finish it with 'inspect eval-retry', or leave the log out of the folder."
        )
        raise SourceError(msg)


def _cell(
    log: dict[str, Any], info: dict[str, Any], asked: Asked, ledger: Ledger, where: str
) -> Cell:
    plan = optional(log, "plan", dict, where) or {}
    steps = [expect(s, dict, where) for s in optional(plan, "steps", list, where) or []]
    arguments = optional(info, "task_args", dict, where) or {}
    shots = None
    for given in (arguments, *(optional(s, "params", dict, where) or {} for s in steps)):
        for name in SHOT_ARGUMENTS:
            value = given.get(name)
            shots = 0 if value is False else value if shots is None else shots
    solvers = "+".join(str(s.get("solver", "")).split("/")[-1] for s in steps) or "no solver"
    others = {k: v for k, v in sorted(arguments.items()) if k not in SHOT_ARGUMENTS}
    return Cell(
        checkpoint=_checkpoint(info, where),
        task=field(info, "task", str, where),
        metric="",
        prompt_format=_prompt_format(solvers, others, ledger),
        n_shots=asked.shots_or(shots, where),
    )


def _prompt_format(solvers: str, arguments: dict[str, Any], ledger: Ledger) -> str:
    """Return a name for the solvers with the arguments of their task."""
    if not arguments:
        return solvers
    shown = []
    for name, value in arguments.items():
        text = json.dumps(value)
        plain = is_name(text, ARGUMENT_MAX)
        shown.append(f"{name}={text if plain else _digest({name: value}, ledger)}")
    said = f"{solvers} ({', '.join(shown)})"
    return said if is_name(said) else f"{solvers} ({_digest(arguments, ledger)})"


def _digest(arguments: dict[str, Any], ledger: Ledger) -> str:
    """Return a short name of some arguments, and say once what it stands for."""
    text = json.dumps(arguments)
    short = f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:DIGITS]}"
    note = f"{short} in a prompt format is {shortened(text)}"
    if note not in ledger.notes:
        ledger.notes.append(note)
    return short


def _checkpoint(info: dict[str, Any], where: str) -> str:
    name = field(info, "model", str, where)
    arguments = optional(info, "model_args", dict, where) or {}
    if name.endswith("/local") and isinstance(arguments.get("model_path"), str):
        return arguments["model_path"]
    for provider in LOCAL_PROVIDERS:
        if name.startswith(provider):
            return name.removeprefix(provider)
    return name


def _read_sample(sample: dict[str, Any], cell: Cell, run: str, ledger: Ledger, where: str) -> None:
    if sample.get("error"):
        ledger.drop("samples", "ended in an error")
        return
    name = sample.get("id")
    item = str(name) if isinstance(name, int) else field(sample, "id", str, where)
    epoch = field(sample, "epoch", int, where)
    choices = optional(sample, "choices", list, where)
    for scorer, score in (optional(sample, "scores", dict, where) or {}).items():
        value = expect(score, dict, f"{where} score '{shortened(scorer)}'").get("value")
        parts = value.items() if isinstance(value, dict) else [(None, value)]
        for key, part in parts:
            metric = scorer if key is None else f"{scorer}.{key}"
            number = LETTERS.get(part) if isinstance(part, str) else part
            if not isinstance(number, int | float):
                ledger.drop(f"scores of {shortened(metric)}", "not one number per item")
            elif ledger.takes(metric):
                scored = Item(item, float(number), len(choices) if choices else None)
                run_name = f"{run} epoch {epoch}"
                ledger.add_item(cell._replace(metric=metric), run_name, scored, where)
