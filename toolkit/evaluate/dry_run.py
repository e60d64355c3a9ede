"""What a plan would ask, counted with the tokenizers alone: no weights are opened, no torch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from toolkit.evaluate.engine.trie import count_work
from toolkit.evaluate.items.task_items import TaskItems
from toolkit.evaluate.plan.conditions import conditions
from toolkit.evaluate.plan.plan import CheckpointPlan, Plan
from toolkit.evaluate.prompts.asking import Window, ask
from toolkit.evaluate.prompts.encoding import load_encoder, read_architecture
from toolkit.evaluate.requests import Request, ScoreRequest


@dataclass(frozen=True)
class CheckpointWork:
    """What is asked of one checkpoint; distinct tokens share the beginnings of their cell.

    ``truncated`` are the items whose prompt is longer than the window and loses its beginning.
    """

    checkpoint: str
    cells: int
    items: int
    requests: int
    tokens: int
    distinct_tokens: int
    longest: int
    truncated: int

    @property
    def saved(self) -> float:
        """Return the share of tokens that need no work of their own."""
        return 1 - self.distinct_tokens / self.tokens


def count_plan(
    plan: Plan, tasks: Sequence[TaskItems], tell: Callable[[str], None]
) -> list[CheckpointWork]:
    """Return the work of every checkpoint of a plan."""
    found = []
    for checkpoint in plan.checkpoint:
        found.append(_count(checkpoint, plan, tasks))
        tell(checkpoint.name)
    return found


def _count(checkpoint: CheckpointPlan, plan: Plan, tasks: Sequence[TaskItems]) -> CheckpointWork:
    architecture = read_architecture(checkpoint.source)
    both_halves = architecture.encoder_decoder
    encoder = load_encoder(checkpoint, encoder_decoder=both_halves)
    window = Window(architecture.context_length, plan.too_long)
    cells: set[tuple[str, str, int]] = set()  # seeds are repeats of one cell
    items = requests = tokens = distinct = longest = truncated = 0
    for task in tasks:
        for condition in conditions(plan, task.plan):
            form = plan.format_named(condition.format)
            asked = ask(task, form, condition, encoder, window, chat=checkpoint.chat_template)
            of_cell = [request for each in asked for request in each.requests]
            work = count_work(of_cell, encoder_decoder=both_halves)
            cells.add((task.plan.name, condition.prompt_format, condition.n_shots))
            items += len(asked)
            requests += work.n_requests
            tokens += work.n_requested_tokens
            distinct += work.n_distinct_tokens
            longest = max(longest, *(_length(request) for request in of_cell))
            truncated += sum(each.truncated for each in asked)
    return CheckpointWork(
        checkpoint.name, len(cells), items, requests, tokens, distinct, longest, truncated
    )


def _length(request: Request) -> int:
    tail = request.continuation if isinstance(request, ScoreRequest) else ()
    return len(request.context) + len(tail)
