"""From a plan to a study folder that the other commands take as it is."""

import json
import shutil
import sys

import pandas as pd
import pytest
from garden_plan import make_garden
from typer.testing import CliRunner

from toolkit.cli.app import app
from toolkit.errors import ToolkitError
from toolkit.study.scores import read_scores


def run(*arguments):
    """Return what the command printed, or raise what it raised."""
    done = CliRunner().invoke(app, ["evaluate", *map(str, arguments)])
    if done.exception:
        raise done.exception
    return done.stdout


def plan_of(measured):
    return measured.parents[1] / "plan.toml"


def test_plan_becomes_a_study_that_check_takes(measured, tiny_files):
    name = "data/tiny/"
    study = tiny_files[name + "study.toml"].replace('id = "tiny"', 'id = "garden"')
    (measured / "study.toml").write_text(study)
    claims = tiny_files[name + "claims.toml"]
    (measured / "claims.toml").write_text(claims)
    analysis = tiny_files["reports/tiny/analysis.toml"].replace("closed", "listed")
    (measured / "analysis.toml").write_text(analysis)
    done = CliRunner().invoke(app, ["check", str(measured)], catch_exceptions=False)
    assert done.exit_code == 0
    assert "garden: valid" in done.output


def test_table_has_every_cell_of_the_factorial(measured):
    scores = read_scores(measured).frame
    assert set(scores["checkpoint"]) == {"fern-s", "fern-s-chat"}
    own = scores[(scores["checkpoint"] == "fern-s") & (scores["metric"] == "accuracy")]
    cells = own.set_index(["task", "prompt_format", "n_shots"])[["n_items", "n_repeats"]]
    assert cells.loc[("naming", "listed", 0)].tolist() == [10, 1]
    assert cells.loc[("naming", "listed, random labels", 2)].tolist() == [10, 2]
    assert cells.loc[("sorting", "plain, format only", 2)].tolist() == [8, 2]
    # sorting: 2 formats x (zero-shot + 3 kinds); naming in one format
    assert len(cells) == 8 + 4
    assert (scores["metric"] == "exact_match").sum() == 2 * 4
    assert scores.loc[scores["task"] == "sums", "chance"].unique().tolist() == [0.0]
    assert scores.loc[scores["task"] == "naming", "chance"].unique().tolist() == [0.25]


def test_checkpoints_carry_the_facts_of_the_plan(measured):
    facts = pd.read_csv(measured / "checkpoints.csv").set_index("checkpoint")
    assert facts["n_params"].tolist() == [70_000_000, 12_345]
    assert facts.loc["fern-s-chat", "base_checkpoint"] == "fern-s"
    assert facts["facts_source"].tolist() == ["the plan", "the plan, parameters counted"]
    tasks = pd.read_csv(measured / "tasks.csv").set_index("task")
    assert tasks["metric_of_record"].to_dict() == {
        "naming": "accuracy", "sorting": "accuracy", "sums": "exact_match",
    }  # fmt: skip


def test_item_records_agree_with_the_scores(measured):
    records = [
        json.loads(line)
        for path in sorted((measured.parents[1] / "store" / "records" / "garden").iterdir())
        for line in path.read_text().splitlines()
    ]
    frame = pd.DataFrame(records)
    keys = ["checkpoint", "task", "prompt_format", "n_shots"]
    exact = frame[frame["task"] == "sums"]
    share = (
        exact["correct"].map(lambda c: c["exact_match"]).groupby([exact[k] for k in keys]).mean()
    )
    scores = pd.read_csv(measured / "scores.csv").query("task == 'sums'").set_index(keys)
    assert share.to_dict() == pytest.approx(scores["score"].to_dict())
    unparseable = exact["generated"].map(lambda g: g["unparseable"])
    assert unparseable.any()
    assert exact.loc[unparseable, "generated"].map(lambda g: g["answer"]).isna().all()


def test_provenance_says_what_made_the_study(measured):
    made = json.loads((measured / "evaluation.json").read_text())
    assert made["versions"]["transformers"]
    assert made["checkpoints"]["fern-s"]["chat_template_sha256"] is None
    assert len(made["checkpoints"]["fern-s-chat"]["chat_template_sha256"]) == 64
    assert made["checkpoints"]["fern-s"]["engine"] == {"engine": "fake", "numerics": 1}
    assert made["tasks"]["sums"]["n_candidates"] == 4
    assert list(made["tasks"]["sums"]["demonstrations_by_seed"]) == ["1", "2"]


