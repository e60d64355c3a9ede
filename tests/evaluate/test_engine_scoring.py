"""Log-likelihoods against forwards written down here anew, whatever the packing."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from tiny_checkpoints import FAMILIES, N_CONTEXT  # noqa: E402

from toolkit.evaluate.requests import ScoreRequest  # noqa: E402

DECODERS = ("gpt2", "gpt_neox", "llama")
TOLERANCE = {"t5": 1e-3} | dict.fromkeys(DECODERS, 1e-4)


def multiple_choice(seed=0, n_items=12, n_prefix=60):
    """Items after a few-shot prefix, some below a second prefix, and some that stand alone."""
    rng = np.random.default_rng(seed)

    def tokens(n_tokens):
        return tuple(rng.integers(1, 300, size=n_tokens).tolist())

    shots = tokens(n_prefix)
    more_shots = shots + tokens(40)
    requests = []
    for item in range(n_items):
        beginning = [shots, more_shots, ()][item % 3]
        context = beginning + tokens(int(rng.integers(5, 20)))
        first, *others = tokens(5)
        options = [(first,), (first, others[0]), (first, *others[1:]), tuple(others)]
        requests += [ScoreRequest(context, option) for option in options]
    return requests


def plain_score(model, request):
    """One forward of the whole sequence, log-softmax of all of it."""
    with torch.no_grad():
        if model.config.is_encoder_decoder:
            start = model.config.decoder_start_token_id
            decoder = torch.tensor([[start, *request.continuation[:-1]]])
            context = torch.tensor([request.context])
            logits = model(input_ids=context, decoder_input_ids=decoder).logits[0]
        else:
            whole = torch.tensor([request.context + request.continuation])
            logits = model(input_ids=whole).logits[0, len(request.context) - 1 : -1]
    targets = torch.tensor(request.continuation)
    log_probabilities = torch.log_softmax(logits.double(), dim=-1)
    return (
        float(log_probabilities.gather(1, targets[:, None]).sum()),
        bool((logits.argmax(-1) == targets).all()),
    )


def scores_in_order(engine, requests, known=frozenset()):
    return dict(sorted(engine.answer(requests, known)))


def likeliest_continuation(model, context):
    """A request whose two tokens are what the model itself would say."""
    said = ()
    for _ in range(2):
        with torch.no_grad():
            if model.config.is_encoder_decoder:
                decoder = torch.tensor([[0, *said]])
                logits = model(input_ids=torch.tensor([context]), decoder_input_ids=decoder).logits
            else:
                logits = model(input_ids=torch.tensor([context + said])).logits
        said = (*said, int(logits[0, -1].argmax()))
    return ScoreRequest(context, said)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", FAMILIES)
def test_scores_equal_plain_forwards(engine_of, family, attention):
    engine = engine_of(family, attention, budget=90)
    model = engine._checkpoint.model
    requests = multiple_choice()
    requests.append(likeliest_continuation(model, requests[0].context))
    answers = scores_in_order(engine, requests)
    assert len(answers) == len(requests)
    for place, request in enumerate(requests):
        log_likelihood, greedy = plain_score(model, request)
        assert answers[place].log_likelihood == pytest.approx(log_likelihood, abs=TOLERANCE[family])
        assert answers[place].greedy == greedy
    assert answers[len(requests) - 1].greedy


@pytest.mark.parametrize("family", FAMILIES)
def test_order_of_requests_changes_nothing(engine_of, family):
    engine = engine_of(family, budget=90)
    requests = multiple_choice()
    shuffled = np.random.default_rng(1).permutation(len(requests)).tolist()
    straight = scores_in_order(engine, requests)
    mixed = scores_in_order(engine, [requests[place] for place in shuffled])
    assert {shuffled[place]: score for place, score in mixed.items()} == straight


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("budget", [20, 250])
def test_budget_changes_no_more_than_rounding(engine_of, family, budget):
    requests = multiple_choice()
    wide = scores_in_order(engine_of(family), requests)
    narrow = scores_in_order(engine_of(family, budget=budget), requests)
    for place, score in wide.items():
        assert narrow[place].log_likelihood == pytest.approx(score.log_likelihood, abs=1e-4)
        assert narrow[place].greedy == score.greedy


@pytest.mark.parametrize("family", FAMILIES)
def test_known_places_leave_the_others_as_they_are_to_the_last_bit(engine_of, family):
    engine = engine_of(family, budget=90)
    requests = multiple_choice()
    whole = scores_in_order(engine, requests)
    for known in (range(0, 48, 2), range(30), [5], range(1, 48)):
        rest = scores_in_order(engine, requests, frozenset(known))
        assert rest == {place: whole[place] for place in whole if place not in known}


def test_a_bundle_of_known_requests_is_not_computed(engine_of, monkeypatch):
    engine = engine_of("llama", budget=90)
    requests = multiple_choice()
    runs = []
    forward = engine._checkpoint.model.forward
    monkeypatch.setattr(
        engine._scorer._decoder._model,
        "forward",
        lambda **given: (runs.append(1), forward(**given))[1],
    )
    scores_in_order(engine, requests)
    n_all = len(runs)
    runs.clear()
    assert scores_in_order(engine, requests, frozenset(range(1, 48))).keys() == {0}
    assert 0 < len(runs) < n_all
    runs.clear()
    assert scores_in_order(engine, requests, frozenset(range(48))) == {}
    assert runs == []


@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_duplicates_are_answered_at_every_place(engine_of, family):
    engine = engine_of(family, budget=90)
    requests = multiple_choice(n_items=3)
    once = scores_in_order(engine, requests)
    thrice = scores_in_order(engine, [*requests, *requests, *requests], frozenset([1, 13]))
    assert thrice == {place: once[place % 12] for place in range(36) if place not in (1, 13)}


@pytest.mark.parametrize("family", DECODERS)
def test_long_continuations_and_whole_documents(engine_of, family):
    """Predictions that begin inside a prefix shared with others, one token after another."""
    rng = np.random.default_rng(3)
    document = tuple(rng.integers(1, 300, size=N_CONTEXT).tolist())
    requests = [ScoreRequest(document[:n], document[n:]) for n in (1, 2, 100, 255)]
    requests += [ScoreRequest(document[:n], document[n : n + 30]) for n in (1, 50, 120, 200)]
    engine = engine_of(family, budget=90)
    answers = scores_in_order(engine, requests)
    for place, request in enumerate(requests):
        expected = plain_score(engine._checkpoint.model, request)[0]
        # Up to 255 tokens are summed.
        assert answers[place].log_likelihood == pytest.approx(expected, abs=1e-3, rel=1e-6)


def test_nothing_asked_nothing_answered(engine_of):
    assert list(engine_of("gpt2").answer([])) == []
