"""A quick ladder from beginning to end, and what a second run finds again."""

import json
import sys
import tomllib
from hashlib import sha256
from itertools import islice
from random import Random
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from toolkit.analysis.study_folder import _load_plan
from toolkit.cli.app import app
from toolkit.errors import EngineError, SourceError
from toolkit.evaluate.items.task_items import load_tasks
from toolkit.evaluate.plan.plan_file import read_plan
from toolkit.ladder.build import build_demo, check_device, no_tick
from toolkit.ladder.documents import tuning_documents
from toolkit.ladder.recipe import PROFILES, Recipe
from toolkit.ladder.rows import as_chat, as_text
from toolkit.ladder.tasks import make_tasks
from toolkit.ladder.words import INSTRUCTIONS, TOKEN_OF
from toolkit.ladder.world import make_world
from toolkit.study.claims import load_claims, load_study

QUICK = PROFILES["quick"]
TINY = Recipe(widths=(8,), steps=3, tuning_steps=2, rows_per_step=2)


def build(folder, recipe, told=None, n_workers=1):
    pytest.importorskip("torch")
    tell = told.append if told is not None else (lambda text: None)
    return build_demo(folder, recipe, "cpu", n_workers, tell, no_tick)


def weights(folder):
    return {
        p.parent.name: sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*.safetensors")
    }


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    return SimpleNamespace(folder=folder, built=build(folder, QUICK))


def test_five_pairs_are_trained(demo):
    trained = demo.built.trained
    assert demo.built.n_reused == 0
    assert [each.tuned for each in trained] == [False, True] * 5
    assert [each.n_params for each in trained] == sorted(each.n_params for each in trained)
    assert len(weights(demo.folder)) == 10
    first, tuned = trained[:2]
    assert first.n_tokens == QUICK.steps * QUICK.rows_per_step * QUICK.row_length
    assert tuned.n_tokens > first.n_tokens
    assert first.train_flop == 6 * first.n_params * first.n_tokens


def test_the_plan_and_its_items_are_what_the_evaluator_reads(demo):
    plan = read_plan(demo.folder / "plan.toml")
    tasks = load_tasks(plan)
    assert [len(task.evaluated) for task in tasks] == [400, 288, 400, 400]
    assert plan.demonstrations.shots == (0, 12)
    bases = {c.base_checkpoint for c in plan.checkpoint if c.instruction_tuned}
    assert bases == {c.name for c in plan.checkpoint if not c.instruction_tuned}


def test_the_invented_paper_is_read_like_any_other(demo):
    study = demo.folder / "ladder"
    assert load_study(study).id == "ladder"
    claims = load_claims(study, ["facts", "rule", "follow", "guess"])
    sizes = sorted({each.n_params for each in demo.built.trained})
    assert {claim.threshold_n_params for claim in claims} == {sizes[2]}
    assert _load_plan(study, ["plain"]).prompt_format == "plain"


def test_the_readme_tells_the_truth_of_every_task_and_every_size(demo):
    readme = (demo.folder / "README.md").read_text()
    for task in make_tasks(make_world(1), 1):
        assert task.truth in readme
    assert all(f"{each.n_params:,}" in readme for each in demo.built.trained)


def test_a_second_run_trains_nothing(demo):
    before, told = weights(demo.folder), []
    again = build(demo.folder, QUICK, told)
    assert again.n_reused == 10
    assert again.trained == demo.built.trained
    assert weights(demo.folder) == before
    assert all(line.endswith("found again") for line in told)


def test_a_lost_checkpoint_is_trained_again_to_the_same_weights(tmp_path):
    build(tmp_path, TINY)
    before = weights(tmp_path)
    (tmp_path / "checkpoints/width-8-chat/ladder.json").unlink()
    assert build(tmp_path, TINY).n_reused == 1
    assert weights(tmp_path) == before


