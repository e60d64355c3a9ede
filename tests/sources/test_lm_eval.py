"""lm-evaluation-harness: a results file and its samples, every number worked out by hand."""

import copy
import json
from math import log, sqrt

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sources.by_hand_cells import by_cell
from toolkit.errors import ToolkitError
from toolkit.importing.flow import Request, describe_study
from toolkit.sources.option_scores import option_scores

STAMP = "2026-01-21T03-44-18.458309"
PYTHIA = "EleutherAI/pythia-160m"


def choice(doc_id, shares, target, acc, acc_norm, texts=None):
    """Return one line of a samples file; ``shares`` are the probabilities of the options."""
    texts = texts or [f" option {i}" for i in range(len(shares))]
    return {
        "doc_id": doc_id,
        "doc": {"question": "Which colour?"},
        "target": target,
        "arguments": {
            f"gen_args_{i}": {"arg_0": "Which colour?", "arg_1": text}
            for i, text in enumerate(texts)
        },
        "resps": [[[str(log(p)), "False"]] for p in shares],
        "filtered_resps": [[str(log(p)), "False"] for p in shares],
        "filter": "none",
        "metrics": ["acc", "acc_norm"],
        "doc_hash": f"d{doc_id}",
        "prompt_hash": f"p{doc_id}",
        "target_hash": f"t{doc_id}",
        "acc": acc,
        "acc_norm": acc_norm,
    }


def answer(doc_id, how, right):
    return {
        "doc_id": doc_id, "doc": {}, "target": "7", "arguments": {"gen_args_0": {"arg_0": "3+4="}},
        "resps": [["7"]], "filtered_resps": ["7"], "filter": how, "metrics": ["exact_match"],
        "exact_match": right,
    }  # fmt: skip


COLOURS = [
    choice(0, [0.5, 0.25, 0.125, 0.125], "0", 1.0, 1.0),
    choice(1, [0.02, 0.06, 0.01, 0.01], "0", 0.0, 0.0),
    choice(2, [0.03, 0.01], "blue", 0.0, 1.0, [" red", " blue"]),
]
SUMS = [
    *(answer(i, "strict-match", float(i == 0)) for i in range(4)),
    *(answer(i, "flexible-extract", float(i < 3)) for i in range(4)),
]


def results(model=PYTHIA, n_params=162322944, revision="main", chat=None, shots=0):
    return {
        "results": {
            "colours": {
                "alias": "colours",
                "acc,none": 1 / 3,
                "acc_stderr,none": 1 / 3,
                "acc_norm,none": 2 / 3,
                "acc_norm_stderr,none": 1 / 3,
            },
            "sums": {
                "alias": "sums",
                "exact_match,strict-match": 0.25,
                "exact_match_stderr,strict-match": 0.25,
                "exact_match,flexible-extract": 0.75,
                "exact_match_stderr,flexible-extract": 0.25,
            },
            "all_of_it": {"alias": "all", "acc,none": 0.5, "acc_stderr,none": "N/A"},
        },
        "group_subtasks": {"all_of_it": ["colours", "sums"]},
        "configs": {
            "colours": {
                "task": "colours",
                "output_type": "multiple_choice",
                "num_fewshot": shots,
                "metric_list": [
                    {"metric": "acc", "aggregation": "mean", "higher_is_better": True},
                    {"metric": "acc_norm", "aggregation": "mean", "higher_is_better": True},
                ],
            },
            "sums": {"task": "sums", "output_type": "generate_until", "num_fewshot": shots},
        },
        "versions": {"colours": 1.0, "sums": 1.0},
        "n-shot": {"colours": shots, "sums": shots},
        "higher_is_better": {"colours": {"acc": True, "acc_norm": True}},
        "n-samples": {
            "colours": {"original": 3, "effective": 3},
            "sums": {"original": 4, "effective": 4},
        },
        "config": {
            "model": "hf",
            "model_args": f"pretrained={model},revision={revision}",
            "model_num_parameters": n_params,
            "model_revision": revision,
        },
        "lm_eval_version": "0.4.9.2",
        "model_name": model,
        "system_instruction": None,
        "chat_template": chat,
    }


def write_run(folder, document, samples=None, stamp=STAMP):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"results_{stamp}.json").write_text(json.dumps(document))
    for task, lines in (samples or {}).items():
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / f"samples_{task}_{stamp}.jsonl").write_text(text)
    return folder


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "run", results(), {"colours": COLOURS, "sums": SUMS})


