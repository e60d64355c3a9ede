"""One trap of the printed tables per test, on rows written by hand."""

import numpy as np
import pandas as pd
import pytest

from toolkit import paths
from toolkit.analysis.study_folder import load_study_folder
from toolkit.errors import SourceError
from toolkit.sources import flan_chung2022 as source
from toolkit.study.scores import CELL


def row(percent, task="web_of_lies", model="PaLM-62B", family="PaLM", prompting="direct", size=62):
    return [family, model, size, int("Flan" in model), task, prompting, 3, percent]


def converted(*rows):
    frame = pd.DataFrame(list(rows), columns=source.COLUMNS)
    return source.convert(frame, "x")["scores.csv"].set_index(CELL)


def test_percentages_become_counts_of_the_items_of_each_task():
    scores = converted(
        row(51.2),
        row(53.5, "causal_judgement"),
        row(24.7, "penguins_in_a_table", "Flan-T5-XXL", "T5", "cot", 11),
        row(46.1, "snarks", "T5-Small", "T5", size=0.08),
    )
    assert {c: list(r) for c, r in scores[["n_items", "n_correct"]].T.items()} == {
        ("Flan-T5-XXL", "penguins_in_a_table", "exact_match", "cot", 3): [146, 36],
        ("PaLM-62B", "causal_judgement", "exact_match", "direct", 3): [187, 100],
        ("PaLM-62B", "web_of_lies", "exact_match", "direct", 3): [250, 128],
        ("T5-Small", "snarks", "exact_match", "direct", 3): [178, 82],
    }


def test_lost_cell_has_no_row_and_is_no_zero():
    scores = converted(row(np.nan, "word_sorting"), row(0.0, "dyck_languages"))
    assert scores.index.get_level_values("task").tolist() == ["dyck_languages"]
    assert scores["n_correct"].tolist() == [0]


def test_averages_are_left_out():
    assert len(converted(row(51.2), row(37.4, "AVERAGE"))) == 1


@pytest.mark.parametrize("model", ["davinci", "text-davinci-003", "code-davinci-002"])
def test_checkpoints_of_unpublished_size_are_left_out(model):
    scores = converted(row(51.2), row(60.0, model=model, family="GPT-3", size=np.nan))
    assert scores.index.get_level_values("checkpoint").tolist() == ["PaLM-62B"]


def test_other_missing_size_is_an_error():
    with pytest.raises(SourceError, match=r"x line 2: got no size of PaLM-62B"):
        converted(row(51.2, size=np.nan))


def test_chain_of_thought_is_another_prompt_format():
    scores = converted(row(51.2), row(80.8, prompting="cot"))
    assert set(scores.index.get_level_values("prompt_format")) == {"direct", "cot"}


@pytest.mark.parametrize(
    ("percent", "why"), [(51.3, "no single whole number of 250 items"), (102.0, "got score 1.02")]
)
def test_figure_that_no_count_rounds_to_is_an_error(percent, why):
    with pytest.raises(SourceError, match=f"x line 2: {why}"):
        converted(row(percent))


def test_same_size_under_another_family_is_another_checkpoint():
    scores = converted(row(51.2), row(50.0, model="cont-PaLM-62B", family="cont-PaLM"))
    assert len(scores) == 2


@pytest.mark.parametrize("at", [0, 4, 5])
def test_unknown_name_is_an_error(at):
    odd = row(51.2)
    odd[at] = "new"
    with pytest.raises(SourceError, match=r"x line 2: got \w+ 'new'"):
        converted(odd)


@pytest.fixture(scope="module")
def committed():
    return load_study_folder(str(paths.CHECKOUT / "data" / "flan-chung2022"))


def test_committed_numbers_checked_by_hand(committed):
    cells = committed.scores.frame.set_index(["checkpoint", "task", "prompt_format"])
    assert cells.loc[("PaLM-540B", "hyperbaton", "direct"), "n_correct"] == 177  # 70.8% of 250
    assert cells.loc[("Flan-PaLM-540B", "snarks", "direct"), "n_correct"] == 152  # 85.4% of 178
    assert cells.loc[("T5-Small", "boolean_expressions", "cot"), "n_correct"] == 0
    assert ("PaLM-540B", "word_sorting", "direct") not in cells.index


def test_committed_cells_are_all_but_the_lost_ones(committed):
    frame = committed.scores.frame
    lost = 2 + 11 + 5  # temporal sequences; five objects; word sorting
    assert len(frame) == 20 * 27 * 2 - lost
    assert frame["n_correct"].notna().all()


def test_every_tuned_checkpoint_has_its_base_of_equal_size(committed):
    facts = committed.scores.checkpoints.set_index("checkpoint")
    tuned = facts[facts["instruction_tuned"]]
    assert len(tuned) == 10
    bases = facts.loc[tuned["base_checkpoint"]]
    assert (bases["n_params"].to_numpy() == tuned["n_params"].to_numpy()).all()
    assert not bases["instruction_tuned"].any()


def test_chance_differs_by_task(committed):
    chance = committed.scores.tasks.set_index("task")["chance"]
    assert chance["navigate"] == 0.5
    assert chance["logical_deduction_five_objects"] == 0.2
    assert (chance[["dyck_languages", "word_sorting", "object_counting"]] == 0).all()
