"""A plan small enough to check by eye: checkpoints without weights, three tasks, two formats."""

import json
import os
import shutil
from pathlib import Path

import pytest
from fake_engine import open_fake

from toolkit.evaluate import opening
from toolkit.evaluate.plan_file import read_plan
from toolkit.evaluate.run import run_plan
from toolkit.evaluate.task_items import load_tasks
from toolkit.jobs import Workers

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{{ eos_token }}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
PLAN = """\
study = "measured/garden"
store = "store"

[demonstrations]
shots = [0, 2]
kinds = ["real", "random_labels", "format_only"]
seeds = [1, 2]
reserve = 4

[[checkpoint]]
name = "fern-s"
folder = "fern-s"
lm_family = "fern"
n_params = 70000000
train_flop = 1.3e20
released = "2024-05"
instruction_tuned = false

[[checkpoint]]
name = "fern-s-chat"
folder = "fern-s-chat"
lm_family = "fern"
instruction_tuned = true
base_checkpoint = "fern-s"
chat_template = true

[[task]]
name = "sorting"
path = "sorting.jsonl"
kind = "items"
scoring = "text"
metrics = ["accuracy", "accuracy_per_byte"]

[[task]]
name = "naming"
path = "naming.jsonl"
kind = "items"
scoring = "letter"
formats = ["listed"]

[[task]]
name = "sums"
path = "sums.jsonl"
kind = "generation"
scoring = "generate"
formats = ["plain"]
answer = "number"
chance = 0.0

[[format]]
name = "plain"
input = "Question: {input}\\n"
output = "Answer: {output}"

[[format]]
name = "listed"
input = "{input}\\n{options}\\n"
output = "Answer: {output}"
instruction = "Choose."
"""


def item_lines(n, n_options, first=1):
    """Return lines of items whose options are numbers; the right one goes round."""
    return [
        {
            "id": f"s{k}",
            "input": f"Which is the number of item {k}?",
            "options": [str(k + j) for j in range(n_options)],
            "gold": k % n_options,
        }
        for k in range(first, first + n)
    ]


def write_lines(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


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


def make_garden(folder: Path, checkpoints: Path) -> Path:
    folder.mkdir()
    write_lines(folder / "sorting.jsonl", item_lines(12, 2))
    write_lines(folder / "naming.jsonl", item_lines(14, 4))
    sums = [{"id": f"g{k}", "question": f"{k} + 1 =", "answer": k + 1} for k in range(12)]
    write_lines(folder / "sums.jsonl", sums)
    plan = PLAN
    for name in ("fern-s-chat", "fern-s"):
        plan = plan.replace(f'folder = "{name}"', f'folder = "{checkpoints / name}"')
    (folder / "plan.toml").write_text(plan)
    return folder / "plan.toml"


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
