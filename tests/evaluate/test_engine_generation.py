"""Greedy texts against a loop written down here, which runs everything anew for each token."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from tiny_checkpoints import FAMILIES  # noqa: E402

from toolkit.evaluate.requests import Generated, GenerateRequest, ScoreRequest  # noqa: E402

PROMPTS = [
    "Question: which of these is a fruit?\nAnswer:",
    "The lamp stood on",
    "Il était une fois un café",
    "one two three four",
    "日本語",
    "naïve",
]
SHOTS = "Question: what stands on the table?\nAnswer: the lamp\n" * 2


def prompts_after_shots(tokenizer, n_prompts=12):
    """Prompts with and without a shared beginning, of many lengths."""
    texts = []
    for place in range(n_prompts):
        beginning = SHOTS if place % 3 else ""
        texts.append(beginning + PROMPTS[place % 6] + " lamp" * (place // 6))
    return [tuple(tokenizer.encode(text)) for text in texts]


def plain_text(engine, request):
    """Run everything for each token; look for stop strings in the whole decoded text."""
    model, tokenizer = engine._checkpoint.model, engine.tokenizer
    seq2seq = engine.encoder_decoder
    before = [0] if seq2seq else list(request.context)
    known = "" if seq2seq else tokenizer.decode(before, skip_special_tokens=True)
    tokens, text, finish = [], "", "length"
    while len(tokens) < request.max_new_tokens:
        row = torch.tensor([before + tokens])
        with torch.no_grad():
            if seq2seq:
                context = torch.tensor([request.context])
                logits = model(input_ids=context, decoder_input_ids=row).logits[0, -1]
            else:
                logits = model(input_ids=row).logits[0, -1]
        token = int(logits.argmax())
        if token == 0:
            finish = "end"
            break
        tokens.append(token)
        whole = tokenizer.decode(
            tokens if seq2seq else before + tokens,
            skip_special_tokens=True,
            clean_up_tokenization_spaces=False,
        )
        text = whole[len(known) :]
        if any(stop in text for stop in request.stops):
            text = text[: min(text.find(stop) for stop in request.stops if stop in text)]
            finish = "stop"
            break
    return Generated(text, tuple(tokens), finish)


def requests_with_stops(engine, n_new=12):
    """Prompts with stop strings cut from what the model says, so that some do occur."""
    contexts = prompts_after_shots(engine.tokenizer)
    requests = []
    for place, context in enumerate(contexts):
        said = plain_text(engine, GenerateRequest(context, (), n_new)).text
        stops = [(), (said[7:9] or "no",), ("never said",), ("\n", said[3:5] or "no")][place % 4]
        requests.append(GenerateRequest(context, stops, 1 + (place * 7) % n_new))
    return requests


def texts_in_order(engine, requests, known=frozenset()):
    return dict(sorted(engine.answer(requests, known)))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_texts_equal_a_plain_loop(engine_of, family, attention):
    engine = engine_of(family, attention, budget=90)
    packed = "packed by block" if attention == "sdpa" else "packed"
    assert engine.provenance()["generation_mode"] == ("cached" if family == "t5" else packed)
    requests = requests_with_stops(engine)
    answers = texts_in_order(engine, requests)
    expected = {place: plain_text(engine, request) for place, request in enumerate(requests)}
    assert answers == expected
    assert {answer.finish for answer in answers.values()} >= {"length", "stop"}


def test_a_text_ends_at_the_end_token(engine_of, monkeypatch):
    engine = engine_of("llama", budget=90)
    request = GenerateRequest(prompts_after_shots(engine.tokenizer)[1], (), 12)
    plain = texts_in_order(engine, [request])[0]
    end = next(token for token in plain.tokens if token != plain.tokens[0])
    monkeypatch.setattr(engine._generator, "_begin", beginning_with_end(engine, end))
    answer = texts_in_order(engine, [request])[0]
    assert answer.finish == "end"
    assert answer.tokens == plain.tokens[: plain.tokens.index(end)]


def beginning_with_end(engine, end):
    from toolkit.evaluate.engine.completion import Completion

    return lambda request: Completion(request, engine._decode, frozenset([end]))


@pytest.mark.parametrize("family", ["gpt_neox", "t5"])
def test_order_and_budget_change_no_text(engine_of, family):
    narrow, wide = engine_of(family, budget=40), engine_of(family)
    requests = requests_with_stops(wide)
    shuffled = np.random.default_rng(1).permutation(len(requests)).tolist()
    straight = texts_in_order(wide, requests)
    mixed = texts_in_order(narrow, [requests[place] for place in shuffled])
    assert {shuffled[place]: text for place, text in mixed.items()} == straight


@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_known_and_repeated_texts(engine_of, family):
    engine = engine_of(family, budget=40)
    requests = requests_with_stops(engine)
    whole = texts_in_order(engine, requests)
    rest = texts_in_order(engine, [*requests, *requests], frozenset(range(0, 12, 2)))
    assert rest == {place: whole[place % 12] for place in range(24) if place not in range(0, 12, 2)}


def test_scores_and_texts_in_one_call(engine_of):
    engine = engine_of("gpt2")
    context = prompts_after_shots(engine.tokenizer)[0]
    text = GenerateRequest(context, (), 4)
    tokens = texts_in_order(engine, [text])[0].tokens
    answers = texts_in_order(engine, [text, ScoreRequest(context, tokens), text])
    assert answers[0] == answers[2]
    assert answers[1].greedy
