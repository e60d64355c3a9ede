"""Files of the real tools: lm-evaluation-harness on a tiny checkpoint, Inspect's mock model.

``make test`` installs them (lm_eval is the extra ``interop``, Inspect has an environment of its
own); without them these tests are skipped, and the files written by hand in the neighbouring tests
must do. Each tool runs in a process of its own, as a user runs it, offline.
"""

import json
import os
import subprocess
import sys
from math import log

import pandas as pd
import pytest

from tests.other_tools import python_with
from tests.sources.by_hand_cells import by_cell
from toolkit.sources.option_scores import option_scores

SKIPPED = "not installed: pip install -e '.[interop]' brings lm_eval"
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
# The right option is the first, the third, the second; one item has two options.
DOCS = [
    {"question": "sky is", "options": ["blue", "green hill", "red"], "gold": 0},
    {"question": "grass is", "options": ["red", "blue", "green", "sky blue"], "gold": 2},
    {"question": "hill is", "options": ["blue", "green"], "gold": 1},
]
TASK = """\
task: colours
dataset_path: json
dataset_kwargs:
  data_files: {data}
test_split: train
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_choice: "{{{{options}}}}"
doc_to_target: "{{{{gold}}}}"
num_fewshot: {shots}
metric_list:
  - metric: acc
  - metric: acc_norm
"""
WORDS = ["<unk>", "<eos>", "sky", "is", "grass", "hill", "blue", "green", "red"]
INSPECT = """\
import json, sys
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import choice
from inspect_ai.solver import multiple_choice

said, log_dir, log_format = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
samples = [
    Sample(id=name, input=f"Is {name} it?", choices=["yes", "no", "maybe", "never"], target="B")
    for name in said
]


def answer(messages, *_):
    (name,) = (name for name in said if f"Is {name} it?" in messages[-1].text)
    output = ModelOutput.from_content("mockllm/model", f"ANSWER: {said[name].pop(0)}")
    # Else its tokens are counted by an encoding that is downloaded.
    output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return output


task = Task(dataset=samples, solver=multiple_choice(), scorer=choice(), name="riddles")
(log,) = eval(
    task, model=get_model("mockllm/model", custom_outputs=answer), epochs=2, log_dir=log_dir,
    log_format=log_format, display="none",
)
sys.exit(log.status != "success")
"""