@pytest.fixture
def chance(tasks_file):
    return tasks_file(("sums", "exact_match,strict-match", 0))


def test_option_scores_are_those_of_the_worked_example():
    # shares .2 .6 .1 .1; Brier .8^2 + .6^2 + .1^2 + .1^2
    found = option_scores([log(0.02), log(0.06), log(0.01), log(0.01)], 0)
    assert found == pytest.approx((log(0.02), 0.2, 1.02), abs=1e-12)


@pytest.mark.parametrize("values", [[float("nan"), -1.0], [float("-inf")] * 2, [float("inf"), 0.0]])
def test_option_scores_without_a_meaning_are_none(values):
    assert option_scores(values, 0) is None


def test_scores_are_the_counts_of_the_items(run, chance, imported):
    scores, _, _ = imported("lm-eval", run, tasks=chance)
    found = by_cell(scores)
    strict, flexible = "exact_match,strict-match", "exact_match,flexible-extract"
    share = found.pop((PYTHIA, "colours", "target_prob", "plain", 0))
    assert found == {
        (PYTHIA, "colours", "acc", "plain", 0): (3, 1, pytest.approx(1 / 3)),
        (PYTHIA, "colours", "acc_norm", "plain", 0): (3, 2, pytest.approx(2 / 3)),
        (PYTHIA, "sums", strict, "plain", 0): (4, 1, 0.25),
        (PYTHIA, "sums", flexible, "plain", 0): (4, 3, 0.75),
    }
    assert share[0] == 3
    assert pd.isna(share[1])
    assert share[2] == pytest.approx((0.5 + 0.2 + 0.25) / 3)


def test_share_of_the_right_option_has_the_standard_error_of_its_mean(run, chance, imported):
    frame = imported("lm-eval", run, tasks=chance)[0].frame
    row = frame[frame["metric"] == "target_prob"].iloc[0]
    mean = 0.95 / 3
    spread = sqrt(sum((p - mean) ** 2 for p in (0.5, 0.2, 0.25)) / 2)
    assert row["score_se"] == pytest.approx(spread / sqrt(3), rel=1e-9)


def test_items_carry_their_option_scores_one_by_one(run, chance, imported):
    _, folder, _ = imported("lm-eval", run, tasks=chance)
    items = pd.read_parquet(folder / "items.parquet")
    acc = items[items["metric"] == "acc"].set_index("item")
    assert acc["score"].to_dict() == {"0": 1.0, "1": 0.0, "2": 0.0}
    assert acc["n_options"].to_dict() == {"0": 4, "1": 4, "2": 2}
    assert acc["target_log_prob"].tolist() == pytest.approx([log(0.5), log(0.02), log(0.01)])
    assert acc["target_prob"].tolist() == pytest.approx([0.5, 0.2, 0.25])
    assert acc["brier"].tolist() == pytest.approx([0.34375, 1.02, 1.125])
    assert len(items) == 2 * 3 + 2 * 4


def test_brier_and_target_log_probability_are_means_over_items(run, chance, imported):
    _, folder, _ = imported("lm-eval", run, tasks=chance)
    row = pd.read_csv(folder / "options.csv").iloc[0]
    assert row["brier"] == pytest.approx((0.34375 + 1.02 + 1.125) / 3)
    assert row["target_log_prob"] == pytest.approx((log(0.5) + log(0.02) + log(0.01)) / 3)


def test_chance_is_counted_from_the_options_of_the_items(run, chance, imported):
    scores, _, report = imported("lm-eval", run, tasks=chance)
    tasks = scores.tasks.set_index("task")
    assert tasks.loc["colours", "chance"] == pytest.approx((1 / 4 + 1 / 4 + 1 / 2) / 3)
    assert tasks.loc["colours", "n_options"] == "2 to 4"
    assert tasks.loc["colours", "chance_source"].startswith("counted: 2 to 4 options per item")
    assert tasks.loc["sums", "chance"] == 0
    assert "Dropped: averages over groups of tasks, 1 time (their tasks are here)." in report
    assert "Arm zero-shot, base: 2 tasks, 1 size each" in report
    assert "Arm few-shot, base: not measured." in report


