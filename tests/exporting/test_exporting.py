"""Every Eval Ever records that are written give the same scores when they are read back."""

import json
import subprocess
from itertools import product

import jsonschema
import pandas as pd
import pytest

from tests.other_tools import python_with
from toolkit import paths
from toolkit.errors import SourceError, ToolkitError
from toolkit.exporting.export import export_study
from toolkit.importing.flow import Request, import_study
from toolkit.importing.study_tables import cells_table
from toolkit.sources import every_eval
from toolkit.sources.records import Asked, Ledger
from toolkit.study.scores import CELL, read_scores
from toolkit.tables import write_table

PRINT_SCHEMAS = """\
import json
from every_eval_ever.schema import schema_json
names = "eval.schema.json", "instance_level_eval.schema.json"
print(json.dumps([schema_json(name) for name in names]))
"""
ITEMS = "checkpoint,task,metric,prompt_format,n_shots,repeat,item,correct,n_options\n"
# Two runs of gpt2 on riddles (2 and 3 of 4 right); part scores of gpt2-xl, which has no options.
RUNS = {"1": (1, 0, 1, 0), "2": (1, 1, 1, 0)}
PARTS = (0.5, 1, 0.25)


@pytest.fixture
def own_study(tmp_path):
    """Return a study with items, repeats, part scores, and one cell that has no items."""
    path = tmp_path / "items.csv"
    of_runs = "".join(
        f"gpt2,riddles,acc,closed,0,{run},q{at},{right},4\n"
        for run, answers in RUNS.items()
        for at, right in enumerate(answers)
    )
    of_parts = "".join(
        f"gpt2-xl,riddles,f1,open,5,1,q{at},{part},\n" for at, part in enumerate(PARTS)
    )
    path.write_text(ITEMS + of_runs + of_parts)
    chance = tmp_path / "chance.csv"
    chance.write_text(
        "task,metric_of_record,chance,chance_source\nriddles,acc,0.25,x\nsums,acc,0,x\n"
    )
    to = tmp_path / "study"
    import_study(Request("long", path, tasks=chance), to)
    cells = read_scores(to).frame[pd.read_csv(to / "scores.csv").columns]
    bare = {"checkpoint": "openai-community/gpt2-xl", "task": "sums", "metric": "acc",
            "prompt_format": "closed", "n_shots": 0, "n_items": 40, "n_repeats": 1, "score": 0.1,
            "score_se": 0.04}  # fmt: skip
    write_table(pd.concat([cells, pd.DataFrame([bare])], ignore_index=True), to / "scores.csv")
    write_table(pd.read_csv(chance), to / "tasks.csv")
    return to


def read_back(folder):
    ledger = Ledger()
    every_eval.read(folder, ledger, Asked(), lambda *_: None)
    return cells_table(ledger.runs)


def records_of(folder):
    return [json.loads(p.read_text()) for p in sorted(folder.rglob("*.json"))]


def assert_same_scores(found, expected):
    columns = [*CELL, "n_items", "n_correct", "n_repeats", "repeat_sd", "score", "score_se"]
    tables = [t[columns].sort_values(CELL).reset_index(drop=True) for t in (found, expected)]
    pd.testing.assert_frame_equal(*tables, check_exact=False, atol=1e-9, rtol=0)


def test_own_study_comes_back_with_its_items(tmp_path, own_study):
    to = tmp_path / "records"
    written = export_study("every-eval-ever", str(own_study), to)
    assert sorted(written) == sorted(str(p.relative_to(to)) for p in to.rglob("*") if p.is_file())
    assert_same_scores(read_back(to), read_scores(own_study).frame)
    again = tmp_path / "again"
    import_study(Request("every-eval-ever", to, tasks=own_study / "tasks.csv"), again)
    assert_same_scores(read_scores(again).frame, read_scores(own_study).frame)
    key = ["checkpoint", "task", "metric", "item", "score", "n_options"]
    items = [
        pd.read_parquet(folder / "items.parquet")[key].sort_values(key).reset_index(drop=True)
        for folder in (own_study, again)
    ]
    pd.testing.assert_frame_equal(*items)


