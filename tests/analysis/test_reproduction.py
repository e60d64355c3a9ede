"""Published quantities against the same quantities by hand."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from toolkit import paths
from toolkit.analysis.reproduction import (
    audit_replicates,
    largest_judged,
    read_repeats,
    recompute_means,
    reproduce,
    runs_of_record,
)
from toolkit.analysis.study_folder import load_study_folder
from toolkit.errors import ScoresError

RUN = "moss-m,sorting,accuracy,closed,0,1,200,64"


@pytest.fixture
def tiny(tiny_study):
    return load_study_folder("tiny")


@pytest.fixture(scope="module")
def lu2024():
    return load_study_folder(str(paths.CHECKOUT / "data" / "lu2024"))


def rows_of(source):
    return reproduce(source.folder, source.scores, source.claims, "closed")


def test_tiny_study_is_reproduced_row_by_row(tiny):
    # moss-l without shots: sorting 76/200 at chance 0.25, naming 53/100 at chance 0.5
    assert [(r.kind, r.subject, r.recomputed.split(";")[0], r.agrees) for r in rows_of(tiny)] == [
        ("above baseline", "Sorting", "moss-l: 0.380 against chance 0.250 (+0.130)", True),
        ("above baseline", "Naming", "moss-l: 0.530 against chance 0.500 (+0.030)", True),
        ("marginal rise", "Naming", "+3.0 points", True),
        ("mean over repeats", "naming", "12 means equal to 1e-09", True),
        ("mean over repeats", "sorting", "12 means equal to 1e-09", True),
    ]


@pytest.mark.parametrize(
    ("changed", "kind"),
    [({"published_above_baseline": False}, "above baseline"),
     ({"published_marginal": False}, "marginal rise")],
)  # fmt: skip
def test_claim_published_otherwise_is_not_reproduced(tiny, changed, kind):
    naming = dataclasses.replace(tiny.claims[1], **changed)
    rows = reproduce(tiny.folder, tiny.scores, [naming], "closed")
    assert [r.kind for r in rows if not r.agrees] == [kind]


def test_rise_of_the_limit_is_not_marginal_for_its_rounding(tiny):
    at_limit = tiny.scores.frame["checkpoint"].eq("moss-l") & tiny.scores.frame["task"].eq(
        "sorting"
    )
    frame = tiny.scores.frame.assign(score=tiny.scores.frame["score"].where(~at_limit, 0.30))
    assert 0.30 - 0.25 < 0.05
    claim = dataclasses.replace(tiny.claims[0], published_emergent=True, published_marginal=False)
    scores = dataclasses.replace(tiny.scores, frame=frame)
    rows = reproduce(tiny.folder, scores, [claim], "closed")
    (row,) = [r for r in rows if r.kind == "marginal rise"]
    assert (row.published, row.recomputed, row.agrees) == ("5 points or more", "+5.0 points", True)


def test_largest_judged_is_the_zero_shot_base_cell(tiny):
    cell = largest_judged(tiny.claims[0], tiny.record)
    assert (cell["checkpoint"], cell["n_shots"], cell["n_correct"]) == ("moss-l", 0, 76)


def test_claim_judged_in_another_arm_is_recomputed_there(tiny):
    # moss-l with demonstrations: sorting 120/200 at chance 0.25
    sorting = dataclasses.replace(tiny.claims[0], judged_arm="few-shot, base")
    rows = reproduce(tiny.folder, tiny.scores, [sorting], "closed")
    assert rows[0].recomputed == "moss-l: 0.600 against chance 0.250 (+0.350)"


def test_claim_without_controlled_cell_is_an_error_that_names_it(tiny):
    few_shot = tiny.record.where(tiny.record.frame["n_shots"] > 0)
    with pytest.raises(ScoresError, match="'sorting': got no cell in the arm 'zero-shot, base"):
        largest_judged(tiny.claims[0], few_shot)


def test_mean_over_two_runs_is_theirs(tiny):
    cell = recompute_means(tiny.folder, tiny.scores).iloc[0]
    assert (cell["checkpoint"], cell["runs"]) == ("fern-s", 2)
    assert cell["mean"] == pytest.approx((49 / 200 + 53 / 200) / 2, abs=1e-15)


@pytest.mark.parametrize(
    "changed",
    [RUN.replace(",64", ",65"), RUN.replace(",0,1,", ",0,2,") + "\n" + RUN, ""],
    ids=["another count", "one run more", "no run"],
)
def test_changed_run_names_the_cell_and_only_its_task(tiny_study, edit, changed):
    edit(tiny_study / "repeats.csv", RUN + "\n", changed and changed + "\n")
    wrong = [r for r in rows_of(load_study_folder("tiny")) if not r.agrees]
    assert [(r.kind, r.subject) for r in wrong] == [("mean over repeats", "sorting")]
    assert "11 means equal" in wrong[0].recomputed
    assert "moss-m" in wrong[0].recomputed


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        (RUN.replace(",64", ",201"), "line 15"),
        (RUN.replace(",64", ",64.5"), "line 15"),
        (RUN.replace(",64", ",-1"), "line 15"),
        (RUN.replace(",200,64", ",0,0"), "line 15"),
        (RUN.replace(",200,64", ",inf,64"), "line 15"),
        (RUN.replace("moss-m", "moss-x"), "moss-x"),
        (RUN + "\n" + RUN, "line 16"),
    ],
    ids=["more than items", "half", "negative", "no items", "infinite", "unknown", "twice"],
)
def test_wrong_run_is_an_error_that_names_the_line(tiny_study, edit, changed, part):
    edit(tiny_study / "repeats.csv", RUN, changed)
    with pytest.raises(ScoresError) as caught:
        rows_of(load_study_folder("tiny"))
    assert "repeats.csv" in str(caught.value)
    assert part in str(caught.value)


def test_study_without_repeats_is_checked_for_its_claims_only(tiny_study):
    (tiny_study / "repeats.csv").unlink()
    kinds = {r.kind for r in rows_of(load_study_folder("tiny"))}
    assert kinds == {"above baseline", "marginal rise"}


def test_lu2024_rows_not_reproduced_are_these_three(lu2024):
    wrong = {r.subject: r.published for r in rows_of(lu2024) if not r.agrees}
    assert wrong == {
        "Codenames": "not above",
        "Strange stories": "above",
        "Tracking shuffled objects": "not above",
    }


@pytest.mark.parametrize(
    ("task", "n_correct", "n_items", "rises"),
    [
        ("codenames", 26, 80, True),
        ("strange_stories", 28, 116, False),
        ("tracking_shuffled_objects", 259, 745, True),
    ],
)
def test_lu2024_davinci_stands_where_its_counts_put_it(lu2024, task, n_correct, n_items, rises):
    frame = lu2024.record.frame
    davinci = frame[
        (frame["task"] == task) & (frame["checkpoint"] == "davinci") & (frame["n_shots"] == 0)
    ]
    assert davinci[["n_correct", "n_items"]].to_numpy().tolist() == [[n_correct, n_items]]
    assert bool(n_correct / n_items > davinci["chance"].item()) == rises


def runs(*cells):
    """Return runs of cells given as (items, counts)."""
    return pd.DataFrame(
        [
            ("c", f"t{i}", "accuracy", "closed", 0.0, seed, float(n), float(k))
            for i, (n, counts) in enumerate(cells)
            for seed, k in enumerate(counts)
        ],
        columns=["checkpoint", "task", "metric", "prompt_format", "n_shots", "seed", "n_items",
                 "n_correct"],
    )  # fmt: skip


def test_audit_of_two_cells_is_as_by_hand():
    # first: 0.4 and 0.6, variance 0.02, binomial 0.25 / 10; second: identical at 0.5 of 10
    audit = audit_replicates(runs((10, [4, 6]), (10, [5, 5]), (10, [7])))
    assert (audit.n_cells, audit.n_identical) == (2, 1)
    assert audit.variance_ratio == pytest.approx((0.02 + 0) / (0.025 + 0.025))
    assert audit.icc == pytest.approx(0.6)


def test_audit_of_single_runs_is_not_a_number():
    audit = audit_replicates(runs((10, [4]), (10, [5])))
    assert (audit.n_cells, audit.n_identical) == (0, 0)
    assert np.isnan(audit.icc)


def test_audit_of_cells_all_right_gives_no_warning():
    assert audit_replicates(runs((10, [10, 10]), (10, [0, 0]))).n_identical == 2


def test_audit_of_independent_items_is_near_zero(rng):
    cells = [(100, rng.binomial(100, 0.5, 3)) for _ in range(400)]
    # the ratio is a mean of 400 chi-square(2)/2 variables: standard error 0.05
    assert abs(audit_replicates(runs(*cells)).icc) < 0.2


def test_audit_of_lu2024_metric_of_record_finds_near_copies(lu2024):
    repeats = read_repeats(lu2024.folder)
    of_record = runs_of_record(repeats, lu2024.scores, "closed")
    assert audit_replicates(of_record).icc == pytest.approx(0.958, abs=0.002)
