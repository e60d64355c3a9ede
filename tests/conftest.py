"""A study small enough to check by eye, and ways to spoil it."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from toolkit.analysis.study_folder import load_study_folder
from toolkit.errors import ToolkitError

STUDY = """\
id = "tiny"
title = "Do small plants grow by leaps?"
short_title = "Tiny 2024"
authors = "A. Fern, B. Moss"
year = 2024
venue = "Garden Notes"
version = "v1"
url = "https://example.org/tiny"
bibtex_key = "tiny2024"
licence = "CC0 1.0"
attribution = "Invented numbers."
question = "Does a leap remain?"
data_choices = ["All cells are kept."]
limits = ["Four base sizes."]

[provenance]
repository = "https://example.org/tiny"
commit = "0"
file = "none.csv"
sha256 = "0"
"""

CLAIMS = """\
[[claim]]
slug = "sorting"
task = "sorting"
paper_version = "v1"
table = "Table 1"
row = "Sorting"
prior_claim = "Sorting is emergent."
prior_source = "Garden Notes 1"
study_claim = "It is not above the baseline."
published_arm = "few-shot, base"
threshold_n_params = 3000000000
published_above_baseline = true
published_emergent = false
published_marginal = false
published_verdict = "not emergent: predictable"
claim_set = "prior"

[[claim]]
slug = "naming"
task = "naming"
paper_version = "v1"
table = "Table 1"
row = "Naming"
prior_claim = "Naming is emergent."
prior_source = "Garden Notes 1"
study_claim = "It rises by less than five points."
published_arm = "few-shot, instruction-tuned"
threshold_n_params = 3000000000
published_above_baseline = true
published_emergent = true
published_marginal = true
published_verdict = "emergent, marginal"
claim_set = "control"
published_baseline = 0.5
"""

CHECKPOINTS = """\
checkpoint,lm_family,n_params,train_flop,released,instruction_tuned,base_checkpoint
fern-s,fern,100000000,,2020,false,
fern-m,fern,1000000000,,2020,false,
fern-m-chat,fern,1000000000,,2021,true,fern-m
moss-m,moss,3000000000,6e+21,2021-06,false,
moss-l,moss,10000000000,2e+22,2021-06,false,
moss-l-chat,moss,10000000000,,2022,true,moss-l
"""

TASKS = """\
task,metric_of_record,chance,chance_source
sorting,accuracy,0.25,four options
naming,accuracy,0.5,two options
"""

SCORES = """\
checkpoint,task,metric,prompt_format,n_shots,n_items,n_correct,n_repeats,repeat_sd,score
fern-s,sorting,accuracy,closed,0,200,51,2,0.01414213562,0.255
fern-s,sorting,accuracy,closed,5,200,54,1,,0.27
fern-s,naming,accuracy,closed,0,100,50,1,,0.5
fern-s,naming,accuracy,closed,5,100,52,1,,0.52
fern-m,sorting,accuracy,closed,0,200,56,1,,0.28
fern-m,sorting,accuracy,closed,5,200,70,1,,0.35
fern-m,naming,accuracy,closed,0,100,49,1,,0.49
fern-m,naming,accuracy,closed,5,100,55,1,,0.55
fern-m-chat,sorting,accuracy,closed,0,200,66,1,,0.33
fern-m-chat,sorting,accuracy,closed,5,200,80,1,,0.4
fern-m-chat,naming,accuracy,closed,0,100,53,1,,0.53
fern-m-chat,naming,accuracy,closed,5,100,58,1,,0.58
moss-m,sorting,accuracy,closed,0,200,64,1,,0.32
moss-m,sorting,accuracy,closed,5,200,90,1,,0.45
moss-m,naming,accuracy,closed,0,100,51,1,,0.51
moss-m,naming,accuracy,closed,5,100,57,1,,0.57
moss-l,sorting,accuracy,closed,0,200,76,1,,0.38
moss-l,sorting,accuracy,closed,5,200,120,1,,0.6
moss-l,naming,accuracy,closed,0,100,53,1,,0.53
moss-l,naming,accuracy,closed,5,100,66,1,,0.66
moss-l-chat,sorting,accuracy,closed,0,200,90,1,,0.45
moss-l-chat,sorting,accuracy,closed,5,200,140,1,,0.7
moss-l-chat,naming,accuracy,closed,0,100,60,1,,0.6
moss-l-chat,naming,accuracy,closed,5,100,75,1,,0.75
"""

# fern-s on sorting without shots ran twice: 49 and 53 of 200, mean 51.
REPEATS = """\
checkpoint,task,metric,prompt_format,n_shots,seed,n_items,n_correct
fern-s,sorting,accuracy,closed,0,1,200,49
fern-s,sorting,accuracy,closed,0,2,200,53
fern-s,sorting,accuracy,closed,5,1,200,54
fern-s,naming,accuracy,closed,0,1,100,50
fern-s,naming,accuracy,closed,5,1,100,52
fern-m,sorting,accuracy,closed,0,1,200,56
fern-m,sorting,accuracy,closed,5,1,200,70
fern-m,naming,accuracy,closed,0,1,100,49
fern-m,naming,accuracy,closed,5,1,100,55
fern-m-chat,sorting,accuracy,closed,0,1,200,66
fern-m-chat,sorting,accuracy,closed,5,1,200,80
fern-m-chat,naming,accuracy,closed,0,1,100,53
fern-m-chat,naming,accuracy,closed,5,1,100,58
moss-m,sorting,accuracy,closed,0,1,200,64
moss-m,sorting,accuracy,closed,5,1,200,90
moss-m,naming,accuracy,closed,0,1,100,51
moss-m,naming,accuracy,closed,5,1,100,57
moss-l,sorting,accuracy,closed,0,1,200,76
moss-l,sorting,accuracy,closed,5,1,200,120
moss-l,naming,accuracy,closed,0,1,100,53
moss-l,naming,accuracy,closed,5,1,100,66
moss-l-chat,sorting,accuracy,closed,0,1,200,90
moss-l-chat,sorting,accuracy,closed,5,1,200,140
moss-l-chat,naming,accuracy,closed,0,1,100,60
moss-l-chat,naming,accuracy,closed,5,1,100,75
"""

ANALYSIS = """\
model = "step"
prompt_format = "closed"

