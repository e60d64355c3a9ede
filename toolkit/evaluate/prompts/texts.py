"""From items to texts: what comes before the answer, and what may follow it."""

from collections.abc import Sequence

from toolkit.evaluate.items.items import Item
from toolkit.evaluate.plan.plan import FormatPlan, TaskPlan
from toolkit.evaluate.plan.templates import LETTERS, OUTPUT, fill

Message = dict[str, str]


def label(item: Item, task: TaskPlan) -> str:
    """Return what a demonstration gives as the answer."""
    if task.shows_letters and item.gold is not None:
        return LETTERS[item.gold]
    return item.right_texts[0]


def continuations(item: Item, task: TaskPlan) -> tuple[str, ...]:
    """Return what is scored after the prompt of an item, an entry per option."""
    if task.scoring == "letter":
        return tuple(LETTERS[: len(item.options)])
    return item.options


def context(form: FormatPlan, task: TaskPlan, shown: Sequence[Item], item: Item) -> str:
    """Return the prompt of an item after its demonstrations."""
    parts = [form.instruction] if form.instruction else []
    parts += [_question(form, each) + _answer(form, each, task) for each in shown]
    return form.joiner.join([*parts, _question(form, item) + _opening(form)])


def messages(form: FormatPlan, task: TaskPlan, shown: Sequence[Item], item: Item) -> list[Message]:
    """Return the turns of a prompt for a chat template, up to the last question.

    The instruction goes before the first question, since many templates have no system turn.
    """
    turns: list[Message] = []
    for each in shown:
        turns.append({"role": "user", "content": _question(form, each).rstrip()})
        turns.append({"role": "assistant", "content": _answer(form, each, task)})
    turns.append({"role": "user", "content": _question(form, item).rstrip()})
    if form.instruction:
        turns[0]["content"] = form.instruction + form.joiner + turns[0]["content"]
    return turns


def chat_context(rendered: str, form: FormatPlan) -> str:
    """Return turns as the template wrote them, with the beginning of the answer put after."""
    return rendered + _opening(form)


def _question(form: FormatPlan, item: Item) -> str:
    listed = form.option_joiner.join(
        fill(form.option, {"letter": letter, "option": option})
        for letter, option in zip(LETTERS, item.options, strict=False)
    )
    return fill(form.input, {"input": item.input, "options": listed})


def _answer(form: FormatPlan, item: Item, task: TaskPlan) -> str:
    return fill(form.output, {"output": label(item, task)})


def _opening(form: FormatPlan) -> str:
    return form.output.removesuffix(OUTPUT)
