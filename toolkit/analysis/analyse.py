"""One study from its scores to its verdicts; what the commands and the report both call."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import xarray as xr

from toolkit import paths
from toolkit.analysis.study_folder import Profile, StudyFolder
from toolkit.definitions.metric_swap import SwapResult, swap_metrics
from toolkit.definitions.table import DefinitionResult, study_definitions
from toolkit.estimands.estimate import Estimate, estimate, probability
from toolkit.estimands.jumps import surviving
from toolkit.fit.diagnose import Diagnosis, Mixing, diagnose_quantities
from toolkit.fit.draws import Fitted, fit_model
from toolkit.robustness.assess import Robustness, RobustnessInput, read_robustness, robustness_key
from toolkit.study.claims import CONTROLLED_ARM
from toolkit.verdict.gates import Outcome
from toolkit.verdict.judging import judge_claims
from toolkit.verdict.rules import Verdict, expected_false_discoveries


@dataclass(frozen=True)
class Analysis:
    """A fitted study with its verdicts, in the order of its claims."""

    source: StudyFolder
    profile: Profile
    fitted: Fitted
    jumps: xr.DataArray
    sampler: Diagnosis
    verdicts: tuple[Verdict, ...]
    mixing: Mixing | None = None
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
        return study_definitions(
            source.every_metric, source.claims, source.plan.prompt_format, seed
        )

    @cached_property
    def metrics(self) -> Mapping[str, tuple[SwapResult, ...]]:
        """Return every claim under every metric and prompt format, by slug."""
        source = self.source
        return {
            claim.slug: swap_metrics(
                claim,
                source.every_proportion,
                source.plan.prompt_format,
                source.token_lengths.get(claim.task),
            )
            for claim in source.claims
        }

    def survivors(self, claim_set: str | None = None) -> "Survivors":
        """Return E3 over all claims, or over one set of them."""
        own = [c.task for c in self.source.claims if claim_set in (None, c.claim_set)]
        controlled = self.jumps.sel(arm=CONTROLLED_ARM.label)
        tasks = [task for task in own if bool(controlled.sel(task=task).notnull().any())]
        draws = surviving(self.jumps, tasks)
        share = [float((draws == k).mean()) for k in range(len(tasks) + 1)]
        return Survivors(
            claim_set,
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

    @cached_property
    def headline(self) -> "Survivors":
        """Return E3 over jumps claimed for families that are scored; over all where none was."""
        return self.survivors("prior" if self.n_claimed else None)

    @property
    def n_claimed(self) -> int:
        """Return on how many tasks a jump had been claimed for a family that the study scores."""
        return sum(claim.claim_set == "prior" for claim in self.source.claims)

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

    ``claim_set`` is the set that they belong to, None for all of the study's. ``n_unmeasured``
    more were not scored there and are not counted.
    """

    claim_set: str | None
    n_claims: int
    n_unmeasured: int
    count: Estimate
    p_none: Estimate
    distribution: tuple[float, ...]
    diagnosis: Diagnosis


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
        source.scores, plan.prompt_format, plan.model, plan.full, plan.robustness
    )


def kept_robustness(source: StudyFolder) -> Robustness | None:
    """Return the kept robustness of a study, or None where there is none of this very analysis."""
    return read_robustness(
        paths.robustness_dir(source.folder), robustness_key(robustness_input(source))
    )