def test_task_without_options_needs_its_chance_from_the_user(run, refused_import):
    message = refused_import("lm-eval", run)
    assert message.startswith("task 'sums': got no number of options per item")
    assert "\nsums,exact_match,flexible-extract,CHANCE,SOURCE" not in message
    assert '\nsums,"exact_match,flexible-extract",CHANCE,SOURCE' in message


def test_totals_are_read_where_there_are_no_samples(tmp_path, tasks_file, imported):
    document = results(model="tiiuae/falcon-7b-instruct", chat="<|im_start|>", shots=5)
    document["results"]["colours"]["acc_norm,none"] = 0.61  # no whole count of 3
    folder = write_run(tmp_path / "run", document)
    chance = tasks_file(("sums", "exact_match,strict-match", 0), ("colours", "acc", 1 / 3))
    scores, to, report = imported("lm-eval", folder, tasks=chance)
    falcon = "tiiuae/falcon-7b-instruct"
    found = by_cell(scores)
    assert found[falcon, "colours", "acc", "chat_template", 5] == (3, 1, pytest.approx(1 / 3))
    norm = scores.frame[scores.frame["metric"] == "acc_norm"].iloc[0]
    assert pd.isna(norm["n_correct"])
    assert (norm["score"], norm["score_se"]) == (0.61, pytest.approx(1 / 3))
    assert not (to / "items.parquet").exists()
    # the base comes along, so that the pair is known
    assert set(scores.checkpoints["checkpoint"]) == {falcon, "tiiuae/falcon-7b"}
    assert "Dropped: items of tasks, 2 times (no samples file" in report


def test_two_runs_on_the_same_items_are_repeats(tmp_path, chance, imported):
    again = copy.deepcopy(COLOURS)
    again[1] |= {
        "acc": 1.0,
        "filtered_resps": [[str(log(p)), "False"] for p in (0.7, 0.1, 0.1, 0.1)],
    }
    second = results()
    second["results"]["colours"]["acc,none"] = 2 / 3
    folder = write_run(tmp_path / "run", results(), {"colours": COLOURS, "sums": SUMS})
    write_run(folder, second, {"colours": again, "sums": SUMS}, "2026-01-22T00-00-00.000000")
    scores, _, report = imported("lm-eval", folder, tasks=chance)
    row = scores.frame[scores.frame["metric"] == "acc"].iloc[0]
    assert (row["n_items"], row["n_correct"], row["n_repeats"]) == (3, 2, 2)
    assert row["score"] == pytest.approx(0.5)
    assert row["repeat_sd"] == pytest.approx(sqrt(2) / 6)
    assert "5 cells have several runs on the same items; 60% of them agree exactly" in report


@pytest.mark.parametrize("samples", [{"colours": COLOURS, "sums": SUMS}, {}])
def test_copy_of_a_run_is_no_repeat(tmp_path, tasks_file, refused_import, samples):
    for name in ("a", "b"):
        write_run(tmp_path / "run" / name, results(), samples)
    chance = tasks_file(("sums", "exact_match,strict-match", 0), ("colours", "acc", 1 / 3))
    message = refused_import("lm-eval", tmp_path / "run", tasks=chance)
    assert "got EleutherAI/pythia-160m, colours, acc, plain, 0 again (first " in message
    assert f"expected each run once, this one is '{STAMP}'; remove one" in message


def test_runs_on_other_items_are_no_repeats(tmp_path, chance, refused_import):
    other = [line | {"doc_id": line["doc_id"] + 10} for line in COLOURS]
    folder = write_run(tmp_path / "run", results(), {"colours": COLOURS, "sums": SUMS})
    write_run(folder, results(), {"colours": other, "sums": SUMS}, "2026-01-22T00-00-00.000000")
    message = refused_import("lm-eval", folder, tasks=chance)
    assert "2 runs of EleutherAI/pythia-160m on colours" in message


def test_another_revision_is_another_checkpoint_with_the_line_to_add(tmp_path, refused_import):
    folder = write_run(tmp_path / "run", results(revision="step3000"), {"colours": COLOURS})
    message = refused_import("lm-eval", folder)
    assert "checkpoint 'EleutherAI/pythia-160m@step3000': not in the registry" in message
    line = "EleutherAI/pythia-160m@step3000,,FAMILY,162322944,,,TRUE_OR_FALSE,,SOURCE"
    assert message.splitlines()[-1] == line


