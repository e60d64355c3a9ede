"""Every Eval Ever records, written by hand from the schema, versions 0.2 and 0.3."""

import hashlib
import json

import pandas as pd
import pytest

from tests.sources.by_hand_cells import by_cell

PYTHIA = "EleutherAI/pythia-160m"
ID = "arc/EleutherAI_pythia-160m/1706000000"
LONG = "x" * 10_000_000


def result(name="arc_easy", score=2 / 3, config=None, n_samples=12, **more):
    return {
        "evaluation_name": name,
        "source_data": {"dataset_name": name, "source_type": "hf_dataset", "hf_repo": "x/y"},
        "metric_config": {"lower_is_better": False, "score_type": "binary"} | (config or {}),
        "score_details": {
            "score": score,
            "uncertainty": {"standard_error": {"value": 0.05}, "num_samples": n_samples},
        },
        "generation_config": {"additional_details": {"num_fewshot": "5"}},
        **more,
    }


def record(*results, **more):
    return {
        "schema_version": "0.2.1",
        "evaluation_id": ID,
        "retrieved_timestamp": "1706000000",
        "source_metadata": {
            "source_type": "evaluation_run", "source_organization_name": "us",
            "evaluator_relationship": "third_party",
        },
        "eval_library": {"name": "lm_eval", "version": "0.4.9"},
        "model_info": {"name": "pythia-160m", "id": PYTHIA},
        "evaluation_results": list(results) or [result()],
        **more,
    }  # fmt: skip


def sample(name, score, choices=("a", "b", "c", "d"), **more):
    return {
        "schema_version": "instance_level_eval_0.2.1",
        "evaluation_id": ID,
        "model_id": PYTHIA,
        "evaluation_name": "arc_easy",
        "sample_id": name,
        "interaction_type": "single_turn",
        "input": {"raw": "?", "reference": ["a"], "choices": choices and list(choices)},
        "output": {"raw": ["a"]},
        "answer_attribution": [],
        "evaluation": {"score": score, "is_correct": bool(score)},
        **more,
    }


SAMPLES = [sample("q1", 1.0), sample("q2", 0.0, ("a", "b")), sample(3, 1)]
WITH_SAMPLES = result(n_samples=3)
CELL = (PYTHIA, "arc_easy", "score", "lm_eval", 5)


def write(folder, document, samples=None, name="run", **detailed):
    folder.mkdir(exist_ok=True)
    if samples is not None:
        path = folder / f"{name}_samples.jsonl"
        path.write_text("".join(json.dumps(s) + "\n" for s in samples))
        document["detailed_evaluation_results"] = {
            "format": "jsonl", "file_path": path.name, "total_rows": len(samples),
        } | detailed  # fmt: skip
    (folder / f"{name}.json").write_text(json.dumps(document))
    return folder


def test_samples_give_counts_items_and_chance(tmp_path, imported):
    scores, folder, report = imported(
        "every-eval-ever", write(tmp_path / "r", record(WITH_SAMPLES), SAMPLES)
    )
    assert by_cell(scores) == {CELL: (3, 2, pytest.approx(2 / 3))}
    assert scores.tasks["chance"].tolist() == [pytest.approx((1 / 4 + 1 / 2 + 1 / 4) / 3)]
    items = pd.read_parquet(folder / "items.parquet").set_index("item")
    assert items["score"].to_dict() == {"q1": 1, "q2": 0, "3": 1}
    assert items["n_options"].to_dict() == {"q1": 4, "q2": 2, "3": 4}
    assert "Read 2 files: 3 item records, 1 runs, 1 cells." in report


def test_record_without_samples_gives_its_score(tmp_path, imported, tasks_file):
    chance = tasks_file(("arc_easy", "score", 0.25))
    scores, _, _ = imported("every-eval-ever", write(tmp_path / "r", record()), tasks=chance)
    assert by_cell(scores) == {CELL: (12, 8, pytest.approx(2 / 3))}


