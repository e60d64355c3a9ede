"""Checkpoints without weights, a plan that names them, and its study."""

import json
import os
import shutil
from pathlib import Path

import pytest
from fake_engine import open_fake
from garden_plan import CHAT_TEMPLATE, PLAN, item_lines, make_garden

from toolkit.evaluate.engine import opening
from toolkit.evaluate.items.task_items import load_tasks
from toolkit.evaluate.plan.plan_file import read_plan
from toolkit.evaluate.run import run_plan
from toolkit.jobs import Workers

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    """Return a folder of checkpoints: tokenizers trained here, a configuration, no weights."""
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("checkpoints")
    bare = tokenizers.ByteLevelBPETokenizer()
    text = [PLAN, json.dumps(item_lines(30, 4)), *(["Answer: A B C D"] * 90)]
    bare.train_from_iterator(text, vocab_size=400, special_tokens=["<s>", "</s>"])
    for name, template in (("fern-s", None), ("fern-s-chat", CHAT_TEMPLATE)):
        fast = transformers.PreTrainedTokenizerFast(
            tokenizer_object=bare._tokenizer, bos_token="<s>", eos_token="</s>"
        )
        fast.chat_template = template
        fast.save_pretrained(folder / name)
        config = {"model_type": "gpt_neox", "max_position_embeddings": 2048, "name": name}
        (folder / name / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture
def garden(tmp_path, checkpoints):
    """Return a plan file with all that it names beside it."""
    return make_garden(tmp_path / "garden", checkpoints)


@pytest.fixture(scope="session")
def measured_once(tmp_path_factory, checkpoints):
    """Return the folder of a plan that was measured; copy it before changing anything."""
    plan_file = make_garden(tmp_path_factory.mktemp("measured") / "garden", checkpoints)
    plan = read_plan(plan_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "open_engine", open_fake)
        run_plan(plan, plan_file, load_tasks(plan), Workers(), lambda _: None)
    return plan_file.parent


@pytest.fixture
def measured(tmp_path, measured_once, fake):
    """Return the study folder of a measured plan, with its plan, items and store around it."""
    shutil.copytree(measured_once, tmp_path / "before")
    return tmp_path / "before" / "measured" / "garden"


@pytest.fixture
def fake(monkeypatch):
    """Put the engine without weights where the real one is opened."""
    monkeypatch.setattr(opening, "open_engine", open_fake)


@pytest.fixture
def tables_of():
    """Return a function that gives the bytes of a study's tables by name."""

    def bytes_of(folder: Path) -> dict[str, bytes]:
        names = [p for p in folder.iterdir() if p.suffix in {".csv", ".parquet"}]
        return {path.name: path.read_bytes() for path in names}

    return bytes_of
