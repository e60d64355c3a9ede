"""The real engine behind a plan: its numbers are those of a plain forward, on Ray as well."""

import json
from dataclasses import replace

import pytest

from toolkit.evaluate.items.task_items import load_tasks
from toolkit.evaluate.plan.conditions import conditions
from toolkit.evaluate.plan.plan_file import read_plan
from toolkit.evaluate.prompts.encoding import load_encoder
from toolkit.evaluate.records.records import read_records
from toolkit.evaluate.run import run_plan
from toolkit.evaluate.store.prompts import read_prompt
from toolkit.jobs import Workers

torch = pytest.importorskip("torch")
pytest.importorskip("toolkit.evaluate.engine.engine")
training = pytest.importorskip("toolkit.ladder.training")
TINY = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "max_position_embeddings": 1024, "vocab_size": 400, "bos_token_id": 0, "eos_token_id": 1,
    "pad_token_id": 1, "initializer_range": 0.3,
}  # fmt: skip


@pytest.fixture
def tiny(garden, tmp_path):
    """Return the plan with two real checkpoints of random weights, and their networks."""
    import transformers

    plan, networks = read_plan(garden), {}
    for seed, name in enumerate(("fern-s", "fern-s-chat")):
        torch.manual_seed(seed)
        config = transformers.AutoConfig.for_model("gpt_neox", **TINY)
        networks[name] = transformers.AutoModelForCausalLM.from_config(config).eval()
        networks[name].save_pretrained(tmp_path / name)
        encoder = load_encoder(plan.checkpoint[seed], encoder_decoder=False)
        encoder.tokenizer.save_pretrained(tmp_path / name)
    found = [replace(c, folder=str(tmp_path / c.name)) for c in plan.checkpoint]
    return replace(plan, checkpoint=tuple(found), device="cpu"), networks


def measure(plan, plan_file, workers):
    return run_plan(plan, plan_file, load_tasks(plan), workers, lambda _: None)


def plain_log_likelihood(network, tokens, n_scored):
    with torch.no_grad():
        logits = network(torch.tensor([tokens])).logits[0].log_softmax(-1)
    start = len(tokens) - n_scored
    return sum(float(logits[at - 1, tokens[at]]) for at in range(start, len(tokens)))


def test_records_have_the_numbers_of_a_plain_forward(tiny, garden):
    plan, networks = tiny
    done = measure(plan, garden, Workers())
    assert [each.n_params for each in done.measured] == [
        sum(p.numel() for p in network.parameters()) for network in networks.values()
    ]
    few_shot = conditions(plan, plan.task[0])[1]
    for checkpoint in plan.checkpoint:
        tokenizer = load_encoder(checkpoint, encoder_decoder=False).tokenizer
        records = [
            r for r in read_records(plan, checkpoint)
            if (r["task"], r["prompt_format"], r["n_shots"], r["seed"])
            == ("sorting", few_shot.prompt_format, few_shot.n_shots, few_shot.seed)
        ]  # fmt: skip
        assert len(records) == 8
        for record in records[:3]:
            prompt = read_prompt(garden.parent / "store", record["prompt_sha256"])
            number = int(record["item"][1:])
            for at, option in enumerate((str(number), str(number + 1))):
                tokens = tokenizer(prompt + option, add_special_tokens=False)["input_ids"]
                n_scored = record["options"]["n_tokens"][at]
                expected = plain_log_likelihood(networks[checkpoint.name], tokens, n_scored)
                assert record["options"]["log_likelihoods"][at] == pytest.approx(expected, abs=1e-4)


def test_ray_gives_the_same_bytes_with_real_checkpoints(tiny, garden, tables_of):
    pytest.importorskip("ray")
    plan, _ = tiny
    alone = replace(plan, store=plan.store + "-alone", study=plan.study + "-alone")
    # Ray gives a worker one thread; another number of them rounds otherwise on some processors.
    with training.one_thread():
        measure(alone, garden, Workers())
    measure(plan, garden, Workers("ray", 2))
    measured = garden.parent / "measured"
    assert tables_of(measured / "garden") == tables_of(measured / "garden-alone")
    made = json.loads((measured / "garden" / "evaluation.json").read_text())
    assert made["checkpoints"]["fern-s"]["engine"]["device"] == "cpu"
