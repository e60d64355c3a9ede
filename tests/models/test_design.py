"""The design of a table small enough to lay out by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import comb

from toolkit.errors import FitError
from toolkit.models.design import build_design
from toolkit.study.claims import ARM_LABELS
from toolkit.study.scores import Scores

# name, family, size in parameters, tuned, base
CHECKPOINTS = [
    ("fern-s", "fern", 1e8, False, None),
    ("fern-m", "fern", 1e9, False, None),
    ("fern-m-chat", "fern", 1e9, True, "fern-m"),
    ("moss-m", "moss", 1e9, False, None),
    ("moss-l", "moss", 1e10, False, None),
    ("moss-l-chat", "moss", 1e10, True, "moss-l"),
]
# Sorting lacks the largest size, so it has fewer slots and fewer gaps than naming.
SORTING = ("fern-s", "fern-m", "moss-m")
NAMING = tuple(name for name, *_ in CHECKPOINTS)


def frame():
    rows = []
    facts = {name: rest for name, *rest in CHECKPOINTS}
    for task, names, metric, chance in (
        ("sorting", SORTING, "accuracy", 0.25),
        ("naming", NAMING, "exact_match", 0.0),
    ):
        for name in names:
            for shots in (0, 5):
                family, size, tuned, base = facts[name]
                rows.append(
                    {
                        "study": "hand", "checkpoint": name, "lm_family": family, "n_params": size,
                        "instruction_tuned": tuned, "base_checkpoint": base, "task": task,
                        "metric": metric, "prompt_format": "closed", "n_shots": float(shots),
                        "n_items": 100.0, "n_correct": 10.0 + len(rows), "n_repeats": 1.0,
                        "score": (10.0 + len(rows)) / 100, "chance": chance,
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


def design_of(table):
    return build_design(Scores(table, pd.DataFrame(), pd.DataFrame()))


@pytest.fixture(scope="module")
def design():
    return design_of(frame())


def lifted(design):
    """Return which cells a jump in each arm and gap lifts, (task, slot, arm, gap)."""
    in_arm = design.arm[:, :, None, None] == np.arange(len(ARM_LABELS))[:, None]
    above = design.gaps_below[:, :, None, None] > np.arange(design.gap_low.shape[1])
    return in_arm & above


def test_design_of_tasks_with_unequal_cells_pads_with_empty_slots(design):
    naming, sorting = design.tasks.index("naming"), design.tasks.index("sorting")
    assert design.n_items.shape == (2, 12)
    assert (design.n_items[naming] == 100).all()
    assert (design.n_items[sorting] == [100.0] * 6 + [0.0] * 6).all()
    assert (design.n_correct[sorting, 6:] == 0).all()
    assert design.n_items.sum() == 100 * len(frame())


def test_design_counts_every_cell_once_whatever_the_order_of_rows(design):
    table = frame()
    shuffled = design_of(table.sample(frac=1, random_state=3).reset_index(drop=True))
    for one in (design, shuffled):
        assert sorted(one.n_correct[one.n_items > 0]) == sorted(table["n_correct"])
    assert shuffled.center == design.center
    np.testing.assert_array_equal(lifted(shuffled).sum(axis=1), lifted(design).sum(axis=1))


def test_design_slots_belong_to_the_cells_they_came_from(design):
    for row in frame().to_dict("records"):
        task = design.tasks.index(row["task"])
        at = np.flatnonzero(
            (design.n_correct[task] == row["n_correct"]) & (design.n_items[task] > 0)
        )
        assert at.size == 1
        slot = int(at[0])
        assert design.checkpoints[design.checkpoint[task, slot]] == row["checkpoint"]
        base = row["base_checkpoint"] if row["instruction_tuned"] else row["checkpoint"]
        assert design.bases[design.base[task, slot]] == base
        assert design.families[design.family[task, slot]] == row["lm_family"]
        pair = design.checkpoint_tasks[design.checkpoint_task[task, slot]]
        assert row["checkpoint"] in pair
        assert row["task"] in pair
        assert design.few_shot[task, slot] == (row["n_shots"] > 0)
        assert design.tuned[task, slot] == row["instruction_tuned"]
        assert design.size[task, slot] + design.center == pytest.approx(np.log10(row["n_params"]))
        assert design.chance[task] == row["chance"]


def test_design_centre_is_the_mean_of_the_distinct_sizes(design):
    # Not of the cells: 8, 9 and 10 count once each however many checkpoints have them.
    assert design.center == pytest.approx(9.0)


def test_design_gaps_are_those_of_the_tasks_own_sizes(design):
    naming, sorting = design.tasks.index("naming"), design.tasks.index("sorting")
    np.testing.assert_allclose(design.gap_low[naming], [-1, 0])
    np.testing.assert_allclose(design.gap_high[naming], [0, 1])
    np.testing.assert_allclose(design.gap_low[sorting], [-1, np.nan])
    np.testing.assert_allclose(design.gap_middle[sorting], [-0.5, np.nan])
    assert dict(zip(design.tasks, design.n_gaps, strict=True)) == {"naming": 2, "sorting": 1}


def test_design_gap_prior_is_even_over_own_gaps_and_nil_in_padding(design):
    naming, sorting = design.tasks.index("naming"), design.tasks.index("sorting")
    np.testing.assert_allclose(np.exp(design.log_gap_prior[naming]), [0.5, 0.5])
    np.testing.assert_allclose(np.exp(design.log_gap_prior[sorting]), [1.0, 0.0])


def test_design_checkpoints_of_equal_size_are_never_split_by_a_gap(design):
    for task, below in enumerate(design.gaps_below):
        for size in np.unique(design.size[task][design.scored[task]]):
            same = (design.size[task] == size) & design.scored[task]
            assert np.ptp(below[same]) == 0


def test_design_sizes_equal_but_for_rounding_make_no_gap():
    table = frame()
    third = 0.1 + 0.2  # 0.30000000000000004
    table.loc[table["checkpoint"] == "fern-m", "n_params"] = 1e10 * 0.3
    table.loc[table["checkpoint"] == "moss-m", "n_params"] = 1e10 * third
    sizes = np.unique(np.log10(table["n_params"]))
    widths = (lambda d: d.gap_high - d.gap_low)(design_of(table))
    # log10 may or may not keep the last digit; a gap of rounding errors would split a tie.
    assert len(sizes) >= 3
    assert np.nanmin(widths) > 1e-6


def test_design_jumps_lift_the_cells_of_one_arm_above_the_gap_only(design):
    naming = design.tasks.index("naming")
    arm = design.few_shot[naming] + 2 * design.tuned[naming]
    for gap, high in enumerate(design.gap_high[naming]):
        for index in range(len(ARM_LABELS)):
            expected = (arm == index) & (design.size[naming] >= high - 1e-9)
            assert (lifted(design)[naming, :, index, gap] == expected).all()


def test_design_padding_and_missing_gaps_are_lifted_by_no_jump(design):
    sorting = design.tasks.index("sorting")
    assert not lifted(design)[sorting, 6:].any()  # empty slots look like size 0, arm 0
    assert not lifted(design)[sorting, :, :, 1].any()  # the gap that sorting does not have
    assert design.gaps_below.max() == design.n_gaps.max()
    assert not design.scored[sorting, 6:].any()


def test_design_arms_in_the_order_of_the_labels(design):
    naming = design.tasks.index("naming")
    in_arm = lifted(design)[naming, :, :, 0].sum(axis=0)
    # Above the first gap: fern-m, moss-m, moss-l are base, two chats are tuned; each with 0 and 5.
    assert dict(zip(ARM_LABELS, in_arm, strict=True)) == {
        "zero-shot, base": 3,
        "few-shot, base": 3,
        "zero-shot, instruction-tuned": 2,
        "few-shot, instruction-tuned": 2,
    }
    assert design.coords["arm"] == list(ARM_LABELS)


def test_design_arms_are_measured_from_two_sizes_on_and_padding_is_of_no_arm():
    table = frame()
    few_only = (table.task == "naming") | (table.n_shots > 0)  # sorting, which has fewer cells
    small = (table.checkpoint != "moss-l-chat") | (table.n_shots > 0)  # one size of tuned, no shots
    design = design_of(table[few_only & small])
    sorting, naming = design.tasks.index("sorting"), design.tasks.index("naming")
    assert not design.scored[sorting].all()
    assert design.arms_scored[sorting].tolist() == [False, True, False, False]
    assert design.arms_measured[sorting].tolist() == [False, True, False, False]
    assert design.arms_scored[naming].all()
    assert design.arms_measured[naming].tolist() == [True, True, False, True]
    np.testing.assert_array_equal(design.arms_of_jump, design.arms_measured)


def test_design_where_no_arm_is_measured_a_jump_may_be_in_any():
    table = frame()
    apart = ((table.checkpoint == "fern-s") & (table.n_shots == 0)) | (
        (table.checkpoint == "moss-m") & (table.n_shots > 0)
    )
    design = design_of(table[apart & (table.task == "sorting")])
    assert not design.arms_measured.any()
    assert design.arms_of_jump.all()


def test_design_data_are_the_counts_and_items_and_their_ways(design):
    assert set(design.data) == {"counts", "n_items", "log_ways"}
    assert design.data["counts"] is design.n_correct
    assert design.data["n_items"] is design.n_items
    ways = comb(design.n_items, design.n_correct)
    assert ways.max() > 1
    np.testing.assert_allclose(np.exp(design.data["log_ways"]), ways, rtol=1e-9)


def test_design_facts_of_a_checkpoint_are_those_of_its_cells(design):
    tuned = [name.endswith("chat") for name in design.checkpoints]
    np.testing.assert_array_equal(design.by_checkpoint(design.tuned), tuned)
    bases = [design.bases[b] for b in design.by_checkpoint(design.base)]
    assert bases == [name.removesuffix("-chat") for name in design.checkpoints]
    sizes = {name: np.log10(size) for name, _, size, *_ in CHECKPOINTS}
    found = design.by_checkpoint(design.size) + design.center
    np.testing.assert_allclose(found, [sizes[name] for name in design.checkpoints])


def test_design_compliance_is_for_exact_match_tasks_only(design):
    assert dict(zip(design.tasks, design.has_compliance, strict=True)) == {
        "naming": True,
        "sorting": False,
    }
    assert design.coords["exact_match_task"] == ["naming"]


def test_design_of_the_same_items_at_several_shot_counts_is_refused():
    # Two-shot and five-shot runs of one checkpoint answer the same items: near-copies, which the
    # model would count as independent items of one arm.
    table = frame()
    again = table[table["n_shots"] == 5].assign(n_shots=2.0)
    with pytest.raises(FitError):
        design_of(pd.concat([table, again], ignore_index=True))


@pytest.mark.parametrize(("column", "other"), [("metric", "bert"), ("prompt_format", "letter")])
def test_design_of_a_task_with_several_values_is_a_fit_error(column, other):
    table = frame()
    again = table[table["task"] == "sorting"].assign(**{column: other})
    with pytest.raises(FitError, match=f"'sorting'.*{column}"):
        design_of(pd.concat([table, again], ignore_index=True))


def test_design_of_a_task_with_one_size_is_a_fit_error():
    table = frame()
    keep = (table["task"] != "sorting") | (table["n_params"] == 1e9)
    with pytest.raises(FitError, match=r"'sorting'.*one size"):
        design_of(table[keep].reset_index(drop=True))


def test_design_of_a_score_without_a_count_is_a_fit_error():
    table = frame()
    table.loc[4, "n_correct"] = np.nan
    with pytest.raises(FitError, match=f"'{table.loc[4, 'checkpoint']}'.*n_correct"):
        design_of(table)
