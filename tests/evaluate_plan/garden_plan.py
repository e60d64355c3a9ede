"""A plan small enough to check by eye, and the files that it names."""

import json
from pathlib import Path

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
