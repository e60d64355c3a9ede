"""Jobs give the same results here, in other processes and on a real Ray cluster of two workers."""

import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from toolkit.errors import ClaimError, EngineError
from toolkit.jobs import Workers, run_unordered
from toolkit.simulate import PlantedTask, StudyDesign, simulate_study
from toolkit.study.claims import arm_named
from toolkit.wording import size_label

DESIGN = StudyDesign({"fern": (1e8, 1e9, 1e10), "moss": (3e8, 3e9)}, n_items=40)
TASK = PlantedTask("leap", "all arms", 1e9, 0.3)


def jobs():
    """Return the arguments of four jobs, of which the first takes longest."""
    return [
        (DESIGN, [replace(TASK, name=f"leap-{k}") for k in range(n)], np.random.default_rng(n))
        for n in (40, 1, 2, 3)
    ]


def tables(workers):
    found = run_unordered(simulate_study, jobs(), workers)
    return {len(scores.frame): scores.frame for scores in found}


@pytest.fixture(scope="module")
def alone():
    return tables(Workers())


@pytest.mark.parametrize("workers", [Workers(n=2), Workers("ray", 2)], ids=["local", "ray"])
def test_jobs_give_the_same_wherever_they_run(alone, workers):
    found = tables(workers)
    assert found.keys() == alone.keys()
    for size, frame in found.items():
        pd.testing.assert_frame_equal(frame, alone[size])


def test_ray_is_ended_with_its_jobs():
    ray = pytest.importorskip("ray")
    assert list(run_unordered(size_label, [(9.0,)], Workers("ray", 1))) == ["1B"]
    assert not ray.is_initialized()


@pytest.mark.parametrize("workers", [Workers(), Workers("ray", 1)], ids=["local", "ray"])
def test_failing_job_is_its_own_message(workers):
    with pytest.raises(ClaimError) as caught:
        list(run_unordered(arm_named, [("nowhere",)], workers))
    assert str(caught.value).startswith("published_arm: got 'nowhere'; expected one of zero-shot")


def test_no_jobs_start_nothing():
    assert list(run_unordered(size_label, [], Workers("ray", 1, "nowhere:1"))) == []


def test_cluster_that_does_not_answer_is_one_message():
    with pytest.raises(EngineError, match=r"--address: got '127\.0\.0\.1:9'"):
        list(run_unordered(size_label, [(9.0,)], Workers("ray", 1, "127.0.0.1:9")))


def test_cluster_without_the_gpus_of_a_job_is_one_message():
    pytest.importorskip("ray")
    with pytest.raises(EngineError, match="a cluster with 0 GPUs, expected 1 for each job"):
        list(run_unordered(size_label, [(9.0,)], Workers("ray", 1, gpus=1)))


def test_ray_that_is_not_installed_is_one_message(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EngineError, match=r"pip install -e '\.\[cluster\]'"):
        list(run_unordered(size_label, [(9.0,)], Workers("ray", 1)))
