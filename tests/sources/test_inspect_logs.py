"""Inspect logs of both kinds, written by hand from the documented log format 2."""

import json
import re

import pandas as pd
import pytest
from backports.zstd import zipfile

from tests.sources.by_hand_cells import by_cell
from toolkit.importing.flow import Request, describe_study

PYTHIA = "EleutherAI/pythia-160m"
LONG = "x" * 10_000_000


def sample(name, epoch, value, choices=("yes", "no", "maybe", "unknown"), **more):
    return {
        "id": name, "epoch": epoch, "input": "Is it?", "choices": list(choices), "target": "A",
        "messages": [], "output": {"model": "m", "choices": []},
        "scores": {"choice": {"value": value, "answer": "A", "explanation": "ANSWER: A"}},
        "metadata": {}, "store": {}, "events": [], **more,
    }  # fmt: skip


def accuracy_of(samples):
    """Return the mean that Inspect would give, of a header without samples an invented one."""
    numbers = {"C": 1, "P": 0.5, "I": 0, "N": 0}
    values = [s["scores"]["choice"]["value"] for s in samples if not s.get("error")]
    scores = [min(numbers.get(v, v), 1e300) for v in values if not isinstance(v, dict)]
    return sum(scores) / len(scores) if scores else 0.75


def log(samples, model=f"hf/{PYTHIA}", arguments=None, total=None, **more):
    return {
        "version": 2,
        "status": "success",
        "eval": {
            "run_id": "mcHgz",
            "created": "2025-07-03T16:44:30+02:00",
            "task": "inspect_evals/pubmedqa",
            "task_id": "3aa35",
            "task_version": 0,
            "task_args": {"num_fewshot": 2} if arguments is None else arguments,
            "dataset": {"name": "bigbio/pubmed_qa", "samples": 3},
            "model": model,
            "model_args": {},
            "config": {"epochs": 2},
        },
        "plan": {
            "name": "plan",
            "steps": [
                {"solver": "system_message", "params": {"template": "Answer."}},
                {"solver": "multiple_choice", "params": {}},
            ],
        },
        "results": {
            "total_samples": len(samples) if total is None else total,
            "completed_samples": len(samples) if total is None else total,
            "scores": [
                {
                    "name": "choice",
                    "scorer": "choice",
                    "metrics": {
                        "accuracy": {"name": "accuracy", "value": accuracy_of(samples)},
                        "stderr": {"name": "stderr", "value": 0.2},
                    },
                }
            ],
        },
        "stats": {},
        **({"samples": samples} if samples else {}),
        **more,
    }


# Epoch 1: right, wrong, right; epoch 2: right, right, no answer.
SAMPLES = [
    *(sample(name, 1, value) for name, value in (("a", "C"), ("b", "I"), ("c", "C"))),
    *(sample(name, 2, value) for name, value in (("a", "C"), ("b", 1), ("c", "N"))),
]
CELL = (PYTHIA, "inspect_evals/pubmedqa", "choice", "system_message+multiple_choice", 2)


def write_json(folder, document, name="log.json"):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(json.dumps(document))
    return path


def write_eval(folder, document, more=(), name="log.eval", packed=zipfile.ZIP_DEFLATED):
    folder.mkdir(exist_ok=True)
    path = folder / name
    samples = document.pop("samples", [])
    with zipfile.ZipFile(path, "w", packed) as archive:
        archive.writestr("_journal/start.json", "{}")
        for s in samples:
            archive.writestr(f"samples/{s['id']}_epoch_{s['epoch']}.json", json.dumps(s))
        archive.writestr("header.json", json.dumps(document))
        for member, text in more:
            archive.writestr(member, text)
    return path


def write_zstandard(folder, document, more=()):
    return write_eval(folder, document, more, packed=zipfile.ZIP_ZSTANDARD)


@pytest.mark.parametrize("write", [write_json, write_eval, write_zstandard])
def test_epochs_are_repeats_of_the_same_items(tmp_path, imported, write):
    scores, folder, _ = imported("inspect", write(tmp_path / "logs", log(SAMPLES)))
    # 2 of 3 in both epochs
    assert by_cell(scores) == {CELL: (3, 2, pytest.approx(2 / 3))}
    row = scores.frame.iloc[0]
    assert (row["n_repeats"], row["repeat_sd"]) == (2, 0)
    items = pd.read_parquet(folder / "items.parquet")
    found = {(r.run.split(" ", 1)[1], r.item): r.score for r in items.itertuples()}
    assert found == {
        ("epoch 1", "a"): 1, ("epoch 1", "b"): 0, ("epoch 1", "c"): 1,
        ("epoch 2", "a"): 1, ("epoch 2", "b"): 1, ("epoch 2", "c"): 0,
    }  # fmt: skip
    assert items["n_options"].unique().tolist() == [4]


