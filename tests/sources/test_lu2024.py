"""One trap of the upstream file per test, on rows written by hand."""

import numpy as np
import pandas as pd
import pytest

from toolkit import paths
from toolkit.analysis.study_folder import load_study_folder
from toolkit.errors import SourceError
from toolkit.sources import lu2024
from toolkit.study.scores import CELL
from toolkit.tables import write_table

COMMITTED = paths.CHECKOUT / "data" / "lu2024"
SEEDS = (2266.0, 105.0, 86379.0)
API = np.nan  # API checkpoints have no seed
COUNTS = ["n_items", "n_correct", "n_repeats"]


def run(
    model, task, prompt_type, shots, n, exact, bert=-100.0, seed=API, run_id="r0"
):  # one row of the upstream file
    return [run_id, f"{task}/task.json", n, model, prompt_type, shots, seed, exact, bert]


def raw(*rows):
    frame = pd.DataFrame(
        [[*row[:6], row[6], row[7], row[8], "ignored"] for row in rows],
        columns=[*lu2024.COLUMNS, "device"],
    )
    return frame.astype(
        {"seed": float, "exact_match_accuracy": float, "bert_score_accuracy": float}
    )


# Twenty-two rows: what stays and, from "code" on, what does not.
EXCERPT = raw(
    run("gpt2", "rhyming", "closed", 0, 20, 0.10, 0.20, SEEDS[0], "r1"),
    run("gpt2", "rhyming", "closed", 0, 20, 0.10, 0.25, SEEDS[1], "r2"),
    run("gpt2", "rhyming", "closed", 0, 20, 0.15, 0.25, SEEDS[2], "r3"),
    run("davinci", "rhyming", "closed", 0, 20, 0.00, 0.20, API, "r4"),
    run("davinci", "rhyming", "closed-adv", 5, 20, 0.45, -100.0, API, "r5"),
    run("davinci", "causal_judgment", "closed", 2, 10, 0.5, 0.6, API, "r6"),
    run("davinci", "strange_stories", "closed", 4, 10, 0.2, 0.3, API, "r7"),
    run("tiiuae/falcon-7b", "logical_deduction", "closed", 0, 300, 0.33, 0.34, SEEDS[0], "r8"),
    run("davinci", "logical_deduction", "closed", 0, 295, 0.2, 0.4, API, "r9"),
    run("models--llama/7B", "gsm8k", "closed", 0, 100, 0.21, 0.93, SEEDS[0], "r10"),
    run("davinci", "modified_arithmetic", "closed", 0, 50, 0.30, 0.94, API, "r11"),
    run("davinci", "codenames", "closed", 0, 40, 0.25, 0.95, API, "r12"),
    run("google/flan-t5-small", "codenames", "closed", 5, 40, 0.05, -100.0, SEEDS[0], "r13"),
    run("google/flan-t5-small", "codenames", "closed", 5, 40, 0.05, -100.0, SEEDS[0], "r13"),
    run("google/flan-t5-small", "codenames", "closed", 5, 40, 0.10, -100.0, SEEDS[1], "r14"),
    run("code", "rhyming", "closed", 5, 20, 0.5, 0.5, API, "r15"),
    run("gpt-4", "rhyming", "open", 0, 20, 0.9, 0.9, API, "r16"),
    run("gpt-4", "rhyming", "closed", 0, 20, 0.9, 0.9, API, "r17"),
    run("davinci", lu2024.LEFT_OUT_TASK, "closed", 0, 20, 0.9, 0.9, API, "r18"),
    run("gpt2", "rhyming", "open", 0, 20, 0.9, 0.9, SEEDS[0], "r19"),
    run("davinci", "codenames", "closed-adv", 0, 40, 0.85, -100.0, API, "r20"),
    run("davinci", "codenames", "open", 0, 40, 0.85, -100.0, API, "r21"),
)


@pytest.fixture(scope="module")
def scores():
    return lu2024.convert(EXCERPT, "excerpt")["scores.csv"].set_index(CELL)


def one(scores, *cell):
    return scores.loc[cell]


def test_excerpt_gives_exactly_these_rows(scores):
    # checkpoint, task, metric, format, shots: items, correct, repeats
    expected = {
        ("davinci", "causal_judgment", "bert_score", "closed", 2): [10, 6, 1],
        ("davinci", "causal_judgment", "exact_match", "closed", 2): [10, 5, 1],
        ("davinci", "codenames", "exact_match", "closed", 0): [40, 10, 1],
        ("davinci", "logical_deduction", "bert_score", "closed", 0): [295, 118, 1],
        ("davinci", "logical_deduction", "exact_match", "closed", 0): [295, 59, 1],
        ("davinci", "modified_arithmetic", "exact_match", "closed", 0): [50, 15, 1],
        ("davinci", "rhyming", "bert_score", "closed", 0): [20, 4, 1],
        ("davinci", "rhyming", "exact_match", "closed", 0): [20, 0, 1],
        ("davinci", "rhyming", "exact_match", "letter", 5): [20, 9, 1],
        ("davinci", "strange_stories", "bert_score", "closed", 4): [10, 3, 1],
        ("davinci", "strange_stories", "exact_match", "closed", 4): [10, 2, 1],
        ("google/flan-t5-small", "codenames", "exact_match", "closed", 5): [40, 3, 2],
        ("gpt2", "rhyming", "bert_score", "closed", 0): [20, 5, 3],
        ("gpt2", "rhyming", "exact_match", "closed", 0): [20, 2, 3],
        ("llama-7b", "gsm8k", "exact_match", "closed", 0): [100, 21, 1],
        ("tiiuae/falcon-7b", "logical_deduction", "bert_score", "closed", 0): [300, 102, 1],
        ("tiiuae/falcon-7b", "logical_deduction", "exact_match", "closed", 0): [300, 99, 1],
    }
    assert {cell: list(row) for cell, row in scores[COUNTS].T.items()} == expected


