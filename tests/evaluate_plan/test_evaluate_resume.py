"""A run that is killed with no warning goes on where it stopped, to the same last byte."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_engine import BATCH, open_fake

from toolkit.errors import EngineError, SourceError
from toolkit.evaluate.engine import opening
from toolkit.evaluate.items.task_items import load_tasks
from toolkit.evaluate.plan.plan_file import read_plan
from toolkit.evaluate.requests import Scored
from toolkit.evaluate.run import run_plan
from toolkit.evaluate.store.store import Lines
from toolkit.jobs import Workers

HERE = Path(__file__).parent


def measure(plan_file):
    plan = read_plan(plan_file)
    return run_plan(plan, plan_file, load_tasks(plan), Workers(), lambda _: None)


def n_lines(store):
    return sum(path.read_bytes().count(b'"key"') for path in store.glob("answers/*/*.jsonl"))


def kill_when(plan_file, n_kept, *options, seconds="0.01"):
    """Start the command as a program, and kill it once so many answers are kept."""
    store = plan_file.parent / "store"
    environment = os.environ | {
        "FAKE_SECONDS_PER_BATCH": seconds,
        "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parents[1])]),
    }
    command = [sys.executable, str(HERE / "fake_engine.py"), "evaluate", str(plan_file), *options]
    run = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while n_lines(store) < n_kept:
            assert run.poll() is None, "the run ended before it could be killed"
            time.sleep(0.002)
        run.send_signal(signal.SIGKILL)
    finally:
        run.kill()
        run.wait()
    return n_lines(store)


def test_killed_run_ends_with_the_same_bytes(garden, measured, fake, tables_of):
    expected = tables_of(measured)
    n_kept = kill_when(garden, 150)
    assert not (garden.parent / "measured").exists()
    (segment,) = garden.parent.glob("store/answers/*/*.jsonl")
    segment.write_bytes(segment.read_bytes() + b'0f3a {"key": "torn')
    done = measure(garden)
    assert tables_of(garden.parent / "measured" / "garden") == expected
    n_known = sum(each.n_known for each in done.measured)
    assert n_known >= n_kept
    assert any("torn or damaged" in note for each in done.measured for note in each.notes)
    records = sorted((garden.parent / "store" / "records" / "garden").iterdir())
    whole = sorted((measured.parents[1] / "store" / "records" / "garden").iterdir())
    assert [path.read_bytes() for path in records] == [path.read_bytes() for path in whole]


def test_workers_of_a_killed_run_stop_at_the_batch_in_flight(garden, measured, fake, tables_of):
    expected = tables_of(measured)
    n_kept = kill_when(garden, 8, "--workers", "2", seconds="0.2")
    # Two workers finish a batch each; time for several more of them.
    time.sleep(1.5)
    assert n_lines(garden.parent / "store") <= n_kept + 2 * BATCH
    measure(garden)
    assert tables_of(garden.parent / "measured" / "garden") == expected


def test_resumed_run_repeats_at_most_the_batch_in_flight(garden, monkeypatch):
    opened = []

    def open_counted(source, *, device, budget):
        opened.append(open_fake(source, device=device, budget=budget))
        return opened[-1]

    monkeypatch.setattr(opening, "open_engine", open_counted)
    done = measure(garden)
    computed = sum(engine.asked for engine in opened)
    (first, *_) = garden.parent.glob("store/answers/*/*.jsonl")
    lines = first.read_bytes().splitlines(keepends=True)
    first.write_bytes(b"".join(lines[:-3]))
    opened.clear()
    measure(garden)
    assert 3 <= sum(engine.asked for engine in opened) <= 3 + BATCH
    assert computed == sum(each.n_requests - each.n_known for each in done.measured)


def test_answers_say_which_engine_gave_them(garden, monkeypatch):
    def open_with(torch):
        def opened(source, *, device, budget):
            engine = open_fake(source, device=device, budget=budget)
            engine.provenance = lambda: {"torch": torch}
            return engine

        return opened

    monkeypatch.setattr(opening, "open_engine", open_with("1"))
    (first, *_) = measure(garden).measured
    assert first.answers == ({"n": first.n_requests, "engine": {"torch": "1"}},)
    for path in garden.parent.glob("store/answers/*/*.jsonl"):
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-3]))
    monkeypatch.setattr(opening, "open_engine", open_with("2"))
    measure(garden)
    made = json.loads((garden.parent / "measured/garden/evaluation.json").read_text())
    for each in made["checkpoints"].values():
        assert each["engine"] == {"torch": "2"}
        given = {answer["engine"]["torch"]: answer["n"] for answer in each["answers"]}
        assert sum(given.values()) == each["n_requests"]
        assert given["1"] == each["n_known"]
    assert sum(each["n_requests"] - each["n_known"] for each in made["checkpoints"].values()) >= 3


def test_answers_of_a_store_that_names_no_engine_are_reused(garden, fake):
    whole = measure(garden).measured
    for path in garden.parent.glob("store/answers/*/*.jsonl"):
        lines = [json.loads(line.split(b" ", 1)[1]) for line in path.read_bytes().splitlines()]
        kept = [{k: v for k, v in line.items() if k != "maker"} for line in lines if "key" in line]
        path.unlink()
        with Lines(path.parent) as older:
            for line in kept:
                older.write(line)
    for before, after in zip(whole, measure(garden).measured, strict=True):
        assert after.n_known == after.n_requests == before.n_requests
        assert after.answers == ({"n": after.n_requests, "engine": None},)


class Broken:
    """An engine that gives no number, or no answer at all."""

    def __init__(self, engine, value):
        self.engine, self.value = engine, value

    def __getattr__(self, name):
        return getattr(self.engine, name)

    def answer(self, requests, known=frozenset()):
        if self.value is not None:
            yield 0, Scored(self.value, False)


@pytest.mark.parametrize(
    "value, expected",
    [(float("nan"), 'set dtype = "float32"'), (None, "without an answer")],
)
def test_engine_that_fails_is_one_message_and_nothing_is_kept(garden, monkeypatch, value, expected):
    def broken(source, *, device, budget):
        return Broken(open_fake(source, device=device, budget=budget), value)

    monkeypatch.setattr(opening, "open_engine", broken)
    with pytest.raises(EngineError, match=expected):
        measure(garden)
    assert n_lines(garden.parent / "store") == 0
    assert not list(garden.parent.glob("store/records/*/*"))


def test_study_that_can_not_be_finished_is_not_begun(garden, fake, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("toolkit.evaluate.run.write_provenance", full)
    with pytest.raises(SourceError, match="No space left on device"):
        measure(garden)
    assert not (garden.parent / "measured").exists()
