"""The store: round trips to the last bit, torn and damaged lines, keys, prompts, the lock."""

import json
import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.errors import ToolkitError
from toolkit.evaluate.requests import Generated, GenerateRequest, Scored, ScoreRequest
from toolkit.evaluate.store.lock import only_run
from toolkit.evaluate.store.prompts import PromptStore, read_prompt
from toolkit.evaluate.store.store import Lines, answer_in, answers_of, key_of, line_of


def kept(folder):
    lines = Lines(folder)
    return list(lines.read()), lines.notes


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(NUMBERS, min_size=20), st.lists(st.text()))
@settings(max_examples=10, deadline=None)
def test_answers_come_back_to_the_last_bit(tmp_path_factory, values, texts):
    folder = tmp_path_factory.mktemp("store")
    answers = [Scored(value, value > 0) for value in values]
    answers += [Generated(text, (1, 2**31), "length") for text in texts]
    with Lines(folder) as lines:
        for at, answer in enumerate(answers):
            lines.write(line_of(str(at), "maker", answer))
    back = [answer_in(line) for line in kept(folder)[0]]
    assert repr(back) == repr(answers)  # -0.0 equals 0.0


def test_torn_end_is_dropped_with_a_note_at_every_length(tmp_path):
    with Lines(tmp_path) as lines:
        for n in range(3):
            lines.write({"key": str(n), "text": "é\n"})
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    for end in range(last + 1, len(whole)):
        path.write_bytes(whole[:end])
        values, notes = kept(tmp_path)
        assert [value["key"] for value in values] == ["0", "1"]
        assert len(notes) == 1
        assert "1 torn or damaged line dropped" in notes[0]
    path.write_bytes(whole[:last])
    assert kept(tmp_path)[1] == []


def test_damaged_line_is_dropped_and_others_are_kept(tmp_path):
    with Lines(tmp_path) as lines:
        for n in range(3):
            lines.write({"key": str(n)})
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes().replace(b'"1"', b'"7"'))
    values, notes = kept(tmp_path)
    assert [value["key"] for value in values] == ["0", "2"]
    assert len(notes) == 1


def test_every_writer_has_a_file_of_its_own(tmp_path):
    with Lines(tmp_path) as one, Lines(tmp_path) as other:
        one.write({"key": "1"})
        other.write({"key": "2"})
        one.write({"key": "3"})
    assert len(list(tmp_path.iterdir())) == 2
    assert sorted(value["key"] for value in kept(tmp_path)[0]) == ["1", "2", "3"]
    with Lines(tmp_path):
        pass
    assert len(list(tmp_path.iterdir())) == 2


def test_key_depends_on_all_that_an_answer_depends_on_and_on_no_name():
    requests = [
        ScoreRequest((1, 2), (3,)),
        ScoreRequest((1,), (2, 3)),
        ScoreRequest((1, 2), (4,)),
        GenerateRequest((1, 2, 3), ("\n",), 8),
        GenerateRequest((1, 2, 3), ("\n",), 9),
        GenerateRequest((1, 2, 3), (), 8),
        GenerateRequest((1, 2), ("\n",), 8),
    ]
    keys = {key_of(identity, request) for identity in ("x", "y") for request in requests}
    assert len(keys) == 2 * len(requests)
    assert key_of("x", ScoreRequest((1, 2), (3,))) == key_of("x", requests[0])


def test_answers_of_engines_lie_apart(tmp_path):
    assert answers_of(tmp_path, "x").folder != answers_of(tmp_path, "y").folder


def test_prompts_are_written_once_with_their_beginning_apart(tmp_path):
    begin = "demonstration " * 100
    texts = [begin + "one", begin + "another", "short"]
    prompts = PromptStore(tmp_path)
    with prompts.lines:
        hashes = prompts.keep(texts[:2]) + prompts.keep(texts[2:])
        assert prompts.keep(texts[:2]) == hashes[:2]
    again = PromptStore(tmp_path)
    with again.lines:
        again.keep(texts[:2])
    (path,) = (tmp_path / "prompts").iterdir()
    assert len(path.read_bytes()) < 1.5 * len(begin)
    assert [read_prompt(tmp_path, each) for each in hashes] == texts


HOLDER = """
import sys, time
from pathlib import Path
from toolkit.evaluate.store.lock import only_run
with only_run(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_second_run_is_told_who_holds_the_store_and_a_killed_holder_frees_it(tmp_path):
    held = subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path], stdout=subprocess.PIPE, text=True
    )
    try:
        assert held.stdout is not None
        assert held.stdout.readline() == "held\n"
        expected = rf"process {held.pid} on .*, since 2"
        with pytest.raises(ToolkitError, match=expected), only_run(tmp_path):
            pass
    finally:
        held.kill()
        held.wait()
        held.stdout.close()
    with only_run(tmp_path):
        assert json.loads((tmp_path / "holder.json").read_text())["process"] == os.getpid()
    assert not (tmp_path / "holder.json").exists()


def test_store_that_can_not_be_written_is_one_message(tmp_path):
    (tmp_path / "store").write_text("a file")
    with pytest.raises(ToolkitError, match="can't be written"), only_run(tmp_path / "store"):
        pass


def test_prompts_that_begin_with_a_prompt_stored_by_its_own_beginning_come_back_whole(tmp_path):
    shots = "A demonstration. " * 30
    cells = [[f"{shots}Q: 1", f"{shots}R: 2"], [f"{shots}Q: 10", f"{shots}Q: 11"]]
    prompts = PromptStore(tmp_path)
    with prompts.lines:
        kept = [prompts.keep(cell) for cell in cells]
    for texts, hashes in zip(cells, kept, strict=True):
        assert [read_prompt(tmp_path, each) for each in hashes] == texts
