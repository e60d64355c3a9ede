"""Folders of checkpoints: their fingerprint, what they store, and what is refused."""

import json
import struct
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub")
from toolkit.errors import CheckpointError
from toolkit.evaluate.engine.checkpoint_files import checkpoint_folder, count_stored_parameters
from toolkit.evaluate.engine.fingerprint import fingerprint
from toolkit.evaluate.requests import CheckpointSource


def write_safetensors(path: Path, shapes: dict[str, list[int]]) -> None:
    header = json.dumps(
        {
            name: {"dtype": "U8", "shape": shape, "data_offsets": [0, 0]}
            for name, shape in shapes.items()
        }
        | {"__metadata__": {"format": "pt"}}
    ).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "tokenizer.json").write_text("{}")
    write_safetensors(tmp_path / "model-1.safetensors", {"a": [2, 3], "b": []})
    write_safetensors(tmp_path / "model-2.safetensors", {"c": [10]})
    return tmp_path


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model-2.safetensors"])
def test_fingerprint_follows_weights_settings_and_tokenizer(folder, name):
    before = fingerprint(folder)
    with (folder / name).open("ab") as file:
        file.write(b" ")
    assert fingerprint(folder) != before


def test_fingerprint_ignores_everything_else(folder):
    before = fingerprint(folder)
    (folder / "README.md").write_text("A checkpoint.")
    (folder / "pytorch_model.bin").write_bytes(b"the same weights, pickled")
    assert fingerprint(folder) == before


def test_fingerprint_does_not_depend_on_the_place(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("elsewhere")
    for path in folder.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    assert fingerprint(other) == fingerprint(folder)


def test_parameters_are_counted_from_headers(folder):
    assert count_stored_parameters(folder) == 2 * 3 + 1 + 10


def test_a_broken_weight_file_is_named(folder):
    (folder / "model-1.safetensors").write_bytes(b"not")
    with pytest.raises(CheckpointError, match=r"model-1\.safetensors: isn't a safetensors file"):
        count_stored_parameters(folder)


def test_a_folder_that_is_not_there():
    with pytest.raises(CheckpointError, match="no such folder, and it isn't a hub id"):
        checkpoint_folder(CheckpointSource("/no/such/folder"))


def test_a_checkpoint_that_the_hub_does_not_give(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    source = CheckpointSource("nobody/no-such-checkpoint", revision="step3")
    with pytest.raises(CheckpointError, match=r"hub or its cache gives at revision step3 \("):
        checkpoint_folder(source)


def test_a_folder_without_a_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match=r"has no config\.json"):
        checkpoint_folder(CheckpointSource(str(tmp_path)))


def test_a_folder_without_weights(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="has no weights that may be read"):
        checkpoint_folder(CheckpointSource(str(tmp_path)))


def test_pickled_weights_need_permission(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"weights")
    with pytest.raises(CheckpointError, match=r"pickled \(pytorch_model\.bin\)"):
        checkpoint_folder(CheckpointSource(str(tmp_path)))
    allowed = CheckpointSource(str(tmp_path), allow_pickle=True)
    assert checkpoint_folder(allowed) == tmp_path
    assert count_stored_parameters(tmp_path) is None