def test_second_run_computes_nothing_and_writes_the_same(measured, tables_of):
    before = tables_of(measured)
    said = json.loads(run(plan_of(measured), "--json"))
    assert all(row["requests"] == row["reused"] > 0 for row in said["checkpoints"])
    assert said["notes"][0].startswith("Reused")
    assert "(100%)" in said["notes"][0]
    assert tables_of(measured) == before


def test_new_task_leaves_the_answers_of_the_others(measured):
    garden = plan_of(measured)
    text = garden.read_text()
    first = text.index("[[task]]")
    more = '[[task]]\nname = "sums-2"\npath = "sums.jsonl"\nkind = "generation"\n'
    more += 'scoring = "generate"\nformats = ["plain"]\nanswer = "first_line"\nchance = 0.0\n\n'
    garden.write_text(text[:first] + more + text[first:])
    before = pd.read_csv(measured / "scores.csv")
    said = json.loads(run(plan_of(measured), "--json"))
    after = pd.read_csv(measured / "scores.csv")
    kept = after[after["task"] != "sums-2"].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, before)
    assert all(0 < row["reused"] < row["requests"] for row in said["checkpoints"])


def test_order_of_items_changes_no_score(measured):
    before = pd.read_csv(measured / "scores.csv")
    for path in measured.parents[1].glob("*.jsonl"):
        path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))
    said = json.loads(run(plan_of(measured), "--json"))
    assert all(row["requests"] == row["reused"] for row in said["checkpoints"])
    pd.testing.assert_frame_equal(pd.read_csv(measured / "scores.csv"), before)


def test_dry_run_counts_without_torch_and_writes_nothing(garden, monkeypatch, snapshot):
    monkeypatch.setitem(sys.modules, "toolkit.evaluate.engine.engine", None)
    before = snapshot(garden.parent)
    said = json.loads(run(garden, "--dry-run", "--json"))
    assert snapshot(garden.parent) == before
    row = said["checkpoints"][0]
    # sorting: 2 formats, naming and sums one; zero-shot and 3 kinds, of 2 seeds each
    assert row["cells"] == 4 * 4
    assert row["requests"] == 7 * (2 * 8 * 2 + 10 * 4 + 8)
    assert row["distinct tokens"] < row["tokens"] / 2


def test_dry_run_says_what_a_window_cuts_and_refuses_what_the_run_would(
    garden, checkpoints, tmp_path, edit
):
    asked = json.loads(run(garden, "--dry-run", "--json"))["checkpoints"]
    assert [row["truncated"] for row in asked] == [0] * len(asked)
    longest = max(row["longest request"] for row in asked)
    shutil.copytree(checkpoints, tmp_path / "narrow")
    garden = make_garden(tmp_path / "other", tmp_path / "narrow")
    for config in (tmp_path / "narrow").glob("*/config.json"):
        facts = json.loads(config.read_text()) | {"max_position_embeddings": longest // 2}
        config.write_text(json.dumps(facts))
    with pytest.raises(ToolkitError, match=r"expected at most \d+ in all, the window"):
        run(garden, "--dry-run")
    edit(garden, 'store = "store"', 'store = "store"\ntoo_long = "truncate_left"')
    cut = json.loads(run(garden, "--dry-run", "--json"))["checkpoints"]
    assert all(0 < row["truncated"] < row["items"] for row in cut)


def test_measuring_without_torch_is_one_message(garden, monkeypatch):
    monkeypatch.setitem(sys.modules, "toolkit.evaluate.engine.engine", None)
    with pytest.raises(ToolkitError, match=r"pip install -e '\.\[evaluate\]'"):
        run(garden)


def test_failed_run_leaves_no_study(garden, fake, edit):
    edit(garden, 'store = "store"', 'store = "store"\ntoo_long = "error"')
    config = garden.parent / "plan.toml"
    text = config.read_text()
    config.write_text(text.replace('fern-s-chat"\nlm_family', 'nowhere"\nlm_family'))
    with pytest.raises(ToolkitError, match="nowhere"):
        run(garden)
    assert not (garden.parent / "measured").exists()