def test_score_that_is_no_count_has_the_standard_error_of_the_record(
    tmp_path, imported, tasks_file
):
    config = {"score_type": "continuous", "min_score": 0, "max_score": 100, "metric_name": "f1"}
    document = record(result(score=61.0, config=config))
    document["evaluation_results"][0]["score_details"]["uncertainty"]["standard_error"]["value"] = 5
    chance = tasks_file(("arc_easy", "f1", 0.0))
    row = imported("every-eval-ever", write(tmp_path / "r", document), tasks=chance)[0].frame.iloc[
        0
    ]
    assert pd.isna(row["n_correct"])
    assert (row["metric"], row["score"], row["score_se"]) == ("f1", 0.61, 0.05)


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"lower_is_better": True}, "less is better"),
        ({"score_type": "levels"}, "levels are no proportions"),
        ({"min_score": -1, "max_score": 1}, "scores don't start at 0"),
        ({"min_score": 0, "max_score": "Infinity"}, "scores don't start at 0"),
        ({"metric_name": "perplexity"}, "not a proportion"),
    ],
)
def test_score_that_is_no_proportion_is_dropped_with_its_reason(
    tmp_path, imported, tasks_file, config, why
):
    document = record(result("other", config=config), result())
    chance = tasks_file(("arc_easy", "score", 0.25))
    scores, _, report = imported("every-eval-ever", write(tmp_path / "r", document), tasks=chance)
    assert scores.frame["task"].tolist() == ["arc_easy"]
    assert f"1 time ({why})." in report


def test_total_without_a_number_of_samples_is_dropped(tmp_path, refused_import):
    bare = result()
    del bare["score_details"]["uncertainty"]
    message = refused_import("every-eval-ever", write(tmp_path / "r", record(bare)))
    assert "got no usable score (scores of score: no number of samples)" in message


def test_results_of_schema_0_3_share_a_name_and_are_told_apart_by_their_id(tmp_path, imported):
    named = {"acc,none": ("acc", 0.5, 2), "acc_norm,none": ("acc_norm", 1.0, 1)}
    results = [
        result(
            score=score, n_samples=n, evaluation_result_id=own,
            config={"metric_name": metric, "min_score": None},
        )
        for own, (metric, score, n) in named.items()
    ]  # fmt: skip
    samples = [
        sample("q1", 1.0, schema_version="0.3.0", evaluation_result_id=own) for own in named
    ] + [sample("q2", 0.0, schema_version="0.3.0", evaluation_result_id="acc,none")]
    document = record(*results, schema_version="0.3.0")
    scores = imported("every-eval-ever", write(tmp_path / "r", document, samples))[0]
    assert {key[2]: value[:2] for key, value in by_cell(scores).items()} == {
        "acc": (2, 1), "acc_norm": (1, 1),
    }  # fmt: skip


@pytest.mark.parametrize("samples", [SAMPLES, None])
def test_record_that_is_given_twice_is_no_repeat(
    tmp_path, imported, refused_import, tasks_file, samples
):
    document = record(WITH_SAMPLES)
    for name in ("one", "two"):
        write(tmp_path / "r", document, samples, name)
    chance = tasks_file(("arc_easy", "score", 0.25))
    message = refused_import("every-eval-ever", tmp_path / "r", tasks=chance)
    assert f"got {PYTHIA}, arc_easy, score, lm_eval, 5 again (first " in message
    assert f"this one is '{ID}'" in message
    other = [s | {"evaluation_id": "other"} for s in samples] if samples else None
    write(tmp_path / "r", record(WITH_SAMPLES, evaluation_id="other"), other, "two")
    scores, _, _ = imported("every-eval-ever", tmp_path / "r", tasks=chance)
    assert scores.frame["n_repeats"].tolist() == [2]


def test_result_without_samples_beside_one_that_has_some_gives_its_score(
    tmp_path, imported, tasks_file
):
    document = record(WITH_SAMPLES, result("other"))
    chance = tasks_file(("other", "score", 0.25))
    scores = imported("every-eval-ever", write(tmp_path / "r", document, SAMPLES), tasks=chance)[0]
    assert {key[1]: value[:2] for key, value in by_cell(scores).items()} == {
        "arc_easy": (3, 2), "other": (12, 8),
    }  # fmt: skip


def test_sample_without_the_id_of_a_result_is_dropped_and_the_scores_are_read(
    tmp_path, imported, tasks_file
):
    document = record(result(evaluation_result_id="a"))
    chance = tasks_file(("arc_easy", "score", 0.25))
    folder = write(tmp_path / "r", document, SAMPLES)
    scores, _, report = imported("every-eval-ever", folder, tasks=chance)
    assert by_cell(scores) == {CELL: (12, 8, pytest.approx(2 / 3))}
    assert "Dropped: samples, 3 times (their result is left out or not in the record)." in report


def test_checksum_of_the_samples_is_checked(tmp_path, imported, refused_import):
    text = "".join(json.dumps(s) + "\n" for s in SAMPLES).encode()
    right = hashlib.sha256(text).hexdigest()
    document = record(WITH_SAMPLES)
    good = write(tmp_path / "good", document, SAMPLES, hash_algorithm="sha256", checksum=right)
    assert by_cell(imported("every-eval-ever", good)[0])[CELL][0] == 3
    bad = write(tmp_path / "bad", record(), SAMPLES, hash_algorithm="sha256", checksum="0" * 64)
    assert f"got sha256 {right}, expected 000" in refused_import("every-eval-ever", bad)