def test_seeds_collapse_to_one_row_with_exact_mean_and_rounded_count(scores):
    # 2, 2 and 3 of 20
    row = one(scores, "gpt2", "rhyming", "exact_match", "closed", 0)
    assert (row["n_items"], row["n_correct"], row["n_repeats"]) == (20, 2, 3)
    assert row["score"] == pytest.approx(7 / 60, abs=1e-15)
    assert row["repeat_sd"] == pytest.approx(np.std([0.10, 0.10, 0.15], ddof=1), abs=1e-15)


def test_single_run_has_no_sd(scores):
    assert np.isnan(one(scores, "davinci", "rhyming", "exact_match", "closed", 0)["repeat_sd"])


def test_not_computed_is_never_averaged():
    seeds = [
        run("gpt2", "rhyming", "closed", 0, 20, 0.5, bert, seed, str(seed))
        for seed, bert in zip(SEEDS, (0.2, -100.0, 0.4), strict=True)
    ]
    row = lu2024.convert(raw(*seeds), "x")["scores.csv"].set_index("metric").loc["bert_score"]
    assert (row["n_correct"], row["n_repeats"]) == (6, 2)
    assert row["score"] == pytest.approx(0.3, abs=1e-15)


def test_metric_not_computed_has_no_row(scores):
    metrics = scores.xs(("davinci", "rhyming", "letter"), level=[0, 1, 3]).index
    assert metrics.get_level_values("metric").tolist() == ["exact_match"]


def test_exact_duplicates_count_once(scores):
    # the duplicate of 2 of 40 is dropped; 2 and 4 of 40 remain
    row = one(scores, "google/flan-t5-small", "codenames", "exact_match", "closed", 5)
    assert (row["n_correct"], row["n_repeats"]) == (3, 2)


def test_second_different_run_of_a_seed_is_an_error():
    twice = raw(
        run("gpt2", "rhyming", "closed", 0, 20, 0.10, 0.20, SEEDS[0], "r1"),
        run("gpt2", "rhyming", "closed", 0, 20, 0.15, 0.20, SEEDS[0], "r2"),
    )
    with pytest.raises(SourceError, match=r"x line 3: a second, different run of .*gpt2.*2266"):
        lu2024.convert(twice, "x")


def test_second_different_run_without_seed_is_an_error():
    twice = raw(
        run("davinci", "rhyming", "closed", 0, 20, 0.10, 0.20, API, "r1"),
        run("davinci", "rhyming", "closed", 0, 20, 0.15, 0.20, API, "r2"),
    )
    with pytest.raises(SourceError, match=r"x line 3: a second, different run of .*davinci"):
        lu2024.convert(twice, "x")


@pytest.mark.parametrize("name", ["code", "gpt-4", "models--llama/7B"])
def test_checkpoint_left_out_or_renamed_is_absent(scores, name):
    assert name not in scores.index.get_level_values("checkpoint")


def test_transliteration_is_left_out(scores):
    assert lu2024.LEFT_OUT_TASK not in scores.index.get_level_values("task")


def test_prompt_formats_are_closed_and_letter_only(scores):
    assert set(scores.index.get_level_values("prompt_format")) == {"closed", "letter"}


def test_letter_prompt_of_codenames_is_left_out(scores):
    of_task = scores.xs("codenames", level="task")
    assert set(of_task.index.get_level_values("prompt_format")) == {"closed"}


@pytest.mark.parametrize("task", lu2024.EXACT_MATCH_OF_RECORD)
def test_bert_score_of_exact_match_tasks_is_not_used(scores, task):
    assert set(scores.xs(task, level="task").index.get_level_values("metric")) == {"exact_match"}


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("models--llama/7B", "llama-7b"),
        ("models--llama/13B", "llama-13b"),
        ("models--llama/30B", "llama-30b"),
    ],
)
def test_llama_gets_its_public_name(model, name):
    tables = lu2024.convert(raw(run(model, "gsm8k", "closed", 0, 100, 0.21, seed=SEEDS[0])), "x")
    assert tables["scores.csv"]["checkpoint"].tolist() == [name]
    assert tables["repeats.csv"]["checkpoint"].tolist() == [name]


