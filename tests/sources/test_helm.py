"""HELM run folders, written by hand in the form of helm-run's files."""

import json

import pandas as pd
import pytest

from tests.sources.by_hand_cells import by_cell

PYTHIA = "EleutherAI/pythia-160m"
TASK = "mmlu:subject=philosophy"
METHOD = "multiple_choice_joint"
LONG = "x" * 10_000_000


def stat(name, value, split="test", **more):
    return {
        "name": {"name": name, "split": split, **more}, "count": 1, "sum": value,
        "sum_squared": value**2, "min": value, "max": value, "mean": value, "variance": 0.0,
        "stddev": 0.0,
    }  # fmt: skip


def instance(name, right, quasi, trial=0, references=4, split="test", shots=5, **more):
    return {
        "instance_id": name,
        "train_trial_index": trial,
        "stats": [
            stat("num_references", references, split),
            stat("num_train_instances", shots, split),
            {"name": {"name": "training_co2_cost", "split": split}, "count": 0, "sum": 0},
            stat("inference_runtime", 0.68, split),
            stat("exact_match", right, split),
            stat("exact_match@5", 1, split),
            stat("quasi_exact_match", quasi, split),
            stat("logprob", -3.5, split),
        ],
        **more,
    }


def spec(**adapter):
    return {
        "name": "mmlu:subject=philosophy,method=multiple_choice_joint,model=eleutherai_pythia-160m",
        "scenario_spec": {"class_name": "helm.MMLUScenario", "args": {"subject": "philosophy"}},
        "adapter_spec": {
            "method": METHOD, "max_train_instances": 5, "num_train_trials": 2, "model": PYTHIA,
            "model_deployment": "huggingface/pythia-160m",
        } | adapter,
        "metric_specs": [
            {"class_name": "helm.BasicGenerationMetric",
             "args": {"names": ["exact_match", "quasi_exact_match"]}},
            {"class_name": "helm.BasicReferenceMetric", "args": {}},
        ],
        "groups": ["mmlu"],
    }  # fmt: skip


# Trial 0: exact 1 0 0, quasi 1 1 0; trial 1: exact 1 1 0, quasi 1 1 0.
INSTANCES = [
    instance("id1", 1, 1), instance("id2", 0, 1, shots=3), instance("id3", 0, 0, references=2),
    instance("id1", 1, 1, 1), instance("id2", 1, 1, 1), instance("id3", 0, 0, 1, references=2),
    instance("id9", 1, 1, split="valid"),
    instance("id1", 0, 0, perturbation={"name": "typos"}),
]  # fmt: skip
STATS = [
    stat("exact_match", 0.5),
    stat("quasi_exact_match", 2 / 3),
    stat("exact_match", 1, "valid"),
    stat("exact_match", 0, perturbation={"name": "typos"}),
]


def write_run(folder, run_spec=None, instances=INSTANCES, stats=STATS):
    folder.mkdir(parents=True)
    (folder / "run_spec.json").write_text(json.dumps(run_spec or spec(), indent=2))
    (folder / "stats.json").write_text(json.dumps(stats, indent=2))
    (folder / "per_instance_stats.json").write_text(json.dumps(instances, indent=2))
    return folder


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "runs" / "v1" / "mmlu:subject=philosophy")


def test_trials_are_repeats_and_their_counts_those_of_the_instances(run, imported):
    scores, _, _ = imported("helm", run)
    # exact: 1 and 2 of 3; quasi: 2 and 2 of 3
    assert by_cell(scores) == {
        (PYTHIA, TASK, "exact_match", METHOD, 5): (3, 2, pytest.approx(0.5)),
        (PYTHIA, TASK, "quasi_exact_match", METHOD, 5): (3, 2, pytest.approx(2 / 3)),
    }
    exact = scores.frame[scores.frame["metric"] == "exact_match"].iloc[0]
    assert exact["n_repeats"] == 2
    assert exact["repeat_sd"] == pytest.approx(2**0.5 / 6)


def test_items_are_the_instances_one_by_one(run, imported):
    _, folder, _ = imported("helm", run)
    items = pd.read_parquet(folder / "items.parquet")
    exact = items[items["metric"] == "exact_match"]
    assert {(r.run.split(" of ")[0], r.item): r.score for r in exact.itertuples()} == {
        ("trial 0", "id1"): 1, ("trial 0", "id2"): 0, ("trial 0", "id3"): 0,
        ("trial 1", "id1"): 1, ("trial 1", "id2"): 1, ("trial 1", "id3"): 0,
    }  # fmt: skip
    assert dict(zip(exact["item"], exact["n_options"], strict=True)) == {
        "id1": 4,
        "id2": 4,
        "id3": 2,
    }


def test_chance_counts_references_and_the_rest_is_said(run, imported):
    scores, _, report = imported("helm", run)
    assert scores.tasks["chance"].tolist() == [pytest.approx((1 / 4 + 1 / 4 + 1 / 2) / 3)]
    assert "Dropped: instances, 1 time (not of the split 'test')." in report
    assert "Dropped: instances, 1 time (perturbed)." in report
    assert "1 instances had fewer demonstrations than 5" in report


def test_generation_needs_its_chance_from_the_user(tmp_path, imported, refused_import, tasks_file):
    folder = write_run(tmp_path / "run", spec(method="generation"))
    assert f"task '{TASK}': got no number of options per item" in refused_import("helm", folder)
    chance = tasks_file((TASK, "quasi_exact_match", 0))
    scores, _, _ = imported("helm", folder, tasks=chance)
    assert scores.tasks["metric_of_record"].tolist() == ["quasi_exact_match"]


