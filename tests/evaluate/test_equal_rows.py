"""Whole sequences of one length side by side, for checkpoints whose positions follow the length."""

import pytest

torch = pytest.importorskip("torch")
from test_engine_limits import fill_memory  # noqa: E402
from test_engine_scoring import multiple_choice, plain_score, scores_in_order  # noqa: E402
from test_exactness import LONGROPE, OF_LONGROPE, load  # noqa: E402
from tiny_checkpoints import save_checkpoint  # noqa: E402

from toolkit.evaluate.engine.decoder import Decoder  # noqa: E402
from toolkit.evaluate.requests import ScoreRequest  # noqa: E402

MODE = "rows of equal length"
REQUESTS = multiple_choice()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("longrope")
    # Some of the prompts are longer than the length from which positions are scaled.
    return save_checkpoint(place, "phi3", rope_parameters=LONGROPE, **OF_LONGROPE)


@pytest.fixture
def engine(folder):
    found = load(folder)
    assert found.provenance()["mode"] == MODE
    return found


def close(scores, others):
    assert scores.keys() == others.keys()
    for place, score in scores.items():
        assert score.log_likelihood == pytest.approx(others[place].log_likelihood, abs=1e-4)
        assert score.greedy == others[place].greedy


def test_scores_are_those_of_plain_forwards(engine):
    for place, score in scores_in_order(engine, REQUESTS).items():
        likelihood, greedy = plain_score(engine._checkpoint.model, REQUESTS[place])
        assert score.log_likelihood == pytest.approx(likelihood, abs=1e-4)
        assert score.greedy is greedy


def test_a_row_is_run_once_for_options_of_one_token(engine, monkeypatch):
    seen, rows = [], Decoder.rows

    def watched(decoder, tokens, *rest):
        seen.extend(map(tuple, tokens.tolist()))
        return rows(decoder, tokens, *rest)

    monkeypatch.setattr(Decoder, "rows", watched)
    contexts = {request.context for request in REQUESTS}
    letters = [ScoreRequest(context, (letter,)) for context in contexts for letter in (3, 4, 5, 6)]
    scores_in_order(engine, letters)
    assert sorted(seen) == sorted(contexts)


def test_order_and_what_is_known_change_no_digit(engine):
    scores = scores_in_order(engine, REQUESTS)
    turned = scores_in_order(engine, REQUESTS[::-1])
    assert {len(REQUESTS) - 1 - place: score for place, score in turned.items()} == scores
    known = frozenset(range(0, len(REQUESTS), 3))
    rest = scores_in_order(engine, REQUESTS, known)
    assert rest == {place: score for place, score in scores.items() if place not in known}


def test_out_of_memory_halves_the_batch(engine, monkeypatch):
    scores = scores_in_order(engine, REQUESTS)
    longest = max(len(r.context) + len(r.continuation) - 1 for r in REQUESTS)
    fill_memory(engine, monkeypatch, longest)
    close(scores_in_order(engine, REQUESTS), scores)
    assert engine.provenance()["n_out_of_memory_splits"] > 0
