"""One study read from its folder and checked, with how it is to be analysed.

``reports/<study>/analysis.toml`` says how a study is analysed; a folder elsewhere may carry its own
``analysis.toml``, else the defaults of ``reports/analysis.default.toml`` are used.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

import pandas as pd

from toolkit import paths
from toolkit.errors import ClaimError, did_you_mean, one_of
from toolkit.fit.sampling import FitSettings
from toolkit.models import MODELS
from toolkit.strict_toml import from_table, read_toml
from toolkit.study.claims import Claim, Study, load_claims, load_study
from toolkit.study.compute_sizes import COMPUTE_OPTIMAL, PARAMETERS, SAID, are_from_compute
from toolkit.study.option_measures import UNBOUNDED, read_option_measures
from toolkit.study.scores import Scores, read_scores
from toolkit.study.token_lengths import TokenLengths, read_token_lengths

Profile = Literal["quick", "full"]
PROFILES = get_args(Profile)


@dataclass(frozen=True)
class AnalysisPlan:
    """How a study is analysed: the model, the prompt format, and how long to sample."""

    model: str
    prompt_format: str
    quick: FitSettings
    full: FitSettings
    robustness: FitSettings

    def settings(self, profile: Profile) -> FitSettings:
        """Return how long to sample for a profile."""
        return self.full if profile == "full" else self.quick


@dataclass(frozen=True)
class StudyFolder:
    """A study as it lies on disk, read and checked."""

    folder: Path
    study: Study
    claims: tuple[Claim, ...]
    scores: Scores
    plan: AnalysisPlan
    options: pd.DataFrame
    token_lengths: Mapping[str, TokenLengths]

    @property
    def from_compute(self) -> bool:
        """Return whether sizes are training compute, as no number of parameters is known of all."""
        return are_from_compute(self.scores.checkpoints)

    @property
    def size_name(self) -> str:
        """Return what a size is called on an axis or above a column."""
        return COMPUTE_OPTIMAL if self.from_compute else PARAMETERS

    @property
    def said_of_sizes(self) -> str:
        """Return what readers must be told where parameters are made of compute, else nothing."""
        return SAID if self.from_compute else ""

    @cached_property
    def every_metric(self) -> Scores:
        """Return the scores and, beside them, what ``options.csv`` says of the same cells."""
        if self.options.empty:
            return self.scores
        frame = pd.concat([self.scores.frame, self.options], ignore_index=True)
        return replace(self.scores, frame=frame)

    @cached_property
    def every_proportion(self) -> Scores:
        """Return what of ``every_metric`` lies between 0 and 1, and can be compared and drawn."""
        every = self.every_metric
        return every.where(~every.frame["metric"].isin(UNBOUNDED))

    @cached_property
    def record(self) -> Scores:
        """Return the cells that the verdicts rest on."""
        return self.scores.of_record(self.plan.prompt_format)


def study_names() -> list[str]:
    """Return the ids of the bundled studies."""
    return sorted(path.parent.name for path in paths.data_dir().glob("*/study.toml"))


def reported_names() -> list[str]:
    """Return the bundled studies that have an analysis of their own beside their report.

    The others can be checked and fitted; they join the site when that file is there.
    """
    return [name for name in study_names() if paths.analysis_file(name).exists()]


def find_study(study: str, file: str = "study.toml") -> Path:
    """Return the folder of a bundled study, or of a path that has the file.

    Raises
    ------
    ClaimError
        When there is neither.
    """
    known = study_names()
    if study in known:
        return paths.data_dir() / study
    path = Path(study)
    try:
        if (path / file).is_file():
            return path.resolve()
    except OSError:  # no path of this file system, such as a name that is too long
        study = f"{study[:80]}..."
    msg = (
        f"'{study}': no bundled study of that name{did_you_mean(study, known)} and no folder with "
        f"a {file}; expected one of {', '.join(known)} or a path."
    )
    raise ClaimError(msg)


def load_study_folder(study: str) -> StudyFolder:
    """Return a study read and checked, or raise a ``ToolkitError`` naming the fault."""
    folder = find_study(study)
    scores = read_scores(folder)
    from_compute = are_from_compute(scores.checkpoints)
    claims = load_claims(folder, scores.tasks["task"].tolist(), from_compute=from_compute)
    plan = _load_plan(folder, scores.frame["prompt_format"].unique().tolist())
    options = read_option_measures(folder, scores)
    lengths = read_token_lengths(folder, scores)
    return StudyFolder(folder, load_study(folder), claims, scores, plan, options, lengths)


def _plan_file(folder: Path) -> Path:
    """Return the study's own file, that of the bundled study that it is, or the defaults."""
    files = [folder / "analysis.toml"]
    if paths.is_bundled(folder):
        files.append(paths.analysis_file(folder.name))
    default = paths.CHECKOUT / "reports" / "analysis.default.toml"
    return next((file for file in files if file.exists()), default)


def _load_plan(folder: Path, prompt_formats: list[str]) -> AnalysisPlan:
    path = _plan_file(folder)
    plan = from_table(AnalysisPlan, read_toml(path), str(path))
    # A smooth model has no jump to judge.
    fitting = [name for name, model in MODELS.items() if model.jumps]
    one_of(plan.model, fitting, f"{path}: key 'model'")
    one_of(plan.prompt_format, prompt_formats, f"{path}: key 'prompt_format', as in scores.csv")
    for profile, settings in (
        ("quick", plan.quick),
        ("full", plan.full),
        ("robustness", plan.robustness),
    ):
        for name, least in (("draws", 1), ("tune", 1), ("chains", 2), ("random_seed", 0)):
            if getattr(settings, name) < least:
                msg = (
                    f"{path}: key '{profile}': got {name} {getattr(settings, name)}, "
                    f"expected {least} or more."
                )
                raise ClaimError(msg)
        if not 0 < settings.target_accept < 1:
            msg = (
                f"{path}: key '{profile}': got target_accept {settings.target_accept}, "
                "expected between 0 and 1."
            )
            raise ClaimError(msg)
    return plan
