"""What a table could decide: gaps between sizes where no claim is written, else claims' gates."""

import numpy as np
import pandas as pd
import pytest

from toolkit.planning.decidable import by_sizes, closed_gates, decidable
from toolkit.study.scores import join_scores

# Five near neighbours, a gap of 0.7 decades, and one size above it.
SIZES = (8.0, 8.4, 8.8, 9.2, 9.5, 10.2)


def scores(tasks, sizes=SIZES, tuned=(False,), shots=(0,), share=0.6, prompt_format="closed"):
    facts = pd.DataFrame(
        [
            {
                "checkpoint": f"fern-{size}-{of}", "lm_family": "fern", "n_params": 10**size,
                "train_flop": np.nan, "released": None, "instruction_tuned": of,
                "base_checkpoint": None,
            }
            for size in sizes
            for of in tuned
        ]
    )  # fmt: skip
    cells = pd.DataFrame(
        [
            {
                "checkpoint": name, "task": task, "metric": "acc", "prompt_format": prompt_format,
                "n_shots": n, "n_items": 400.0, "n_correct": 400 * share, "n_repeats": 1.0,
                "score": share,
            }
            for name in facts["checkpoint"]
            for task in tasks
            for n in shots
        ]
    )  # fmt: skip
    register = pd.DataFrame(
        {"task": tasks, "metric_of_record": "acc", "chance": 0.25, "chance_source": "x"}
    )
    return join_scores("own", cells, facts, register, "own")


def test_gaps_are_told_by_their_width_and_the_sizes_on_both_sides():
    (row,) = by_sizes(scores(["riddles"]), "").rows
    assert row["sizes"] == "6: 100M to 15.8B"
    assert row["told from none"] == "251M to 3.16B"
    assert row["not told"] == "100M to 251M (1 below), 3.16B to 15.8B (0.70 decades)"
    assert row["missing"] == ""


def test_gap_at_the_widest_that_is_allowed_is_told():
    (row,) = by_sizes(scores(["riddles"], (8.0, 8.5, 9.0, 9.5, 10.0, 10.5)), "").rows
    assert row["told from none"] == "316M to 10B"
    assert row["not told"] == "100M to 316M (1 below), 10B to 31.6B (1 above)"


def test_arm_of_few_sizes_says_which_are_missing():
    (row,) = by_sizes(scores(["riddles"], (8.0, 8.4, 8.8, 9.2)), "").rows
    assert row["told from none"] == "nowhere"
    assert row["not told"].split(", ")[1] == "251M to 631M (4 sizes)"
    assert row["missing"].startswith("score 2 more sizes, about ")


def test_arm_of_one_size_says_what_is_missing():
    found = by_sizes(scores(["riddles"], (9.0,)), "")
    assert found.rows[0]["missing"] == "score at least 6 sizes"
    assert "Not measured in the arm 'zero-shot, base'" in found.lines[1]


def test_tasks_and_arms_of_equal_sizes_share_a_row():
    of_both = scores(["riddles", "sums", "words"], tuned=(False, True), shots=(0, 5))
    (row,) = by_sizes(of_both, "").rows
    assert row["tasks"] == "riddles, sums and 1 more"
    assert row["arms"].count(";") == 3
    # 2.487 sqrt(2 p (1 - p) / 400) with p = 0.25 + 0.05
    assert row["fewest items"] == "400 items: two cells must differ by 8 points"


def test_task_at_the_floor_and_one_without_a_controlled_arm_are_named():
    found = by_sizes(scores(["riddles"], shots=(5,), share=0.25), "why")
    assert found.lines[1:] == (
        "No cell is surely 5 points above chance, so that nothing shows: riddles.",
        "Not measured in the arm 'zero-shot, base', so that no jump can be said to remain or to "
        "be explained: riddles.",
        "why",
    )


def test_each_prompt_format_is_asked_by_itself():
    both = scores(["riddles"])
    other = scores(["riddles"], sizes=SIZES[:3], prompt_format="letter")
    frame = pd.concat([both.frame, other.frame], ignore_index=True)
    rows = by_sizes(type(both)(frame, both.checkpoints, both.tasks), "").rows
    assert [(row["tasks"], row["sizes"][0]) for row in rows] == [
        ("riddles (closed)", "6"), ("riddles (letter)", "3"),
    ]  # fmt: skip


def test_study_with_claims_gives_the_gates_that_check_says(tiny_study):
    from toolkit.analysis.study_folder import load_study_folder

    found = decidable(tiny_study)
    assert found.rows == closed_gates(load_study_folder("tiny"))
    assert [row["claim"] for row in found.rows] == ["sorting", "naming"]


@pytest.mark.parametrize("name", ["study.toml", "claims.toml"])
def test_study_without_claims_is_asked_size_by_size(tiny_study, name):
    (tiny_study / name).unlink()
    found = decidable(tiny_study)
    assert found.title == "Between which sizes a jump could be told from none"
    assert f"not known without {name}; write them as in data/lu2024/" in found.lines[-1]


def test_wrong_claims_are_said_and_not_guessed(tiny_study, edit):
    edit(tiny_study / "claims.toml", '"few-shot, base"', '"few-shot base"')
    found = decidable(tiny_study)
    assert found.lines[-1].startswith("The claims were not looked at: ")
    assert "did you mean" in found.lines[-1]
