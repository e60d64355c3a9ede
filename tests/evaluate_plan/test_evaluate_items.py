"""Item files of four kinds; a malformed line is one message with file and line."""

import json

import pytest
from garden_plan import item_lines, write_lines

from toolkit.errors import ToolkitError
from toolkit.evaluate.items.items import Item, draw, in_drawn_order
from toolkit.evaluate.items.task_items import load_tasks
from toolkit.evaluate.plan.plan import FormatPlan, Plan, TaskPlan

PLAIN = FormatPlan("plain", "{input}", "{output}")
LISTED = FormatPlan("listed", "{input}{options}", "{output}")


def load(path, kind="items", scoring="text", *, forms=(PLAIN,), shots=(0,), **more):
    """Return the evaluated items of one task in a file."""
    from toolkit.evaluate.plan.plan import DemonstrationPlan

    reserve = more.pop("reserve", None)
    task = TaskPlan("t", str(path), kind, scoring, **more)
    wanted = DemonstrationPlan(shots, reserve=reserve)
    (found,) = load_tasks(Plan("study", "store", (), (task,), forms, wanted))
    return found


def test_items_of_our_own_are_read_as_they_stand(tmp_path):
    path = tmp_path / "items.jsonl"
    write_lines(path, [
        {"id": "a", "input": "Which?", "options": ["x", "y"], "gold": 1},
        {"id": "b", "input": "Which?", "options": ["x", "y"], "gold": 0, "target": "X"},
    ])  # fmt: skip
    first, second = load(path).evaluated
    assert first == Item("a", "Which?", ("x", "y"), 1)
    assert second.right_texts == ("x", "X")


def test_multiple_choice_takes_the_ways_that_files_have(tmp_path):
    path = tmp_path / "mc.jsonl"
    write_lines(path, [
        {"question": "q", "choices": ["x", "y", "z"], "answer": 2, "other": [1]},
        {"question": "q", "choices": ["x", "y", "z"], "answer": "B"},
        {"question": "q", "choices": ["x", "y", "z"], "answer": "x", "id": 7},
        {"question": "q", "choices": {"text": ["x", "y"], "label": ["1", "2"]}, "answer": "2"},
    ])  # fmt: skip
    items = load(path, "multiple_choice").evaluated
    assert [item.gold for item in items] == [2, 1, 0, 1]
    assert [item.id for item in items] == ["1", "2", "7", "4"]


def test_generation_takes_texts_and_numbers(tmp_path):
    path = tmp_path / "gen.jsonl"
    write_lines(path, [
        {"problem": "1 + 1", "answer": 2}, {"problem": "a vowel", "answer": ["a", "e"]},
    ])  # fmt: skip
    more = {"answer": "whole", "chance": 0.0, "input_field": "problem"}
    items = load(path, "generation", "generate", **more).evaluated
    assert [item.target for item in items] == [("2",), ("a", "e")]


def test_bigbench_task_has_its_best_scored_option_as_gold(tmp_path):
    path = tmp_path / "task.json"
    path.write_text(json.dumps({"name": "t", "examples": [
        {"input": "q", "target_scores": {"yes": 0, "no": 1}},
        {"input": "r", "target_scores": {"yes": 0.5, "no": 0.1, "may be": 0}, "target": "yes"},
    ]}))  # fmt: skip
    first, second = load(path, "bigbench").evaluated
    assert (first.options, first.gold, first.id) == (("yes", "no"), 1, "0")
    assert (second.gold, second.target) == (0, ("yes",))


