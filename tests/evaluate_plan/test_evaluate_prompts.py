"""Prompts to the letter, and what random labels and format alone leave of demonstrations."""

import re

import pytest

from toolkit.evaluate.items.demonstrations import WORDS, demonstrations
from toolkit.evaluate.items.items import Item
from toolkit.evaluate.items.task_items import TaskItems
from toolkit.evaluate.plan.conditions import Condition, conditions
from toolkit.evaluate.plan.plan import DemonstrationPlan, FormatPlan, Plan, TaskPlan
from toolkit.evaluate.prompts.texts import chat_context, context, continuations, messages

PLAIN = FormatPlan("plain", "Q: {input}\n", "A: {output}")
LISTED = FormatPlan("listed", "{input}\n{options}\n", "Answer: {output}", "\n---\n", "Choose.")
TEXT = TaskPlan("t", "t.jsonl", "items", "text")
LETTER = TaskPlan("t", "t.jsonl", "items", "letter")
SUMS = TaskPlan("t", "t.jsonl", "items", "generate", answer="number", chance=0.0)
ONE = Item("1", "Which {options}?", ("red fox", "owl"), 1)
TWO = Item("2", "And now?", ("cat", "dog"), 0)
CANDIDATES = tuple(
    Item(str(k), f"Which one,  item {k}?\nSay it.", ("yes", "no", "may be"), k % 3)
    for k in range(20)
)


def items(task=TEXT, candidates=CANDIDATES):
    return TaskItems(task, (), candidates, ())


def test_zero_shot_prompt_ends_where_the_answer_begins():
    assert context(PLAIN, TEXT, [], ONE) == "Q: Which {options}?\nA: "
    assert continuations(ONE, TEXT) == ("red fox", "owl")


def test_few_shot_prompt_joins_demonstrations():
    assert context(PLAIN, TEXT, [TWO], ONE) == "Q: And now?\nA: cat\n\nQ: Which {options}?\nA: "


def test_letters_label_listed_options():
    assert context(LISTED, LETTER, [TWO], ONE) == (
        "Choose.\n---\nAnd now?\nA. cat\nB. dog\nAnswer: A\n---\n"
        "Which {options}?\nA. red fox\nB. owl\nAnswer: "
    )
    assert continuations(ONE, LETTER) == ("A", "B")


def test_chat_has_demonstrations_as_turns_and_the_instruction_in_the_first():
    turns = messages(LISTED, LETTER, [TWO], ONE)
    assert turns == [
        {"role": "user", "content": "Choose.\n---\nAnd now?\nA. cat\nB. dog"},
        {"role": "assistant", "content": "Answer: A"},
        {"role": "user", "content": "Which {options}?\nA. red fox\nB. owl"},
    ]
    assert chat_context("<bot>", LISTED) == "<bot>Answer: "


def test_fewer_demonstrations_are_the_first_of_more():
    two, five = (demonstrations(items(), Condition("plain", n, "real", seed=3)) for n in (2, 5))
    assert five[:2] == two
    other = demonstrations(items(), Condition("plain", 5, "real", seed=4))
    assert [item.id for item in five] != [item.id for item in other]
    listed = demonstrations(items(), Condition("listed", 5, "real", seed=3))
    assert listed == five


def test_random_labels_change_labels_alone_and_may_be_right():
    real, random = (
        demonstrations(items(), Condition("plain", 20, kind, 1))
        for kind in ("real", "random_labels")
    )
    assert [(i.id, i.input, i.options) for i in real] == [
        (i.id, i.input, i.options) for i in random
    ]
    right = sum(a.gold == b.gold for a, b in zip(real, random, strict=True))
    assert 1 <= right <= 14
    again = demonstrations(
        items(candidates=CANDIDATES[::-1]), Condition("x", 20, "random_labels", 1)
    )
    assert again == random


def test_random_labels_of_texts_are_drawn_from_all_targets():
    candidates = tuple(Item(str(k), f"{k}?", target=(f"a{k % 3}",)) for k in range(12))
    found = demonstrations(items(SUMS, candidates), Condition("plain", 12, "random_labels", 1))
    labels = {item.target for item in found}
    assert labels <= {("a0",), ("a1",), ("a2",)}
    assert len(labels) > 1


@pytest.mark.parametrize("task", [TEXT, LETTER], ids=["text", "letter"])
def test_format_alone_keeps_shape_and_no_word(task):
    found = demonstrations(items(task), Condition("plain", 20, "format_only", 1))
    for item in found:
        assert re.sub(r"\w+", "w", item.input) == "w w  w w\nw w"
        assert set(item.input.split()) | set(item.options) <= set(WORDS)
        assert len(set(item.options)) == 3
    assert len({item.gold for item in found}) == 3


def test_format_alone_of_texts_has_a_word_for_a_label():
    candidates = tuple(Item(str(k), f"{k} + 1 =", target=(str(k + 1),)) for k in range(6))
    found = demonstrations(items(SUMS, candidates), Condition("plain", 6, "format_only", 1))
    assert all(item.target[0] in WORDS for item in found)


def test_zero_shot_is_asked_once():
    wanted = DemonstrationPlan((0, 2), ("real", "format_only"), (1, 2))
    plan = Plan("s", "s", (), (TEXT,), (PLAIN, LISTED), wanted)
    found = conditions(plan, TEXT)
    assert len(found) == 2 * (1 + 2 * 2)
    assert [c.prompt_format for c in found[:3]] == ["plain"] * 3
    assert found[4].prompt_format == "plain, format only"
