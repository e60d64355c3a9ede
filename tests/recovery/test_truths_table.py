"""The kept table of simulated truths follows from its studies, and these can be judged again."""

import json

import numpy as np
import pytest

from benchmarks import truths
from benchmarks.machine import HERE
from toolkit.gates import Outcome
from toolkit.simulate import RICH, simulate_study

RECORD = HERE / "results" / "truths.jsonl"
KINDS = sorted(truths.PLANTED)


def said(truth, outcome, right=False):
    return {
        "truth": truth, "verdict": outcome.value, "right": right, "reasons": ["NOT_CONVERGED"],
    }  # fmt: skip


def test_counts_and_targets_are_those_of_the_verdicts():
    tasks = [said("U-shape", Outcome.NO_JUMP, True)] * 18
    tasks += [said("U-shape", Outcome.EXPLAINED), said("U-shape", Outcome.UNDETERMINED)]
    tasks += [said("step in all arms", Outcome.JUMP_REMAINS, True)] * 15
    tasks += [said("step in all arms", Outcome.UNDETERMINED)] * 5
    table = truths.counts(tasks)
    assert [row["truth"] for row in table] == ["U-shape", "step in all arms"]
    assert [row["n"] for row in table] == [20, 20]
    assert [row["explained"] for row in table] == [1, 0]
    assert table[1]["first reason where undetermined"] == "NOT_CONVERGED 5"
    reached = truths.targets(table)
    assert reached["no smooth curve is called a jump in more than 1 of 20"]
    assert not reached["step in all arms: right in at least 16 of 20"]
    tasks.append(said("U-shape", Outcome.JUMP_REMAINS))
    assert not truths.targets(truths.counts(tasks))[
        "no smooth curve is called a jump in more than 1 of 20"
    ]


def test_studies_hold_every_truth():
    names = [name for kind in KINDS for name, _ in truths.PLANTED[kind](np.random.default_rng(1))]
    assert set(names) == {*truths.NO_JUMP, *truths.STEPS}


@pytest.mark.parametrize("kind", KINDS)
def test_studies_are_the_same_for_a_seed_and_lie_where_the_design_can_tell(kind):
    tables = []
    for _ in range(2):
        rng = np.random.default_rng(7)
        tasks = [task for _, task in truths.PLANTED[kind](rng)]
        tables.append(simulate_study(RICH, tasks, rng).frame)
    assert tables[0].equals(tables[1])
    sizes = sorted({size for family in RICH.sizes.values() for size in family})
    for task in tasks:
        assert sizes[1] < task.step_at <= sizes[-2]


def test_studies_that_are_done_are_kept_line_by_line(tmp_path):
    record = tmp_path / "results" / "truths.jsonl"
    assert truths.lines(record) == []
    for seed in (1, 2):
        truths.append(record, {"study": {"seed": seed}, "tasks": []})
    assert [line["study"]["seed"] for line in truths.lines(record)] == [1, 2]


def test_kept_table_follows_from_the_kept_studies():
    table = json.loads((HERE / "results" / "truths.json").read_text(encoding="utf-8"))
    tasks = [task for line in truths.lines(RECORD) for task in line["tasks"]]
    assert table["results"] == truths.counts(tasks)
    assert table["targets"] == truths.targets(table["results"])


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kind", KINDS)
def test_kept_verdicts_are_those_of_today(kind):
    [line] = [line for line in truths.lines(RECORD) if line["study"]["kind"] == kind][:1]
    study = line["study"]
    settings = {k: study[k] for k in ("draws", "tune", "chains", "target_accept")}
    again = truths.judge(kind, study["seed"], settings, lambda _: None)
    kept = [(task["truth"], task["verdict"]) for task in line["tasks"]]
    # Another machine rounds differently: a verdict at a threshold may change, few others.
    same = sum(k == (a["truth"], a["verdict"]) for k, a in zip(kept, again["tasks"], strict=True))
    assert same >= 0.8 * len(kept), (kept, again["tasks"])
