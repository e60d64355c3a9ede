"""Memory that runs out, requests that can't be answered, and checkpoints that can't be opened."""

import json
import shutil

import pytest

torch = pytest.importorskip("torch")
from safetensors.torch import load_file, save_file  # noqa: E402
from tiny_checkpoints import N_CONTEXT, save_checkpoint  # noqa: E402

from toolkit.errors import CheckpointError  # noqa: E402
from toolkit.evaluate.engine.engine import load_engine  # noqa: E402
from toolkit.evaluate.requests import CheckpointSource, GenerateRequest, ScoreRequest  # noqa: E402

SHOTS = tuple(range(20, 80))
REQUESTS = [ScoreRequest((*SHOTS, item), (item, 5)) for item in range(1, 17)]
TEXTS = [GenerateRequest((*SHOTS, item), (), 6) for item in range(1, 17)]


def fill_memory(engine, monkeypatch, n_tokens):
    """Let every forward of more than so many tokens run out of memory."""
    model = engine._checkpoint.model
    forward = model.forward

    def limited(*_, **given):
        tokens = given["decoder_input_ids"] if "decoder_input_ids" in given else given["input_ids"]
        if tokens.numel() > n_tokens:
            raise torch.OutOfMemoryError("the device is full")
        return forward(**given)

    limited.__wrapped__ = forward
    monkeypatch.setattr(model, "forward", limited)


@pytest.mark.parametrize(
    ("family", "requests", "n_tokens"),
    [("gpt2", REQUESTS, 16), ("gpt2", TEXTS, 16), ("t5", REQUESTS, 2)],
)
def test_out_of_memory_splits_and_answers_all(checkpoints, monkeypatch, family, requests, n_tokens):
    engine = load_engine(CheckpointSource(str(checkpoints[family])), device="cpu", budget=200)
    plain = dict(sorted(engine.answer(requests)))
    assert engine.provenance()["n_out_of_memory_splits"] == 0
    fill_memory(engine, monkeypatch, n_tokens)
    answers = dict(sorted(engine.answer(requests)))
    n_splits = engine.provenance()["n_out_of_memory_splits"]
    assert n_splits > 0
    if requests is TEXTS:
        assert answers == plain
    else:
        for place, score in plain.items():
            assert answers[place].log_likelihood == pytest.approx(score.log_likelihood, abs=1e-4)
    assert dict(sorted(engine.answer(requests))).keys() == answers.keys()
    assert engine.provenance()["n_out_of_memory_splits"] == n_splits, "it is remembered"


@pytest.mark.parametrize("family", ["gpt2", "t5"])
@pytest.mark.parametrize("requests", [REQUESTS, TEXTS])
def test_memory_too_small_for_anything(checkpoints, monkeypatch, family, requests):
    engine = load_engine(CheckpointSource(str(checkpoints[family])), device="cpu", budget=200)
    fill_memory(engine, monkeypatch, 0)
    with pytest.raises(CheckpointError, match="out of memory: not even a forward of"):
        list(engine.answer(requests))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (ScoreRequest((1, 320), (2,)), "request 1: holds token 320, but .* 0 to 319 only"),
        (ScoreRequest((1,), (-1,)), "request 1: holds token -1"),
        (ScoreRequest((), (1,)), "request 1: its context is empty"),
        (ScoreRequest((1,) * N_CONTEXT, (1, 2)), "request 1: needs 257 positions .* has 256"),
        (GenerateRequest((1,) * 250, (), 8), r"needs 257 positions \(context of 250 tokens\)"),
    ],
)
def test_requests_beyond_the_checkpoint_are_refused(engine_of, request_, message):
    # The place of the checkpoint first, its folder here.
    with pytest.raises(CheckpointError, match=f"/.*gpt2.*: {message}"):
        list(engine_of("gpt2").answer([ScoreRequest((1,), (1,)), request_]))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (ScoreRequest((1,), ()), "at least one token"),
        (GenerateRequest((1,), (), 0), "max_new_tokens must be at least 1"),
        (GenerateRequest((1,), ("a", ""), 3), "empty stop string"),
    ],
)
def test_requests_for_nothing_are_misuse(engine_of, request_, message):
    with pytest.raises(ValueError, match=message):
        list(engine_of("gpt2").answer([request_]))


def test_a_context_as_long_as_the_checkpoint_reads(engine_of):
    requests = [ScoreRequest((1,) * N_CONTEXT, (1,)), GenerateRequest((1,) * N_CONTEXT, (), 1)]
    assert len(list(engine_of("gpt2").answer(requests))) == 2


def test_relative_positions_have_no_end(engine_of):
    engine = engine_of("t5")
    assert engine.context_length is None
    assert len(list(engine.answer([ScoreRequest((1,) * 600, (1,))]))) == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what happens without a GPU")
def test_a_device_that_is_not_there(checkpoints):
    with pytest.raises(CheckpointError, match="device 'cuda': torch finds no GPU"):
        load_engine(CheckpointSource(str(checkpoints["gpt2"])), device="cuda")
    with pytest.raises(CheckpointError, match="device 'abacus': unknown"):
        load_engine(CheckpointSource(str(checkpoints["gpt2"])), device="abacus")


@pytest.fixture
def copy_of(checkpoints, tmp_path):
    """Return a function that copies the checkpoint of a family, to be spoilt."""

    def copied(family):
        return shutil.copytree(checkpoints[family], tmp_path / family)

    return copied


def set_config(folder, **changes):
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def refusal_of(folder):
    """Return what is said of a checkpoint that can't be opened; it is named."""
    with pytest.raises(CheckpointError) as caught:
        load_engine(CheckpointSource(str(folder)), device="cpu")
    assert str(caught.value).startswith(f"{folder}: ")
    return str(caught.value)


def test_settings_that_transformers_cannot_read(copy_of):
    folder = copy_of("gpt2")
    (folder / "config.json").write_text(json.dumps({"model_type": "abacus"}))
    assert f"{folder}: transformers can't open it: " in refusal_of(folder)


@pytest.mark.parametrize("family", ["gpt2", "llama", "t5"])
def test_a_checkpoint_that_lacks_weights_is_refused(copy_of, family):
    folder = copy_of(family)
    weights = load_file(folder / "model.safetensors")
    lost = next(name for name in sorted(weights) if "mlp" in name or "DenseReluDense" in name)
    del weights[lost]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    said = refusal_of(folder)
    assert "got no weights for " in said
    assert lost in said


def test_a_weight_file_that_is_cut_off_is_named(copy_of):
    folder = copy_of("gpt2")
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    refusal_of(folder)


def test_a_weight_of_another_shape_is_named(copy_of):
    folder = copy_of("llama")
    set_config(folder, intermediate_size=48)
    refusal_of(folder)


def test_code_of_a_checkpoint_is_not_run_unasked(copy_of):
    folder = copy_of("gpt2")
    set_config(folder, model_type="abacus", auto_map={"AutoConfig": "own.Config"})
    (folder / "own.py").write_text("raise SystemExit('this code must not run')\n")
    assert "contains custom code" in refusal_of(folder)


def test_an_encoder_decoder_needs_a_start_token(tmp_path):
    folder = save_checkpoint(tmp_path, "t5", decoder_start_token_id=None)
    with pytest.raises(CheckpointError, match="no decoder_start_token_id"):
        load_engine(CheckpointSource(str(folder)), device="cpu")
