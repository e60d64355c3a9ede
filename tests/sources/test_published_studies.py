"""What every bundled study promises: it loads, is complete, and is what its reader makes."""

import os
from pathlib import Path

import pytest

from toolkit import paths
from toolkit.analysis.reproduction import reproduce
from toolkit.analysis.study_folder import load_study_folder
from toolkit.sources import SOURCES
from toolkit.tables import write_table

DATA = paths.CHECKOUT / "data"
# study: cells, checkpoints, tasks, claims, those about families that it scores, statements that the
# scores agree with
CONTENTS = {
    "flan-chung2022": (1062, 20, 27, 27, 6, 27),
    "gpt3-brown2020": (379, 8, 16, 16, 6, 16),
    "obsscaling2024": (525, 81, 7, 7, 0, 7),
    "openllm-sloth2024": (2246, 178, 21, 21, 0, 21),
    "pythia2023": (2048, 16, 64, 64, 0, 64),
    "wulo2025": (498, 64, 8, 8, 0, 13),
}
# The file of each study in the folder that EMERGENCE_PUBLISHED names; no test needs it.
FILES = {
    "flan-chung2022": "flan_bbh_tables_17_19.csv",
    "gpt3-brown2020": "gpt3_table_h1.csv",
    "obsscaling2024": "base_llm_emergent_capability_eval.csv",
    "openllm-sloth2024": "data_v1.csv",
    "pythia2023": "pythia_v1_general_tasks.csv",
    "wulo2025": "overall.csv",
}


@pytest.fixture(scope="module", params=sorted(CONTENTS))
def study(request):
    return load_study_folder(str(DATA / request.param))


def test_study_has_so_many_cells_checkpoints_tasks_and_claims(study):
    cells, checkpoints, tasks, claims, prior, reproduced = CONTENTS[study.study.id]
    assert len(study.scores.frame) == cells
    assert len(study.scores.checkpoints) == checkpoints
    assert len(study.scores.tasks) == tasks
    assert len(study.claims) == claims
    assert [c.claim_set for c in study.claims].count("prior") == prior
    rows = reproduce(study.folder, study.scores, study.claims, study.plan.prompt_format)
    assert sum(row.agrees for row in rows) == reproduced


def test_every_checkpoint_and_task_has_cells_of_record(study):
    frame = study.record.frame
    assert set(frame["task"]) == set(study.scores.tasks["task"])
    # A base may stand in the register for its tuned variants alone.
    needed = set(frame["checkpoint"]) | set(frame["base_checkpoint"].dropna())
    assert needed == set(study.scores.checkpoints["checkpoint"])


def test_every_claim_speaks_of_a_task_and_an_arm_that_were_scored(study):
    for claim in study.claims:
        assert claim.task in set(study.record.frame["task"])
    assert len({claim.task for claim in study.claims}) == len(study.claims)


def test_every_fact_has_its_source(study):
    assert study.scores.tasks["chance_source"].str.len().gt(5).all()
    assert study.scores.checkpoints["facts_source"].str.len().gt(5).all()


def test_study_names_the_file_that_its_reader_takes(study):
    assert study.study.provenance.sha256 == SOURCES[study.study.id].SHA256


def test_fresh_import_equals_the_committed_files(study, tmp_path):
    name = study.study.id
    path = Path(os.environ.get("EMERGENCE_PUBLISHED", "absent")) / name / FILES[name]
    if not path.exists():
        pytest.skip(
            "the authors' files are not part of the repository; set EMERGENCE_PUBLISHED to a "
            f"folder with {name}/{FILES[name]} to compare with them"
        )
    for file, table in SOURCES[name].import_scores(path).items():
        write_table(table, tmp_path / file)
        assert (tmp_path / file).read_bytes() == (DATA / name / file).read_bytes()