def test_suite_of_runs_is_read_run_by_run(tmp_path, imported):
    write_run(tmp_path / "runs" / "zero", spec(max_train_instances=0))
    write_run(tmp_path / "runs" / "five")
    scores, _, report = imported("helm", tmp_path / "runs")
    assert sorted(scores.frame["n_shots"].unique()) == [0, 5]
    assert "Arm few-shot, base: 1 task, 1 size" in report


def test_copy_of_a_run_is_no_repeat(tmp_path, imported, refused_import):
    for suite in ("v1", "v2"):
        write_run(tmp_path / "runs" / suite / "mmlu")
    message = refused_import("helm", tmp_path / "runs")
    assert f"v2/mmlu/per_instance_stats.json: got {PYTHIA}, {TASK}" in message
    assert "again (first" in message
    again = [*STATS, stat("inference_runtime", 0.7)]
    (tmp_path / "runs" / "v2" / "mmlu" / "stats.json").write_text(json.dumps(again))
    scores, folder, _ = imported("helm", tmp_path / "runs")
    # two trials in each of two runs
    assert scores.frame["n_repeats"].unique().tolist() == [4]
    assert pd.read_parquet(folder / "items.parquet")["run"].nunique() == 4


def test_validation_split_is_used_where_there_is_no_test(tmp_path, imported):
    instances = [instance("a", 1, 1, split="valid"), instance("b", 0, 1, split="valid")]
    stats = [stat("exact_match", 0.5, "valid"), stat("quasi_exact_match", 1, "valid")]
    scores, _, _ = imported("helm", write_run(tmp_path / "run", None, instances, stats))
    assert by_cell(scores)[PYTHIA, TASK, "exact_match", METHOD, 5] == (2, 1, 0.5)


def test_many_small_instances_are_read_across_chunks(tmp_path, imported, monkeypatch):
    from toolkit.sources import json_stream

    monkeypatch.setattr(json_stream, "CHUNK", 37)
    scores, _, _ = imported("helm", write_run(tmp_path / "run"))
    assert by_cell(scores)[PYTHIA, TASK, "exact_match", METHOD, 5] == (3, 2, pytest.approx(0.5))


@pytest.mark.parametrize(
    ("instances", "said"),
    [
        ([], "got no usable score"),
        (INSTANCES[:2], "got 2 items with mean 1.000000 of quasi_exact_match, expected"),
        ([INSTANCES[0], INSTANCES[0]], "one item id for records 1 and 2 of EleutherAI/pythia-160m"),
        ([instance("a", float("nan"), 0)], "got nan, expected a proportion"),
        ([instance("a", 37.0, 0)], "got 37.0, expected a proportion"),
        ([instance(LONG, 1, 1)], "got item id 10000000 characters"),
        ([{"instance_id": "a"}], "field 'train_trial_index' is missing"),
        ([[]], "record 1: got [], expected an object"),
        ({}, "expected a list of records"),
    ],
)
def test_spoilt_instances_are_one_error_and_leave_nothing(
    tmp_path, refused_import, instances, said
):
    assert said in refused_import("helm", write_run(tmp_path / "run", None, instances))


@pytest.mark.parametrize(
    ("run_spec", "said"),
    [
        ({"name": "x"}, "field 'adapter_spec' is missing"),
        (spec(model="../../x"), "got a step out of its folder in the checkpoint"),
        (spec(model="<b>x</b>"), "got markup in the checkpoint"),
        (spec(max_train_instances=None), "give it with --shots N"),
        (spec() | {"name": "<script>"}, "got markup in the task"),
        (spec() | {"metric_specs": [{"args": {"names": [1]}}]}, "got 1, expected a text"),
    ],
)
def test_spoilt_specification_is_one_error_and_leaves_nothing(
    tmp_path, refused_import, run_spec, said
):
    assert said in refused_import("helm", write_run(tmp_path / "run", run_spec))


def test_count_below_zero_is_an_error(tmp_path, refused_import):
    spoilt = instance("a", 1, 1)
    spoilt["stats"][4]["count"] = -1
    message = refused_import("helm", write_run(tmp_path / "run", None, [spoilt]))
    assert "record 1: got a count of -1, expected 0 or more" in message


@pytest.mark.parametrize(
    "spoil", [lambda text: text + "garbage", lambda text: text.replace("[", "[,,", 1)]
)
@pytest.mark.parametrize("name", ["stats.json", "per_instance_stats.json"])
def test_list_that_is_no_json_is_an_error(run, refused_import, name, spoil):
    (run / name).write_text(spoil((run / name).read_text()))
    message = refused_import("helm", run)
    assert f"{name}: got '" in message
    assert "the file is damaged: restore it" in message


@pytest.mark.parametrize("total", [[], [stat("exact_match", float("nan"))]])
def test_instances_whose_total_is_no_number_are_an_error(tmp_path, refused_import, total):
    instances = [instance("a", 1, 1), instance("b", 0, 1)]
    stats = [stat("quasi_exact_match", 1), *total]
    message = refused_import("helm", write_run(tmp_path / "run", None, instances, stats))
    assert "got 2 items with mean 0.500000 of exact_match, expected the items with mean nan" in (
        message
    )


@pytest.mark.parametrize("name", ["run_spec.json", "stats.json", "per_instance_stats.json"])
@pytest.mark.parametrize("left", [0, 0.5])
def test_file_that_is_cut_off_is_an_error(run, refused_import, name, left):
    text = (run / name).read_text()
    (run / name).write_text(text[: int(len(text) * left)])
    message = refused_import("helm", run)
    assert "cut off" in message
    assert name in message


def test_missing_file_and_folder_without_runs_are_errors(run, tmp_path, refused_import):
    (run / "stats.json").unlink()
    assert "stats.json: can't be read" in refused_import("helm", run)
    (tmp_path / "none").mkdir()
    assert "got no run_spec.json" in refused_import("helm", tmp_path / "none")