def test_own_checkpoint_is_taken_from_the_users_file(tmp_path, chance, sizes_file, imported):
    folder = write_run(tmp_path / "run", results(model="/ckpts/mine"), {"colours": COLOURS})
    own = sizes_file(("/ckpts/mine", 5e8, "false", ""))
    scores, _, report = imported("lm-eval", folder, tasks=chance, checkpoints=own)
    assert scores.frame["n_params"].unique().tolist() == [5e8]
    assert "Note: /ckpts/mine: its file counts 1.62e+08 parameters, the registry 5e+08." in report


def test_metric_of_which_less_is_better_is_dropped(tmp_path, chance, imported):
    document = results()
    document["higher_is_better"]["colours"]["acc_norm"] = False
    folder = write_run(tmp_path / "run", document, {"colours": COLOURS, "sums": SUMS})
    scores, _, report = imported("lm-eval", folder, tasks=chance)
    assert "acc_norm" not in scores.frame["metric"].tolist()
    assert "Dropped: scores of acc_norm, 3 times (less is better)." in report


@pytest.mark.parametrize(
    ("target", "texts", "acc", "known"),
    [
        ("1", ["1", "3"], 0.0, None),  # index or text, and a wrong answer settles nothing
        ("1", ["1", "3"], 1.0, 0),  # the likeliest was right: the text, not the index
        ("1", ["x", "y"], 1.0, None),  # acc says right, the index says wrong
        (["0", "1"], ["x", "y"], 1.0, None),
    ],
)
def test_right_option_is_used_only_where_it_is_known(target, texts, acc, known):
    from toolkit.sources.lm_eval_options import scores_of_options

    line = choice(0, [0.75, 0.25], target, acc, acc, texts)
    found = scores_of_options(line, [log(0.75), log(0.25)])
    assert (found is None) == (known is None)
    if known is not None:
        assert found.target_prob == pytest.approx([0.75, 0.25][known])


def test_item_without_option_scores_takes_the_share_from_the_table(tmp_path, chance, imported):
    lines = [*COLOURS[:2], COLOURS[2] | {"target": "green"}]
    folder = write_run(tmp_path / "run", results(), {"colours": lines, "sums": SUMS})
    scores, _, report = imported("lm-eval", folder, tasks=chance)
    assert "target_prob" not in scores.frame["metric"].tolist()
    assert "option scores of items, 1 time (right option unknown" in report


def test_describe_says_what_was_understood_and_what_is_missing(run):
    said = "\n".join(describe_study(Request("lm-eval", run)))
    assert "Checkpoint EleutherAI/pythia-160m (1.62e+08 parameters in its file)" in said
    assert "Task colours: acc, acc_norm, target_prob; shots 0; prompt format plain" in said
    assert "Still needed: task 'sums'" in said


def samples_of(folder):
    return folder / f"samples_colours_{STAMP}.jsonl"


LONG = "x" * 10_000_000


def cut_off(path):
    path.write_text(path.read_text()[:-40])


def spoil_line(folder, **change):
    lines = [COLOURS[0], COLOURS[1] | change, COLOURS[2]]
    samples_of(folder).write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: samples_of(f).write_text(""), "the file is empty"),
        (lambda f: cut_off(samples_of(f)), "line 3: not complete"),
        (
            lambda f: samples_of(f).write_text(json.dumps(COLOURS[0]) + "\n"),
            "got 1 items with mean 1.000000 of acc, expected 3 items with mean 0.333333",
        ),
        (lambda f: spoil_line(f, acc=float("nan")), "line 2 metric 'acc': got nan"),
        (lambda f: spoil_line(f, acc=33.3), "divide percentages by 100"),
        (lambda f: spoil_line(f, doc_id=0), "one item id for records 1 and 2 of EleutherAI"),
        (lambda f: spoil_line(f, doc_id=None), "line 2 field 'doc_id': got null"),
        (lambda f: spoil_line(f, metrics=[LONG], **{LONG: 1.0}), "metric 10000000 characters"),
        (lambda f: spoil_line(f, metrics=["<b>"], **{"<b>": 1.0}), "got markup in the metric"),
        (lambda f: samples_of(f).write_text("[" * 100_000 + "\n"), "line 1: nested too deep"),
        (lambda f: samples_of(f).write_bytes(b"\xff\xfe\n"), "not UTF-8"),
    ],
    ids=["empty", "truncated", "cut off at a line", "nan", "percent", "duplicate", "no id",
         "10 MB name", "markup", "deep", "not text"],
)  # fmt: skip
def test_spoilt_samples_are_one_error_and_leave_nothing(run, chance, refused_import, spoil, said):
    spoil(run)
    assert said in refused_import("lm-eval", run, tasks=chance)


