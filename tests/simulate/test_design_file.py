"""Design files become designs, and faults in them are named."""

import pandas as pd
import pytest

from toolkit.analysis.study_folder import load_study_folder
from toolkit.calibrate.study_folder import write_study
from toolkit.errors import ClaimError
from toolkit.simulate.design_file import read_design

GOOD = """\
n_items = 50
n_repeats = 2

[[family]]
name = "fern"
sizes = [1e8, 1e9, 1e10]

[[family]]
name = "moss"
sizes = [3e8, 3e9, 3e10]
shift = 0.5

[[task]]
truth = "step of 20 points in all arms"
step_at = 2e9

[[task]]
name = "parsed"
truth = "compliance only"
step_at = 2e9
"""


def design_of(text, tmp_path):
    path = tmp_path / "design.toml"
    path.write_text(text)
    return read_design(path)


def test_design_file_becomes_a_design_with_its_tasks(tmp_path):
    design, tasks = design_of(GOOD, tmp_path)
    assert design.sizes == {"fern": (1e8, 1e9, 1e10), "moss": (3e8, 3e9, 3e10)}
    assert design.family_shift == {"moss": 0.5}
    assert (design.n_items, design.n_repeats, design.chance) == (50, 2, 0.25)
    assert [task.truth for task in tasks] == ["step of 20 points in all arms", "compliance only"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("n_items = 50", "n_item = 50", "did you mean 'n_items'"),
        ("n_items = 50", "n_items = 0", "key 'n_items': got 0, expected a whole number"),
        ("n_repeats = 2", "chance = 1.0", "key 'chance': got 1.0, expected a proportion"),
        ("sizes = [1e8, 1e9, 1e10]", "sizes = []", "sizes of family 'fern'"),
        ("sizes = [1e8, 1e9, 1e10]", "sizes = [-1.0]", "sizes of family 'fern'"),
        ('name = "moss"', 'name = "fern"', "two families have one name"),
        ("step_at = 2e9", "step_at = 0.0", "step_at of task 1"),
    ],
)
def test_fault_in_a_design_file_is_named(tmp_path, old, new, said):
    with pytest.raises(ClaimError, match=said):
        design_of(GOOD.replace(old, new, 1), tmp_path)


def test_simulated_study_is_a_study_folder_with_its_truth_beside_it(tmp_path):
    design, tasks = design_of(GOOD, tmp_path)
    folder = tmp_path / "simulated"
    write_study(design, tasks, folder, seed=3)
    source = load_study_folder(str(folder))
    assert [claim.task for claim in source.claims] == ["task-1", "parsed"]
    assert len(source.scores.frame) == 2 * 6 * 2 * 2
    assert set(source.scores.frame["n_repeats"]) == {2}
    assert source.scores.tasks.set_index("task")["chance"].to_dict() == {
        "task-1": 0.25,
        "parsed": 0,
    }
    truth = pd.read_csv(folder / "truth.csv")
    assert truth["height"].tolist() == [0.2, 0.0]
    first = (folder / "scores.csv").read_bytes()
    write_study(design, tasks, folder, seed=3)
    assert (folder / "scores.csv").read_bytes() == first
    write_study(design, tasks, folder, seed=4)
    assert (folder / "scores.csv").read_bytes() != first


@pytest.mark.parametrize(
    ("name", "said"),
    [("My task", "got name 'My task', expected lower-case"), ("parsed", "'parsed' twice")],
)
def test_name_that_makes_no_claim_is_refused_before_anything_is_written(tmp_path, name, said):
    more = f'[[task]]\nname = "{name}"\ntruth = "compliance only"\nstep_at = 2e9\n'
    design, tasks = design_of(GOOD + more, tmp_path)
    with pytest.raises(ClaimError, match=said):
        write_study(design, tasks, tmp_path / "simulated", seed=3)
    assert not (tmp_path / "simulated").exists()


def test_simulating_without_tasks_is_refused(tmp_path):
    design, _ = design_of(GOOD.split("[[task]]", maxsplit=1)[0], tmp_path)
    with pytest.raises(ClaimError, match="the design has no"):
        write_study(design, (), tmp_path / "simulated", seed=1)
