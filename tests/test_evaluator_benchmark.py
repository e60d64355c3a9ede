"""The benchmark of the evaluator: its parts on known numbers, and a tiny run beside the harness."""

import json
import os
import subprocess
import sys

import pytest

from benchmarks import evaluator, harness, side_by_side
from benchmarks.workloads import WORKLOADS, make_items, make_prompts
from toolkit.evaluate.store.prompts import shared_beginning
from toolkit.paths import CHECKOUT

MISSING = harness.missing()


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda w: w.name)
def test_prompts_share_instruction_and_demonstrations_and_end_in_their_own_question(workload):
    items = make_items(4, seed=1)
    prompts = make_prompts(workload, items, seed=1)
    shared = shared_beginning([prompt.context for prompt in prompts])
    assert shared.count("Answer:") == workload.n_shots
    assert all(item.question not in shared for item in items)
    assert {len(prompt.continuations) for prompt in prompts} == {
        0 if workload.kind == "generate" else 4
    }
    assert all(prompt.context.endswith("Answer:") for prompt in prompts)


def test_agreement_counts_choices_and_flags_that_differ():
    ours = [[(-1.0, True), (-2.0, False)], [(-3.0, False), (-4.0, False)]]
    theirs = [[(-1.0, True), (-2.5, True)], [(-3.0, False), (-2.0, False)]]
    found = side_by_side.agreement(ours, theirs)
    assert found["largest_difference"] == 2.0
    assert (found["choices_that_differ"], found["greedy_flags_that_differ"]) == (1, 1)
    assert found["log_likelihoods"] == 4


def test_race_runs_each_side_in_every_repeat_and_turns_the_order_round():
    order = []
    runs = {name: lambda name=name: order.append(name) or name for name in ("own", "harness")}
    times, returned = side_by_side.race(runs, 3)
    assert order == ["harness", "own", "own", "harness", "harness", "own"]
    assert returned == {"own": "own", "harness": "harness"}
    assert set(times["own"]) == {"seconds", "cpu_seconds"}


def test_without_the_harness_the_message_names_the_extra(monkeypatch, capsys):
    monkeypatch.setattr(
        "benchmarks.harness.importlib.util.find_spec", lambda name: None if name == "lm_eval" else 1
    )
    with pytest.raises(SystemExit) as stopped:
        import typer

        application = typer.Typer()
        application.command()(evaluator.main)
        application(["--quick"])
    assert stopped.value.code == 1
    assert "'.[interop]'" in capsys.readouterr().err.replace("\n", "")


@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
@pytest.mark.timeout(600)
def test_quick_run_finds_equal_numbers_and_runs_no_token_twice(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.evaluator", "--quick"],
        cwd=CHECKOUT,
        env={**os.environ, "EMERGENCE_ROOT": str(tmp_path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    record = json.loads((tmp_path / ".cache/benchmarks/evaluator.json").read_text())
    equal = {name: reached for name, reached in record["targets"].items() if "equal" in name}
    assert len(equal) == 2 + len(WORKLOADS)
    assert all(equal.values()), equal
    for found in record["results"]["speed"].values():
        assert found["own_over_fewest_tokens"] == pytest.approx(1, abs=0.02)
    assert str(tmp_path) not in json.dumps(record)


@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
def test_without_a_gpu_the_message_says_what_is_needed(capsys):
    import torch
    import typer

    from benchmarks.evaluator_gpu import measure_gpu

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(typer.Exit) as stopped:
        measure_gpu(quick=True, seed=1, n_items=6, repeats=1)
    assert stopped.value.exit_code == 1
    assert "NVIDIA GPU" in capsys.readouterr().err
