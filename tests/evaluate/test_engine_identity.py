"""What an engine says about itself, and what its identity depends on."""

import shutil

import pytest

torch = pytest.importorskip("torch")
import tokenizers  # noqa: E402
import transformers  # noqa: E402
from tiny_checkpoints import byte_level_tokenizer  # noqa: E402

from toolkit.evaluate.engine.engine import load_engine  # noqa: E402
from toolkit.evaluate.engine.fingerprint import fingerprint  # noqa: E402
from toolkit.evaluate.requests import CheckpointSource  # noqa: E402


def load(folder, tokenizer=None, **changes):
    source = CheckpointSource(str(folder), **changes)
    return load_engine(source, device="cpu", tokenizer=tokenizer)


def test_provenance_names_everything(checkpoints, engine_of):
    engine = engine_of("gpt2", budget=90)
    told = engine.provenance()
    assert (
        told.items()
        >= {
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "tokenizers": tokenizers.__version__,
            "device": "cpu",
            "dtype": "float32",
            "attention": "sdpa",
            "mode": "packed by block",
            "generation_mode": "packed by block",
            "budget": 90,
            "n_out_of_memory_splits": 0,
            "revision": fingerprint(checkpoints["gpt2"]),
            "n_params": engine.n_params,
        }.items()
    )
    assert 0 <= told["residual"] <= 1e-4
    assert engine.n_params == sum(p.numel() for p in engine._checkpoint.model.parameters())


def test_identity_is_the_same_for_the_same_checkpoint_elsewhere(checkpoints, engine_of, tmp_path):
    shutil.copytree(checkpoints["gpt2"], tmp_path / "copy")
    assert load(tmp_path / "copy").identity == engine_of("gpt2", budget=90).identity


def test_identity_follows_dtype_attention_and_tokenizer(checkpoints, engine_of):
    folder = checkpoints["gpt2"]
    tokenizer = byte_level_tokenizer()
    tokenizer.add_tokens(["<new>"])
    identities = {
        engine_of("gpt2").identity,
        engine_of("gpt2", "eager").identity,
        load(folder, dtype="bfloat16").identity,
        load(folder, tokenizer).identity,
        engine_of("llama").identity,
    }
    assert len(identities) == 5


def test_the_revision_of_a_hub_checkpoint_is_its_commit(checkpoints, tmp_path, monkeypatch):
    """As the hub's cache lays it out; nothing is fetched."""
    cache = tmp_path / "models--someone--tiny"
    commit = "0123456789abcdef0123456789abcdef01234567"
    shutil.copytree(checkpoints["gpt2"], cache / "snapshots" / commit)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert load("someone/tiny").provenance()["revision"] == commit


def test_loading_prints_nothing(checkpoints, capfd):
    load(checkpoints["gpt2"])
    assert capfd.readouterr() == ("", "")
