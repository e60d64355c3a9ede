"""Everything that is fitted besides the main model of a study, as a handful of tables.

``assess`` runs it (or finds the parts that were run before), ``write_robustness`` keeps the tables
beside the study's report, and ``read_robustness`` gives them back as long as scores, models and
settings are the ones they were made with. Library versions are kept with them, but do not count:
a table of probabilities is read to two digits.
"""

import hashlib
import json
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pandas as pd

from toolkit.errors import ToolkitError
from toolkit.estimands import cell_accuracy, curves, estimate, jumps, measured
from toolkit.estimands.measured import jumps_of
from toolkit.fit import diagnose, fitted_design
from toolkit.fit.code import code_of, model_text
from toolkit.fit.draws import LIBRARIES, Fitted, fit_model
from toolkit.fit.sampling import FitSettings
from toolkit.models import MODELS, RIVALS
from toolkit.paths import atomic_path, write_whole
from toolkit.predictive import posterior_predictive, replicates
from toolkit.robustness import (
    axes,
    extrapolation,
    hidden_cells,
    influence,
    left_out,
    sensitivity,
    specifications,
    specified_scores,
    variants,
)
from toolkit.robustness.evidence import WIDE_STEP, Evidence
from toolkit.robustness.extrapolation import extrapolations
from toolkit.robustness.influence import leave_out
from toolkit.robustness.left_out import predict_left_out_families
from toolkit.robustness.sensitivity import other_jump_priors, power_scaling
from toolkit.robustness.specifications import run_specifications
from toolkit.robustness.variants import Variant, jump_table, read_kept
from toolkit.study.scores import Scores

SOURCES: tuple[ModuleType, ...] = (
    axes, cell_accuracy, curves, diagnose, estimate, extrapolation, fitted_design, hidden_cells,
    influence, jumps, left_out, measured, posterior_predictive, replicates, sensitivity,
    specifications, specified_scores, variants,
)  # fmt: skip
TABLES = (
    "rivals", "jump_prior", "power_scaling", "extrapolation", "left_out_families", "influence",
    "specifications",
)  # fmt: skip
MANIFEST = "manifest.json"
DIGITS = 5
# How many units are refitted at most, and how many specifications are fitted.
REFITS = 48
SPECIFICATIONS = 14

Say = Callable[[str], None]


@dataclass(frozen=True)
class RobustnessInput:
    """The scores of a study, how they are analysed, and how long the other fits are sampled."""

    scores: Scores
    prompt_format: str
    model: str
    full: FitSettings
    settings: FitSettings

    @cached_property
    def record(self) -> Scores:
        """Return the cells that the verdicts rest on."""
        return self.scores.of_record(self.prompt_format)

    @property
    def short(self) -> FitSettings:
        """Return the settings of the fits that come in dozens: two chains, a third of the draws."""
        return replace(self.settings, chains=2, draws=max(self.settings.draws // 3, 1))


@dataclass(frozen=True)
class Robustness:
    """The tables of ``TABLES`` by name, with what made them."""

    tables: Mapping[str, pd.DataFrame]
    provenance: Mapping[str, object]

    @property
    def evidence(self) -> Evidence:
        """Return what the verdicts' conditions look at."""
        specified = self.tables["specifications"]
        return Evidence(self.tables["rivals"], self.tables["jump_prior"], specified)


def robustness_key(given: RobustnessInput) -> str:
    """Return the hash of what the tables are made from, library versions left aside."""
    models = {m: model_text(m) for m in MODELS}
    parts = [
        *(
            table.to_csv(index=False, float_format="%.10g")
            for table in (given.scores.frame, given.scores.tasks, given.scores.checkpoints)
        ),
        f"{given.model} {given.prompt_format} {REFITS} {SPECIFICATIONS}",
        json.dumps([asdict(given.full), asdict(given.settings)], sort_keys=True),
        json.dumps(models, sort_keys=True),
        *(code_of(module) for module in (*SOURCES, sys.modules[__name__])),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]


def assess(given: RobustnessInput, cache: Path, say: Say) -> Robustness:
    """Return the robustness of a study; parts that lie in the cache are not run again."""
    started = datetime.now(UTC)
    record = given.record
    fitted = fit_model(record, given.model, given.full, cache)
    say("main fit: ready")
    tables = {
        "rivals": _rivals(given, cache, say),
        "jump_prior": other_jump_priors(
            fitted, Variant(record, given.model, given.settings), cache, say
        ),
        "power_scaling": _power_scaling(fitted, say),
        "extrapolation": extrapolations(record, given.settings, cache, say),
        "left_out_families": predict_left_out_families(
            record, given.model, given.short, cache, say
        ),
        "influence": leave_out(fitted, record, given.short, cache, REFITS, say),
        "specifications": run_specifications(
            given.scores, given.prompt_format, given.model, given.short, cache, SPECIFICATIONS, say
        ),
    }
    return Robustness(
        tables,
        {
            "key": robustness_key(given),
            "settings": asdict(given.settings),
            "versions": {name: version(name) for name in LIBRARIES},
            "python": platform.python_version(),
            "made": started.isoformat(timespec="seconds"),
        },
    )


def _rivals(given: RobustnessInput, cache: Path, say: Say) -> pd.DataFrame:
    tables = []
    for model in (*RIVALS, WIDE_STEP):
        # The likelihood of a wide step is summed over every place and width, which takes long.
        settings = given.short if model == WIDE_STEP else given.settings
        tables.append(jump_table(Variant(given.record, model, settings), cache).assign(model=model))
        say(f"rival {MODELS[model].title}: ready")
    return pd.concat(tables, ignore_index=True)


def _power_scaling(fitted: Fitted, say: Say) -> pd.DataFrame:
    rows = [
        {"task": task, "arm": arm, **asdict(values), "reading": values.reading}
        for (task, arm), values in power_scaling(fitted, jumps_of(fitted)).items()
    ]
    say("power scaling: ready")
    return pd.DataFrame(rows)


def write_robustness(robustness: Robustness, folder: Path) -> None:
    """Write the tables, and last the manifest that makes them count."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    for name, table in robustness.tables.items():
        with atomic_path(folder / f"{name}.csv") as temporary:
            table.round(DIGITS).to_csv(temporary, index=False, lineterminator="\n")
    write_whole(folder / MANIFEST, json.dumps(robustness.provenance, indent=2) + "\n")


def read_robustness(folder: Path, key: str) -> Robustness | None:
    """Return the kept tables, or None where there are none of the analysis with this key."""
    manifest = folder / MANIFEST
    if not manifest.exists():
        return None
    try:
        provenance = json.loads(manifest.read_text(encoding="utf-8"))
        if provenance["key"] != key:
            return None
        tables = {name: read_kept(folder / f"{name}.csv") for name in TABLES}
    except (OSError, ValueError, KeyError) as error:
        msg = f"{folder}: got tables that can't be read ({error}); run emergence robustness again."
        raise ToolkitError(msg) from error
    return Robustness(tables, provenance)
