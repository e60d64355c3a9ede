"""A plan is read strictly: every fault is one message that names the place and what to do."""

from pathlib import Path

import pytest

from toolkit.errors import ToolkitError
from toolkit.evaluate.items.task_items import load_tasks
from toolkit.evaluate.plan.plan_file import read_plan
from toolkit.evaluate.run import jobs_of


def test_plan_has_absolute_paths(garden):
    plan = read_plan(garden)
    assert plan.study == str(garden.parent.resolve() / "measured" / "garden")
    assert plan.task[2].path == str(garden.parent.resolve() / "sums.jsonl")
    assert plan.checkpoint[0].source.place.endswith("fern-s")
    assert plan.task[0].metric_names == ("accuracy", "accuracy_per_byte")
    assert plan.task[1].metric_names == ("accuracy",)


FAULTS = {
    "unknown key": ('store = "store"', 'stores = "store"', "did you mean 'store'"),
    "unknown kind": ('"random_labels"', '"random_label"', "did you mean 'random_labels'"),
    "outside": ('path = "sums.jsonl"', 'path = "../sums.jsonl"', "inside the folder of the plan"),
    "study name": ('"measured/garden"', '"measured/My Garden"', "lower-case letters"),
    "two names": ('name = "naming"', 'name = "Sorting"', "stands there twice"),
    "base": ('base_checkpoint = "fern-s"', 'base_checkpoint = "fern"', "did you mean 'fern-s'"),
    "own base": ('"fern-s"\nchat', '"fern-s-chat"\nchat', "another checkpoint"),
    "metric": ('"accuracy_per_byte"', '"accuracy_per_bite"', "did you mean 'accuracy_per_byte'"),
    "metric of another": ('formats = ["plain"]', 'metrics = ["accuracy"]', "exact_match"),
    "format": ('formats = ["plain"]', 'formats = ["plane"]', "did you mean 'plain'"),
    "no letters": ('formats = ["listed"]', "", "shows no letters"),
    "no parser": ('answer = "number"', "", "expected 'answer' where text is generated"),
    "no chance": ("chance = 0.0", "", "'chance' is missing"),
    "empty stop": ("chance = 0.0", 'chance = 0.0\nstops = [""]', "'stops': got an empty text"),
    "chance": ("chance = 0.0", "chance = 1.5", r"proportion in \[0, 1\]"),
    "word": ("{input}\\n{options}", "{inputs}\\n{options}", "did you mean 'input'"),
    "after output": ('Answer: {output}"\n\n', 'Answer: {output}."\n\n', "at its end"),
    "shots": ("shots = [0, 2]", "shots = [0, -2]", "0 or more"),
    "shots twice": ("shots = [0, 2]", "shots = [2, 2]", "a value twice"),
    "small reserve": ("reserve = 4", "reserve = 1", "2 or more"),
    "no reserve": ("reserve = 4", "", "'reserve'"),
    "large reserve": ("reserve = 4", "reserve = 12", "12 that are set apart"),
    "no kinds": ('kinds = ["real", "random_labels", "format_only"]', "kinds = []", "empty list"),
    "suffix": ('"plain"', '"listed, format only"', "two cells named"),
    "hub and folder": ("train_flop = 1.3e20", 'hub = "a/b"', "one of 'folder' and 'hub'"),
    "revision": ("train_flop = 1.3e20", 'revision = "main"', "with 'hub' only"),
    "size": ("n_params = 70000000", "n_params = 0", "above 0"),
    "budget": ('store = "store"', 'store = "store"\ntoken_budget = 0', "1 or more"),
    "too long": ('store = "store"', 'store = "store"\ntoo_long = "cut"', "truncate_left"),
    "missing": ('lm_family = "fern"\nn_params', "n_params", "'lm_family' is missing"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_in_a_plan_is_one_message(garden, fault):
    old, new, expected = FAULTS[fault]
    text = garden.read_text()
    assert old in text
    garden.write_text(text.replace(old, new))
    with pytest.raises(ToolkitError, match=expected) as caught:
        load_tasks(read_plan(garden))
    assert "\n" not in str(caught.value)


def test_missing_plan_is_one_message(tmp_path):
    with pytest.raises(ToolkitError, match="no such file, expected a plan"):
        read_plan(tmp_path / "plan.toml")


def test_names_of_one_source_are_one_job(garden):
    text = garden.read_text()
    chat = text.split("[[checkpoint]]")[2].split("[[task]]")[0]
    again = chat.replace('name = "fern-s-chat"', 'name = "fern-s-bare"')
    again = again.replace("chat_template = true", "")
    garden.write_text(text.replace("[[task]]", f"[[checkpoint]]{again}[[task]]", 1))
    plan = read_plan(garden)
    jobs = jobs_of(plan, ())
    assert [[each.name for each in job.checkpoints] for job in jobs] == [
        ["fern-s"], ["fern-s-chat", "fern-s-bare"],
    ]  # fmt: skip


def test_documented_plan_is_a_plan(tmp_path):
    document = Path(__file__).parents[2] / "docs" / "evaluating.md"
    plan_file = tmp_path / "plan.toml"
    plan_file.write_text(document.read_text().split("```toml\n")[1].split("```")[0])
    assert [task.name for task in read_plan(plan_file).task] == ["sorting", "sums"]
