"""The certificate at load: a way of computing that is wrong is refused, the next one taken."""

import math

import pytest

torch = pytest.importorskip("torch")
from tiny_checkpoints import build_model, save_checkpoint  # noqa: E402

from toolkit.errors import CheckpointError  # noqa: E402
from toolkit.evaluate.engine import (  # noqa: E402
    block_attention,
    decoder,
    exactness,
    live_texts,
    modes,
    packed_row,
    prefix_cache,
    scoring,
    scoring_ways,
)
from toolkit.evaluate.engine.engine import load_engine  # noqa: E402
from toolkit.evaluate.requests import CheckpointSource, GenerateRequest, ScoreRequest  # noqa: E402

CONTEXT = tuple(range(10, 40))
REQUESTS = [
    ScoreRequest(CONTEXT, (5, 6)),
    ScoreRequest(CONTEXT, (7,)),
    ScoreRequest((3, 4), (5,)),
    GenerateRequest(CONTEXT, (), 5),
]


def load(folder, **changes):
    return load_engine(CheckpointSource(str(folder), **changes), device="cpu")


def causal_mask(end, nodes):
    """A mask that lets every token see its neighbours' options."""
    return torch.arange(len(end))[None, :] <= nodes[:, None]


def assert_same_answers(engine, other):
    answers, others = (dict(sorted(e.answer(REQUESTS))) for e in (engine, other))
    assert answers[3] == others[3]
    for place in range(3):
        expected = pytest.approx(others[place].log_likelihood, abs=1e-4)
        assert answers[place].log_likelihood == expected


@pytest.mark.parametrize("family", ["gpt2", "gpt_neox", "llama"])
def test_a_wrong_mask_is_noticed_and_rows_are_used(checkpoints, engine_of, monkeypatch, family):
    with monkeypatch.context() as wrong:
        wrong.setattr(packed_row, "is_ancestor", causal_mask)
        engine = load(checkpoints[family])
    provenance = engine.provenance()
    assert provenance["mode"] == "rows"
    assert provenance["torch_threads"] == torch.get_num_threads()
    for way in ("packed by block", "packed"):
        assert f"{way}: log-likelihoods differ by up to" in provenance["refused"]
    assert provenance["residual"] <= 1e-4
    assert provenance["generation_mode"] == "cached"
    assert_same_answers(engine, engine_of(family))


def test_wrong_sums_of_blocks_are_noticed_and_one_mask_is_used(checkpoints, engine_of, monkeypatch):
    read = block_attention._read

    def without_sums(*given):
        found, total = read(*given)
        return found, torch.zeros_like(total)

    with monkeypatch.context() as wrong:
        wrong.setattr(block_attention, "_read", without_sums)
        engine = load(checkpoints["llama"])
    provenance = engine.provenance()
    assert provenance["mode"] == "packed"
    assert provenance["refused"].startswith("packed by block: log-likelihoods differ by up to")
    assert_same_answers(engine, engine_of("llama"))


def test_texts_that_see_too_little_of_themselves_are_noticed(checkpoints, engine_of, monkeypatch):
    def shorter(rows, start, visible):
        # Without the last token that each would see.
        return block_attention.Stretches(rows, start, visible & visible.roll(-1, 1))

    with monkeypatch.context() as wrong:
        wrong.setattr(live_texts, "Stretches", shorter)
        engine = load(checkpoints["llama"])
    provenance = engine.provenance()
    assert (provenance["mode"], provenance["generation_mode"]) == ("packed by block", "cached")
    assert "packed: chose tokens less likely by up to" in provenance["generation_refused"]
    assert_same_answers(engine, engine_of("llama"))


