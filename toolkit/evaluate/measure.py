"""One set of weights through all its cells, to item records and what is to be known of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.evaluate.engine.opening import Opener
from toolkit.evaluate.items.task_items import TaskItems
from toolkit.evaluate.plan.conditions import Condition, conditions
from toolkit.evaluate.plan.plan import CheckpointPlan, Plan
from toolkit.evaluate.prompts.asking import Asked, Window, ask
from toolkit.evaluate.prompts.encoding import Encoder, load_encoder
from toolkit.evaluate.records.item_scores import ItemScore, score
from toolkit.evaluate.records.records import record_of, write_records
from toolkit.evaluate.store.answering import Answering, Tick, no_tick
from toolkit.evaluate.store.prompts import PromptStore
from toolkit.evaluate.store.store import answers_of


@dataclass(frozen=True)
class Job:
    """Checkpoints that are one set of weights under several names, and what is asked of them."""

    checkpoints: tuple[CheckpointPlan, ...]
    plan: Plan
    tasks: tuple[TaskItems, ...]


@dataclass(frozen=True)
class Measured:
    """A checkpoint that was measured: its facts, how much was known before, what was noticed.

    ``before`` are the tokens put before every prompt; ``engine`` is what this run opened, and
    ``answers`` tells how many answers which engine gave, in this run or in one before it.
    """

    checkpoint: str
    n_params: int
    identity: str
    resolution: float
    engine: dict[str, Any]
    answers: tuple[dict[str, Any], ...]
    chat_template_sha256: str | None
    before: tuple[int, ...]
    n_requests: int
    n_known: int
    n_items: int
    n_unresolved: int
    n_unparseable: int
    n_truncated: int
    notes: tuple[str, ...]


def measure(job: Job, open_engine: Opener, tick: Tick = no_tick) -> tuple[Measured, ...]:
    """Return what is to be known of each checkpoint; the scores of items go to its records.

    Raises
    ------
    ToolkitError
        When a checkpoint can't be opened or asked as the plan says.
    """
    plan, first = job.plan, job.checkpoints[0]
    engine = open_engine(first.source, device=plan.device, budget=plan.token_budget)
    store = Path(plan.store)
    prompts = PromptStore(store)
    with answers_of(store, engine.identity) as lines, prompts.lines:
        answering = Answering(engine, lines, first.name, tick)
        return tuple(_measure_one(each, job, answering, prompts) for each in job.checkpoints)


def _measure_one(
    checkpoint: CheckpointPlan, job: Job, answering: Answering, prompts: PromptStore
) -> Measured:
    engine = answering.engine
    encoder = load_encoder(checkpoint, encoder_decoder=engine.encoder_decoder)
    made_before, known_before = Counter(answering.n_made), answering.n_known
    seen: Counter[str] = Counter()
    with write_records(job.plan, checkpoint) as write:
        for task in job.tasks:
            for condition in conditions(job.plan, task.plan):
                scored = _score_cell(checkpoint, task, condition, job.plan, encoder, answering)
                hashes = prompts.keep([asked.prompt for asked, _ in scored])
                for (_, found), sha256 in zip(scored, hashes, strict=True):
                    write(record_of(checkpoint, task.plan, condition, sha256, found))
                seen.update(_noticed([found for _, found in scored]))
    made = answering.n_made - made_before
    return Measured(
        checkpoint=checkpoint.name,
        n_params=engine.n_params,
        identity=engine.identity,
        resolution=engine.resolution,
        engine=engine.provenance(),
        answers=tuple({"n": n, "engine": answering.makers.get(maker)} for maker, n in made.items()),
        chat_template_sha256=encoder.template_sha256 if checkpoint.chat_template else None,
        before=encoder.before,
        n_requests=made.total(),
        n_known=answering.n_known - known_before,
        n_items=seen["items"],
        n_unresolved=seen["unresolved"],
        n_unparseable=seen["unparseable"],
        n_truncated=seen["truncated"],
        notes=(*answering.lines.notes, *prompts.lines.notes),
    )


def _score_cell(
    checkpoint: CheckpointPlan, task: TaskItems, condition: Condition, plan: Plan,
    encoder: Encoder, answering: Answering,
) -> list[tuple[Asked, ItemScore]]:  # fmt: skip
    engine, form = answering.engine, plan.format_named(condition.format)
    window = Window(engine.context_length, plan.too_long)
    asked = ask(task, form, condition, encoder, window, chat=checkpoint.chat_template)
    return [
        (each, score(each, answers, task.plan, engine.resolution))
        for each, answers in zip(asked, answering.answers(asked), strict=True)
    ]


def _noticed(scores: Sequence[ItemScore]) -> dict[str, int]:
    """Return how many items there are, and how many of each kind that a reader should know of."""
    return {
        "items": len(scores),
        "unresolved": sum(s.options is not None and s.options.unresolved for s in scores),
        "unparseable": sum(s.generated is not None and s.generated.unparseable for s in scores),
        "truncated": sum(s.truncated for s in scores),
    }