def test_each_run_of_a_checkpoint_has_a_record_of_its_own(tmp_path, own_study):
    to = tmp_path / "records"
    export_study("every-eval-ever", str(own_study), to)
    found = {(r["model_info"]["id"], r["evaluation_id"][-2:]): r for r in records_of(to)}
    assert len(found) == 3
    of_gpt2 = [r for r in records_of(to) if r["model_info"]["id"] == "openai-community/gpt2"]
    assert sorted(r["evaluation_results"][0]["score_details"]["score"] for r in of_gpt2) == [
        0.5, 0.75,
    ]  # fmt: skip


def test_records_are_of_the_schema(tmp_path, own_study):
    python = python_with("every_eval_ever.schema")
    said = subprocess.check_output([python, "-c", PRINT_SCHEMAS])
    of_run, of_item = json.loads(said)
    export_study("every-eval-ever", str(own_study), tmp_path / "records")
    for record in records_of(tmp_path / "records"):
        jsonschema.validate(record, of_run)
    for path in (tmp_path / "records").rglob("*.jsonl"):
        for line in path.read_text().splitlines():
            jsonschema.validate(json.loads(line), of_item)


@pytest.mark.parametrize("study", ["lu2024", "gpt3-brown2020"])
def test_published_study_comes_back(tmp_path, study, monkeypatch):
    monkeypatch.delenv("EMERGENCE_ROOT", raising=False)
    export_study("every-eval-ever", study, tmp_path / "records")
    expected = read_scores(paths.data_dir() / study).frame
    assert_same_scores(read_back(tmp_path / "records"), expected)


def test_mean_over_runs_that_nobody_kept_is_an_error_that_leaves_nothing(tmp_path, tiny_study):
    (tiny_study / "repeats.csv").unlink()
    with pytest.raises(SourceError, match="mean over 2 runs for fern-s on sorting") as caught:
        export_study("every-eval-ever", str(tiny_study), tmp_path / "records")
    assert "--leave-out accuracy" in str(caught.value)
    assert not (tmp_path / "records").exists()


def test_score_that_is_not_its_count_is_an_error_that_leaves_nothing(tmp_path, tiny_study, edit):
    (tiny_study / "repeats.csv").unlink()
    edit(tiny_study / "scores.csv", "0,200,51,2,0.01414213562,0.255", "0,200,51,1,,0.2551")
    with pytest.raises(SourceError, match="fern-s, sorting, accuracy, closed, 0") as caught:
        export_study("every-eval-ever", str(tiny_study), tmp_path / "records")
    assert "the format can't carry this cell" in str(caught.value)
    assert not (tmp_path / "records").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("every-eval", "tiny"), "did you mean 'every-eval-ever'"),
        (("every-eval-ever", "tinny"), "did you mean 'tiny'"),
        (("every-eval-ever", "tiny", ("accuracy",)), "got no score besides those left out"),
    ],
)
def test_wrong_request_is_one_error(tmp_path, tiny_study, arguments, said):
    to_format, study, *left_out = arguments
    with pytest.raises(ToolkitError, match=said):
        export_study(to_format, study, tmp_path / "records", *left_out)


def test_folder_with_files_is_refused(tmp_path, tiny_study):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "x").write_text("x")
    with pytest.raises(SourceError, match="expected a new or an empty one"):
        export_study("every-eval-ever", "tiny", tmp_path / "mine")


@pytest.mark.parametrize("name", ["../../x", "a/../../x", "..", "a/b/.x", "sp ace/mo<del"])
def test_names_never_leave_the_folder(name):
    from toolkit.sources.every_eval_records import About, place_of

    for study, number in product(("own", "../own"), (0, 1)):
        parts = place_of(About(study, "t", "o", 0), name, number).record.split("/")
        assert len(parts) == 5
        assert not any(part.startswith(".") or "<" in part for part in parts)
