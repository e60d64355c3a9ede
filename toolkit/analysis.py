"""One study from its folder to its verdicts; what the commands and the report both call.

``reports/<study>/analysis.toml`` says how a study is analysed; a folder elsewhere may carry its own
``analysis.toml``, else the defaults below are used and said.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import xarray as xr

from toolkit import paths
from toolkit.claims import CONTROLLED_ARM, Claim, Study, arm_named, load_claims, load_study
from toolkit.definitions import DefinitionResult, study_definitions
from toolkit.diagnose import Diagnosis, diagnose_quantities, diagnose_sampler, measure_mixing
from toolkit.errors import ClaimError, did_you_mean
from toolkit.estimands import Estimate, curve_of, estimate, jump, probability, surviving
from toolkit.fit import FitSettings, Fitted, fit_model
from toolkit.gates import Outcome, design_gates
from toolkit.measured import only_measured
from toolkit.models import MODELS
from toolkit.robustness import Robustness, RobustnessInput, read_robustness, robustness_key
from toolkit.scores import Scores, read_scores
from toolkit.shape import shape_of
from toolkit.strict_toml import from_table, read_toml
from toolkit.support import Evidence
from toolkit.verdict import Verdict, expected_false_discoveries, judge

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

    @property
    def record(self) -> Scores:
        """Return the cells that the verdicts rest on."""
        return self.scores.of_record(self.plan.prompt_format)


@dataclass(frozen=True)
class Analysis:
    """A fitted study with its verdicts, in the order of its claims."""

    source: StudyFolder
    profile: Profile
    fitted: Fitted
    jumps: xr.DataArray
    sampler: Diagnosis
    verdicts: tuple[Verdict, ...]
    robustness: Robustness | None = None

    @property
    def counts(self) -> dict[Outcome, int]:
        """Return how many claims got each outcome; every outcome is named."""
        seen = Counter(verdict.outcome for verdict in self.verdicts)
        return {outcome: seen[outcome] for outcome in Outcome}

    @cached_property
    def posterior(self) -> xr.Dataset:
        """Return the posterior draws."""
        return self.fitted.idata["posterior"].to_dataset()

    @cached_property
    def definitions(self) -> Mapping[str, tuple[DefinitionResult, ...]]:
        """Return every claim under the published definitions, by slug."""
        source = self.source
        seed = source.plan.full.random_seed
        return study_definitions(source.scores, source.claims, source.plan.prompt_format, seed)

    def survivors(self, claim_set: str | None = None) -> "Survivors":
        """Return E3 over all claims, or over one set of them."""
        own = [c.task for c in self.source.claims if claim_set in (None, c.claim_set)]
        controlled = self.jumps.sel(arm=CONTROLLED_ARM.label)
        tasks = [task for task in own if bool(controlled.sel(task=task).notnull().any())]
        draws = surviving(self.jumps, tasks)
        share = [float((draws == k).mean()) for k in range(len(tasks) + 1)]
        return Survivors(
            len(tasks),
            len(own) - len(tasks),
            estimate("claims with a residual jump", draws, "claims"),
            probability("P(none)", draws == 0),
            tuple(share),
            diagnose_quantities(
                {
                    "number of surviving claims": draws.astype(float),
                    "no surviving claim": (draws == 0).astype(float),
                }
            ),
        )

    @property
    def headline(self) -> "Survivors":
        """Return E3 over the claims made before the study, or over all where none had been."""
        made_before = any(claim.claim_set == "prior" for claim in self.source.claims)
        return self.survivors("prior" if made_before else None)

    @property
    def discoveries(self) -> tuple[str, ...]:
        """Return the largest set of claims with a jump at a low expected false discovery rate."""
        return expected_false_discoveries(
            {
                v.claim.slug: v.estimates["p_residual_jump"].median
                for v in self.verdicts
                if v.outcome is Outcome.JUMP_REMAINS
            }
        )


@dataclass(frozen=True)
class Survivors:
    """E3: of ``n_claims``, how many have a jump beyond the ROPE in the controlled arm.

    ``n_unmeasured`` more were not scored there and are not counted.
    """

    n_claims: int
    n_unmeasured: int
    count: Estimate
    p_none: Estimate
    distribution: tuple[float, ...]
    diagnosis: Diagnosis


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
    claims = load_claims(folder, scores.tasks["task"].tolist())
    plan = _load_plan(folder, scores.frame["prompt_format"].unique().tolist())
    return StudyFolder(folder, load_study(folder), claims, scores, plan)


def analyse(source: StudyFolder, profile: Profile = "full", *, progress: bool = False) -> Analysis:
    """Return the verdicts of a study; draws come from the cache where they lie there."""
    record, settings = source.record, source.plan.settings(profile)
    fitted = fit_model(record, source.plan.model, settings, paths.cache_dir(), progress=progress)
    robustness = kept_robustness(source) if profile == "full" else None
    evidence = robustness.evidence if robustness else None
    judged = judge_claims(source.claims, record, fitted, evidence)
    return Analysis(source, profile, fitted, *judged, robustness)


def robustness_input(source: StudyFolder) -> RobustnessInput:
    """Return what the robustness of a study is worked out from."""
    plan = source.plan
    return RobustnessInput(
        source.study, source.claims, source.scores, plan.prompt_format, plan.model, plan.full,
        plan.robustness,
    )  # fmt: skip


def kept_robustness(source: StudyFolder) -> Robustness | None:
    """Return the kept robustness of a study, or None where there is none of this very analysis."""
    return read_robustness(
        paths.robustness_dir(source.folder), robustness_key(robustness_input(source))
    )


class Judged(NamedTuple):
    """E1 draws of all tasks, the checks that every claim rests on, and the verdicts in order."""

    jumps: xr.DataArray
    sampler: Diagnosis
    verdicts: tuple[Verdict, ...]


def judge_claims(
    claims: Sequence[Claim], record: Scores, fitted: Fitted, evidence: Evidence | None = None
) -> Judged:
    """Return the verdicts on claims about a fitted table, gates and checks included.

    ``evidence`` is what was fitted besides; without it no claim gets a verdict with a jump.
    """
    posterior = fitted.idata["posterior"].to_dataset()
    curve = curve_of(fitted.model, fitted.design)
    jumps = only_measured(jump(posterior, fitted.design, curve), fitted.design)
    mixing = measure_mixing(posterior)
    sampler = diagnose_sampler(fitted.idata, mixing)
    verdicts = []
    for claim in claims:
        cells = record.frame[record.frame["task"] == claim.task]
        gates = design_gates(claim, cells)
        own = mixing.of_task(claim.task).checks("the task's unknowns")
        trust = Diagnosis((*sampler.checks, *own))
        published = arm_named(claim.published_arm)
        shape = shape_of(posterior, fitted.design, claim.task, published, curve)
        verdicts.append(
            judge(claim, jumps, posterior, fitted.design, gates, trust, evidence, shape)
        )
    return Judged(jumps, sampler, tuple(verdicts))


def _load_plan(folder: Path, prompt_formats: list[str]) -> AnalysisPlan:
    bundled, own = paths.analysis_file(folder.name), folder / "analysis.toml"
    path = own if own.exists() else bundled
    if not path.exists():
        path = paths.CHECKOUT / "reports" / "analysis.default.toml"
    plan = from_table(AnalysisPlan, read_toml(path), str(path))
    # A smooth model has no jump to judge.
    fitting = [name for name, model in MODELS.items() if model.jumps]
    if plan.model not in fitting:
        hint = did_you_mean(plan.model, fitting)
        msg = f"{path}: got model '{plan.model}'{hint}, expected one of {', '.join(fitting)}."
        raise ClaimError(msg)
    if plan.prompt_format not in prompt_formats:
        hint = did_you_mean(plan.prompt_format, prompt_formats)
        msg = (
            f"{path}: got prompt_format '{plan.prompt_format}'{hint}, expected one that scores.csv "
            f"has: {', '.join(prompt_formats)}."
        )
        raise ClaimError(msg)
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