def run(folder, *arguments, python=sys.executable):
    done = subprocess.run(
        [python, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **OFFLINE, "HF_HOME": str(folder / "hf"), "HOME": str(folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Return the folder of a GPT-2 of a few thousand random parameters that knows nine words."""
    pytest.importorskip("lm_eval", reason=SKIPPED)
    torch = pytest.importorskip("torch", reason=SKIPPED)
    transformers = pytest.importorskip("transformers", reason=SKIPPED)
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("checkpoint") / "tiny"
    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="<unk>", eos_token="<eos>", pad_token="<eos>"
    )
    torch.manual_seed(3)
    model = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=len(WORDS), n_positions=64, n_embd=16, n_layer=2, n_head=2,
            bos_token_id=1, eos_token_id=1, initializer_range=1.0,
        )
    )  # fmt: skip
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def harness_run(checkpoint, tmp_path_factory):
    """Return the output folder of a run of lm-evaluation-harness."""
    folder = tmp_path_factory.mktemp("harness")
    (folder / "docs.json").write_text("".join(json.dumps(doc) + "\n" for doc in DOCS))
    (folder / "tasks").mkdir()
    text = TASK.format(data=folder / "docs.json", shots=0)
    (folder / "tasks" / "colours.yaml").write_text(text)
    run(
        folder, "-m", "lm_eval", "--model", "hf",
        "--model_args", f"pretrained={checkpoint},dtype=float32", "--tasks", "colours",
        "--include_path", folder / "tasks", "--device", "cpu", "--batch_size", "1",
        "--output_path", folder / "out", "--log_samples",
    )  # fmt: skip
    return folder / "out"


def log_likelihoods(checkpoint, doc):
    """Return the log-likelihood of each option, from the network's own probabilities."""
    import torch
    from transformers import GPT2LMHeadModel

    model = GPT2LMHeadModel.from_pretrained(checkpoint).eval()
    asked = [WORDS.index(word) for word in doc["question"].split()]
    found = []
    for option in doc["options"]:
        answer = [WORDS.index(word) for word in option.split()]
        with torch.no_grad():
            log_probs = model(torch.tensor([asked + answer])).logits[0].log_softmax(-1)
        at = range(len(asked) - 1, len(asked) + len(answer) - 1)
        found.append(sum(float(log_probs[i, t]) for i, t in zip(at, answer, strict=True)))
    return found


def test_lm_eval_run_gives_the_scores_of_the_network(checkpoint, harness_run, imported, sizes_file):
    own = sizes_file((checkpoint, 7000, "false", ""))
    scores, folder, _ = imported("lm-eval", harness_run, checkpoints=own)
    lls = [log_likelihoods(checkpoint, doc) for doc in DOCS]
    expected = [option_scores(ll, doc["gold"]) for ll, doc in zip(lls, DOCS, strict=True)]
    right = {
        "acc": [int(max(ll) == ll[doc["gold"]]) for ll, doc in zip(lls, DOCS, strict=True)],
        "acc_norm": [
            int(max(per := [v / len(o) for v, o in zip(ll, doc["options"], strict=True)])
                == per[doc["gold"]])
            for ll, doc in zip(lls, DOCS, strict=True)
        ],
    }  # fmt: skip
    items = pd.read_parquet(folder / "items.parquet")
    for metric, of_metric in right.items():
        rows = items[items["metric"] == metric].set_index("item").loc[["0", "1", "2"]]
        assert rows["score"].tolist() == of_metric
        assert rows["n_options"].tolist() == [3, 4, 2]
        for name in ("target_log_prob", "target_prob", "brier"):
            found = [getattr(item, name) for item in expected]
            assert rows[name].tolist() == pytest.approx(found, abs=1e-4)
    cells = by_cell(scores)
    key = (str(checkpoint), "colours", "acc", "plain", 0)
    assert cells[key][:2] == (3, sum(right["acc"]))
    assert scores.tasks["chance"].tolist() == [pytest.approx((1 / 3 + 1 / 4 + 1 / 2) / 3)]
    row = pd.read_csv(folder / "options.csv").iloc[0]
    assert row["brier"] == pytest.approx(sum(e.brier for e in expected) / 3, abs=1e-4)
    assert max(e.target_log_prob for e in expected) < log(1)


@pytest.mark.parametrize("log_format", ["eval", "json"])
def test_inspect_log_gives_the_answers_of_the_mock_model(
    tmp_path, imported, sizes_file, log_format
):
    python = python_with("inspect_ai")
    (tmp_path / "riddles.py").write_text(INSPECT)
    # What is said in the two epochs; B is right.
    said = {"a": ["B", "B"], "b": ["A", "C"], "c": ["B", "D"]}
    run(tmp_path, "riddles.py", json.dumps(said), tmp_path / "logs", log_format, python=python)
    logs = sorted((tmp_path / "logs").iterdir())
    assert [path.suffix for path in logs] == [f".{log_format}"]
    own = sizes_file(("mockllm/model", 7000, "false", ""))
    scores, folder, _ = imported("inspect", tmp_path / "logs", checkpoints=own, shots=0)
    items = pd.read_parquet(folder / "items.parquet")
    found = {(r.run.split(" ", 1)[1], r.item): r.score for r in items.itertuples()}
    assert sorted(found) == [(f"epoch {e}", name) for e in (1, 2) for name in "abc"]
    assert {n: found["epoch 1", n] + found["epoch 2", n] for n in "abc"} == {"a": 2, "b": 0, "c": 1}
    row = scores.frame.iloc[0]
    assert (row["task"], row["metric"], row["prompt_format"]) == (
        "riddles", "choice", "multiple_choice",
    )  # fmt: skip
    assert (row["n_items"], row["n_repeats"]) == (3, 2)
    assert row["score"] == pytest.approx(0.5)
    assert scores.tasks["chance"].tolist() == [0.25]
    assert items["n_options"].tolist() == [4] * 6
