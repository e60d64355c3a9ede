"""Every Eval Ever records, schema 0.3.0, as they are written.

A record holds one run of one checkpoint: a result per cell, told apart by ``evaluation_result_id``.
What the schema has no field for stands among the additional details, as texts: demonstrations,
prompt format, the count behind a score, facts about the checkpoint, chance.
"""

import hashlib
import math
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from toolkit.sources.every_eval import COUNT_DETAIL, FORMAT_DETAIL, NOT_COUNTED, SHOT_DETAILS
from toolkit.sources.runs import Cell, Run

SCHEMA_VERSION = "0.3.0"
UNKNOWN = "unknown"
FACTS = ("lm_family", "n_params", "train_flop", "released", "instruction_tuned", "base_checkpoint")


@dataclass(frozen=True)
class About:
    """Where a study's scores come from, and when its records are made (seconds since 1970)."""

    study: str
    title: str
    organisation: str
    made: int


class Place(NamedTuple):
    """The record of one run of a checkpoint: its id, and its file in a data store, no ending."""

    evaluation_id: str
    path: str

    @property
    def record(self) -> str:
        """Return the file of the record."""
        return f"{self.path}.json"

    @property
    def samples(self) -> str:
        """Return the file of its samples."""
        return f"{self.path}_samples.jsonl"


class Samples(NamedTuple):
    """A file of samples: its SHA-256 and its number of lines."""

    sha256: str
    n_rows: int


def place_of(about: About, checkpoint: str, number: int) -> Place:
    """Return the place of a run; the same study gets the same names again."""
    developer, _, name = checkpoint.rpartition("/")
    # The schema asks for an id of version 4; its bits are those of a hash.
    named = hashlib.sha256(f"{about.study}/{checkpoint}/{number}".encode()).digest()
    own = uuid.UUID(bytes=named[:16], version=4)
    folders = (about.study, developer or UNKNOWN, name)
    path = "/".join(re.sub(r"[^A-Za-z0-9._-]|^\.+", "_", part) for part in folders)
    run = f"{about.made}" if number == 0 else f"{about.made}-{number + 1}"
    return Place(f"{about.study}/{checkpoint.replace('/', '_')}/{run}", f"data/{path}/{own}")


def record_of(
    about: About, place: Place, facts: Mapping[str, Any], tasks: Mapping[str, Mapping[str, Any]],
    runs: Mapping[Cell, Run], samples: Samples | None,
) -> dict[str, Any]:  # fmt: skip
    """Return the record of one run of a checkpoint, with facts as the registers have them."""
    checkpoint = next(iter(runs)).checkpoint
    record = {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": place.evaluation_id,
        "retrieved_timestamp": str(about.made),
        "source_metadata": {
            "source_name": about.title,
            "source_type": "evaluation_run" if samples else "documentation",
            "source_organization_name": about.organisation,
            "evaluator_relationship": "other",
        },
        "eval_library": {"name": UNKNOWN, "version": UNKNOWN},
        "model_info": {
            "name": checkpoint,
            "id": checkpoint,
            "additional_details": {
                "deployment_type": UNKNOWN,
                "model_availability": UNKNOWN,
                **{name: _text(facts[name]) for name in FACTS if _text(facts[name])},
            },
        },
        "evaluation_results": [
            _result(cell, run, tasks[cell.task]) for cell, run in sorted(runs.items())
        ],
    }
    if samples:
        record["detailed_evaluation_results"] = {
            "format": "jsonl",
            "file_path": place.samples,
            "hash_algorithm": "sha256",
            "checksum": samples.sha256,
            "total_rows": samples.n_rows,
        }
    return record


def sample_of(cell: Cell, place: Place, item: str, score: float, n_options: int) -> dict[str, Any]:
    """Return one scored item; texts of items and answers were not kept."""
    choices = [f"option {number}" for number in range(1, n_options + 1)]
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": place.evaluation_id,
        "model_id": cell.checkpoint,
        "evaluation_name": cell.task,
        "evaluation_result_id": _result_id(cell),
        "sample_id": item,
        "interaction_type": "single_turn",
        "input": {"raw": "", "reference": [], "choices": choices or None},
        "output": {"raw": []},
        "answer_attribution": [],
        "evaluation": {"score": score, "is_correct": score == 1},
        "metadata": {"texts": "not kept"},
    }


def _result(cell: Cell, run: Run, task: Mapping[str, Any]) -> dict[str, Any]:
    bounds = {} if run.whole else {"min_score": 0, "max_score": 1}
    uncertainty: dict[str, Any] = {"num_samples": run.n_items}
    if not run.whole:
        uncertainty["standard_error"] = {"value": run.score_se}
    count = str(round(run.score * run.n_items)) if run.whole else NOT_COUNTED
    return {
        "evaluation_result_id": _result_id(cell),
        "evaluation_name": cell.task,
        "source_data": {
            "dataset_name": cell.task,
            "source_type": "other",
            "additional_details": {name: _text(task[name]) for name in ("chance", "chance_source")},
        },
        "metric_config": {
            "metric_id": cell.metric,
            "metric_name": cell.metric,
            "metric_unit": "proportion",
            "lower_is_better": False,
            "score_type": "binary" if run.whole else "continuous",
            **bounds,
        },
        "score_details": {
            "score": run.score,
            "details": {COUNT_DETAIL: count},
            "uncertainty": uncertainty,
        },
        "generation_config": {
            "additional_details": {
                SHOT_DETAILS[0]: str(cell.n_shots),
                FORMAT_DETAIL: cell.prompt_format,
            }
        },
    }


def _result_id(cell: Cell) -> str:
    return f"{cell.metric}/{cell.prompt_format}/{cell.n_shots}"


def _text(fact: object) -> str:
    """Return a fact as a text, empty where there is none."""
    if fact is None or (isinstance(fact, float) and math.isnan(fact)):
        return ""
    return f"{fact:.10g}" if isinstance(fact, float) else str(fact)