def test_chance_is_one_over_the_choices(tmp_path, imported):
    path = write_json(tmp_path / "logs", log(SAMPLES))
    assert imported("inspect", path)[0].tasks["chance"].tolist() == [0.25]


def test_part_marks_are_a_mean_with_a_standard_error(tmp_path, imported):
    samples = [sample("a", 1, "P"), sample("b", 1, 1.0), sample("c", 1, "I")]
    row = imported("inspect", write_json(tmp_path / "logs", log(samples)))[0].frame.iloc[0]
    assert pd.isna(row["n_correct"])
    # 0.5, 1, 0: SD 0.5
    assert (row["score"], row["score_se"]) == (pytest.approx(0.5), pytest.approx(0.5 / 3**0.5))


def test_score_of_several_values_has_one_metric_each(tmp_path, imported):
    samples = [sample("a", 1, {"form": 1, "sense": 0, "said": ["x"]}), sample("b", 1, {"form": 1})]
    scores, _, report = imported("inspect", write_json(tmp_path / "logs", log(samples)))
    found = {key[2]: value for key, value in by_cell(scores).items()}
    assert found == {"choice.form": (2, 2, 1.0), "choice.sense": (1, 0, 0.0)}
    assert "Dropped: scores of choice.said, 1 time (not one number per item)." in report


def test_sample_that_ended_in_an_error_is_dropped_and_said(tmp_path, imported):
    samples = [*SAMPLES[:2], sample("c", 1, "C", error={"message": "time out"}, scores={})]
    scores, _, report = imported("inspect", write_json(tmp_path / "logs", log(samples)))
    assert by_cell(scores) == {CELL: (2, 1, 0.5)}
    assert "Dropped: samples, 1 time (ended in an error)." in report


def test_log_without_samples_gives_its_totals(tmp_path, imported, tasks_file):
    path = write_json(tmp_path / "logs", log([], total=8))
    chance = tasks_file(("inspect_evals/pubmedqa", "choice", 0.25))
    row = imported("inspect", path, tasks=chance)[0].frame.iloc[0]
    # 8 samples are 4 items in 2 epochs
    assert (row["n_items"], row["score"], row["score_se"]) == (4, 0.75, 0.2)


def test_mean_that_is_no_count_and_has_no_error_is_dropped(tmp_path, refused_import, tasks_file):
    document = log([], total=8)
    for score in document["results"]["scores"]:
        score["metrics"] = {"accuracy": {"value": 0.12345}}
    path = write_json(tmp_path / "logs", document)
    chance = tasks_file(("inspect_evals/pubmedqa", "choice", 0.25))
    said = refused_import("inspect", path, tasks=chance)
    assert "neither a whole count nor a standard error" in said


def test_log_in_both_formats_is_one_run(tmp_path, refused_import):
    write_json(tmp_path / "logs", log(SAMPLES))
    write_eval(tmp_path / "logs", log(SAMPLES))
    message = refused_import("inspect", tmp_path / "logs")
    assert "log.json: got EleutherAI/pythia-160m" in message
    assert "again (first " in message
    assert "this one is 'mcHgz epoch 1'" in message


def test_two_evaluations_of_one_run_are_repeats(tmp_path, imported):
    for name in ("one", "two"):
        document = log(SAMPLES[:3])
        document["eval"]["eval_id"] = name
        write_json(tmp_path / "logs", document, f"{name}.json")
    assert imported("inspect", tmp_path / "logs")[0].frame["n_repeats"].tolist() == [2]


def test_totals_of_a_log_count_once(tmp_path, refused_import, tasks_file):
    for at in range(2):
        write_json(tmp_path / "logs", log([], total=8), f"{at}.json")
    chance = tasks_file(("inspect_evals/pubmedqa", "choice", 0.25))
    assert "again (first " in refused_import("inspect", tmp_path / "logs", tasks=chance)


def test_runs_with_other_arguments_are_other_prompt_formats(tmp_path, imported):
    write_json(
        tmp_path / "logs", log(SAMPLES[:3], arguments={"num_fewshot": 2, "cot": True}), "1.json"
    )
    write_json(tmp_path / "logs", log(SAMPLES[:3]), "2.json")
    scores, _, _ = imported("inspect", tmp_path / "logs")
    assert sorted(scores.frame["prompt_format"]) == [
        "system_message+multiple_choice", "system_message+multiple_choice (cot=true)",
    ]  # fmt: skip
    assert scores.frame["n_repeats"].tolist() == [1, 1]


