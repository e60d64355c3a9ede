"""Commands as a user types them: exit codes, one line of error, JSON that parses, examples."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from toolkit import paths
from toolkit.cli.app import app, main
from toolkit.report.site import Site

COMMANDS = [c.name or c.callback.__name__.strip("_") for c in app.registered_commands]


@pytest.fixture
def emergence(monkeypatch, capsys):
    """Return a function that runs a command line and gives exit code, output and error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["emergence", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        return left.value.code or 0, out, err

    return run


@pytest.fixture
def refused(emergence, snapshot):
    """Return a function that runs a command that must fail with one line and write nothing."""

    def run(folder, *arguments):
        before = snapshot(folder)
        code, out, err = emergence(*arguments)
        assert (code, out) == (1, "")
        assert err.startswith("Error: ")
        assert err.count("\n") == 1
        assert "Traceback" not in err
        assert snapshot(folder) == before
        return err

    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_has_an_example(command):
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert f"Example: emergence {command}" in " ".join(shown.output.split())


def test_help_names_every_command():
    shown = CliRunner().invoke(app, ["--help"])
    assert shown.exit_code == 0
    assert all(command in shown.output for command in COMMANDS)


def test_studies_json_lists_the_bundled_study(emergence, monkeypatch):
    monkeypatch.delenv("EMERGENCE_ROOT", raising=False)
    code, out, err = emergence("studies", "--json")
    assert (code, err) == (0, "")
    row = next(r for r in json.loads(out) if r["study"] == "lu2024")
    assert (row["claims"], row["tasks"], row["checkpoints"]) == (22, 22, 22)


def test_studies_shows_the_tiny_study(emergence, tiny_study):
    code, out, _ = emergence("studies")
    assert code == 0
    assert "tiny" in out
    assert "CC0 1.0" in out


def test_check_of_lu2024_says_what_is_reproduced(emergence, monkeypatch):
    monkeypatch.delenv("EMERGENCE_ROOT", raising=False)
    code, out, err = emergence("check", "lu2024")
    assert (code, err) == (0, "")
    assert "lu2024: valid; 45 of 48 reproduced." in out


@pytest.mark.parametrize("by", ["name", "path", "relative path"])
def test_check_of_the_tiny_study_gives_json(emergence, tiny_study, monkeypatch, by):
    monkeypatch.chdir(tiny_study.parent)
    named = {"name": "tiny", "path": tiny_study, "relative path": "./tiny"}[by]
    code, out, err = emergence("check", named, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["study"] == "tiny"
    assert [r["result"] for r in found["reproduction"]] == ["reproduced"] * 5
    assert len(found["means"]) == 24
    assert [g["claim"] for g in found["gates"]] == ["sorting", "naming"]
    assert "FEW_SIZES" in found["gates"][0]["closed gates"]


def test_check_of_a_folder_outside_the_workspace_takes_the_default_analysis(
    emergence, tiny_study, monkeypatch, tmp_path
):
    monkeypatch.setenv("EMERGENCE_ROOT", str(tmp_path / "elsewhere"))
    code, out, _ = emergence("check", tiny_study)
    assert code == 0
    assert "tiny: valid; 5 of 5 reproduced." in out


def test_check_json_with_a_run_missing_still_parses(emergence, tiny_study, edit):
    edit(tiny_study / "repeats.csv", "moss-m,sorting,accuracy,closed,0,1,200,64\n", "")
    code, out, _ = emergence("check", "tiny", "--json")
    assert code == 0
    results = {r["of"]: r["result"] for r in json.loads(out)["reproduction"]}
    assert results["sorting"] == "not reproduced"


def test_check_shows_names_as_they_are(emergence, tiny_study):
    for name in ("scores.csv", "checkpoints.csv", "repeats.csv"):
        path = tiny_study / name
        path.write_text(path.read_text().replace("moss-l", "[red]<b>moss-l</b>"))
    code, out, _ = emergence("check", "tiny")
    assert code == 0
    assert "[red]<b>moss-l</b>" in "".join(out.split())


@pytest.mark.parametrize(
    ("name", "old", "new", "parts"),
    [
        ("scores.csv", ",0.255", ",63.2", ["scores.csv line 2", "got '63.2'", "divide percent"]),
        ("claims.toml", '"few-shot, base"', '"few-shot base"', ["claim 1", "did you mean"]),
        (
            "study.toml",
            "year = 2024",
            "years = 2024",
            ["unknown key 'years' (did you mean 'year'?)"],
        ),
        ("tasks.csv", "naming,accuracy", "naming,accuracies", ["tasks.csv", "accuracies"]),
    ],
)
def test_check_of_a_wrong_study_is_one_line(refused, tiny_study, edit, name, old, new, parts):
    edit(tiny_study / name, old, new)
    message = refused(tiny_study, "check", "tiny")
    for part in parts:
        assert part in message


def test_check_of_an_unknown_study_is_one_line(refused, tiny_study):
    assert "did you mean 'tiny'" in refused(tiny_study, "check", "tinny")


def test_studies_with_a_wrong_study_is_one_line(refused, tiny_study):
    (tiny_study / "scores.csv").write_text("")
    assert "scores.csv: the file is empty" in refused(tiny_study, "studies")


@pytest.mark.parametrize(
    "arguments",
    [
        ["check"],
        ["checks", "tiny"],
        ["check", "tiny", "--jsn"],
        ["fit", "tiny", "--profile", "quicker"],
        ["import", "lu2024"],
        [],
    ],
    ids=["no study", "no command", "no option", "no profile", "no file", "nothing"],
)
def test_wrong_usage_leaves_with_two(emergence, tiny_study, arguments):
    code, out, err = emergence(*arguments)
    assert code == 2
    assert "Traceback" not in out + err


def test_import_of_another_file_writes_nothing(refused, tmp_path):
    fake = tmp_path / "evaluation_scores.csv"
    fake.write_text("run_id,filename\n1,rhyming/task.json\n")
    message = refused(tmp_path, "import", "lu2024", fake, "--to", tmp_path / "out")
    assert "evaluation_scores.csv: got sha256" in message
    assert "expected 4315" in message
    assert not (tmp_path / "out").exists()


def test_import_of_an_absent_file_writes_nothing(refused, tmp_path):
    message = refused(tmp_path, "import", "lu2024", tmp_path / "none.csv", "--to", tmp_path / "out")
    assert "no such file" in message
    assert not (tmp_path / "out").exists()


def test_import_from_an_unknown_source_is_one_line(refused, tmp_path):
    message = refused(tmp_path, "import", "lu2042", tmp_path / "x.csv")
    assert "source: got 'lu2042' (did you mean 'lu2024'?)" in message


@pytest.fixture
def source_with_two_tables(monkeypatch):
    """Replace the upstream file's conversion by two small tables."""
    import pandas as pd

    from toolkit.sources import lu2024

    table = pd.DataFrame({"checkpoint": ["fern-s"], "score": [0.25]})
    monkeypatch.setattr(
        lu2024, "import_scores", lambda path: {"scores.csv": table, "repeats.csv": table}
    )


def test_import_writes_the_tables_into_the_folder(emergence, tmp_path, source_with_two_tables):
    out = tmp_path / "new" / "study"
    code, said, _ = emergence("import", "lu2024", tmp_path / "any.csv", "--to", out)
    assert code == 0
    assert sorted(p.name for p in out.iterdir()) == ["repeats.csv", "scores.csv"]
    assert (out / "scores.csv").read_text() == "checkpoint,score\nfern-s,0.25\n"
    assert "scores.csv: 1 rows" in said


def test_import_into_a_file_is_one_line(refused, tmp_path, source_with_two_tables):
    (tmp_path / "taken").write_text("mine\n")
    message = refused(
        tmp_path, "import", "lu2024", tmp_path / "any.csv", "--to", tmp_path / "taken"
    )
    assert "taken" in message


def test_command_in_a_process_of_its_own_gives_code_and_one_line(tiny_study, edit):
    edit(tiny_study / "scores.csv", ",0.255", ",63.2")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from toolkit.cli import main; main()",
            "check",
            str(tiny_study),
        ],
        capture_output=True,
        text=True,
        cwd=paths.CHECKOUT,
        env={**os.environ, "COLUMNS": "40"},
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert "scores.csv line 2 column 'score': got '63.2'" in done.stderr


@pytest.fixture
def long_table(tmp_path):
    path = tmp_path / "cells.csv"
    path.write_text(
        "checkpoint,task,metric,prompt_format,n_shots,n_items,n_correct\n"
        "gpt2,riddles,acc,closed,0,100,55\n"
    )
    tasks = tmp_path / "tasks.csv"
    tasks.write_text("task,metric_of_record,chance,chance_source\nriddles,acc,0.5,two options\n")
    return path, "--tasks", tasks


def test_import_of_own_scores_ends_with_a_report(emergence, tmp_path, long_table):
    out = tmp_path / "study"
    code, said, _ = emergence("import", "long", *long_table, "--to", out)
    assert code == 0
    assert "Read 1 file: 0 item records, 1 runs, 1 cells." in said
    assert "Arm few-shot, base: not measured." in said
    assert f"{out / 'scores.csv'}: 1 rows" in said
    assert "Which claims the table could decide is not known without study.toml and" in said


def test_import_into_a_study_ends_with_the_gates_of_its_claims(emergence, tiny_study, tmp_path):
    scores = tmp_path / "long.csv"
    lines = (tiny_study / "scores.csv").read_text().splitlines()
    scores.write_text("\n".join(",".join(line.split(",")[:7]) for line in lines) + "\n")
    facts = tmp_path / "facts.csv"
    header, *rows = (tiny_study / "checkpoints.csv").read_text().splitlines()
    facts.write_text("\n".join([f"{header},facts_source,aliases", *(f"{r},x," for r in rows), ""]))
    gates = tiny_study / "tasks.csv"
    code, said, _ = emergence(
        "import", "long", scores, "--to", tiny_study, "--tasks", gates, "--checkpoints", facts
    )
    assert code == 0
    shown = "What the design can't decide of each claim (closed gates)"
    assert shown in said
    ended = said.split(shown)[1]
    assert "sorting" in ended
    assert "naming" in ended
    assert "FEW_SIZES" in ended


def test_import_that_describes_writes_nothing(emergence, tmp_path, long_table, snapshot):
    before = snapshot(tmp_path)
    code, said, _ = emergence("import", "long", *long_table, "--describe")
    assert code == 0
    assert "Checkpoint gpt2: openai-community/gpt2, GPT-2" in said
    assert snapshot(tmp_path) == before


def test_import_of_own_scores_without_a_folder_is_one_line(refused, tmp_path, long_table):
    message = refused(tmp_path, "import", "long", *long_table)
    assert "got no folder to write to, expected one; give it with --to DIR." in message


def test_import_of_an_absent_log_is_one_line(refused, tmp_path):
    message = refused(tmp_path, "import", "lm-eval", tmp_path / "none", "--to", tmp_path / "out")
    assert "no such file or folder, expected lm-eval" in message


def test_report_takes_the_studies_that_have_an_analysis(emergence, tiny_study, monkeypatch):
    other = tiny_study.parent / "other"
    shutil.copytree(tiny_study, other)
    study = other / "study.toml"
    study.write_text(study.read_text().replace('id = "tiny"', 'id = "other"'))
    asked = []

    def build_site(studies, *arguments, **options):
        asked.extend(studies)
        return Site((), paths.site_dir() / "verdicts.json", 0, len(studies))

    monkeypatch.setattr("toolkit.report.site.build_site", build_site)
    code, out, _ = emergence("report")
    assert (code, asked) == (0, ["tiny"])
    assert "1 reused from the cache" in out