@pytest.mark.parametrize("total", [float("nan"), "N/A", None])
def test_samples_that_nothing_shows_to_be_complete_are_an_error(tmp_path, refused_import, total):
    document = results()
    del document["n-samples"]
    document["results"]["colours"]["acc,none"] = total
    folder = write_run(tmp_path / "run", document, {"colours": COLOURS[:2]})
    message = refused_import("lm-eval", folder)
    assert "got 2 items with mean 0.500000 of acc, expected the items with mean nan" in message


def test_number_of_items_is_checked_where_a_metric_has_no_total(tmp_path, refused_import):
    document = results()
    del document["results"]["colours"]["acc,none"]
    folder = write_run(tmp_path / "run", document, {"colours": COLOURS[:2]})
    assert "got 2 items with mean 0.500000 of acc, expected 3 items" in (
        refused_import("lm-eval", folder)
    )


def test_samples_of_blank_lines_are_an_error(run, chance, refused_import):
    samples_of(run).write_text("\n\n")
    assert "got blank lines only" in refused_import("lm-eval", run, tasks=chance)


def changed(**change):
    return results() | change


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "field 'results' is missing"),
        ([], "got [], expected an object"),
        (changed(lm_eval_version="0.3.0"), "got version 0.3.0, expected lm-evaluation-harness 0.4"),
        (
            {"results": {"sciq": {"acc": 0.9, "acc_stderr": 0.1}}, "config": {}},
            "scores without filters",
        ),
        (changed(model_name="../../etc/passwd"), "got a step out of its folder in the checkpoint"),
        (changed(model_name="<script>alert(1)</script>"), "got markup in the checkpoint"),
        (changed(model_name="x" * 10_000_000), "got checkpoint 10000000 characters"),
        (changed(model_name=None, config={}), "field 'model_name' is missing"),
        (changed(**{"n-shot": {"colours": "five"}}), "field 'colours': got \"five\""),
    ],
)
def test_spoilt_results_are_one_error_and_leave_nothing(tmp_path, refused_import, document, said):
    assert said in refused_import("lm-eval", write_run(tmp_path / "run", document))


def test_harness_of_a_later_major_version_is_read(tmp_path, tasks_file, imported):
    folder = write_run(tmp_path / "run", results() | {"lm_eval_version": "1.0.0"})
    chance = tasks_file(("sums", "exact_match,strict-match", 0), ("colours", "acc", 1 / 3))
    assert len(imported("lm-eval", folder, tasks=chance)[0].frame)


def test_name_of_a_task_opens_no_file(tmp_path, chance, refused_import):
    (tmp_path / "secret.jsonl").write_text("secret\n")
    document = json.loads(json.dumps(results()).replace('"colours"', '"../secret"'))
    folder = write_run(tmp_path / "run", document)
    message = refused_import("lm-eval", folder, tasks=chance)
    assert "got a step out of its folder in the task '../secret'" in message


def test_folder_without_results_is_an_error(tmp_path, refused_import):
    (tmp_path / "run").mkdir()
    assert "got no results_*.json" in refused_import("lm-eval", tmp_path / "run")


junk = st.sampled_from([None, True, -1, 1e400, "x", [], {}, [[]], {"a": 1}, "../x", 10**30])


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_spoilt_field_is_read_or_refused_but_never_a_traceback(tmp_path, data):
    document, lines = results(), copy.deepcopy(COLOURS)
    task = document["configs"]["colours"], document["results"]["colours"]
    inner = document["config"], document["configs"], document["results"], document["n-shot"]
    place = data.draw(st.sampled_from([document, *inner, *task, *lines]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(junk)
    write_run(tmp_path / "run", document, {"colours": lines, "sums": SUMS})
    try:
        said = describe_study(Request("lm-eval", tmp_path / "run"))
    except ToolkitError as error:
        assert str(error)
    else:
        assert said[0].startswith("Read ")