def formats_of(scores):
    return sorted(scores.frame["prompt_format"].str.removeprefix("system_message+multiple_choice"))


@pytest.mark.parametrize(
    "templates",
    [
        ("Reason first. <answer></answer>", "<answer></answer>"),
        ("Think of it. " * 30, "Think of it. " * 31),
        ("Look into ../notes/../more", "Look into x/../y"),
        ("One line " * 1_000_000, "One line " * 1_000_001),
    ],
    ids=["markup", "long", "steps", "huge"],
)
def test_template_is_named_by_a_digest_of_its_own(tmp_path, imported, templates):
    for at, template in enumerate(templates):
        arguments = {"num_fewshot": 2, "template": template, "cot": True}
        write_json(tmp_path / "logs", log(SAMPLES[:3], arguments=arguments), f"{at}.json")
    scores, _, report = imported("inspect", tmp_path / "logs")
    assert len(set(formats_of(scores))) == 2
    for name in formats_of(scores):
        (digest,) = re.fullmatch(r" \(cot=true, template=(sha256:[0-9a-f]{10})\)", name).groups()
        assert f'Note: {digest} in a prompt format is {{"template": "' in report


def test_same_template_in_two_logs_is_one_prompt_format_with_one_note(tmp_path, imported):
    for at in range(2):
        document = log(SAMPLES[:3], arguments={"n_shots": 1, "template": "<answer></answer>"})
        document["eval"]["run_id"] = f"run {at}"
        write_json(tmp_path / "logs", document, f"{at}.json")
    scores, _, report = imported("inspect", tmp_path / "logs")
    assert scores.frame["n_repeats"].tolist() == [2]
    assert report.count("in a prompt format is") == 1


@pytest.mark.parametrize(
    "arguments", [{f"part_{at:02}": "x" * 40 for at in range(12)}, {"<b>": 1}, {"x" * 300: 1}]
)
def test_arguments_that_make_no_name_together_are_named_by_one_digest(
    tmp_path, imported, arguments
):
    document = log(SAMPLES[:3], arguments=arguments)
    scores, _, _ = imported("inspect", write_json(tmp_path / "logs", document), shots=0)
    assert re.fullmatch(r" \(sha256:[0-9a-f]{10}\)", formats_of(scores)[0])


@pytest.mark.parametrize(("argument", "shots"), [({"fewshot": False}, 0), ({"n_shots": 5}, 5)])
def test_shots_come_from_the_arguments_of_the_task(tmp_path, imported, argument, shots):
    path = write_json(tmp_path / "logs", log(SAMPLES, arguments=argument))
    assert imported("inspect", path)[0].frame["n_shots"].tolist() == [shots]


def test_shots_that_no_file_says_must_be_given(tmp_path, imported, refused_import):
    path = write_json(tmp_path / "logs", log(SAMPLES, arguments={}))
    assert "give it with --shots N" in refused_import("inspect", path)
    assert imported("inspect", path, shots=0)[0].frame["n_shots"].tolist() == [0]


def test_local_checkpoint_is_named_by_its_path(tmp_path, refused_import):
    document = log(SAMPLES, model="hf/local")
    document["eval"]["model_args"] = {"model_path": "/ckpts/mine"}
    message = refused_import("inspect", write_json(tmp_path / "logs", document))
    assert "checkpoint '/ckpts/mine': not in the registry" in message


def spoilt(**change):
    return log(SAMPLES) | change


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "field 'version' is missing"),
        (spoilt(version=1), "got log format 1, expected 2"),
        (spoilt(status="started"), "got a run with status 'started', expected 'success'"),
        (log(SAMPLES, total=7), "got 6 samples, expected 7 as its results say"),
        (log([*SAMPLES, SAMPLES[0]]), "one item id for records 1 and 4 of EleutherAI/pythia-160m"),
        (log([sample("a", 1, float("nan"))]), "got nan, expected a proportion"),
        (log([sample("a", 1, 10**400)]), "got inf, expected a proportion"),
        (log([sample(LONG, 1, "C")]), "got item id 10000000 characters"),
        (log([sample("a", "1", "C")]), "field 'epoch': got \"1\""),
        (log(SAMPLES, model="<img src=x>"), "got markup in the checkpoint"),
        (log(SAMPLES, model="hf/../../etc"), "got a step out of its folder in the checkpoint"),
        (spoilt(samples={"a": 1}), "expected a list"),
        (spoilt(plan=[]), "expected an object"),
    ],
)
def test_spoilt_log_is_one_error_and_leaves_nothing(tmp_path, refused_import, document, said):
    assert said in refused_import("inspect", write_json(tmp_path / "logs", document))


