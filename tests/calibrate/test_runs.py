"""Jobs of a calibration are kept one by one, resumed, and depend on their seed alone."""

import json

import numpy as np
import pytest

from toolkit.calibrate import runs
from toolkit.calibrate.runs import Campaign, Job, jobs_for, lines, run_jobs
from toolkit.calibrate.truths import BLOCKS, TRUTHS, planted_tasks
from toolkit.gates import GAP_MAX_DECADES, Outcome, gap_around, is_resolvable
from toolkit.simulate import RICH, StudyDesign, simulate_study

SMALL = StudyDesign({"fern": (1e8, 1e9, 1e10, 8e10), "moss": (3e8, 3e9, 3e10)}, n_items=40)


@pytest.fixture
def campaign(tmp_path):
    return Campaign("small", SMALL, 30, 30, 2, 0.9, tmp_path / "cache")


def stub(campaign, job):
    return {"block": job.block, "seed": job.seed, "seconds": 0.0, "drawn": campaign.draws}


def test_jobs_give_every_truth_enough_tasks_and_take_turns():
    jobs = jobs_for(["smooth", "steps of 20 points"], 20, seed=5)
    by_block = {block: [j.seed for j in jobs if j.block == block] for block in BLOCKS}
    assert by_block["smooth"] == list(range(5, 25))
    # Four tasks of every step in a study, three of the gentle curve beside them.
    assert by_block["steps of 20 points"] == list(range(5, 10))
    assert jobs[0].block != jobs[1].block


def test_a_killed_run_goes_on_with_the_same_result(campaign, tmp_path, monkeypatch):
    record = tmp_path / "runs.jsonl"
    jobs = jobs_for(["smooth"], 4, seed=1)
    done = []

    def killed_at_the_third(campaign, job):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(job)
        return stub(campaign, job)

    monkeypatch.setattr(runs, "run_job", killed_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        run_jobs(campaign, jobs, record)
    assert [line["seed"] for line in lines(record, campaign.made_by)] == [1, 2]
    again = []
    monkeypatch.setattr(runs, "run_job", lambda c, job: again.append(job) or stub(c, job))
    found = run_jobs(campaign, jobs, record)
    assert [job.seed for job in again] == [3, 4]
    assert [line["seed"] for line in found] == [1, 2, 3, 4]
    monkeypatch.setattr(runs, "run_job", lambda *_: pytest.fail("run again"))
    assert run_jobs(campaign, jobs, record) == found


def test_lines_of_other_settings_do_not_count(campaign, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "run_job", stub)
    record = tmp_path / "runs.jsonl"
    run_jobs(campaign, [Job("smooth", 1)], record)
    other = Campaign("small", SMALL, 31, 30, 2, 0.9, tmp_path / "cache")
    assert lines(record, other.made_by) == []
    assert len(run_jobs(other, [Job("smooth", 1)], record)) == 1
    assert len(record.read_text().splitlines()) == 2


@pytest.mark.parametrize("name", BLOCKS)
def test_places_of_a_block_lie_where_the_rich_design_can_tell(name):
    block = BLOCKS[name]
    design = block.change(RICH)
    sizes = np.unique(np.log10([s for family in design.sizes.values() for s in family]))
    rng = np.random.default_rng(3)
    planted = planted_tasks(block, design, rng)
    assert len(planted) == sum(block.tasks.values())
    for _, task in planted:
        low, high = gap_around(sizes, np.log10(task.step_at))
        assert high - low <= GAP_MAX_DECADES
        assert is_resolvable(sizes, low, high)
    frame = simulate_study(design, [task for _, task in planted], rng).frame
    assert frame["score"].between(0, 1).all()


@pytest.mark.parametrize("name", [name for name, truth in TRUTHS.items() if truth.is_step])
def test_right_verdict_of_a_step_follows_from_its_arms(name):
    truth = TRUTHS[name]
    task = truth.plant("t", 5e9, np.random.default_rng(1))
    in_controlled = any(arm.label == "zero-shot, base" for arm in task.stepping_arms)
    assert (truth.right is Outcome.JUMP_REMAINS) is in_controlled
    assert (truth.height > 0) is in_controlled
    assert bool(truth.credited) is not in_controlled


def test_a_job_is_the_same_for_its_seed(campaign):
    """The smallest real job: simulated, fitted with few draws, judged and kept as plain data."""
    job = Job("recipes", 7)
    first, again = (runs.run_job(campaign, job) for _ in range(2))
    for line in (first, again):
        line.pop("seconds")
    assert json.loads(json.dumps(first)) == again
    assert [task["truth"] for task in first["tasks"]] == ["another recipe at the largest sizes"] * 6
    assert {task["verdict"] for task in first["tasks"]} <= {o.value for o in Outcome}
    assert first["n_true"] == 0
