"""What a plan would ask, counted with the tokenizers alone: no weights are opened, no torch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from toolkit.evaluate.asking import Window, ask
from toolkit.evaluate.conditions import conditions
from toolkit.evaluate.encoding import is_encoder_decoder, load_encoder
from toolkit.evaluate.plan import CheckpointPlan, Plan
from toolkit.evaluate.requests import Request, ScoreRequest
from toolkit.evaluate.task_items import TaskItems


@dataclass(frozen=True)
class CheckpointWork:
    """What is asked of one checkpoint; distinct tokens share the beginnings of their cell."""

    checkpoint: str
    cells: int
    items: int
    requests: int
    tokens: int
    distinct_tokens: int
    longest: int

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
    encoder = load_encoder(checkpoint, encoder_decoder=is_encoder_decoder(checkpoint.source))
    # How long a window is, is known once the checkpoint is opened.
    window = Window(None, plan.too_long)
    cells: set[tuple[str, str, int]] = set()  # seeds are repeats of one cell
    items = requests = tokens = distinct = longest = 0
    for task in tasks:
        for condition in conditions(plan, task.plan):
            form = plan.format_named(condition.format)
            asked = ask(task, form, condition, encoder, window, chat=checkpoint.chat_template)
            of_cell = [request for each in asked for request in each.requests]
            lengths = [len(_sequence(request)) for request in of_cell]
            cells.add((task.plan.name, condition.prompt_format, condition.n_shots))
            items += len(asked)
            requests += len(of_cell)
            tokens += sum(lengths)
            distinct += distinct_tokens(of_cell)
            longest = max(longest, *lengths)
    return CheckpointWork(checkpoint.name, len(cells), items, requests, tokens, distinct, longest)


def distinct_tokens(requests: Sequence[Request]) -> int:
    """Return the nodes of the trie of all requests: tokens that must be computed at all."""
    ordered = sorted(map(_sequence, requests))
    shared = 0
    for one, other in pairwise(ordered):
        shortest = min(len(one), len(other))
        shared += next((at for at in range(shortest) if one[at] != other[at]), shortest)
    return sum(map(len, ordered)) - shared


def _sequence(request: Request) -> tuple[int, ...]:
    tail = request.continuation if isinstance(request, ScoreRequest) else ()
    return request.context + tail