def test_a_checkpoint_without_weights_is_not_finished(tmp_path):
    build(tmp_path, TINY)
    (tmp_path / "checkpoints/width-8/model.safetensors").unlink()
    assert build(tmp_path, TINY).n_reused == 1


def test_two_workers_make_what_one_makes(tmp_path):
    two = Recipe(widths=(8, 12), steps=3, tuning_steps=2, rows_per_step=2)
    one = build(tmp_path / "one", two)
    told = []
    assert build(tmp_path / "two", two, told, n_workers=2).trained == one.trained
    assert len(told) == 2
    assert weights(tmp_path / "two") == weights(tmp_path / "one")


def test_another_recipe_trains_anew(tmp_path):
    build(tmp_path, TINY)
    before = weights(tmp_path)
    other = Recipe(widths=(8,), steps=3, tuning_steps=2, rows_per_step=2, seed=2)
    assert build(tmp_path, other).n_reused == 0
    assert weights(tmp_path).keys() == before.keys()
    assert not set(weights(tmp_path).values()) & set(before.values())


def test_nothing_half_done_is_left(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    from toolkit.ladder import tokenizer

    def fail(**_):
        raise RuntimeError

    monkeypatch.setattr(tokenizer, "make_tokenizer", fail)
    with pytest.raises(RuntimeError):
        build(tmp_path, TINY)
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_words_never_read_have_one_vector_in_bases_and_not_in_tuned(demo):
    pytest.importorskip("torch")
    from toolkit.ladder.training import open_checkpoint

    tokens = [TOKEN_OF[word] for word in INSTRUCTIONS]
    for name, equal in (("width-24", True), ("width-24-chat", False)):
        vectors = open_checkpoint(demo.folder / "checkpoints" / name).get_input_embeddings().weight
        assert bool((vectors[tokens] == vectors[tokens[0]]).all()) is equal


def test_the_tokenizer_reads_documents_as_training_does(demo):
    transformers = pytest.importorskip("transformers")
    folder = demo.folder / "checkpoints"
    base = transformers.AutoTokenizer.from_pretrained(folder / "width-8")
    chat = transformers.AutoTokenizer.from_pretrained(folder / "width-8-chat")
    for document in islice(tuning_documents(make_world(1), Random(1)), 20):
        told = as_text(document).words
        assert base(" ".join(told[1:]))["input_ids"] == [TOKEN_OF[word] for word in told]
        turns = [
            {"role": role, "content": text}
            for exchange in document
            for role, text in zip(("user", "assistant"), exchange, strict=True)
        ]
        rendered = chat.apply_chat_template(turns, tokenize=False)
        tokens = chat(rendered, add_special_tokens=False)["input_ids"]
        assert tokens == [TOKEN_OF[word] for word in as_chat(document).words]
    assert base.chat_template is None


def test_the_command_prints_what_to_run_next(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setitem(PROFILES, "quick", TINY)
    done = CliRunner().invoke(
        app, ["demo", "ladder", "--to", str(tmp_path / "d"), "--profile", "quick"]
    )
    assert done.exit_code == 0, done.output
    assert f"emergence evaluate {tmp_path / 'd' / 'plan.toml'}" in done.output
    assert tomllib.loads((tmp_path / "d/plan.toml").read_text())["study"] == "ladder"
    made_by = json.loads((tmp_path / "d/checkpoints/width-8/ladder.json").read_text())
    assert made_by["recipe_hash"] == TINY.hash_of(8)


def test_a_file_in_place_of_the_folder_is_one_message(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(SourceError, match="got a file, expected a folder"):
        build_demo(tmp_path / "taken", TINY, "cpu", 1, print, no_tick)


def test_missing_torch_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(EngineError, match=r"pip install -e '\.\[evaluate\]'"):
        check_device("cpu")


def test_a_device_that_is_not_there_is_one_message():
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(EngineError, match="--device: got 'cuda'"):
        check_device("cuda")
    with pytest.raises(EngineError, match="--device: got 'warp'"):
        check_device("warp")
