"""Kept robustness tables count only for the analysis that they were made of."""

import json

import pandas as pd
import pytest

from benchmarks import studies
from toolkit.errors import ToolkitError
from toolkit.fit.sampling import FitSettings
from toolkit.predictive import replicates
from toolkit.robustness.assess import (
    MANIFEST,
    TABLES,
    Robustness,
    read_robustness,
    write_robustness,
)
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
