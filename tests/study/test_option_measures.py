"""Brier scores and log-probabilities beside the counts: read, refused, and put to every claim."""

import math

import numpy as np
import pytest

from toolkit.analysis.study_folder import load_study_folder
from toolkit.definitions.metric_swap import swap_metrics
from toolkit.definitions.rules import Definition
from toolkit.definitions.table import study_definitions
from toolkit.errors import ScoresError
from toolkit.report.card.score_cells import chance_levels, published_cells
from toolkit.study.claims import CONTROLLED_ARM
from toolkit.study.option_measures import read_option_measures
from toolkit.study.scores import read_scores

HEADER = "checkpoint,task,prompt_format,n_shots,n_items"


def write(folder, *rows, columns="brier"):
    (folder / "options.csv").write_text("\n".join([f"{HEADER},{columns}", *rows, ""]))


def read(folder):
    return read_option_measures(folder, read_scores(folder))


def test_values_become_scores_of_which_more_is_better(tiny_study):
    write(
        tiny_study,
        "moss-m,sorting,closed,0,200,0.5,0.04,0.19,-2,0.1",
        "moss-l,sorting,closed,0,100,2,,0,,",
        columns="brier,brier_se,tc_brier,target_log_prob,target_log_prob_se",
    )
    frame = read(tiny_study)
    found = frame.set_index(["checkpoint", "metric"])[["score", "score_se"]]
    assert found.loc[("moss-m", "1 - brier/2")].tolist() == [0.75, 0.02]
    # none was given: sqrt(0.81 * 0.19 / 200)
    assert found.loc[("moss-m", "1 - tc_brier")].tolist() == pytest.approx(
        [0.81, math.sqrt(0.81 * 0.19 / 200)]
    )
    assert found.loc[("moss-m", "target_log_prob")].tolist() == [-2, 0.1]
    assert found.loc[("moss-l", "1 - brier/2")].tolist() == [0, 0]
    assert found.loc[("moss-l", "1 - tc_brier")].tolist() == [1, 0]
    assert ("moss-l", "target_log_prob") not in found.index
    assert frame.loc[frame["checkpoint"] == "moss-m", "n_params"].unique().tolist() == [3e9]
    assert frame["n_correct"].isna().all()
    assert frame["chance"].isna().all()


@pytest.mark.parametrize("seed", range(20))
def test_largest_error_is_never_below_that_of_the_items(seed):
    rng = np.random.default_rng(seed)
    items = rng.beta(*rng.uniform(0.05, 3, 2), size=40)
    share = items.mean()
    assert items.std() / math.sqrt(40) <= math.sqrt(share * (1 - share) / 40)


def test_study_without_the_file_has_no_such_rows(tiny_study):
    source = load_study_folder(str(tiny_study))
    assert source.options.empty
    assert source.every_metric is source.scores


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("moss-x,sorting,closed,0,200,0.5", "line 3: got checkpoint 'moss-x'"),
        ("moss-l,sortng,closed,0,200,0.5", "line 3: got task 'sortng'"),
        ("moss-l,sorting,closed,0,200,2.1", "line 3 column 'brier': got '2.1', expected a number"),
        ("moss-l,sorting,closed,0,200,nan", "line 3 column 'brier': got 'nan'"),
        ("moss-l,sorting,closed,0,0.5,1", "line 3 column 'n_items': got '0.5'"),
        ("moss-m,sorting,closed,0,200,0.4", "line 3: got checkpoint=moss-m"),
        ("moss-l,sorting,closed,0,200", "line 3: got 5 fields, expected 6"),
    ],
)
def test_wrong_row_is_named_by_its_line(tiny_study, row, said):
    write(tiny_study, "moss-m,sorting,closed,0,200,0.5", row)
    with pytest.raises(ScoresError) as refused:
        load_study_folder(str(tiny_study))
    assert f"options.csv {said}" in str(refused.value)


@pytest.mark.parametrize(
    ("columns", "said"),
    [("briers", "unknown column 'briers'"), ("brier_se", "no column of values")],
)
def test_file_without_values_is_an_error(tiny_study, columns, said):
    write(tiny_study, "moss-m,sorting,closed,0,200,0.5", columns=columns)
    with pytest.raises(ScoresError, match=said):
        read(tiny_study)


# Of one family: 1B and below are below the claimed size, 3B.
FAMILY = [("fern-s", 1.2), ("fern-m", 1.1), ("moss-m", 0.8), ("moss-l", 0.4)]


@pytest.fixture
def one_family(tiny_study):
    path = tiny_study / "checkpoints.csv"
    path.write_text(path.read_text().replace(",moss,", ",fern,"))
    return tiny_study


def continuous(folder):
    source = load_study_folder(str(folder))
    found = study_definitions(source.every_metric, source.claims, "closed", 1)["sorting"]
    return next(
        r for r in found if r.definition is Definition.CONTINUOUS and r.arm == CONTROLLED_ARM
    )


def test_claim_is_read_under_the_brier_score(one_family):
    rows = [f"{name},sorting,closed,0,200,{brier},0.02" for name, brier in FAMILY]
    write(one_family, *rows, columns="brier,brier_se")
    result = continuous(one_family)
    # 1.1 to 0.8 at the claimed size is 0.15 of 1 - brier/2; before it 0.05, surely above 0.
    half = 1.959964 * 0.01 * math.sqrt(2)
    assert result.value == pytest.approx(0.15)
    assert f"1 - brier/2 changes by +0.150 [{0.15 - half:+.3f}, {0.15 + half:+.3f}]" in result.text
    assert (result.verdict, result.decisive) == ("not met", True)


def test_log_probability_is_a_definition_and_no_proportion(one_family):
    rows = [f"{name},sorting,closed,0,200,{-brier},0.2" for name, brier in FAMILY]
    write(one_family, *rows, columns="target_log_prob,target_log_prob_se")
    assert continuous(one_family).text.startswith("From 1B to 3B of fern target_log_prob changes")
    source = load_study_folder(str(one_family))
    assert set(source.every_proportion.frame["metric"]) == {"accuracy"}
    assert set(published_cells(source)["metric"]) == {"accuracy"}


def test_log_probability_without_an_error_is_not_read(one_family):
    rows = [f"{name},sorting,closed,0,200,{brier},{-brier}" for name, brier in FAMILY]
    write(one_family, *rows, columns="brier,target_log_prob")
    assert continuous(one_family).value == pytest.approx(0.15)
    assert set(read(one_family)["metric"]) == {"1 - brier/2"}


def test_metrics_side_by_side_have_the_brier_score(one_family):
    rows = [f"{name},sorting,closed,0,200,{brier}" for name, brier in FAMILY]
    write(one_family, *rows)
    source = load_study_folder(str(one_family))
    claim = next(c for c in source.claims if c.slug == "sorting")
    swapped = swap_metrics(claim, source.every_proportion, "closed")[0]
    assert [r.metric for r in swapped.readings] == ["accuracy", "1 - brier/2"]
    assert swapped.readings[1].crossing.at.value == pytest.approx(0.15)
    assert "not known for any checkpoint" in swapped.readings[1].reason
    # The chart offers it, and draws no chance level for it.
    cells = published_cells(source).query("task == 'sorting'")
    brier = cells[cells["metric"] == "1 - brier/2"].set_index("checkpoint")
    assert brier["score"].to_dict() == {"fern-s": 0.4, "fern-m": 0.45, "moss-m": 0.6, "moss-l": 0.8}
    assert chance_levels(cells).to_numpy().tolist() == [["accuracy", 0.25]]
