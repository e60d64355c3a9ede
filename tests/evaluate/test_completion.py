"""Text of tokens as they come: spread characters, stop strings across tokens, why it ended."""

import pytest

from toolkit.evaluate.engine.completion import Completion
from toolkit.evaluate.requests import Generated, GenerateRequest

END = 0


def bytes_as_tokens(tokens):
    """A tokenizer whose tokens are bytes: characters beyond ASCII are spread over several."""
    return bytes(tokens).decode(errors="replace")


def completed(text, stops=(), max_new_tokens=100, context="Q"):
    request = GenerateRequest(tuple(context.encode()), stops, max_new_tokens)
    completion = Completion(request, bytes_as_tokens, {END})
    for token in [*text.encode(), END]:
        if completion.finish is None:
            completion.take(token)
    return completion.generated()


def test_text_ends_at_the_end_token_which_is_not_part_of_it():
    assert completed("ab") == Generated("ab", (97, 98), "end")


def test_characters_spread_over_tokens_are_whole():
    text = "café 日本語 ελ"
    assert completed(text).text == text


def test_text_ends_before_the_stop_string():
    generated = completed("one\n\nQuestion", stops=("\n\n", "Quest"))
    assert generated == Generated("one", tuple(b"one\n\n"), "stop")


def test_the_first_stop_string_in_the_text_wins():
    assert completed("abcd", stops=("bcd", "cd")).text == "a"


def test_a_stop_string_of_spread_characters():
    assert completed("answer。next", stops=("。",)) == Generated(
        "answer", tuple("answer。".encode()), "stop"
    )


def test_a_stop_string_before_an_unfinished_character():
    decoded = {1: "a", 2: "\n\ufffd", 3: ""}
    request = GenerateRequest((9,), ("\n",), 5)
    completion = Completion(request, lambda ids: "".join(decoded.get(i, "") for i in ids), {END})
    completion.take(1)
    completion.take(2)
    assert completion.generated() == Generated("a", (1, 2), "stop")


def test_text_ends_after_its_own_number_of_tokens():
    assert completed("abcdef", max_new_tokens=3) == Generated("abc", (97, 98, 99), "length")


def test_a_stop_string_is_not_looked_for_in_the_context():
    assert completed("ab", stops=("Qa", "Q")).text == "ab"


def test_the_space_that_begins_a_text_is_kept():
    """Some tokenizers drop the space of the first token that they decode."""
    words = {1: " the", 2: " lamp", 3: " stands"}

    def decode(tokens):
        return "".join(words[token] for token in tokens).lstrip(" ")

    completion = Completion(GenerateRequest((1,), (), 2), decode, {END})
    completion.take(2)
    completion.take(3)
    assert completion.generated().text == " lamp stands"


def test_unfinished_text_is_not_handed_out():
    completion = Completion(GenerateRequest((1,), (), 2), lambda tokens: "", {END})
    with pytest.raises(ValueError, match="not finished"):
        completion.generated()
