"""One trap of the upstream files per test, on rows written by hand."""

import numpy as np
import pandas as pd
import pytest

from toolkit import paths
from toolkit.analysis.study_folder import load_study_folder
from toolkit.errors import SourceError
from toolkit.sources import pythia2023 as source
from toolkit.study.claims import NO_CLAIM
from toolkit.study.scores import CELL

N = {"logiqa": 651, "piqa": 1838, "sciq": 1000, "hendrycksTest-anatomy": 135, "wsc": 104}


def row(correct, task="logiqa", model="pythia-70m", shots=0, step=143000, metric="acc"):
    p = correct / N[task]
    return [model, step, shots, task, metric, p, np.sqrt(p * (1 - p) / (N[task] - 1))]


def converted(*rows):
    frame = pd.DataFrame(list(rows), columns=source.COLUMNS)
    return source.convert(frame, "x")["scores.csv"].set_index(CELL)


def test_items_follow_from_score_and_standard_error():
    scores = converted(row(150), row(1035, "piqa", shots=5), row(34, "hendrycksTest-anatomy"))
    assert {c: list(r) for c, r in scores[["n_items", "n_correct"]].T.items()} == {
        ("pythia-70m", "logiqa", "accuracy", "ranked", 0): [651, 150],
        ("pythia-70m", "mmlu_anatomy", "accuracy", "ranked", 0): [135, 34],
        ("pythia-70m", "piqa", "accuracy", "ranked", 5): [1838, 1035],
    }


def test_cell_without_error_takes_the_items_of_its_task():
    scores = converted(row(150), row(651, model="pythia-12b"))
    assert scores["n_items"].tolist() == [651, 651]


def test_items_that_differ_within_a_task_are_an_error():
    odd = row(150, model="pythia-12b")
    odd[-1] *= 1.1
    with pytest.raises(SourceError, match=r"x line 4: .* give 538\.\d+ items of logiqa"):
        converted(row(150), row(160, model="pythia-1b-deduped"), odd)


def test_steps_before_the_last_are_no_checkpoints():
    assert len(converted(row(150), row(140, step=0), row(140, step=1), row(145, step=3000))) == 1


def test_constant_task_other_metrics_and_perplexity_are_left_out():
    scores = converted(row(150), row(38, "wsc", shots=5), row(170, metric="acc_norm"))
    assert scores["n_correct"].tolist() == [150]


def test_copied_files_are_an_error():
    tasks = (("logiqa", 150), ("piqa", 1100), ("sciq", 800))
    both = [
        row(correct, task, model, 5)
        for task, correct in tasks
        for model in ("pythia-2.8b", "pythia-2.8b-deduped")
    ]
    with pytest.raises(SourceError, match=r"x: pythia-2\.8b and pythia-2\.8b-deduped have equal"):
        converted(*both)


@pytest.mark.parametrize(
    ("at", "value", "what"),
    [(3, "boolq", "task 'boolq'"), (4, "f1", "metric 'f1'"), (2, 3, "num_fewshot '3'")],
)
def test_unknown_name_is_an_error(at, value, what):
    odd = row(150)
    odd[at] = value
    with pytest.raises(SourceError) as caught:
        converted(odd)
    assert f"x line 2: got {what}" in str(caught.value)


def test_missing_second_file_is_one_message(tmp_path):
    with pytest.raises(SourceError, match=r"general_tasks\.csv: no such file; give the path of"):
        source.import_scores(tmp_path)


@pytest.fixture(scope="module")
def committed():
    return load_study_folder(str(paths.CHECKOUT / "data" / "pythia2023"))


def test_committed_design_is_crossed(committed):
    frame = committed.scores.frame
    assert len(frame) == 16 * 64 * 2
    assert sorted(frame["n_shots"].unique()) == [0, 5]
    assert committed.scores.checkpoints["n_params"].nunique() == 8
    mmlu = frame[frame["task"].str.startswith("mmlu_")]
    assert mmlu["task"].nunique() == 57
    assert mmlu.drop_duplicates("task")["n_items"].sum() == 14042


def test_committed_numbers_checked_by_hand(committed):
    cells = committed.scores.frame.set_index(["checkpoint", "task", "n_shots"])
    # 0.616146 of 5,153, 0.865 of 1,000 and 0.2 of 100 items
    assert cells.loc[("pythia-1.4b", "lambada_openai", 0), "n_correct"] == 3175
    assert cells.loc[("pythia-1.4b", "sciq", 0), "n_correct"] == 865
    assert cells.loc[("pythia-1.4b", "mmlu_abstract_algebra", 0), "n_correct"] == 20


def test_no_claim_is_about_these_checkpoints_and_all_have_sizes_that_could_decide(committed):
    sets = [claim.claim_set for claim in committed.claims]
    assert (sets.count("elsewhere"), sets.count("control")) == (57, 7)
    assert {claim.published_verdict for claim in committed.claims} == {NO_CLAIM}
    assert not any(claim.published_emergent for claim in committed.claims)
    assert {claim.task for claim in committed.claims} == set(committed.scores.tasks["task"])


def test_corpora_are_two_families_and_sizes_are_nominal(committed):
    facts = committed.scores.checkpoints.set_index("checkpoint")
    assert facts.groupby("lm_family").size().to_dict() == {"Pythia": 8, "Pythia deduplicated": 8}
    assert facts.loc["pythia-70m", "n_params"] == 70e6
    assert facts["facts_source"].str.contains("nominal").all()
    assert {"pythia-1b-bf16", "pythia-1b-deduped"} <= set(facts.index)
