"""verdicts.json: its schema, and what could not be computed is null, never NaN."""

import json
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
from by_hand_tables import robustness_of
from typer.testing import CliRunner

from toolkit import paths
from toolkit.analysis.study_folder import load_study_folder
from toolkit.cli.app import app
from toolkit.report.card.change_of_mind import tried_rows
from toolkit.report.robustness_file import (
    claim_stability,
    plain,
    robustness_rows,
    shown_arms,
)
from toolkit.report.verdicts_file import FORMAT, as_text, document, study_record
from toolkit.robustness.assess import write_robustness
from toolkit.study.claims import Arm


@pytest.fixture
def schema():
    return json.loads(paths.VERDICTS_SCHEMA.read_text())


def first_claim(written):
    return written["studies"][0]["claims"][0]


def test_document_without_robustness_fulfils_the_schema(analysis, schema):
    written = json.loads(as_text(document([analysis])))
    jsonschema.validate(written, schema)
    assert written["format"] == FORMAT == 2
    claim = first_claim(written)
    assert claim["stability"] is None
    assert [c["code"] for c in claim["support"]] == ["RIVALS_NOT_COMPARED"]
    assert claim["support"][0]["met"] is None


def test_document_with_robustness_fulfils_the_schema(robust, schema):
    written = json.loads(as_text(document([robust])))
    jsonschema.validate(written, schema)
    stability = first_claim(written)["stability"]
    assert set(stability) == {"zero-shot, base", "few-shot, base"}
    arm = stability["zero-shot, base"]
    assert [rival["model"] for rival in arm["rivals"]] == [
        "spline_step", "gaussian_process_step", "power_law_step", "wide_step",
    ]  # fmt: skip
    assert arm["rivals"][0]["converged"] is True
    assert arm["at_claim"]["cut"] < np.log10(3e9)
    assert arm["influential"]["unit"] == "moss-l"


def test_shape_has_sharpness_onset_and_shift(analysis):
    shape = first_claim(json.loads(as_text(document([analysis]))))["shape"]
    assert set(shape["sharpness"]) == {"zero-shot, base", "few-shot, base"}
    assert len(shape["onset"]) == 4
    for earlier in shape["decades_earlier_than_controlled"].values():
        assert earlier["unit"] == "decades"


def test_definitions_and_metrics_are_those_of_both_arms(analysis):
    claim = first_claim(json.loads(as_text(document([analysis]))))
    assert len(claim["definitions"]) == 12
    assert {each["arm"] for each in claim["definitions"]} == {"zero-shot, base", "few-shot, base"}
    assert all(isinstance(each["decisive"], bool) for each in claim["definitions"])
    untested = [each for each in claim["definitions"] if each["verdict"] == "not testable"]
    assert untested
    assert all(each["p_value"] is None for each in untested)
    (reading,) = claim["metrics"][0]["readings"]
    assert (reading["metric"], reading["of_record"]) == ("accuracy", True)
    assert "moss-l" in reading["checkpoints"]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda claim: claim.pop("shape"), "shape"),
        (lambda claim: claim["definitions"].clear(), "definitions"),
        (lambda claim: claim["support"][0].update(met="yes"), "met"),
        (lambda claim: claim["definitions"][0].update(verdict="maybe"), "verdict"),
    ],
)
def test_schema_refuses_a_gap(analysis, schema, change, where):
    written = json.loads(as_text(document([analysis])))
    change(first_claim(written))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(written, schema)


def test_no_measured_claim_is_no_number_of_jumps(analysis, schema):
    nowhere = replace(analysis, jumps=analysis.jumps.where(False))
    found = study_record(nowhere)["surviving"]["all"]
    assert found["n_claims"] == 0
    assert found["count"] is found["p_none"] is found["diagnosis_passed"] is None
    assert found["distribution"] == []


def test_plain_gives_what_json_knows():
    assert plain({"a": np.nan, "b": np.inf, "c": np.bool_(True)}) == {
        "a": None,
        "b": None,
        "c": True,
    }
    assert plain(frozenset({"y", "x"})) == ["x", "y"]
    assert plain(Arm(True, False)) == "few-shot, base"
    assert plain((np.float64(0.1234567), np.int64(3))) == [0.123457, 3]


def test_robustness_rows_say_what_moves_each_claim(robust):
    rows = robustness_rows(robust)
    assert [row["task"] for row in rows] == ["Sorting", "Naming"]
    assert all(row["specifications with P(> 0) > 0.8"].endswith("of 4") for row in rows)
    assert "INFLUENTIAL_UNIT" in rows[0]["flags"]
    # What moves an answer is told against the answer of the main fit, as on the card.
    shown = shown_arms(robust)
    assert [row["flags"] for row in rows] == [", ".join(arm.flags) for arm in shown.values()]


def test_claim_whose_control_was_not_scored_is_told_by_its_published_arm(robust):
    first, *others = robust.verdicts
    missing = replace(first.estimates["p_residual_jump"], median=float("nan"))
    unscored = replace(first, estimates={**first.estimates, "p_residual_jump": missing})
    partly = replace(robust, verdicts=(unscored, *others))
    assert [arm.arm for arm in claim_stability(partly, unscored)] == [first.claim.published_arm]
    assert robustness_rows(partly)[0]["arm"] == first.claim.published_arm
    assert set(tried_rows(unscored, robust.robustness)["arm"]) == {first.claim.published_arm}
    neither = replace(unscored, estimates={**unscored.estimates, "p_published_jump": missing})
    assert len(robustness_rows(replace(robust, verdicts=(neither, *others)))) == len(others)
    assert tried_rows(neither, robust.robustness).empty


def test_command_gives_the_same_record_as_the_file(kept_fit, schema):
    shown = CliRunner().invoke(app, ["verdicts", "tiny", "--json"])
    assert shown.exit_code == 0, shown.output
    record = json.loads(shown.stdout)
    jsonschema.validate(record, {"$ref": "#/$defs/study", "$defs": schema["$defs"]})
    assert record["claims"][0]["stability"] is None
    source = load_study_folder("tiny")
    write_robustness(robustness_of(source), paths.robustness_dir(source.folder))
    again = json.loads(CliRunner().invoke(app, ["verdicts", "tiny", "--json"]).stdout)
    assert set(again["claims"][0]["stability"]) == {"zero-shot, base", "few-shot, base"}
    assert len(again["claims"][0]["support"]) == 5
