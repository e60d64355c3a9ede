"""Axes, tables and fits of the specification curve; the fits are faked but for one slow test."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from toolkit.errors import FitError
from toolkit.fit.sampling import FitSettings
from toolkit.models import MODELS
from toolkit.models.design import build_design
from toolkit.robustness import specifications as module
from toolkit.robustness.axes import AXES, axes_of
from toolkit.robustness.specifications import (
    TABLE,
    run_specifications,
    specifications,
    summarise,
    variance_shares,
)
from toolkit.robustness.specified_scores import lab_of, table_of
from toolkit.robustness.variants import COLUMNS, ROPES
from toolkit.simulate import PlantedTask, StudyDesign, planted_claim, simulate_study
from toolkit.study.claims import ARM_LABELS, ARMS, CONTROLLED_ARM
from toolkit.study.scores import Scores, read_scores

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = FitSettings(20, 20, 2, 0.9, 1)
DESIGN = StudyDesign({"ash": (1e8, 1e9, 1e10), "elm": (2e8, 2e9)}, n_items=100)
TASKS = [PlantedTask(name, "none", 5e9) for name in ("one", "two", "three")]
CLAIM = planted_claim(TASKS[0])
MAIN = {
    "prompt_format": "closed", "metric": "of record", "api": "all", "curve": "step",
    "families": "as given", "tasks": "all", "scale": "parameters",
}  # fmt: skip


@pytest.fixture(scope="module")
def lu2024():
    return read_scores(ROOT / "data" / "lu2024")


@pytest.fixture
def plain():
    return simulate_study(DESIGN, TASKS, np.random.default_rng(1))


@pytest.fixture
def rich(plain):
    """Return a study that varies on every axis."""
    closed = plain.frame
    exact = closed.assign(metric="exact_match")
    letter = exact.assign(prompt_format="letter")
    open_ = exact.assign(prompt_format="open")
    frame = pd.concat([closed, exact, letter, open_], ignore_index=True)
    small = frame["task"] == "three"
    frame.loc[small, ["n_items", "n_correct"]] //= 4
    flop = frame["n_params"] * 1e12
    frame["train_flop"] = flop.where(~frame["instruction_tuned"])
    checkpoints = plain.checkpoints.assign(
        api=plain.checkpoints["checkpoint"].str.startswith("elm-2e+09"),
        developer=np.where(plain.checkpoints["n_params"] > 5e9, "north", "south"),
        train_flop=plain.checkpoints["n_params"] * 1e12,
    )
    return Scores(frame, checkpoints, plain.tasks)


def options(scores, name):
    axis = next(a for a in axes_of(scores, "closed", "step") if a.name == name)
    return [o.name for o in axis.options], {o.name: o.reason for o in axis.left_out}


# Axes


def test_axes_of_lu2024_are_those_that_its_scores_carry(lu2024):
    found = {a.name: [o.name for o in a.options] for a in axes_of(lu2024, "closed", "step")}
    assert tuple(found) == AXES
    assert found == {
        "prompt_format": ["closed", "letter"],
        "metric": ["of record", "exact_match"],
        "api": ["all", "none served by an API"],
        "curve": ["step", "spline_step", "gaussian_process_step"],
        "families": ["as given", "by lab"],
        "tasks": ["all", "100 items or more"],
        "scale": ["parameters"],
    }


def test_options_left_out_of_lu2024_have_their_reasons(lu2024):
    _, left_out = options(lu2024, "families")
    assert left_out == {"without GPT": "only 5 of 22 tasks would keep 3 sizes or more"}
    _, left_out = options(lu2024, "scale")
    assert left_out["training FLOP"].startswith("not known for 8 of 22 checkpoints")


def test_every_option_has_a_reason(lu2024, rich):
    for scores in (lu2024, rich):
        for axis in axes_of(scores, "closed", "step"):
            assert all(len(o.reason) > 20 for o in (*axis.options, *axis.left_out))
            assert set(o.name for o in axis.options if axis.name == "curve") <= set(MODELS)


def test_study_without_alternatives_has_only_curves_and_families(plain):
    varying = {a.name for a in axes_of(plain, "closed", "step") if len(a.options) > 1}
    assert varying == {"curve"}
    assert "without ash" in options(plain, "families")[1]  # two sizes of elm are left


def test_study_with_everything_varies_on_every_axis(rich):
    varying = {a.name for a in axes_of(rich, "closed", "step") if len(a.options) > 1}
    assert varying == set(AXES)


def test_open_prompt_is_never_admissible(rich):
    names, left_out = options(rich, "prompt_format")
    assert names == ["closed", "letter"]
    assert "chance is no floor" in left_out["open"]


def test_metric_without_counts_is_left_out(rich):
    frame = rich.frame.copy()
    frame.loc[frame["metric"] == "exact_match", "n_correct"] = np.nan
    names, left_out = options(dataclasses.replace(rich, frame=frame), "metric")
    assert names == ["of record"]
    assert "counts" in left_out["exact_match"]


def test_option_that_takes_the_largest_sizes_away_is_tried_alone(lu2024, rich):
    alone = [
        [o.name for a in axes_of(s, "closed", "step") for o in a.options if not o.crossed]
        for s in (lu2024, rich)
    ]
    # In lu2024 the API serves the largest size of most tasks, in the other study it does not.
    assert alone == [["none served by an API"], []]


def test_served_by_an_api_is_no_axis_where_all_are(rich):
    every = dataclasses.replace(rich, checkpoints=rich.checkpoints.assign(api=True))
    assert options(every, "api")[0] == ["all"]


def test_main_model_comes_first_among_curves_and_only_once(plain):
    curve = next(a for a in axes_of(plain, "closed", "spline_step") if a.name == "curve")
    names = [o.name for o in curve.options]
    assert names == ["spline_step", "step", "gaussian_process_step"]


# Tables


def test_main_table_is_that_of_record(lu2024):
    table, left_out = table_of(lu2024, MAIN)
    pd.testing.assert_frame_equal(table.frame, lu2024.of_record("closed").frame)
    assert left_out == ()


def test_letter_prompt_has_exact_match_alone_and_leaves_out_free_text(lu2024):
    table, left_out = table_of(lu2024, MAIN | {"prompt_format": "letter"})
    assert set(table.frame["metric"]) == {"exact_match"}
    assert set(table.frame["prompt_format"]) == {"letter"}
    assert left_out == ("codenames: free text: a letter prompt lists the right answer alone",)
    assert table.frame["task"].nunique() == 21


def test_exact_match_of_every_task(lu2024):
    table, left_out = table_of(lu2024, MAIN | {"metric": "exact_match"})
    assert set(table.frame["metric"]) == {"exact_match"}
    assert table.frame["task"].nunique() == 22
    assert left_out == ()


def test_metric_with_fewer_cells_does_not_stand_in(rich):
    frame = rich.frame
    some = (frame["task"] == "one") & (frame["metric"] == "exact_match")
    fewer = frame.drop(frame[some & (frame["prompt_format"] == "closed")].index[:1])
    table, _ = table_of(dataclasses.replace(rich, frame=fewer), MAIN | {"metric": "exact_match"})
    by_task = table.frame.groupby("task")["metric"].unique().map(list).to_dict()
    assert by_task == {"one": ["accuracy"], "two": ["exact_match"], "three": ["exact_match"]}


def test_without_api_no_such_checkpoint_is_left(lu2024):
    table, _ = table_of(lu2024, MAIN | {"api": "none served by an API"})
    assert not table.frame["checkpoint"].str.contains("davinci").any()
    assert len(lu2024.of_record("closed").frame) - len(table.frame) == 22 * 3 * 2


def test_labs_are_those_of_the_base(lu2024):
    frame = lu2024.of_record("closed").frame
    lab = lab_of(lu2024, frame)
    of = {c: set(lab[frame["checkpoint"] == c]) for c in frame["checkpoint"].unique()}
    assert of["togethercomputer/GPT-JT-6B-v1"] == of["EleutherAI/gpt-j-6b"] == {"EleutherAI"}
    assert of["Rachneet/gpt2-alpaca"] == of["davinci"] == {"OpenAI"}
    assert of["chavinlo/alpaca-13b"] == {"Meta"}
    table, _ = table_of(lu2024, MAIN | {"families": "by lab"})
    assert set(table.frame["lm_family"]) == {"OpenAI", "EleutherAI", "Meta", "TII", "Google"}


def test_small_tasks_and_tasks_of_one_size_are_left_out_with_their_reason(rich):
    _, left_out = table_of(rich, MAIN | {"tasks": "100 items or more"})
    assert left_out == ("three: fewer than 100 items",)
    frame = rich.frame[(rich.frame["task"] != "two") | (rich.frame["n_params"] == 1e8)]
    _, left_out = table_of(dataclasses.replace(rich, frame=frame), MAIN)
    assert left_out == ("two: a single size of checkpoint",)


def test_compute_replaces_size_and_a_tuned_checkpoint_has_that_of_its_base(rich):
    table, _ = table_of(rich, MAIN | {"scale": "training FLOP"})
    plain, _ = table_of(rich, MAIN)
    np.testing.assert_allclose(table.frame["n_params"], 1e12 * plain.frame["n_params"])


def test_making_a_table_leaves_the_scores_as_they_are(rich):
    before = rich.frame.copy()
    table_of(rich, MAIN | {"scale": "training FLOP", "families": "by lab"})
    pd.testing.assert_frame_equal(rich.frame, before)


# Specifications


def test_every_specification_of_lu2024_makes_a_design(lu2024):
    for made in specifications(lu2024, "closed", "step", budget=12):
        design = build_design(made.scores)
        assert len(design.tasks) >= 14
        assert len(design.tasks) + len(made.left_out) == 22


def test_main_comes_first_then_every_single_change_then_combinations(rich):
    found = specifications(rich, "closed", "step", budget=20)
    assert found[0].label == "main"
    assert found[0].choices == MAIN
    changed = [{n for n, o in s.choices.items() if o != MAIN[n]} for s in found]
    # The letter prompt knows one metric only, so that both change.
    single = [c for c in changed if len(c) == 1 or c == {"prompt_format", "metric"}]
    wanted = sum(len(a.options) - 1 for a in axes_of(rich, "closed", "step"))
    assert changed[1 : 1 + wanted] == single[:wanted]
    assert all(len(c) > 1 for c in changed[1 + wanted :])
    assert len(found) == 20
    assert len({s.label for s in found}) == 20


def test_budget_never_takes_a_single_change_away(rich):
    wanted = 1 + sum(len(a.options) - 1 for a in axes_of(rich, "closed", "step"))
    assert len(specifications(rich, "closed", "step", budget=1)) == wanted


def test_combinations_depend_on_the_seed_only(rich):
    labels = [
        [s.label for s in specifications(rich, "closed", "step", budget=20, random_seed=seed)]
        for seed in (1, 1, 2)
    ]
    assert labels[0] == labels[1] != labels[2]


def test_same_table_twice_is_one_specification(rich):
    # The letter prompt has one metric: with it the choice of a metric changes nothing.
    some = rich.where(rich.frame["prompt_format"] != "open")
    small = dataclasses.replace(some, checkpoints=plain_register(some))
    found = specifications(small, "closed", "step", budget=10**6)
    seen = {(s.choices["curve"], s.scores.frame.to_csv()) for s in found}
    assert len(seen) == len(found)
    # Curves, tasks and scales make 3 x 2 x 2; closed has two metrics, letter one.
    assert len(found) == 12 * 3


def plain_register(scores):
    """Return the checkpoints without who trained and who serves them."""
    return scores.checkpoints.drop(columns=["api", "developer"])


def test_option_tried_alone_is_in_no_combination(lu2024):
    labels = [s.label for s in specifications(lu2024, "closed", "step", budget=10**6)]
    assert [label for label in labels if "API" in label] == ["api: none served by an API"]


# Runs


def fake_jumps(p=0.5, arms=ARM_LABELS):
    def jump_table(variant, cache):
        build_design(variant.scores)
        value = p(variant) if callable(p) else p
        rows = [
            {
                "task": task, "arm": arm, "p_positive": value,
                **{f"p_above_{rope:g}": value * (1 - rope) for rope in ROPES},
                "mcse": 0.01, "median": 0.1, "ci_low": 0.0, "ci_high": 0.2, "rhat": 1.0,
                "ess": 1000.0, "p_narrow": np.nan,
            }
            for task in sorted(variant.scores.frame["task"].unique())
            for arm in arms
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=list(COLUMNS))

    return jump_table


def run(scores, monkeypatch, jump_table, budget=1):
    monkeypatch.setattr(module, "jump_table", jump_table)
    said = []
    table = run_specifications(
        scores, "closed", "step", SETTINGS, Path("none"), budget, said.append
    )
    return table, said


def test_run_has_a_row_for_each_specification_task_arm_and_rope(rich, monkeypatch):
    table, said = run(rich, monkeypatch, fake_jumps())
    assert tuple(table.columns) == TABLE
    found = specifications(rich, "closed", "step", budget=1)
    n_tasks = sum(s.scores.frame["task"].nunique() for s in found)
    assert len(table) == n_tasks * len(ARMS) * len(ROPES)
    assert not table.duplicated(["label", "task", "arm", "rope"]).any()
    np.testing.assert_allclose(table["p_above"], 0.5 * (1 - table["rope"]))
    assert len(said) == len(found) == table["label"].nunique()
    by_label = table.drop_duplicates("label").set_index("label")
    assert by_label.loc["main", "left_out"] == "nothing"
    assert by_label.loc["tasks: 100 items or more", "left_out"] == "three: fewer than 100 items"
    assert by_label.loc["scale: training FLOP", "scale"] == "training FLOP"


def test_run_says_what_was_scored_in_parameters_whatever_the_scale(rich, monkeypatch):
    table, _ = run(rich, monkeypatch, fake_jumps())
    own = table[(table["task"] == "one") & (table["arm"] == CONTROLLED_ARM.label)]
    by_label = own.drop_duplicates("label").set_index("label")
    for label in ("main", "scale: training FLOP"):
        assert tuple(by_label.loc[label, ["n_cells", "size_low", "size_high"]]) == (5, 1e8, 1e10)


def test_arm_without_scores_has_no_cells_and_carries_nothing(plain, monkeypatch):
    zero_shot = plain.where(plain.frame["n_shots"] == 0)
    table, _ = run(zero_shot, monkeypatch, fake_jumps())
    few_shot = table[table["arm"] == ARM_LABELS[1]]
    assert (few_shot["n_cells"] == 0).all()
    assert summarise(table, CLAIM, ARMS[1]).n_carrying == 0
    assert summarise(table, CLAIM, CONTROLLED_ARM).n_carrying == 3


def test_specification_that_cannot_be_fitted_is_a_row_with_the_reason(rich, monkeypatch):
    fitted = fake_jumps()

    def jump_table(variant, cache):
        if variant.model == "spline_step":
            msg = "sampling failed: RuntimeError: no"
            raise FitError(msg)
        return fitted(variant, cache)

    table, said = run(rich, monkeypatch, jump_table)
    failed = table[table["label"] == "curve: spline_step"]
    assert len(failed) == 1
    assert failed["reason"].item() == "sampling failed: RuntimeError: no"
    assert failed["task"].isna().all()
    assert "specification 5 of 9 (curve: spline_step): can't be fitted" in said
    summary = summarise(table, CLAIM)
    assert (summary.n_failed, summary.n_all) == (1, 9)
    assert summary.n_carrying == 8


def test_study_of_which_nothing_is_left_is_a_row_with_the_reason(plain, monkeypatch):
    none = plain.where(plain.frame["n_params"] == 1e8)
    table, _ = run(none, monkeypatch, fake_jumps())
    assert (table["reason"].str.contains("no task is left")).all()


def test_other_errors_are_not_swallowed(plain, monkeypatch):
    def jump_table(variant, cache):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(plain, monkeypatch, jump_table)


def test_summary_is_the_same_from_a_file(rich, monkeypatch, tmp_path):
    table, _ = run(rich, monkeypatch, fake_jumps(lambda v: 0.9 - 0.3 * (v.model == "step")))
    table.round(5).to_csv(tmp_path / "t.csv", index=False)
    read = summarise(pd.read_csv(tmp_path / "t.csv"), CLAIM)
    for field in dataclasses.fields(read):
        expected = getattr(summarise(table, CLAIM), field.name)
        if field.name != "variance_shares":
            assert getattr(read, field.name) == pytest.approx(expected, abs=1e-5)


# Summary


def made_table(rows):
    return pd.DataFrame(rows).reindex(columns=list(TABLE))


def factorial(p, rng):
    """Return rows of a full factorial of curves, prompts, metrics and ROPEs; ``p`` of a row."""
    rows = [
        MAIN
        | {
            "label": f"{curve} {prompt} {metric}", "curve": curve, "prompt_format": prompt,
            "metric": metric, "task": "one", "arm": CONTROLLED_ARM.label, "rope": rope,
            "size_low": 1e8, "size_high": 1e10, "rhat": 1.0, "ess": 1000.0,
        }
        for curve in ("step", "spline_step", "gaussian_process_step")
        for prompt in ("closed", "letter")
        for metric in ("of record", "exact_match")
        for rope in ROPES
    ]  # fmt: skip
    for row in rows:
        row["p_above"] = p(row) + rng.normal(0, 0.01)
        row["p_positive"] = row["p_above"]
    return made_table(rows)


@pytest.mark.parametrize("axis", ["curve", "prompt_format", "metric", "rope"])
def test_axis_that_drives_everything_has_nearly_all_the_variance(axis, rng):
    first = {"curve": "step", "prompt_format": "closed", "metric": "of record", "rope": 0.03}[axis]
    table = factorial(lambda row: 0.9 if row[axis] == first else 0.3, rng)
    summary = summarise(table, CLAIM)
    shares = dict(summary.variance_shares)
    assert set(shares) == {"curve", "prompt_format", "metric", "rope"}
    assert summary.main_axis == axis
    assert shares.pop(axis) > 0.98
    assert max(shares.values()) < 0.01


def test_variance_shares_by_hand():
    table = made_table(
        [
            MAIN | {"curve": curve, "metric": metric, "rope": 0.05, "p_above": p}
            for curve, metric, p in (
                ("step", "of record", 0.2),
                ("step", "exact_match", 0.4),
                ("spline_step", "of record", 0.6),
                ("spline_step", "exact_match", 1.0),
            )
        ]
    )
    # Mean 0.55; sums of squares: total 0.35, curve 4 x 0.25^2 = 0.25, metric 4 x 0.15^2 = 0.09.
    assert variance_shares(table) == pytest.approx({"curve": 0.25 / 0.35, "metric": 0.09 / 0.35})


def test_interaction_belongs_to_no_axis(rng):
    table = factorial(
        lambda row: 0.2 + 0.6 * ((row["metric"] == "of record") == (row["curve"] == "step")), rng
    )
    assert sum(summarise(table, CLAIM).variance_shares.values()) < 0.2


def test_nothing_varies_and_no_axis_matters():
    table = factorial(lambda _: 0.5, np.random.default_rng(1)).assign(p_above=0.5)
    summary = summarise(table, CLAIM)
    assert set(summary.variance_shares.values()) == {0.0}
    assert summary.main_axis is None
    assert summary.p_range == 0


def test_summary_counts_by_hand():
    rows = []
    for label, size_high, p_positive, p_above, rhat in (
        ("a", 1e10, 0.95, 0.9, 1.0),
        ("b", 1e10, 0.81, 0.7, 1.0),
        ("c", 1e10, 0.80, 0.5, 1.5),  # not above 0.8, and not converged
        ("d", 1e9, 0.10, 0.0, 1.0),  # ends below the claimed size
    ):
        for arm in (CONTROLLED_ARM.label, ARM_LABELS[3]):
            for rope, shift in zip(ROPES, (0.05, 0.0, -0.2), strict=True):
                rows.append(
                    MAIN
                    | {
                        "label": label, "task": "one", "arm": arm, "rope": rope, "size_low": 1e8,
                        "size_high": size_high, "p_positive": p_positive,
                        "p_above": p_above + shift, "rhat": rhat, "ess": 1000.0,
                    }
                )  # fmt: skip
    summary = summarise(made_table(rows), CLAIM, CONTROLLED_ARM)
    assert (summary.n_all, summary.n_carrying, summary.n_mixed, summary.n_failed) == (4, 3, 2, 0)
    assert summary.share_positive == pytest.approx(2 / 3)
    assert (summary.p_median, summary.p_low, summary.p_high) == (0.7, 0.5, 0.9)
    assert summary.p_range == pytest.approx(0.4)


def test_claim_that_no_specification_carries_has_no_numbers():
    table = factorial(lambda _: 0.5, np.random.default_rng(1)).assign(size_high=1e9)
    summary = summarise(table, CLAIM)
    assert summary.n_carrying == summary.n_mixed == 0
    assert np.isnan(summary.share_positive)
    assert np.isnan(summary.p_range)
    assert summary.main_axis is None


@pytest.mark.slow
def test_specifications_of_a_simulated_study_are_fitted_and_kept(plain, tmp_path):
    said = []
    table = run_specifications(plain, "closed", "step", SETTINGS, tmp_path, 1, said.append)
    assert table["reason"].isna().all()
    assert table[["p_positive", "p_above", "median"]].notna().all().all()
    kept = len(list((tmp_path / "variants").glob("*.csv")))
    assert kept == table["label"].nunique() == len(said) == 3
    again = run_specifications(plain, "closed", "step", SETTINGS, tmp_path, 1)
    pd.testing.assert_frame_equal(table, again)