[quick]
draws = 50
tune = 50
chains = 2
target_accept = 0.9
random_seed = 1

[full]
draws = 50
tune = 50
chains = 2
target_accept = 0.9
random_seed = 1

[robustness]
draws = 50
tune = 50
chains = 2
target_accept = 0.9
random_seed = 1
"""

FILES = {
    "data/tiny/study.toml": STUDY,
    "data/tiny/claims.toml": CLAIMS,
    "data/tiny/checkpoints.csv": CHECKPOINTS,
    "data/tiny/tasks.csv": TASKS,
    "data/tiny/scores.csv": SCORES,
    "data/tiny/repeats.csv": REPEATS,
    "reports/tiny/analysis.toml": ANALYSIS,
}


@pytest.fixture(scope="session")
def tiny_files():
    """Return the files of the small study by their path in a workspace."""
    return FILES


@pytest.fixture
def tiny_study(tmp_path, monkeypatch):
    """Return the folder of a valid study in a workspace of its own."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    monkeypatch.setenv("EMERGENCE_ROOT", str(tmp_path))
    return tmp_path / "data" / "tiny"


@pytest.fixture
def rng():
    return np.random.default_rng(20240)


@pytest.fixture
def edit():
    """Return a function that replaces one passage of a file."""

    def replace(path: Path, old: str, new: str) -> None:
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path.name}"
        path.write_text(text.replace(old, new), encoding="utf-8", newline="\n")

    return replace


@pytest.fixture
def snapshot():
    """Return a function that gives every file under a folder with its hash."""

    def taken(folder: Path) -> dict[str, str]:
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    return taken


@pytest.fixture
def refusal(snapshot):
    """Return a function that loads a study and gives its one message; no file may change."""

    def message_of(folder: Path, kind: type[ToolkitError] = ToolkitError) -> str:
        workspace = folder.parent.parent
        before = snapshot(workspace)
        with pytest.raises(kind) as caught:
            load_study_folder(str(folder))
        assert snapshot(workspace) == before
        message = str(caught.value)
        assert message.count("\n") == 0
        assert len(message) < 1000
        return message

    return message_of