def test_what_is_wrong_in_every_fast_way_leaves_plain_forwards(checkpoints, engine_of, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no such layer")

    with monkeypatch.context() as wrong:
        wrong.setattr(packed_row, "cache_of", fail)
        wrong.setattr(scoring_ways, "cache_of", fail)
        wrong.setattr(prefix_cache, "cache_of", fail)
        wrong.setattr(decoder.Decoder, "new_cache", fail)
        wrong.setattr(modes, "score_equal_rows", fail)
        engine = load(checkpoints["gpt2"])
    provenance = engine.provenance()
    assert (provenance["mode"], provenance["generation_mode"]) == ("plain", "plain")
    for way in ("rows", "rows of equal length"):
        assert f"{way}: RuntimeError: no such layer" in provenance["refused"]
    assert_same_answers(engine, engine_of("gpt2"))


def test_without_a_cache_whole_sequences_of_one_length_go_together(
    checkpoints, engine_of, monkeypatch
):
    def fail(*_, **__):
        raise RuntimeError("no such layer")

    with monkeypatch.context() as wrong:
        for module in (packed_row, scoring_ways, prefix_cache):
            wrong.setattr(module, "cache_of", fail)
        engine = load(checkpoints["gpt2"])
    assert engine.provenance()["mode"] == "rows of equal length"
    assert_same_answers(engine, engine_of("gpt2"))


def test_wrong_rows_of_an_encoder_decoder_are_noticed(checkpoints, engine_of, monkeypatch):
    from toolkit.evaluate.engine import encoder_decoder

    def shifted(past, n_rows):
        return decoder.cache_of([(keys.roll(1, -2), values) for keys, values in past], n_rows)

    with monkeypatch.context() as wrong:
        wrong.setattr(encoder_decoder, "cache_of", shifted)
        engine = load(checkpoints["t5"])
    assert engine.provenance()["mode"] == "plain"
    assert_same_answers(engine, engine_of("t5"))


DYNAMIC = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}
LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "short_factor": [1.0] * 4,
    "long_factor": [4.0] * 4,
    "original_max_position_embeddings": 64,
}
OF_LONGROPE = {"original_max_position_embeddings": 64, "pad_token_id": 0}


@pytest.mark.parametrize(
    ("family", "changes", "mode", "generation_mode"),
    [
        # Sliding windows, in all layers and in some, are part of the packed mask.
        ("mistral", {"sliding_window": 20, "num_key_value_heads": 2}, "packed", "packed"),
        (
            "gemma2",
            {"sliding_window": 20, "num_key_value_heads": 2, "head_dim": 8},
            "packed",
            "packed",
        ),
        # Local attention that counts places in the row, and distances that come from there.
        (
            "gpt_neo",
            {
                "num_layers": 2,
                "num_heads": 4,
                "attention_types": [[["global", "local"], 1]],
                "window_size": 20,
            },
            "rows",
            "cached",
        ),
        ("bloom", {"n_head": 4, "n_layer": 2}, "rows", "cached"),
        # Positions scaled by the length of the whole forward: all in it must be as long.
        ("llama", {"rope_parameters": DYNAMIC}, "rows of equal length", "plain"),
        ("phi3", {"rope_parameters": LONGROPE, **OF_LONGROPE}, "rows of equal length", "plain"),
    ],
)
def test_ways_of_other_architectures(tmp_path, family, changes, mode, generation_mode):
    engine = load(save_checkpoint(tmp_path, family, **changes))
    provenance = engine.provenance()
    assert (provenance["mode"], provenance["generation_mode"]) == (mode, generation_mode)
    assert provenance["residual"] <= 1e-4


def test_half_precision_is_allowed_its_own_rounding(checkpoints):
    engine = load(checkpoints["llama"], dtype="bfloat16")
    assert engine.provenance()["mode"] == "packed"
    assert 0 < engine.provenance()["residual"] < 1
    assert engine.resolution == 0.125


def test_numbers_that_are_not_finite_are_refused(tmp_path):
    folder = save_checkpoint(tmp_path, "gpt2")
    model = build_model("gpt2", 320)
    with torch.no_grad():
        model.transformer.ln_f.weight.fill_(float("nan"))
    model.save_pretrained(folder)
    with pytest.raises(CheckpointError, match="log-likelihoods that aren't finite"):
        load(folder)


def test_a_text_that_ends_too_early_is_infinitely_far():
    expected = {GenerateRequest((1, 2), (), 3): text((4, 5, 6))}
    got = {GenerateRequest((1, 2), (), 3): text((4,))}
    assert list(exactness._gaps(expected, got, None)) == [math.inf]


def test_a_text_that_differs_by_a_tie_is_accepted(checkpoints):
    """Two tokens equally likely: rounding decides between them, in any way of computing."""
    tied = build_model("gpt2", 320)
    with torch.no_grad():
        tied.lm_head.weight.fill_(0.01)
    expected = {GenerateRequest((1, 2), (), 1): text((4,))}
    got = {GenerateRequest((1, 2), (), 1): text((9,))}

    class Tied:
        def score(self, requests):
            return [(request, scoring.Scored(-1.0, False)) for request in requests]

    assert list(exactness._gaps(expected, got, Tied())) == [0.0]


def text(tokens):
    from toolkit.evaluate.requests import Generated

    return Generated("", tokens, "length")
