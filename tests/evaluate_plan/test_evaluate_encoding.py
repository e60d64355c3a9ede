"""Context and continuation are split as lm-evaluation-harness splits them."""

import json
from dataclasses import replace

import pytest

from toolkit.errors import ToolkitError
from toolkit.evaluate.items.task_items import load_tasks
from toolkit.evaluate.plan.conditions import conditions
from toolkit.evaluate.plan.plan_file import read_plan
from toolkit.evaluate.prompts.asking import Window, ask
from toolkit.evaluate.prompts.encoding import Architecture, load_encoder, read_architecture
from toolkit.evaluate.requests import GenerateRequest


@pytest.fixture
def plan(garden):
    return read_plan(garden)


@pytest.fixture
def encoder(plan):
    return load_encoder(plan.checkpoint[0], encoder_decoder=False)


def test_white_space_moves_to_the_continuation(encoder):
    encode = encoder.tokenizer.encode
    ((context, tails),) = encoder.pairs(["Question: item 1?\nAnswer: "], [["A", "the number"]])
    assert context == tuple(encode("Question: item 1?\nAnswer:"))
    assert encoder.tokenizer.decode(tails[1]) == " the number"
    for text, tail in zip([" A", " the number"], tails, strict=True):
        assert context + tail == tuple(encode("Question: item 1?\nAnswer:" + text))


def test_generation_keeps_line_ends_and_drops_spaces(encoder):
    found = encoder.contexts(["Answer: ", "Answer\n"])
    assert [encoder.tokenizer.decode(tokens) for tokens in found] == ["Answer:", "Answer\n"]


def test_empty_prompt_is_the_first_token(encoder):
    bos = encoder.tokenizer.bos_token_id
    ((context, tails),) = encoder.pairs([" "], [["A"]])
    assert context == (bos,)
    assert encoder.tokenizer.decode(tails[0]) == " A"
    assert encoder.contexts([""]) == [(bos,)]


def test_beginning_is_what_the_tokenizer_does_unless_the_plan_says(plan, encoder):
    bos = encoder.tokenizer.bos_token_id
    assert encoder.before == ()
    wanted = load_encoder(replace(plan.checkpoint[0], add_bos=True), encoder_decoder=False)
    assert wanted.contexts(["Answer"])[0] == (bos, *encoder.contexts(["Answer"])[0])
    assert wanted.pairs(["Answer"], [[" A"]])[0][1] == encoder.pairs(["Answer"], [[" A"]])[0][1]


def test_encoder_decoder_reads_apart(plan, encoder):
    apart = load_encoder(plan.checkpoint[0], encoder_decoder=True)
    ((context, tails),) = apart.pairs(["Answer: "], [["A"]])
    assert encoder.tokenizer.decode(context) == "Answer:"
    assert tails == [tuple(encoder.tokenizer.encode(" A", add_special_tokens=False))]
    assert read_architecture(plan.checkpoint[0].source) == Architecture(
        encoder_decoder=False, context_length=2048
    )


def test_chat_template_writes_the_turns_once(plan, encoder):
    chat = load_encoder(plan.checkpoint[1], encoder_decoder=False)
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes"},
             {"role": "user", "content": "And?"}]  # fmt: skip
    rendered = chat.render(turns)
    assert rendered == "<s><|user|>Hi</s><|assistant|>Yes</s><|user|>And?</s><|assistant|>"
    (tokens,) = chat.contexts([rendered])
    direct = chat.tokenizer.apply_chat_template(
        turns, tokenize=True, add_generation_prompt=True, return_dict=False
    )
    assert tokens == tuple(direct)
    assert tokens.count(chat.tokenizer.bos_token_id) == 1
    assert len(chat.template_sha256) == 64


def test_missing_template_tokenizer_and_folder_are_one_message(plan, tmp_path):
    base = plan.checkpoint[0]
    with pytest.raises(ToolkitError, match="'fern-s': its tokenizer has no chat template"):
        load_encoder(replace(base, chat_template=True), encoder_decoder=False)
    with pytest.raises(ToolkitError, match="no such folder"):
        load_encoder(replace(base, folder=str(tmp_path / "no")), encoder_decoder=False)
    empty = replace(base, folder=str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt_neox"}))
    with pytest.raises(ToolkitError, match="its tokenizer has no vocabulary"):
        load_encoder(empty, encoder_decoder=False)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    (tmp_path / "tokenizer.json").write_text('{"version": "1.0"')
    with pytest.raises(ToolkitError, match="its tokenizer can't be opened") as caught:
        load_encoder(empty, encoder_decoder=False)
    assert "\n" not in str(caught.value)


def test_template_that_refuses_is_one_message(plan, encoder):
    encoder.tokenizer.chat_template = "{{ raise_exception('roles must alternate') }}"
    with pytest.raises(ToolkitError, match=r"can't write .* as turns \(roles must alternate"):
        encoder.render([{"role": "user", "content": "Hi"}])


def asked(plan, encoder, at, window, condition=0):
    task = load_tasks(plan)[at]
    wanted = conditions(plan, task.plan)[condition]
    form = plan.format_named(wanted.format)
    return ask(task, form, wanted, encoder, window, chat=False)


def test_prompt_beyond_the_window_is_an_error_or_cut_and_marked(plan, encoder):
    free = asked(plan, encoder, 0, Window(None, "error"))
    longest = max(len(r.context + r.continuation) for a in free for r in a.requests)
    window = Window(longest, "error")
    assert asked(plan, encoder, 0, window) == free
    with pytest.raises(ToolkitError, match=rf"at most {longest - 1} in all, the window of check"):
        asked(plan, encoder, 0, Window(longest - 1, "error"))
    cut = asked(plan, encoder, 0, Window(longest - 1, "truncate_left"))
    assert any(each.truncated for each in cut)
    for whole, short in zip(free, cut, strict=True):
        contexts = {request.context for request in short.requests}
        assert len(contexts) == 1
        context = contexts.pop()
        assert whole.requests[0].context[-len(context) :] == context
        assert short.truncated == (len(context) < len(whole.requests[0].context))


def test_generation_leaves_room_for_its_text(plan, encoder):
    (first, *_) = asked(plan, encoder, 2, Window(None, "error"))
    request = first.requests[0]
    assert isinstance(request, GenerateRequest)
    assert (request.stops, request.max_new_tokens) == (("\n",), 32)
    with pytest.raises(ToolkitError, match="and 32 after it"):
        asked(plan, encoder, 2, Window(len(request.context) + 31, "error"))


def test_letter_of_several_tokens_is_an_error_unless_allowed(plan, encoder):
    window = Window(None, "error")
    fine = asked(plan, encoder, 1, window)
    assert {len(r.continuation) for a in fine for r in a.requests} == {1}
    # The line end moves to the letter, and is a token of its own.
    listed = replace(plan.format[1], output="Answer:\n{output}")
    own_line = replace(plan, format=(plan.format[0], listed))
    with pytest.raises(ToolkitError, match="'fern-s' has a letter of 2 tokens"):
        asked(own_line, encoder, 1, window)
    naming = replace(plan.task[1], letter_tokens="any")
    allowed = replace(own_line, task=(plan.task[0], naming, plan.task[2]))
    found = asked(allowed, encoder, 1, window)
    assert {len(r.continuation) for a in found for r in a.requests} == {2}