GOOD = {"id": "a", "input": "q", "options": ["x", "y"], "gold": 0}
FAULTS = {
    "not json": ('{"id": "a"', "line 2: not complete JSON"),
    "a list": ("[1]", "line 2"),
    "unknown field": (GOOD | {"golds": 1}, "line 2: unknown key 'golds'.*did you mean 'gold'"),
    "no input": ({"id": "b", "target": "x"}, "line 2: key 'input' is missing"),
    "empty input": (GOOD | {"input": " "}, "line 2: got an empty text in input"),
    "no gold": ({"id": "b", "input": "q", "options": ["x", "y"]}, "line 2: got options and no"),
    "gold out of reach": (GOOD | {"id": "b", "gold": 2}, "line 2: got gold option 2 of 2"),
    "gold of nothing": ({"id": "b", "input": "q", "target": "x", "gold": 0}, "of 0 options"),
    "empty option": (GOOD | {"id": "b", "options": ["x", ""]}, "line 2: got an empty text in opt"),
    "option twice": (GOOD | {"id": "b", "options": ["x", "x"]}, "line 2: got the option 'x' twice"),
    "one option": (GOOD | {"id": "b", "options": ["x"]}, "line 2: got one option"),
    "id twice": (GOOD, "line 2: got the id 'a' that .*line 1 has"),
    "id of lines": (GOOD | {"id": "b\n"}, "line 2: got item id"),
    "nothing": ({"id": "b", "input": "q"}, "line 2: got neither options nor a target"),
    "target alone": ({"id": "b", "input": "q", "target": "x"}, "line 2: got an item without opt"),
    "target of numbers": (GOOD | {"id": "b", "target": [1]}, r"line 2: key 'target'\[0\]"),
    "other split": (GOOD | {"id": "b", "split": "test"}, "line 2: key 'split'"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_malformed_line_is_named(tmp_path, fault):
    line, expected = FAULTS[fault]
    path = tmp_path / "items.jsonl"
    text = line if isinstance(line, str) else json.dumps(line)
    path.write_text(json.dumps(GOOD) + "\n" + text + "\n")
    with pytest.raises(ToolkitError, match=expected) as caught:
        load(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


OTHERS = {
    "no such option": ("multiple_choice", {"answer": "D"}, "no option fits it"),
    "two readings": ("multiple_choice", {"choices": ["B", "A"], "answer": "A"}, "two options fit"),
    "labels": ("multiple_choice", {"choices": {"text": ["x", "y"], "label": ["1"]}}, "1 labels"),
    "no options": ("multiple_choice", {"choices": None}, "expected a list"),
    "target": ("generation", {"answer": {"a": 1}}, "a text, a number"),
}


@pytest.mark.parametrize("fault", OTHERS)
def test_malformed_line_of_other_origin_is_named(tmp_path, fault):
    kind, change, expected = OTHERS[fault]
    path = tmp_path / "lines.jsonl"
    write_lines(path, [{"question": "q", "choices": ["x", "y"], "answer": "x"} | change])
    how = {"scoring": "generate", "answer": "whole", "chance": 0.0} if kind == "generation" else {}
    with pytest.raises(ToolkitError, match=rf"line 1.*{expected}"):
        load(path, kind, **how)


def test_bigbench_tie_is_named(tmp_path):
    path = tmp_path / "task.json"
    example = {"input": "q", "target_scores": {"yes": 1, "no": 1}}
    path.write_text(json.dumps({"examples": [example]}))
    with pytest.raises(ToolkitError, match=r"example 0.*got 2 options with the largest score"):
        load(path, "bigbench")


def test_more_options_than_letters_is_an_error_where_letters_are_shown(tmp_path):
    path = tmp_path / "items.jsonl"
    write_lines(path, item_lines(2, 27))
    assert len(load(path).evaluated) == 2
    with pytest.raises(ToolkitError, match="line 1: got 27 options, expected at most 26"):
        load(path, forms=(LISTED,))


def test_demonstrations_come_from_the_reserve_whatever_the_order(tmp_path):
    path = tmp_path / "items.jsonl"
    lines = item_lines(10, 2)
    write_lines(path, lines)
    found = load(path, shots=(0, 3), reserve=4)
    write_lines(path, lines[::-1])
    again = load(path, shots=(0, 3), reserve=4)
    assert {item.id for item in found.candidates} == {item.id for item in again.candidates}
    assert len(found.candidates) == 4
    assert len(found.evaluated) == 6
    assert not set(found.evaluated) & set(found.candidates)


def test_demonstrations_of_a_split_or_a_file_are_evaluated_nowhere(tmp_path):
    path, apart = tmp_path / "items.jsonl", tmp_path / "shown.jsonl"
    lines = item_lines(6, 2)
    write_lines(path, [lines[0] | {"split": "demonstrations"}, *lines[1:4]])
    write_lines(apart, lines[4:])
    found = load(path, shots=(3,), demonstrations=str(apart))
    assert [item.id for item in found.candidates] == ["s1", "s5", "s6"]
    assert [item.id for item in found.evaluated] == ["s2", "s3", "s4"]
    with pytest.raises(ToolkitError, match="got 3 items for demonstrations of task 't'"):
        load(path, shots=(4,), demonstrations=str(apart))


def test_first_items_are_the_first_of_the_file(tmp_path):
    path = tmp_path / "items.jsonl"
    write_lines(path, item_lines(6, 2))
    assert [item.id for item in load(path, n_items=2).evaluated] == ["s1", "s2"]


def test_draws_depend_on_their_parts_alone():
    assert [draw(10, "a", 1), draw(10, "a", 2), draw(10, "a", 3)] == [3, 7, 6]
    assert draw(2**64, "ab", "c") != draw(2**64, "a", "bc")
    assert in_drawn_order(["x", "y", "z"], 1) == in_drawn_order(["z", "y", "x"], 1)
    counts = [sum(draw(4, k) == j for k in range(4000)) for j in range(4)]
    assert max(abs(count - 1000) for count in counts) < 5 * 28


def test_folder_of_items_is_read_file_by_file_and_an_id_stands_once_in_all(tmp_path):
    folder = tmp_path / "task"
    folder.mkdir()
    with pytest.raises(ToolkitError, match=r"got a folder without \*\.jsonl, expected items of"):
        load(folder)
    lines = item_lines(5, 2)
    write_lines(folder / "b.jsonl", lines[:2])
    write_lines(folder / "a.jsonl", lines[2:])
    (folder / "notes.txt").write_text("no items")
    found = load(folder)
    assert [item.id for item in found.evaluated] == ["s3", "s4", "s5", "s1", "s2"]
    assert len(found.sha256) == 2
    write_lines(folder / "c.jsonl", lines[:1])
    with pytest.raises(ToolkitError, match=r"c\.jsonl"):
        load(folder)
