"""One condition of one task as requests: prompts written, encoded and fitted into the window."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from toolkit.errors import CheckpointError, PlanError
from toolkit.evaluate.items.demonstrations import demonstrations
from toolkit.evaluate.items.items import Item
from toolkit.evaluate.items.task_items import TaskItems
from toolkit.evaluate.plan.conditions import Condition
from toolkit.evaluate.plan.plan import FormatPlan, TaskPlan
from toolkit.evaluate.prompts.encoding import Encoder, Tokens
from toolkit.evaluate.prompts.texts import chat_context, context, continuations, messages
from toolkit.evaluate.requests import GenerateRequest, Request, ScoreRequest


@dataclass(frozen=True)
class Asked:
    """An item with its prompt and what is asked after it: an entry per option, or one text."""

    item: Item
    prompt: str
    requests: tuple[Request, ...]
    truncated: bool


class Window(NamedTuple):
    """How many tokens a checkpoint takes, and what is done with prompts that are longer."""

    length: int | None
    too_long: Literal["error", "truncate_left"]


def ask(
    task: TaskItems, form: FormatPlan, condition: Condition, encoder: Encoder, window: Window,
    *, chat: bool,
) -> list[Asked]:  # fmt: skip
    """Return what is asked about every item under one condition.

    Raises
    ------
    ToolkitError
        When a prompt is too long, or a letter is not one token where it must be.
    """
    shown = demonstrations(task, condition)
    items = task.evaluated
    if chat:
        rendered = [encoder.render(messages(form, task.plan, shown, item)) for item in items]
        texts = [chat_context(each, form) for each in rendered]
    else:
        texts = [context(form, task.plan, shown, item) for item in items]
    if task.plan.scoring == "generate":
        return _generations(task, texts, encoder, window)
    return _scores(task, texts, encoder, window)


def _generations(
    task: TaskItems, texts: Sequence[str], encoder: Encoder, window: Window
) -> list[Asked]:
    plan, asked = task.plan, []
    taken = 0 if encoder.encoder_decoder else plan.max_new_tokens
    for item, text, tokens in zip(task.evaluated, texts, encoder.contexts(texts), strict=True):
        kept = _fitted(tokens, taken, window, item, plan, encoder)
        request = GenerateRequest(kept, plan.stops, plan.max_new_tokens)
        asked.append(Asked(item, text, (request,), len(kept) < len(tokens)))
    return asked


def _scores(task: TaskItems, texts: Sequence[str], encoder: Encoder, window: Window) -> list[Asked]:
    plan, asked = task.plan, []
    options = [continuations(item, plan) for item in task.evaluated]
    pairs = encoder.pairs(texts, options)
    for item, text, (tokens, tails) in zip(task.evaluated, texts, pairs, strict=True):
        _check_letters(tails, item, plan, encoder)
        # All options of an item are compared after the same context, so the longest decides.
        taken = 0 if encoder.encoder_decoder else max(map(len, tails))
        kept = _fitted(tokens, taken, window, item, plan, encoder)
        requests = tuple(ScoreRequest(kept, tail) for tail in tails)
        asked.append(Asked(item, text, requests, len(kept) < len(tokens)))
    return asked


def _fitted(
    tokens: Tokens, taken: int, window: Window, item: Item, plan: TaskPlan, encoder: Encoder
) -> Tokens:
    """Return a context that leaves room for what follows; cut from the left where allowed."""
    if window.length is None or len(tokens) + taken <= window.length:
        return tokens
    room = window.length - taken
    if window.too_long == "truncate_left" and room > 0:
        return tokens[-room:]
    msg = (
        f"task '{plan.name}' item '{item.id}': got {len(tokens)} tokens of prompt and {taken} "
        f"after it, expected at most {window.length} in all, the window of {encoder.name}; lower "
        "'shots' or set too_long = \"truncate_left\"."
    )
    raise PlanError(msg)


def _check_letters(tails: Sequence[Tokens], item: Item, plan: TaskPlan, encoder: Encoder) -> None:
    longest = max(map(len, tails))
    if plan.scoring == "letter" and plan.letter_tokens == "one" and longest > 1:
        msg = (
            f"task '{plan.name}' item '{item.id}': {encoder.name} has a letter of {longest} tokens "
            "after this prompt, expected one token; end 'output' of the format with a space, or "
            'set letter_tokens = "any" to score all of its tokens.'
        )
        raise CheckpointError(msg)