def test_prompt_type_unknown_is_an_error():
    odd = raw(run("davinci", "rhyming", "cloze", 0, 20, 0.5, 0.5))
    with pytest.raises(SourceError, match="x line 2: got prompt_type 'cloze'"):
        lu2024.convert(odd, "x")


@pytest.mark.parametrize("value", [-1.0, np.nan])
@pytest.mark.parametrize("both", [False, True], ids=["one metric", "both metrics"])
def test_other_sentinel_is_an_error(value, both):
    odd = raw(
        run("gpt2", "rhyming", "closed", 0, 20, 0.5, 0.5, SEEDS[0]),
        run("davinci", "rhyming", "closed", 0, 20, 0.5 if not both else value, value),
    )
    with pytest.raises(SourceError) as caught:
        lu2024.convert(odd, "x")
    message = str(caught.value)
    assert message.startswith(f"x line 3: got accuracy {value}, expected a proportion in [0, 1]")
    assert "\n" not in message


@pytest.mark.parametrize("bert", [-100.0, 0.5], ids=["one metric", "both metrics"])
def test_count_that_is_not_whole_is_an_error(bert):
    odd = raw(run("davinci", "rhyming", "closed", 0, 20, 0.512, bert))
    with pytest.raises(SourceError, match=r"x line 2: accuracy times items is 10\.2400, expected"):
        lu2024.convert(odd, "x")


def test_repeats_on_different_items_are_an_error_that_names_the_cell():
    odd = raw(
        run("gpt2", "rhyming", "closed", 0, 20, 0.5, -100.0, SEEDS[0]),
        run("gpt2", "rhyming", "closed", 0, 10, 0.5, -100.0, SEEDS[1]),
    )
    with pytest.raises(SourceError, match=r"different numbers of items") as caught:
        lu2024.convert(odd, "x")
    assert "gpt2" in str(caught.value)
    assert "rhyming" in str(caught.value)


def test_column_missing_is_an_error():
    with pytest.raises(SourceError, match=r"x: columns \['seed'\] are missing"):
        lu2024.convert(EXCERPT.drop(columns="seed"), "x")


def test_order_of_rows_does_not_matter(rng):
    shuffled = EXCERPT.sample(frac=1, random_state=rng)
    before, after = lu2024.convert(EXCERPT, "x"), lu2024.convert(shuffled, "x")
    for name, table in before.items():
        pd.testing.assert_frame_equal(after[name], table)


def test_file_with_another_hash_is_refused(tmp_path):
    path = tmp_path / "evaluation_scores.csv"
    path.write_text("run_id\n1\n")
    with pytest.raises(SourceError, match=rf"got sha256 [0-9a-f]{{64}}, expected {lu2024.SHA256}"):
        lu2024.import_scores(path)


@pytest.mark.parametrize("name", ["absent.csv", "."])
def test_file_that_is_none_is_refused(tmp_path, name):
    with pytest.raises(SourceError, match="no such file; give the path of"):
        lu2024.import_scores(tmp_path / name)


def test_committed_scores_are_the_collapsed_committed_repeats(tmp_path):
    repeats = pd.read_csv(COMMITTED / "repeats.csv")
    write_table(lu2024._collapse(repeats), tmp_path / "scores.csv")
    assert (tmp_path / "scores.csv").read_bytes() == (COMMITTED / "scores.csv").read_bytes()


@pytest.fixture(scope="module")
def committed():
    return load_study_folder(str(COMMITTED))


def test_committed_study_has_the_claims_tasks_and_checkpoints_of_the_paper(committed):
    assert len(committed.claims) == 22
    assert [c.claim_set for c in committed.claims].count("prior") == 14
    assert [c.claim_set for c in committed.claims].count("elsewhere") == 2
    assert [c.claim_set for c in committed.claims].count("control") == 6
    assert len(committed.scores.tasks) == 22
    assert {claim.task for claim in committed.claims} == set(committed.scores.tasks["task"])
    assert len(committed.scores.checkpoints) == 22
    assert set(committed.scores.frame["checkpoint"]) == set(
        committed.scores.checkpoints["checkpoint"]
    )


def test_committed_study_names_the_file_that_the_source_takes(committed):
    assert committed.study.provenance.sha256 == lu2024.SHA256


def test_committed_study_keeps_true_item_counts_and_shots(committed):
    frame = committed.scores.frame
    falcon = frame["lm_family"] == "Falcon"
    for task, of_falcon, of_others in (
        ("logical_deduction", 300, 295),
        ("tracking_shuffled_objects", 750, 745),
    ):
        items = frame[frame["task"] == task].groupby(falcon)["n_items"].unique()
        assert (items[True].tolist(), items[False].tolist()) == ([of_falcon], [of_others])
    shots = frame.groupby("task")["n_shots"].max()
    assert (shots["causal_judgment"], shots["strange_stories"]) == (2, 4)
    assert (shots.drop(["causal_judgment", "strange_stories"]) == 5).all()
