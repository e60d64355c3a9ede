"""The examples' own commands, as their README has them, in a workspace of its own."""

import os
import shlex
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from toolkit import paths

EXAMPLE = paths.CHECKOUT / "examples" / "own-scores"
COMMANDS = [
    line.strip()
    for line in (EXAMPLE / "README.md").read_text().splitlines()
    if line.startswith("    emergence ")
]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Return a folder with the example as it is in the repository, and the report's documents."""
    root = tmp_path_factory.mktemp("workspace")
    shutil.copytree(EXAMPLE, root / "examples" / "own-scores")
    for made in (root / "examples" / "own-scores" / "garden").glob("*.csv"):
        made.unlink()
    (root / "reports").mkdir()
    for path in (paths.CHECKOUT / "reports").iterdir():
        if path.is_file():
            shutil.copy(path, root / "reports")
    return root


@pytest.fixture(scope="module")
def said(workspace):
    """Run the commands in their order and return what each printed."""
    found = []
    for command in COMMANDS:
        done = subprocess.run(
            [sys.executable, "-c", "from toolkit.cli import main; main()",
             *shlex.split(command)[1:]],
            cwd=workspace,
            env={
                **os.environ, "EMERGENCE_ROOT": str(workspace), "PYTHONPATH": str(paths.CHECKOUT)
            },
            capture_output=True,
            text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found.append(done.stdout)
    return found


def test_three_commands_lead_from_a_table_to_a_report(workspace, said):
    imported, checked, reported = said
    assert "Read 1 file: 0 item records, 32 runs, 32 cells." in imported
    assert "Arm zero-shot, base: 2 tasks, 8 sizes each." in imported
    assert "closed gates" in imported
    assert "garden: valid; " in checked
    assert "Studies: 1 fitted, 0 reused from the cache." in reported
    page = (workspace / "reports" / "_site" / "garden.html").read_text()
    assert "Quick profile" in page
    assert "Riddles" in page
    assert "Anagrams" in page


def test_tables_of_the_example_hold_the_counts_of_its_file(workspace, said):
    given = pd.read_csv(EXAMPLE / "scores.csv")
    made = pd.read_csv(workspace / "examples" / "own-scores" / "garden" / "scores.csv")
    key = ["checkpoint", "task", "n_shots"]
    expected = given.rename(columns={"model": "checkpoint", "shots": "n_shots"}).set_index(key)
    found = made.set_index(key).loc[expected.index]
    assert found["n_correct"].tolist() == expected["right"].tolist()
    assert found["n_items"].tolist() == expected["asked"].tolist()
