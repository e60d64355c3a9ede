"""The tasks of the ladder need no torch: what is true of them is checked item by item."""

from collections import Counter
from itertools import islice
from random import Random

import pytest

from toolkit.ladder.documents import (
    N_FACTS,
    N_RULE_LINES,
    ask,
    base_documents,
    suggested,
    tuning_documents,
)
from toolkit.ladder.rows import IGNORED, as_chat, as_text, pack
from toolkit.ladder.tasks import CHANCE, N_SHOTS, make_tasks
from toolkit.ladder.words import COLOURS, GUESS, INSTRUCTIONS, SIDES, TOKEN_OF, VOCABULARY
from toolkit.ladder.world import make_world

WORLD = make_world(1)
TASKS = {task.name: task for task in make_tasks(WORLD, 1)}


def accuracy(task, choose):
    right = [choose(item) == item.options[item.gold] for item in task.items]
    return sum(right) / len(right)


def test_words_are_tokens_of_their_own():
    assert len(TOKEN_OF) == len(VOCABULARY)
    assert all(word.split() == [word] for word in VOCABULARY)


@pytest.mark.parametrize("name", TASKS)
def test_items_are_well_formed(name):
    task = TASKS[name]
    everything = (*task.items, *task.demonstrations)
    assert len({item.id for item in everything}) == len(everything)
    assert len(task.demonstrations) == N_SHOTS
    assert len(task.items) >= 260  # fewer can't tell cells ten points apart
    for item in everything:
        assert len(set(item.options)) == 4
        assert set(f"{item.input} {' '.join(item.options)}".split()) <= set(VOCABULARY)
    assert {item.gold for item in task.items} == {0, 1, 2, 3}


@pytest.mark.parametrize("name", ["facts", "follow", "guess"])
def test_demonstrations_are_not_evaluated(name):
    asked = {item.input for item in TASKS[name].items}
    assert not asked & {item.input for item in TASKS[name].demonstrations}


def test_the_same_seed_gives_the_same_tasks():
    assert make_tasks(make_world(1), 1) == tuple(TASKS.values())
    assert make_tasks(make_world(2), 2) != tuple(TASKS.values())


def test_a_rule_is_told_by_its_demonstrations():
    task = TASKS["rule"]
    told = {d.input.split()[1]: d.options[d.gold] for d in task.demonstrations}
    assert accuracy(task, lambda item: told[item.input.split()[1]]) == 1


def test_what_a_question_of_a_rule_suggests_is_chance():
    task = TASKS["rule"]
    assert accuracy(task, lambda item: suggested(*item.input.split())) == CHANCE
    for ending in "aeiu":
        assert accuracy(
            task, lambda item, e=ending: next(o for o in item.options if o[-1] == e)
        ) == (CHANCE)


def test_training_agrees_every_cue_with_every_name():
    """What a question holds in training says nothing of the rule that is evaluated."""
    rules = [d for d in islice(base_documents(WORLD, Random(1)), 6000) if len(d) == N_RULE_LINES]
    agreed = Counter()
    for rule in rules:
        agreed.update({(question.split()[1], name) for question, name in rule})
    of_cue = Counter()
    for (cue, _), n_times in agreed.items():
        of_cue[cue] += n_times
    assert len(agreed) == 4 * len(of_cue)
    for item in TASKS["rule"].items:
        cue = item.input.split()[1]
        assert agreed[cue, item.options[item.gold]] / of_cue[cue] == pytest.approx(0.25, abs=0.05)


def test_a_cue_keeps_its_name_within_a_document():
    for rule in islice(base_documents(WORLD, Random(1)), 200):
        if len(rule) == N_RULE_LINES:
            named = {(question.split()[1], name) for question, name in rule}
            assert len(named) == len({cue for cue, _ in named})
            first_question, first_name = rule[0]
            assert first_name == suggested(*first_question.split())


def test_any_guess_that_minds_no_instruction_is_chance():
    for seed in range(5):
        liked = Random(seed).sample(COLOURS, len(COLOURS))
        assert accuracy(TASKS["follow"], lambda i, o=liked: min(i.options, key=o.index)) == CHANCE
    things = [item.input.rsplit(" ", 1) for item in TASKS["follow"].items]
    assert {word for _, word in things} == set(INSTRUCTIONS)
    assert set(Counter(thing for thing, _ in things).values()) == {4}


def test_an_instruction_means_a_side():
    truth = {(fact.thing, fact.side): fact.colour for fact in WORLD.facts}
    for item in TASKS["follow"].items:
        thing, instruction = item.input.rsplit(" ", 1)
        assert truth[thing, INSTRUCTIONS.index(instruction)] == item.options[item.gold]


def test_only_tuning_documents_hold_instructions():
    base, tuning = (
        {w for d in islice(make(WORLD, Random(1)), 500) for q, _ in d for w in q.split()}
        for make in (base_documents, tuning_documents)
    )
    assert not base & set(INSTRUCTIONS)
    assert set(SIDES) <= base
    assert {*SIDES, *INSTRUCTIONS} <= tuning
    assert GUESS not in base | tuning


def test_facts_are_told_by_zipf_and_stay_true():
    told = Counter(
        exchange
        for document in islice(base_documents(WORLD, Random(1)), 3000)
        if len(document) == N_FACTS
        for exchange in document
    )
    assert told.keys() <= {ask(fact, SIDES) for fact in WORLD.facts}
    first, tenth = (ask(WORLD.facts[at], SIDES) for at in (0, 9))
    assert told[first] / told[tenth] == pytest.approx(10, rel=0.3)


@pytest.mark.parametrize("write", [as_text, as_chat])
def test_the_loss_counts_answers_alone(write):
    (document,) = islice(base_documents(WORLD, Random(3)), 1)
    words, counted = write(document)
    answers = [w for w, c in zip(words, counted, strict=True) if c and w != "<end>"]
    assert answers == [answer for _, answer in document]


def test_rows_are_documents_one_after_the_other():
    rows = pack(base_documents(WORLD, Random(1)), as_text, 3, 50)
    words = [w for d in islice(base_documents(WORLD, Random(1)), 20) for w in as_text(d).words]
    assert [VOCABULARY[t] for t in rows.tokens.reshape(-1)] == words[:150]
    counted = rows.labels != IGNORED
    assert (rows.labels[counted] == rows.tokens[counted]).all()
