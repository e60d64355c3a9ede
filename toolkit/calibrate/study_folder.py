"""A simulated study as a folder like any other, with its truth beside it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from toolkit.calibrate.truths import TRUTHS
from toolkit.errors import ClaimError
from toolkit.paths import write_whole
from toolkit.simulate import StudyDesign, planted_claim, simulate_study
from toolkit.simulate.design_file import TaskTable
from toolkit.strict_toml import toml_lines
from toolkit.study.claims import Claim, check_name
from toolkit.study.scores import SCORES_SCHEMA
from toolkit.tables import write_table

STUDY = {
    "title": "A simulated study",
    "short_title": "Simulated",
    "authors": "nobody",
    "venue": "simulated",
    "version": "1",
    "url": "https://example.org",
    "bibtex_key": "simulated",
    "licence": "CC0 1.0",
    "attribution": "Simulated scores.",
    "year": 2000,
    "question": "Does the procedure find what was planted?",
    "data_choices": ["All cells are kept."],
    "limits": ["Simulated: the truth is known."],
}


def write_study(
    design: StudyDesign, tasks: Sequence[TaskTable], folder: Path, seed: int
) -> dict[str, int]:
    """Write the files of a simulated study, and return how many rows or tables each has.

    ``truth.csv`` holds the truth of every task; an analysis must not read it.
    """
    check_name(folder.name, "folder", str(folder))
    if not tasks:
        msg = "the design has no [[task]]: give each task's truth and step_at."
        raise ClaimError(msg)
    named = [(task.name or f"task-{number}", task) for number, task in enumerate(tasks, 1)]
    _check_names([name for name, _ in named])
    rng = np.random.default_rng(seed)
    planted = [TRUTHS[task.truth].plant(name, task.step_at, rng) for name, task in named]
    scores = simulate_study(design, planted, rng)
    cells = scores.frame[[c for c in SCORES_SCHEMA.columns if c in scores.frame]]
    truth = pd.DataFrame(
        [
            {"task": name, "truth": task.truth, "step_at": task.step_at,
             "height": TRUTHS[task.truth].height}
            for name, task in named
        ]
    )  # fmt: skip
    written = {
        "scores.csv": cells.drop(columns="score_se"),
        "checkpoints.csv": scores.checkpoints,
        "tasks.csv": scores.tasks,
        "truth.csv": truth,
    }
    for name, table in written.items():
        write_table(table, folder / name)
    claims = [planted_claim(task) for task in planted]
    write_whole(folder / "claims.toml", "\n".join(map(_claim_toml, claims)))
    write_whole(folder / "study.toml", _study_toml(folder.name, seed))
    return {name: len(table) for name, table in written.items()} | {"claims.toml": len(claims)}


def _check_names(names: Sequence[str]) -> None:
    for name in names:
        check_name(name, "name", "[[task]]")
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        msg = f"[[task]]: got the name {twice[0]!r} twice, expected each once; rename one."
        raise ClaimError(msg)


def _study_toml(name: str, seed: int) -> str:
    provenance = {
        "repository": "emergence simulate", "commit": "none",
        "file": f"seed {seed}", "sha256": "none",
    }  # fmt: skip
    return toml_lines({"id": name} | STUDY) + "\n[provenance]\n" + toml_lines(provenance)


def _claim_toml(claim: Claim) -> str:
    known = {key: value for key, value in asdict(claim).items() if value is not None}
    return "[[claim]]\n" + toml_lines(known)
