"""Answers to item scores, by numbers worked out by hand."""

import math
from dataclasses import replace

import pytest

from toolkit.evaluate.items.items import Item
from toolkit.evaluate.plan.plan import TaskPlan
from toolkit.evaluate.prompts.asking import Asked
from toolkit.evaluate.records.answers import is_right, parsed_answer
from toolkit.evaluate.records.item_scores import score
from toolkit.evaluate.requests import Generated, GenerateRequest, Scored, ScoreRequest

ITEM = Item("1", "?", ("red fox", "owl", "héron"), 2)
FIVE = Item("2", "2 + 3", target=("5",))
METRICS = ("accuracy", "accuracy_per_token", "accuracy_per_byte")
TEXT = TaskPlan("t", "t", "items", "text", METRICS)
SUMS = TaskPlan("t", "t", "items", "generate", answer="number", chance=0.0)


def scored(log_likelihoods, item=ITEM, n_tokens=(2, 1, 3), resolution=1e-4, task=TEXT):
    requests = tuple(ScoreRequest((5, 6), tuple(range(n))) for n in n_tokens)
    answers = [Scored(value, value > -1) for value in log_likelihoods]
    return score(Asked(item, "?", requests, False), answers, task, resolution)


def generated(text, item=FIVE, task=SUMS, finish="stop"):
    asked = Asked(item, "?", (GenerateRequest((5, 6, 7), ("\n",), 8),), True)
    return score(asked, [Generated(text, (1, 2), finish)], task, 1e-4)


def test_options_are_compared_by_sum_token_and_byte():
    found = scored([-3.0, -2.0, -4.5])
    # per token -1.5, -2, -1.5 (the first of two equals); per byte -3/7, -2/3, -4.5/6
    assert found.options.chosen == {
        "accuracy": 1, "accuracy_per_token": 0, "accuracy_per_byte": 0,
    }  # fmt: skip
    assert found.options.n_bytes == (7, 3, 6)
    assert found.correct == {"accuracy": False, "accuracy_per_token": False,
                             "accuracy_per_byte": False}  # fmt: skip
    assert scored([-3.0, -2.0, -1.0]).correct["accuracy"]
    assert found.n_prompt_tokens == 2


def test_brier_and_probability_are_those_of_the_sums():
    found = scored([math.log(0.2) - 7, math.log(0.5) - 7, math.log(0.3) - 7]).options
    assert found.target_prob == pytest.approx(0.3)
    assert found.brier == pytest.approx(0.2**2 + 0.5**2 + 0.7**2)
    assert found.target_log_prob == pytest.approx(math.log(0.3) - 7)
    worst = scored([0.0, -900.0, -900.0]).options
    assert worst.brier == pytest.approx(2)


def test_margin_below_the_resolution_is_unresolved():
    assert scored([-3.0, -2.0, -2.0 - 1e-5]).options.unresolved
    apart = scored([-3.0, -2.0, -2.5]).options
    assert (apart.margin, apart.unresolved) == (0.5, False)


def test_resolution_of_a_sum_grows_with_its_tokens():
    # 2 and 3 tokens and a log-likelihood of -16: an error of up to 4e-4.
    near, far = scored([-30.0, -16.0, -16.0 - 3.9e-4]), scored([-30.0, -16.0, -16.0 - 4.1e-4])
    assert (near.options.unresolved, far.options.unresolved) == (True, False)


def test_tie_by_a_metric_of_the_task_is_unresolved_and_by_another_is_not():
    by_token = replace(TEXT, metrics=("accuracy_per_token",))
    tied = [-3.0, -2.0, -4.5]  # per token -1.5, -2, -1.5
    assert scored(tied, task=by_token).options.unresolved
    assert not scored(tied, task=replace(TEXT, metrics=("accuracy",))).options.unresolved


def test_letters_have_one_metric():
    letter = TaskPlan("t", "t", "items", "letter")
    found = scored([-3.0, -2.0, -1.0], n_tokens=(1, 1, 1), task=letter)
    assert found.options.chosen == {"accuracy": 2}
    assert found.options.n_bytes == (1, 1, 1)


def test_unparseable_text_is_kept_apart_from_a_wrong_one():
    right, wrong, none = generated("so 5"), generated("so 4"), generated("so many")
    assert [each.correct["exact_match"] for each in (right, wrong, none)] == [True, False, False]
    assert [each.generated.unparseable for each in (right, wrong, none)] == [False, False, True]
    assert (wrong.generated.answer, none.generated.answer) == ("4", None)
    assert none.generated.gold == ("5",)
    assert (none.generated.n_tokens, none.generated.finish, none.truncated) == (2, "stop", True)


CHOICE = Item("1", "?", ("New York", "York", "C++"), 1)
TEXTS = Item("1", "?", target=("Blue.", "navy"))
NUMBER = Item("1", "?", target=("1234.50",))
PARSED = [
    ("whole", " a\nb ", TEXTS, "a\nb", False),
    ("whole", "  ", TEXTS, None, False),
    ("first_line", "\nBLUE!\nor green", TEXTS, "BLUE!", True),
    ("first_line", "Navy", TEXTS, "Navy", True),
    ("number", "3 plus 4 is 1,234.5.", NUMBER, "1,234.5", True),
    ("number", "it's -5.", NUMBER, "-5", False),
    ("number", "none", NUMBER, None, False),
    ("first_number", "1234.50 of 7", NUMBER, "1234.50", True),
    ("letter", "The answer is (B).", CHOICE, "B", True),
    ("letter", "Because C", CHOICE, "C", False),
    ("letter", "BAD", CHOICE, None, False),
    ("letter", "D", CHOICE, None, False),
    ("option", " york is it", CHOICE, "York", True),
    ("option", "New York.", CHOICE, "New York", False),
    ("option", "Yorkshire", CHOICE, None, False),
    ("option", "It is York", CHOICE, None, False),
]


@pytest.mark.parametrize("parser, text, item, expected, right", PARSED)
def test_answer_is_parsed_as_named(parser, text, item, expected, right):
    found = parsed_answer(text, parser, item)
    assert found == expected
    assert (found is not None and is_right(found, parser, item)) is right