@pytest.mark.parametrize("path", ["../secret.jsonl", "/etc/passwd", "a/../../secret.jsonl"])
def test_samples_are_never_read_from_elsewhere(tmp_path, refused_import, path):
    (tmp_path / "secret.jsonl").write_text(json.dumps(SAMPLES[0]) + "\n")
    folder = write(tmp_path / "r", record(), SAMPLES, file_path=path)
    assert "expected a file beside the record" in refused_import("every-eval-ever", folder)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (record(schema_version="0.1.0"), "got schema_version '0.1.0', expected 0.2.x"),
        ({"schema_version": "0.2.1"}, "field 'model_info' is missing"),
        (record(model_info={"id": "../x"}), "got a step out of its folder in the checkpoint"),
        (record(model_info={"id": LONG}), "got checkpoint 10000000 characters"),
        (record(result("<i>x</i>")), "got markup in the task"),
        (record(result(), result()), "got evaluation_name 'arc_easy' twice"),
        (record(result(score=float("nan"))), "got nan, expected a proportion"),
        (record(result(score=float("inf"))), "got inf, expected a proportion"),
        (record(result(generation_config={})), "give it with --shots N"),
        (record(result(metric_config=[])), "expected an object"),
    ],
)
def test_spoilt_record_is_one_error_and_leaves_nothing(tmp_path, refused_import, document, said):
    assert said in refused_import("every-eval-ever", write(tmp_path / "r", document))


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        ([SAMPLES[0], SAMPLES[0]], "one item id for records 1 and 2"),
        ([sample("a", float("nan"))], "got nan, expected a proportion"),
        ([sample("a", 7)], "got 7.0, expected a proportion"),
        ([sample(LONG, 1)], "got item id 10000000 characters"),
        ([sample("a", 1, evaluation_id="x")], "line 1: got a sample of another evaluation"),
        ([sample("a", 1, schema_version="1")], "got schema_version '1'"),
        ([sample("a", 1, input="?")], "field 'input': got \"?\", expected an object"),
    ],
)
def test_spoilt_samples_are_one_error_and_leave_nothing(tmp_path, refused_import, samples, said):
    assert said in refused_import("every-eval-ever", write(tmp_path / "r", record(), samples))


def test_samples_that_are_cut_off_are_an_error(tmp_path, refused_import):
    folder = write(tmp_path / "r", record(), SAMPLES, total_rows=4)
    assert "got 3 rows, expected 4 as its record says" in refused_import("every-eval-ever", folder)
    samples = folder / "run_samples.jsonl"
    samples.write_text(samples.read_text()[:-20])
    assert "line 3: not complete JSON" in refused_import("every-eval-ever", folder)


def test_samples_that_are_fewer_than_the_result_says_are_an_error(tmp_path, refused_import):
    folder = write(tmp_path / "r", record(result(n_samples=3)), SAMPLES[:2])
    message = refused_import("every-eval-ever", folder)
    assert "run_samples.jsonl: got 2 items with mean 0.500000 of score, expected 3" in message


@pytest.mark.parametrize("score", [0.6, float("nan")])
def test_samples_that_do_not_give_the_score_are_an_error(tmp_path, refused_import, score):
    bare = result(score=score)
    del bare["score_details"]["uncertainty"]
    message = refused_import("every-eval-ever", write(tmp_path / "r", record(bare), SAMPLES))
    assert f"expected the items with mean {score:.6f} as in the record" in message


def test_samples_may_have_a_score_that_the_record_rounds(tmp_path, imported):
    document = record(result(score=66.7, n_samples=3, config={"max_score": 100}))
    percent = [s | {"evaluation": {"score": 100 * s["evaluation"]["score"]}} for s in SAMPLES]
    scores, _, _ = imported("every-eval-ever", write(tmp_path / "r", document, percent))
    assert by_cell(scores) == {CELL: (3, 2, pytest.approx(2 / 3))}


def test_samples_of_blank_lines_are_an_error(tmp_path, refused_import):
    folder = write(tmp_path / "r", record(), [])
    (folder / "run_samples.jsonl").write_text("\n \n")
    message = refused_import("every-eval-ever", folder)
    assert "run_samples.jsonl: got blank lines only, expected a record per line" in message


def test_folder_without_records_is_an_error(tmp_path, refused_import):
    (tmp_path / "r").mkdir()
    assert "got no *.json, expected records" in refused_import("every-eval-ever", tmp_path / "r")
