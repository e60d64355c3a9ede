"""The plan of a measurement: which checkpoints, on which tasks, put in which ways.

The fields are the keys of the plan file (docs/evaluating.md says what they mean); a field is named
in the singular where each ``[[checkpoint]]`` of the file is one.
"""

from dataclasses import dataclass
from typing import Literal

from toolkit.evaluate.requests import CheckpointSource

Kind = Literal["real", "random_labels", "format_only"]
Scoring = Literal["text", "letter", "generate"]
ItemKind = Literal["items", "multiple_choice", "generation", "bigbench"]
AnswerParser = Literal["whole", "first_line", "first_number", "number", "letter", "option"]
METRICS: dict[str, tuple[str, ...]] = {
    "text": ("accuracy", "accuracy_per_token", "accuracy_per_byte"),
    "letter": ("accuracy",),
    "generate": ("exact_match",),
}


@dataclass(frozen=True)
class CheckpointPlan:
    """One checkpoint, where it lies, and the facts that scores do not carry."""

    name: str
    lm_family: str
    instruction_tuned: bool
    folder: str | None = None
    hub: str | None = None
    revision: str | None = None
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    attention: Literal["sdpa", "eager"] = "sdpa"
    n_params: float | None = None
    train_flop: float | None = None
    released: str | None = None
    base_checkpoint: str | None = None
    chat_template: bool = False
    add_bos: bool | None = None
    trust_remote_code: bool = False
    allow_pickle: bool = False

    @property
    def source(self) -> CheckpointSource:
        """Return what an engine opens; two names of one source are loaded once."""
        return CheckpointSource(
            str(self.folder or self.hub),
            self.revision,
            self.dtype,
            self.attention,
            self.trust_remote_code,
            self.allow_pickle,
        )


@dataclass(frozen=True)
class TaskPlan:
    """One task: its items, how they are scored, and which metrics are written."""

    name: str
    path: str
    kind: ItemKind
    scoring: Scoring
    metrics: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    demonstrations: str | None = None
    n_items: int | None = None
    letter_tokens: Literal["one", "any"] = "one"
    answer: AnswerParser | None = None
    stops: tuple[str, ...] = ("\n",)
    max_new_tokens: int = 32
    chance: float | None = None
    id_field: str = "id"
    input_field: str = "question"
    options_field: str = "choices"
    gold_field: str = "answer"
    target_field: str = "answer"

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Return the metrics that are written; the first is the metric of record."""
        return self.metrics or METRICS[self.scoring][:1]

    @property
    def shows_letters(self) -> bool:
        """Return whether the answer to an item is the letter of an option."""
        return self.scoring == "letter" or self.answer == "letter"

    @property
    def needs_options(self) -> bool:
        """Return whether an item can't be scored without options."""
        return self.scoring != "generate" or self.answer in ("letter", "option")


@dataclass(frozen=True)
class FormatPlan:
    """How a question is put: templates, and what stands between demonstrations."""

    name: str
    input: str
    output: str
    joiner: str = "\n\n"
    instruction: str = ""
    option: str = "{letter}. {option}"
    option_joiner: str = "\n"


@dataclass(frozen=True)
class DemonstrationPlan:
    """How many demonstrations, of which kinds, drawn with which seeds."""

    shots: tuple[int, ...]
    kinds: tuple[Kind, ...] = ("real",)
    seeds: tuple[int, ...] = (1,)
    reserve: int | None = None


@dataclass(frozen=True)
class Plan:
    """All that is measured, with absolute paths."""

    study: str
    store: str
    checkpoint: tuple[CheckpointPlan, ...]
    task: tuple[TaskPlan, ...]
    format: tuple[FormatPlan, ...]
    demonstrations: DemonstrationPlan = DemonstrationPlan(shots=(0,))
    device: str = "auto"
    token_budget: int | None = None
    too_long: Literal["error", "truncate_left"] = "error"

    def format_named(self, name: str) -> FormatPlan:
        """Return the prompt format of this name."""
        return next(each for each in self.format if each.name == name)
