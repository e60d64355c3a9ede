"""What an invented paper says of the ladder: study.toml and claims.toml, written before any score.

The claims are the kind that published papers make, and they may be wrong: what is true of each task
stands in the README.md of the demo.
"""

from collections.abc import Mapping
from typing import Any

from toolkit.ladder.tasks import LadderTask
from toolkit.strict_toml import toml_lines

STUDY = {
    "title": "A ladder of tiny checkpoints on tasks whose truth is known",
    "short_title": "Ladder demo",
    "authors": "emergence demo ladder",
    "year": 2026,
    "venue": "not published",
    "version": "1",
    "url": "https://example.org",
    "bibtex_key": "ladder",
    "licence": "CC0 1.0",
    "attribution": "Measured on checkpoints that were trained for this demo.",
    "question": "Is it seen what demonstrations, tuning and size do, where this is known?",
    "data_choices": [
        "All cells of the plan are kept; demonstrations in three orders are repeats of a cell.",
    ],
    "limits": [
        "One recipe and one seed of training: size can't be told from luck in training.",
        "The items of 'rule' share twelve cues, so that they say less than as many independent "
        "items would.",
        "The claims are invented, in the form that published ones have.",
    ],
}
# What is claimed: in which arm a jump is said to be, and whether the base without demonstrations
# is said to stand above chance.
CLAIMED: Mapping[str, Mapping[str, Any]] = {
    "facts": {
        "published_arm": "few-shot, base",
        "prior_claim": "With demonstrations, knowledge of facts appears suddenly at this size.",
        "study_claim": "Without demonstrations the facts are known too: emergent.",
        "published_above_baseline": True,
        "published_emergent": True,
        "published_verdict": "emergent",
        "claim_set": "prior",
    },
    "rule": {
        "published_arm": "few-shot, base",
        "prior_claim": "With demonstrations, following a rule appears suddenly at this size.",
        "study_claim": "Without demonstrations nothing is above chance: not emergent.",
        "published_above_baseline": False,
        "published_emergent": False,
        "published_verdict": "not emergent: not above baseline",
        "claim_set": "prior",
    },
    "follow": {
        "published_arm": "zero-shot, instruction-tuned",
        "prior_claim": "Tuned checkpoints follow instructions from this size on.",
        "study_claim": "Base checkpoints don't follow them at any size: not emergent.",
        "published_above_baseline": False,
        "published_emergent": False,
        "published_verdict": "not emergent: not above baseline",
        "claim_set": "prior",
    },
    "guess": {
        "published_arm": "few-shot, base",
        "prior_claim": "No jump was claimed: a control.",
        "study_claim": "Nothing is above chance: not emergent.",
        "published_above_baseline": False,
        "published_emergent": False,
        "published_verdict": "not emergent: not above baseline",
        "claim_set": "control",
    },
}


def study_toml(study_id: str, recipe_hash: str, seed: int) -> str:
    """Return study.toml of a demo."""
    provenance = {
        "repository": "emergence demo ladder", "commit": "none",
        "file": f"seed {seed}", "sha256": recipe_hash,
    }  # fmt: skip
    return (
        toml_lines({"id": study_id} | STUDY) + "\n[provenance]\n" + toml_lines(provenance)
    )  # fmt: skip


def claims_toml(tasks: tuple[LadderTask, ...], threshold_n_params: int) -> str:
    """Return claims.toml of a demo: a claim on each task, with one size for all of them."""
    tables = []
    for task in tasks:
        claim: dict[str, Any] = {
            "slug": task.name,
            "task": task.name,
            "paper_version": "invented for this demo",
            "table": "none",
            "row": task.title,
            "prior_source": "invented for this demo",
            "threshold_n_params": threshold_n_params,
            "published_marginal": False,
            "published_baseline": 0.25,
        }
        claim.update(CLAIMED[task.name])
        tables.append("[[claim]]\n" + toml_lines(claim))
    return "\n".join(tables)
