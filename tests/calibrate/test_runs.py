"""Jobs of a calibration are kept one by one, resumed, and depend on their seed alone."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from toolkit.analysis.study_folder import load_study_folder
from toolkit.calibrate import runs, truths
from toolkit.calibrate.kept_lines import append, lines
from toolkit.calibrate.runs import Campaign, Job, jobs_for, kept_studies, run_jobs, seeds_by_block
from toolkit.calibrate.truths import BLOCKS, TRUTHS, planted_tasks, right_of
from toolkit.errors import ToolkitError
from toolkit.fit.sampling import CompiledModel
from toolkit.simulate import RICH, OwnDesign, StudyDesign, curves, simulate_study, studies
from toolkit.study.claims import ARMS
from toolkit.verdict.gates import GAP_MAX_DECADES, Outcome, gap_around, is_resolvable

SMALL = StudyDesign({"fern": (1e8, 1e9, 1e10, 8e10), "moss": (3e8, 3e9, 3e10)}, n_items=40)


@pytest.fixture
def campaign(tmp_path):
    return Campaign("small", SMALL, 30, 20, 30, 2, 0.9, tmp_path / "cache")


def stub(campaign, job):
    return {"block": job.block, "seed": job.seed, "seconds": 0.0, "drawn": campaign.draws}


def test_jobs_give_every_truth_enough_tasks_and_take_turns():
    jobs = jobs_for(["smooth", "steps of 20 points"], 20, seed=5)
    by_block = {block: [j.seed for j in jobs if j.block == block] for block in BLOCKS}
    assert by_block["smooth"] == list(range(5, 15))  # two tasks of every curve in a study
    # Four tasks of every step in a study, three of the gentle curve beside them.
    assert by_block["steps of 20 points"] == list(range(5, 10))
    assert jobs[0].block != jobs[1].block


def test_a_killed_run_goes_on_with_the_same_result(campaign, tmp_path, monkeypatch):
    record = tmp_path / "runs.jsonl"
    jobs = jobs_for(["smooth"], 8, seed=1)
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


def test_damaged_record_is_an_error_that_names_it(tmp_path):
    record = tmp_path / "runs.jsonl"
    record.write_text('{"made_by": {}}\n{"made\n{"made_by": {}}\n')
    with pytest.raises(ToolkitError, match=r"runs\.jsonl"):
        lines(record, {})


def test_line_that_a_kill_tore_goes_and_all_before_it_stay(tmp_path):
    record = tmp_path / "runs.jsonl"
    append(record, {"made_by": {}, "seed": 1})
    with record.open("a") as file:
        file.write('{"made_by": {}, "se')
    assert [line["seed"] for line in lines(record, {})] == [1]
    append(record, {"made_by": {}, "seed": 2})
    assert [line["seed"] for line in lines(record, {})] == [1, 2]
    record.write_text('{"made_by')  # nothing but a torn line
    append(record, {"made_by": {}, "seed": 3})
    assert [line["seed"] for line in lines(record, {})] == [3]


def test_two_writers_of_one_record_lose_no_line(tmp_path):
    record, long = tmp_path / "runs.jsonl", "x" * 100_000

    def write(writer):
        for number in range(20):
            append(record, {"made_by": {}, "seed": (writer, number), "text": long})

    with ThreadPoolExecutor(2) as both:
        list(both.map(write, range(2)))
    found = [tuple(line["seed"]) for line in lines(record, {})]
    assert sorted(found) == [(w, n) for w in range(2) for n in range(20)]


def test_study_that_stands_twice_in_a_record_counts_once(campaign, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "run_job", stub)
    record = tmp_path / "runs.jsonl"
    found = run_jobs(campaign, [Job("smooth", 1), Job("smooth", 2)], record)
    record.write_text(record.read_text() * 2)
    assert run_jobs(campaign, [Job("smooth", 1), Job("smooth", 2)], record) == found
    kept = kept_studies(campaign, record)
    assert len(kept) == 2
    assert seeds_by_block(kept) == {"smooth": [1, 2]}


def test_kept_draws_make_the_fits_of_other_rules_needless(campaign, monkeypatch):
    keeping, job = replace(campaign, keep_draws=True), Job("recipes", 7)
    first = runs.run_job(keeping, job)
    monkeypatch.setattr(CompiledModel, "sample", lambda *_, **__: pytest.fail("fitted again"))
    again = runs.run_job(keeping, job)
    assert first["tasks"] == again["tasks"]
    assert keeping.made_by == campaign.made_by


def test_lines_of_other_settings_do_not_count(campaign, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "run_job", stub)
    record = tmp_path / "runs.jsonl"
    run_jobs(campaign, [Job("smooth", 1)], record)
    other = Campaign("small", SMALL, 31, 20, 30, 2, 0.9, tmp_path / "cache")
    assert lines(record, other.made_by) == []
    assert len(run_jobs(other, [Job("smooth", 1)], record)) == 1
    assert len(record.read_text().splitlines()) == 2


@pytest.mark.parametrize("changed", [truths, curves, studies])
def test_studies_of_other_truths_or_of_another_simulator_do_not_count(
    campaign, monkeypatch, changed
):
    before, code_of = campaign.made_by, runs.code_of
    monkeypatch.setattr(runs, "code_of", lambda m: code_of(m) + "#" * (m is changed))
    different = {name for name, value in campaign.made_by.items() if value != before[name]}
    assert different == {"simulator"}


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


@pytest.mark.parametrize(
    ("name", "arm", "right"),
    [
        ("step of 20 points in all arms", ARMS[0], (Outcome.JUMP_REMAINS, ())),
        ("step of 20 points in all arms", ARMS[3], (Outcome.JUMP_REMAINS, ())),
        ("step of 20 points with few-shot only", ARMS[1],
         (Outcome.EXPLAINED, ("few-shot prompting",))),
        ("step of 20 points with few-shot only", ARMS[2], (Outcome.NO_JUMP, ())),
        ("step of 20 points with tuning only", ARMS[3],
         (Outcome.EXPLAINED, ("instruction tuning",))),
        ("step of 30 points with both only", ARMS[3], (Outcome.EXPLAINED, ("interaction",))),
        ("step of 30 points with both only", ARMS[1], (Outcome.NO_JUMP, ())),
        # Jumps of 5 points count as nothing.
        ("step of 5 points in all arms", ARMS[3], (Outcome.NO_JUMP, ())),
        ("4PL, 0.75 decades", ARMS[3], (Outcome.NO_JUMP, ())),
    ],
)  # fmt: skip
def test_right_verdict_follows_from_the_arms_of_the_step_and_of_the_claim(name, arm, right):
    task = TRUTHS[name].plant("t", 5e9, np.random.default_rng(1))
    found = right_of(task, arm)
    assert (found.outcome, found.credited) == right


def test_height_of_a_truth_is_that_of_its_step_in_the_controlled_arm():
    for truth in TRUTHS.values():
        task = truth.plant("t", 5e9, np.random.default_rng(1))
        assert truth.height == (task.height if ARMS[0] in task.stepping_arms else 0.0)
        assert truth.is_step is (task.truth != "none")


def test_own_design_has_the_cells_items_and_claims_of_its_study():
    source = load_study_folder("lu2024")
    design = OwnDesign(source.record, source.claims).shuffled(np.random.default_rng(2))
    planted = planted_tasks(BLOCKS["smooth"], design, np.random.default_rng(2))
    tasks = [task for _, task in planted]
    frame = simulate_study(design, tasks, np.random.default_rng(3)).frame
    real = source.record.frame
    for number, task in enumerate(tasks):
        claim = design.claims[number]
        own, like = frame[frame["task"] == task.name], real[real["task"] == claim.task]
        assert task.step_at == claim.threshold_n_params
        assert design.published_arm(number).label == claim.published_arm
        columns = ["checkpoint", "n_shots", "n_items"]
        assert sorted(map(tuple, own[columns].to_numpy())) == sorted(
            map(tuple, like[columns].to_numpy())
        )
        assert own["chance"].iloc[0] == like["chance"].iloc[0]
    again = OwnDesign(source.record, source.claims)
    assert again.fingerprint == OwnDesign(source.record, source.claims).fingerprint
    assert again.fingerprint != OwnDesign(source.record, source.claims[1:]).fingerprint


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
