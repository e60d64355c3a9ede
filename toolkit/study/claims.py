"""Claims: what was published, where it stands, and what would settle it.

A study folder holds ``study.toml`` (one ``Study``) and ``claims.toml`` (a list of ``Claim``).
Claims are versioned facts about texts: each names the paper version, table and row.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from toolkit.errors import ClaimError, did_you_mean, one_of
from toolkit.strict_toml import from_table, read_toml
from toolkit.study.compute_sizes import best_parameters

# Study ids and slugs become file names and link targets.
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True)
class Arm:
    """A condition of the design: with or without demonstrations, base or instruction-tuned."""

    few_shot: bool
    instruction_tuned: bool

    @property
    def label(self) -> str:
        """Return the arm's name as reports show it."""
        shots = "few-shot" if self.few_shot else "zero-shot"
        return f"{shots}, {'instruction-tuned' if self.instruction_tuned else 'base'}"


# The order is that of the arm dimension of every model.
ARMS = (Arm(False, False), Arm(True, False), Arm(False, True), Arm(True, True))
CONTROLLED_ARM = ARMS[0]
ARM_LABELS = tuple(arm.label for arm in ARMS)


def arm_named(label: str, key: str = "published_arm") -> Arm:
    """Return the arm with this label, or raise ``ClaimError``."""
    return ARMS[ARM_LABELS.index(one_of(label, ARM_LABELS, key))]


# The published verdict of a study that has none of its own on a task.
NO_CLAIM = "no claim"


@dataclass(frozen=True)
class Provenance:
    """Where the scores come from; the hash is that of the upstream file, which is not shipped."""

    repository: str
    commit: str
    file: str
    sha256: str


@dataclass(frozen=True)
class Study:
    """One published study: how to cite it, under which licence its figures stand, its limits."""

    id: str
    title: str
    short_title: str
    authors: str
    year: int
    venue: str
    version: str
    url: str
    bibtex_key: str
    licence: str
    attribution: str
    question: str
    provenance: Provenance
    data_choices: tuple[str, ...]
    limits: tuple[str, ...]


@dataclass(frozen=True)
class Claim:
    """One claim about one task.

    ``prior_claim`` paraphrases the literature before the study, ``study_claim`` the study itself;
    both in our words. ``threshold_n_params`` is the size at which the ability was said to appear;
    where nobody named one, ``size_chosen`` says why the claim is judged at this size.
    ``claim_set`` groups claims for counting (E3): "prior" where a jump on the task had been claimed
    for a model family that the study scores, "elsewhere" for other families only, "control" for
    none. ``published_arm`` is where the jump was claimed, ``judged_arm`` the arm that the study's
    own verdict (``published_above_baseline`` and the others) speaks of.
    """

    slug: str
    task: str
    paper_version: str
    table: str
    row: str
    prior_claim: str
    prior_source: str
    study_claim: str
    published_arm: str
    threshold_n_params: float
    published_above_baseline: bool
    published_emergent: bool
    published_marginal: bool
    published_verdict: str
    claim_set: Literal["prior", "elsewhere", "control"]
    published_baseline: float | None = None
    published_predictable: bool | None = None
    control_caveat: str | None = None
    size_chosen: str | None = None
    judged_arm: str = CONTROLLED_ARM.label

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Return the controlled arm, and the published one where it is another."""
        return tuple(dict.fromkeys((CONTROLLED_ARM, arm_named(self.published_arm))))


def check_name(name: str, what: str, where: str) -> None:
    """Raise ``ClaimError`` unless a name can be a file name and a link target."""
    if not NAME.fullmatch(name):
        msg = (
            f"{where}: got {what} {name!r}, expected lower-case letters, digits, '-' and '_', "
            "starting with a letter or digit; rename it."
        )
        raise ClaimError(msg)


def load_study(folder: Path) -> Study:
    """Return ``study.toml`` of a study folder, or raise ``ClaimError``."""
    path = folder / "study.toml"
    study = from_table(Study, read_toml(path), str(path))
    check_name(study.id, "id", str(path))
    if study.id != folder.name:
        msg = (
            f"{path}: got id '{study.id}', expected '{folder.name}', the folder's name; "
            "rename one of them."
        )
        raise ClaimError(msg)
    return study


def load_claims(folder: Path, tasks: list[str], *, from_compute: bool = False) -> tuple[Claim, ...]:
    """Return ``claims.toml`` of a study folder; a claim on a task not in ``tasks`` is an error.

    Where sizes are made ``from_compute``, claims give their size as ``threshold_train_flop``.
    """
    path = folder / "claims.toml"
    document = read_toml(path)
    tables = document.get("claim")
    is_list = isinstance(tables, list) and tables and all(isinstance(t, dict) for t in tables)
    if set(document) != {"claim"} or not is_list:
        msg = f"{path}: got keys {sorted(document)}, expected only [[claim]] tables, at least one."
        raise ClaimError(msg)
    claims = []
    for number, table in enumerate(document["claim"], start=1):
        where = f"{path} claim {number} ({table.get('slug', '?')!r})"
        claim = from_table(Claim, _in_parameters(table, where) if from_compute else table, where)
        check_name(claim.slug, "slug", where)
        _check_claim(claim, tasks, where)
        claims.append(claim)
    slugs = [claim.slug for claim in claims]
    for slug in slugs:
        if slugs.count(slug) > 1:
            msg = f"{path}: slug '{slug}' stands there twice; each claim needs its own."
            raise ClaimError(msg)
    return tuple(claims)


def _in_parameters(table: dict[str, Any], where: str) -> dict[str, Any]:
    """Return a claim's keys with its size as the parameters that its compute is best for."""
    flop = table.get("threshold_train_flop")
    size = flop if isinstance(flop, int | float) and not isinstance(flop, bool) else math.nan
    if "threshold_n_params" in table or not 0 < size < math.inf:
        msg = (
            f"{where}: got threshold_train_flop {flop!r}, expected a number above 0 and no "
            "threshold_n_params: not all checkpoints have a number of parameters, so that sizes "
            "are compute (FLOP); correct the claim, or give the parameters of all checkpoints."
        )
        raise ClaimError(msg)
    others = {key: value for key, value in table.items() if key != "threshold_train_flop"}
    return others | {"threshold_n_params": best_parameters(size)}


def _check_claim(claim: Claim, tasks: list[str], where: str) -> None:
    if claim.task not in tasks:
        msg = (
            f"{where}: got task '{claim.task}'{did_you_mean(claim.task, tasks)}, "
            "expected a task of tasks.csv; correct the name or add the task."
        )
        raise ClaimError(msg)
    if claim.threshold_n_params <= 0:
        msg = f"{where}: got threshold_n_params {claim.threshold_n_params}, expected above 0."
        raise ClaimError(msg)
    baseline = claim.published_baseline
    if baseline is not None and not 0 <= baseline <= 1:
        msg = (
            f"{where}: got published_baseline {baseline}, expected a proportion in [0, 1]; "
            "divide percentages by 100."
        )
        raise ClaimError(msg)
    for key in ("published_arm", "judged_arm"):
        try:
            arm_named(getattr(claim, key), key)
        except ClaimError as error:
            msg = f"{where}: {error}"
            raise ClaimError(msg) from None
