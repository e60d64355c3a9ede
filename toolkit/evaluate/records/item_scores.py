"""Answers to item records: chosen options, margins, probabilities, parsed texts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.evaluate.items.items import Item
from toolkit.evaluate.plan.plan import METRICS, AnswerParser, TaskPlan
from toolkit.evaluate.prompts.asking import Asked
from toolkit.evaluate.prompts.texts import continuations
from toolkit.evaluate.records.answers import is_right, parsed_answer, right_answers
from toolkit.evaluate.requests import (
    Answer,
    Finish,
    Generated,
    Scored,
    ScoreRequest,
    rounding_error,
)
from toolkit.sources.option_scores import option_scores


@dataclass(frozen=True)
class OptionsScored:
    """The options of an item, in order, and what their log-likelihoods say.

    ``chosen`` has the option of largest log-likelihood by metric: its sum, or divided by tokens or
    by bytes. Brier score (0 to 2), target share and log-probability are those of the sums.
    ``margin`` lies between the two largest sums. Where rounding alone could have chosen another
    option, by a metric of the task, the choice is ``unresolved``.
    """

    log_likelihoods: tuple[float, ...]
    n_tokens: tuple[int, ...]
    n_bytes: tuple[int, ...]
    greedy: tuple[bool, ...]
    chosen: dict[str, int]
    gold: int
    margin: float
    unresolved: bool
    brier: float
    target_prob: float
    target_log_prob: float


@dataclass(frozen=True)
class TextParsed:
    """A generated text, the answer in it (an unparseable one has none), and the right ones."""

    text: str
    answer: str | None
    gold: tuple[str, ...]
    unparseable: bool
    finish: Finish
    n_tokens: int


@dataclass(frozen=True)
class ItemScore:
    """What one item came to: right or not by metric, and the numbers behind it."""

    item: str
    n_options: int
    correct: dict[str, bool]
    n_prompt_tokens: int
    truncated: bool
    options: OptionsScored | None = None
    generated: TextParsed | None = None


def score(asked: Asked, answers: Sequence[Answer], task: TaskPlan, resolution: float) -> ItemScore:
    """Return the score of an item from the answers to its requests, in their order.

    ``resolution`` is the error of a log-likelihood per token that rounding alone explains.
    """
    options = generated = None
    if task.answer is None:
        scored = [each for each in answers if isinstance(each, Scored)]
        options = _compare(asked, scored, task, resolution)
        correct = {each: options.chosen[each] == options.gold for each in task.metric_names}
    else:
        (text,) = (each for each in answers if isinstance(each, Generated))
        generated = _parse(text, task.answer, asked.item)
        right = generated.answer is not None and is_right(generated.answer, task.answer, asked.item)
        correct = dict.fromkeys(task.metric_names, right)
    return ItemScore(
        asked.item.id, len(asked.item.options), correct, len(asked.requests[0].context),
        asked.truncated, options, generated,
    )  # fmt: skip


def _compare(
    asked: Asked, answers: Sequence[Scored], task: TaskPlan, resolution: float
) -> OptionsScored:
    sums = np.array([each.log_likelihood for each in answers])
    n_tokens = [len(each.continuation) for each in asked.requests if isinstance(each, ScoreRequest)]
    n_bytes = [len(each.encode()) for each in continuations(asked.item, task)]
    ones = np.ones(len(sums))
    per = dict(zip(METRICS["text"], (ones, np.array(n_tokens), np.array(n_bytes)), strict=True))
    errors = np.array(
        [rounding_error(*each, resolution) for each in zip(sums, n_tokens, strict=True)]
    )
    second, best = np.sort(sums)[-2:]
    gold = asked.item.gold
    shares = option_scores(sums.tolist(), gold) if gold is not None else None
    if gold is None or shares is None:
        msg = f"item '{asked.item.id}': options can't be compared: gold {gold}, {sums.tolist()}"
        raise ValueError(msg)
    return OptionsScored(
        log_likelihoods=tuple(sums.tolist()),
        n_tokens=tuple(n_tokens),
        n_bytes=tuple(n_bytes),
        greedy=tuple(each.greedy for each in answers),
        chosen={each: int((sums / per[each]).argmax()) for each in METRICS[task.scoring]},
        gold=gold,
        margin=float(best - second),
        unresolved=any(
            _is_tied(sums / per[each], errors / per[each]) for each in task.metric_names
        ),
        brier=shares.brier,
        target_prob=shares.target_prob,
        target_log_prob=shares.target_log_prob,
    )


def _is_tied(values: np.ndarray, errors: np.ndarray) -> bool:
    """Return whether another value is as near to the largest as the larger error of the two."""
    best = values.argmax()
    near = values[best] - values <= np.maximum(errors, errors[best])
    return bool(near.sum() > 1)


def _parse(generated: Generated, parser: AnswerParser, item: Item) -> TextParsed:
    answer = parsed_answer(generated.text, parser, item)
    return TextParsed(
        text=generated.text,
        answer=answer,
        gold=right_answers(parser, item),
        unparseable=answer is None,
        finish=generated.finish,
        n_tokens=len(generated.tokens),
    )
