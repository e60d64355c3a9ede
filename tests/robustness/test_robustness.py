"""Kept robustness tables count only for the analysis that they were made of."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from benchmarks import studies
from toolkit.errors import ToolkitError
from toolkit.fit.sampling import FitSettings
from toolkit.models import RIVALS
from toolkit.predictive import replicates
from toolkit.robustness import assess
from toolkit.robustness.assess import (
    MANIFEST,
    TABLES,
    Robustness,
    RobustnessInput,
    read_robustness,
    robustness_key,
    write_robustness,
)
from toolkit.robustness.evidence import WIDE_STEP
from toolkit.robustness.variants import Variant, kept_table

KEPT = Robustness(
    {name: pd.DataFrame({"task": ["leap"], "p": [0.123456789]}) for name in TABLES},
    {"key": "abc", "made": "today"},
)


def test_kept_tables_come_back_rounded(tmp_path):
    write_robustness(KEPT, tmp_path / "robustness")
    found = read_robustness(tmp_path / "robustness", "abc")
    assert set(found.tables) == set(TABLES)
    assert found.tables["rivals"].to_dict("records") == [{"task": "leap", "p": 0.12346}]
    assert found.provenance == KEPT.provenance


@pytest.mark.parametrize("task", ["2048", "NA", "null", "1e3"])
def test_task_keeps_its_name_in_kept_tables(tmp_path, task):
    tables = {name: pd.DataFrame({"task": [task], "p": [0.5]}) for name in TABLES}
    write_robustness(Robustness(tables, {"key": "abc"}), tmp_path)
    found = read_robustness(tmp_path, "abc").tables["rivals"]
    assert found["task"].tolist() == [task]
    kept = kept_table(tmp_path, "jumps", lambda: tables["rivals"])
    assert kept["task"].tolist() == [task]


def test_kept_table_is_named_by_what_makes_it():
    variant = Variant(studies.small(), "linear", FitSettings(10, 10, 2, 0.9, 1))
    keys = {variant.key("above"), variant.key("family"), variant.key("above", replicates)}
    assert len(keys) == 3


GIVEN = RobustnessInput(
    studies.small(), "closed", "step", FitSettings(9, 9, 4, 0.9, 1), FitSettings(6, 9, 4, 0.9, 1)
)


def change(table, column):
    """Return a table in which a column has another value in its first row."""
    other = table.copy()
    value = other[column].iloc[0]
    other[column] = other[column].astype(object)
    other.loc[other.index[0], column] = f"{value}x" if isinstance(value, str) else 0.123
    return other


@pytest.mark.parametrize(
    ("part", "column"),
    [
        ("frame", "score"), ("frame", "lm_family"), ("tasks", "metric_of_record"),
        ("checkpoints", "developer"), ("checkpoints", "api"), ("checkpoints", "train_flop"),
    ],
)  # fmt: skip
def test_tables_belong_to_every_score_and_every_fact_about_it(part, column):
    table = getattr(GIVEN.scores, part)
    if column not in table:
        table = table.assign(**{column: ""})
    before = replace(GIVEN.scores, **{part: table})
    after = replace(GIVEN.scores, **{part: change(table, column)})
    keys = {robustness_key(replace(GIVEN, scores=scores)) for scores in (before, after)}
    assert len(keys) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"prompt_format": "open"}, {"model": "spline_step"},
        {"full": replace(GIVEN.full, draws=10)}, {"settings": replace(GIVEN.settings, tune=8)},
    ],
)  # fmt: skip
def test_tables_belong_to_one_way_of_fitting(other):
    assert robustness_key(replace(GIVEN, **other)) != robustness_key(GIVEN)


def test_every_table_is_made_with_the_model_of_the_study(monkeypatch, tmp_path):
    models = {}

    def table(name, place):
        def make(*given, **_):
            models[name] = place(given)
            return pd.DataFrame({"task": ["leap"]})

        return make

    monkeypatch.setattr(assess, "fit_model", lambda _, model, *__: models.update(fit=model))
    monkeypatch.setattr(assess, "_power_scaling", table("scaled", lambda g: "spline_step"))
    monkeypatch.setattr(assess, "jump_table", lambda *_: pd.DataFrame({"task": ["leap"]}))
    monkeypatch.setattr(assess, "extrapolations", table("ahead", lambda g: "spline_step"))
    monkeypatch.setattr(assess, "leave_out", table("units", lambda g: "spline_step"))
    monkeypatch.setattr(assess, "other_jump_priors", table("priors", lambda g: g[1].model))
    monkeypatch.setattr(assess, "predict_left_out_families", table("families", lambda g: g[1]))
    monkeypatch.setattr(assess, "run_specifications", table("specifications", lambda g: g[2]))
    given = replace(GIVEN, model="spline_step")
    found = assess.assess(given, tmp_path, lambda _: None)
    assert set(found.tables) == set(TABLES)
    assert set(found.tables["rivals"]["model"]) == {*RIVALS, WIDE_STEP}
    assert set(models.values()) == {"spline_step"}
    assert found.provenance["key"] == robustness_key(given)


def test_tables_of_another_analysis_do_not_count(tmp_path):
    write_robustness(KEPT, tmp_path)
    assert read_robustness(tmp_path, "other") is None
    assert read_robustness(tmp_path / "nowhere", "abc") is None


def test_tables_without_their_manifest_do_not_count(tmp_path):
    write_robustness(KEPT, tmp_path)
    (tmp_path / MANIFEST).unlink()
    assert read_robustness(tmp_path, "abc") is None


@pytest.mark.parametrize("damage", ["no table", "no json", "no key"])
def test_damaged_tables_are_an_error_that_says_what_to_do(tmp_path, damage):
    write_robustness(KEPT, tmp_path)
    if damage == "no table":
        (tmp_path / "rivals.csv").unlink()
    else:
        text = "{" if damage == "no json" else json.dumps({"made": "today"})
        (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(ToolkitError, match="run emergence robustness again"):
        read_robustness(tmp_path, "abc")
