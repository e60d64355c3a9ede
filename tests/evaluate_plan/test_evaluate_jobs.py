"""Checkpoints measured by other processes and on a real Ray cluster: the same bytes."""

from pathlib import Path

import pytest

from toolkit.errors import CheckpointError
from toolkit.evaluate.items.task_items import load_tasks
from toolkit.evaluate.plan.plan_file import read_plan
from toolkit.evaluate.run import n_asked_items, run_plan, with_gpus
from toolkit.jobs import Workers


@pytest.fixture
def importable(monkeypatch):
    """Let workers import the engine without weights."""
    root = Path(__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parent}:{root}")


def measure(plan_file, workers):
    plan = read_plan(plan_file)
    told, ticks = [], []
    tasks = load_tasks(plan)
    done = run_plan(
        plan, plan_file, tasks, workers, told.append, lambda n_items, _: ticks.append(n_items)
    )
    assert sum(ticks) == pytest.approx(n_asked_items(plan, tasks))  # the bar ends full
    return done, told


@pytest.mark.parametrize("workers", [Workers(n=2), Workers("ray", 2)], ids=["local", "ray"])
def test_two_workers_give_the_same_bytes(garden, measured, fake, importable, tables_of, workers):
    if workers.engine == "ray":
        pytest.importorskip("ray")
    done, told = measure(garden, workers)
    assert [each.checkpoint for each in done.measured] == ["fern-s", "fern-s-chat"]
    assert tables_of(garden.parent / "measured" / "garden") == tables_of(measured)
    assert len(told) == 2


def test_failing_checkpoint_is_its_own_message_and_keeps_the_others(garden, fake, importable):
    text = garden.read_text()
    (garden.parent / "empty").mkdir()
    chat = text.index('folder = "', text.index("fern-s-chat"))
    end = text.index("\n", chat)
    garden.write_text(text[:chat] + 'folder = "empty"' + text[end:])
    with pytest.raises(CheckpointError, match="no checkpoint"):
        measure(garden, Workers())
    garden.write_text(text)
    done, _ = measure(garden, Workers())
    assert done.measured[0].n_known == done.measured[0].n_requests
    assert done.measured[1].n_known < done.measured[1].n_requests


def test_workers_of_a_cluster_have_a_gpu_each_where_there_are_some(monkeypatch, tmp_path):
    assert with_gpus(Workers("ray", 2), "cuda").gpus == 1
    assert with_gpus(Workers("ray", 2), "auto").gpus is None
    assert with_gpus(Workers("ray", 2), "cpu").gpus == 0
    assert with_gpus(Workers("local", 2), "cuda").gpus == 0