@pytest.mark.parametrize("write", [write_json, write_eval])
def test_samples_of_another_mean_than_the_results_say_are_an_error(tmp_path, refused_import, write):
    document = log(SAMPLES)
    document["samples"] = [SAMPLES[0] | {"scores": {"choice": {"value": "I"}}}, *SAMPLES[1:]]
    said = refused_import("inspect", write(tmp_path / "logs", document))
    assert "got 6 items with mean 0.500000 of choice, expected the items with mean 0.666667" in said


def test_means_of_other_kinds_are_not_compared(tmp_path, imported):
    document = log(SAMPLES)
    (said,) = document["results"]["scores"]
    best_of_epochs = said | {"reducer": "max", "metrics": {"accuracy": {"value": 1.0}}}
    of_a_part = said | {"name": "part", "metrics": {"mean": {"value": 0.1}}}
    unknown = said | {"metrics": {"f1": {"value": 0.9}}}
    document["results"]["scores"] += [best_of_epochs, of_a_part, unknown]
    scores, _, _ = imported("inspect", write_json(tmp_path / "logs", document))
    assert scores.frame["score"].tolist() == [pytest.approx(4 / 6)]


def test_empty_and_truncated_logs_are_errors(tmp_path, refused_import):
    path = write_json(tmp_path / "logs", log(SAMPLES))
    text = path.read_text()
    path.write_text(text[:-100])
    assert "not complete JSON" in refused_import("inspect", path)
    path.write_text("")
    assert "the file is empty" in refused_import("inspect", path)


@pytest.mark.parametrize("kept", [0, 100, -30])
def test_archive_that_is_cut_off_is_an_error(tmp_path, refused_import, kept):
    path = write_eval(tmp_path / "logs", log(SAMPLES))
    path.write_bytes(path.read_bytes()[:kept])
    assert "not a zip archive that can be read" in refused_import("inspect", path)


@pytest.mark.parametrize("write", [write_eval, write_zstandard])
def test_member_that_is_damaged_is_an_error(tmp_path, refused_import, write):
    path = write(tmp_path / "logs", log(SAMPLES))
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("header.json").header_offset + 60
    path.write_bytes(path.read_bytes()[:at] + b"\0\0\0\0" + path.read_bytes()[at + 4 :])
    assert "not a zip archive that can be read" in refused_import("inspect", path)


def test_archive_of_an_unfinished_run_is_an_error(tmp_path, refused_import):
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("_journal/start.json", "{}")
    assert "got no header.json, expected the log of a finished run" in refused_import(
        "inspect", path
    )


@pytest.mark.parametrize("name", ["../evil.json", "/etc/evil.json", "samples/..\\..\\evil.json"])
def test_member_that_leaves_the_archive_is_an_error(tmp_path, refused_import, name):
    path = write_eval(tmp_path / "logs", log(SAMPLES), more=[(name, "{}")])
    assert "got a name that leaves the archive" in refused_import("inspect", path)


@pytest.mark.parametrize("write", [write_eval, write_zstandard])
def test_member_that_unpacks_beyond_all_bounds_is_an_error(
    tmp_path, refused_import, monkeypatch, write
):
    from toolkit.sources import inspect_archive

    monkeypatch.setattr(inspect_archive, "RECORD_MAX", 100_000)
    big = sample("a", 1, "C", store={"x": "0" * 1_000_000})
    path = write(tmp_path / "logs", log([big]))
    assert path.stat().st_size < 20_000
    assert "MB unpacked, expected one record" in refused_import("inspect", path)


def test_reading_of_a_json_log_tells_how_far_it_is(tmp_path):
    path = write_json(tmp_path / "logs", log(SAMPLES) | {"reductions": [{"samples": [{}]}]})
    told = []
    describe_study(Request("inspect", path), lambda *tick: told.append(tick))
    assert told[-1] == ("log.json", path.stat().st_size, path.stat().st_size)


def test_json_log_that_goes_on_behind_its_end_is_an_error(tmp_path, refused_import):
    path = write_json(tmp_path / "logs", log(SAMPLES))
    path.write_text(path.read_text() + "{}")
    assert "got '{}', expected the end of the file" in refused_import("inspect", path)


def test_folder_without_logs_is_an_error(tmp_path, refused_import):
    (tmp_path / "logs").mkdir()
    assert "got no *.eval or *.json, expected logs of Inspect" in refused_import(
        "inspect", tmp_path / "logs"
    )
