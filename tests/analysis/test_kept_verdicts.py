"""The studies of the site: each has verdicts that are kept with it, from a fit that is trusted."""

import json
import re
import tomllib

import jsonschema
import pytest

from toolkit import paths
from toolkit.verdict.gates import Outcome

REPORTS = paths.CHECKOUT / "reports"
STUDIES = sorted(path.parent.name for path in REPORTS.glob("*/analysis.toml"))


@pytest.fixture(params=STUDIES)
def kept(request):
    """Return a study's id with the record of its verdicts."""
    path = REPORTS / request.param / "results" / "verdicts.json"
    return request.param, json.loads(path.read_text(encoding="utf-8"))


def test_kept_verdicts_are_those_of_a_trusted_full_fit(kept):
    _, record = kept
    assert record["fit_trusted"] is True
    assert record["profile"] == "full"


def test_kept_verdicts_fulfil_the_schema(kept):
    schema = json.loads(paths.VERDICTS_SCHEMA.read_text(encoding="utf-8"))
    study = {"$ref": "#/$defs/study", "$defs": schema["$defs"]}
    jsonschema.validate(kept[1], study)


def test_every_claim_of_the_study_is_judged(kept):
    study, record = kept
    claims = tomllib.loads((paths.CHECKOUT / "data" / study / "claims.toml").read_text("utf-8"))
    assert [c["slug"] for c in record["claims"]] == [c["slug"] for c in claims["claim"]]
    assert sum(record["counts"].values()) == len(record["claims"])


def test_settings_of_the_fit_are_those_of_the_analysis(kept):
    study, record = kept
    plan = tomllib.loads((REPORTS / study / "analysis.toml").read_text("utf-8"))
    assert record["fit"]["settings"] == plan["full"]


def test_negative_control_has_no_jump():
    record = json.loads((REPORTS / "pythia2023" / "results" / "verdicts.json").read_text("utf-8"))
    outcomes = {claim["outcome"] for claim in record["claims"]}
    assert outcomes <= {Outcome.NO_JUMP.name, Outcome.UNDETERMINED.name}


@pytest.mark.parametrize(
    "study", sorted(p.parent for p in (paths.CHECKOUT / "data").glob("*/study.toml"))
)
def test_folder_of_a_study_says_which_files_it_has(study):
    text = (study / "README.md").read_text("utf-8")
    listed = re.findall(r"^\| (\S+\.(?:toml|csv)) \|", text, re.M)
    there = [p.name for p in study.iterdir() if p.suffix in (".toml", ".csv")]
    assert sorted(listed) == sorted(there)


def test_index_lists_every_study_of_the_site():
    document = (REPORTS / "index.qmd").read_text("utf-8")
    listed = json.loads(re.search(r"^studies = (\[.*?\])", document, re.M | re.S)[1])
    assert listed == STUDIES
