"""The registry: every row has its source, every name one checkpoint, every base is there."""

import pandas as pd
import pytest

from toolkit import paths
from toolkit.errors import ToolkitError
from toolkit.study.registry import COLUMNS, line_to_add, load_registry, resolve

SHIPPED = pd.read_csv(paths.REGISTRY)
HEADER = ",".join(COLUMNS) + "\n"


@pytest.fixture
def own(tmp_path):
    """Return a function that writes a user's file."""

    def write(*lines):
        path = tmp_path / "own.csv"
        path.write_text(HEADER + "\n".join(lines) + "\n")
        return path

    return write


def test_every_row_says_where_its_facts_stand():
    assert SHIPPED["facts_source"].notna().all()
    with_flop = SHIPPED[SHIPPED["train_flop"].notna()]
    assert with_flop["facts_source"].str.contains("FLOP").all()
    with_date = SHIPPED[SHIPPED["released"].notna()]
    assert with_date["facts_source"].str.contains("date").all()


def test_tuned_checkpoints_share_size_and_family_with_their_base():
    facts = load_registry().facts
    tuned = facts[facts["base_checkpoint"].notna()]
    assert len(tuned) > 40
    assert tuned["instruction_tuned"].all()
    base = facts.loc[tuned["base_checkpoint"]]
    assert not base["instruction_tuned"].any()
    assert (base["lm_family"].to_numpy() == tuned["lm_family"].to_numpy()).all()
    assert (base["n_params"].to_numpy() == tuned["n_params"].to_numpy()).all()


def test_flop_is_that_of_the_parameters_and_a_credible_number_of_tokens():
    rows = SHIPPED[SHIPPED["train_flop"].notna()]
    tokens = rows["train_flop"] / (6 * rows["n_params"])
    assert tokens.between(2e9, 2e13).all()


@pytest.mark.parametrize("name", ["gpt2", "GPT2", "openai-community/gpt2", "OpenAI-Community/GPT2"])
def test_names_and_aliases_are_found_in_any_case(name):
    assert load_registry().name_of(name) == "openai-community/gpt2"


def test_rows_bring_the_bases_along():
    rows = load_registry().rows(["tiiuae/falcon-7b-instruct"])
    assert rows["checkpoint"].tolist() == ["tiiuae/falcon-7b", "tiiuae/falcon-7b-instruct"]


def test_users_file_adds_and_wins(own):
    path = own(
        "mine,m|my other name,Own,123000000,,2026-01,false,,my notes",
        "openai-community/gpt2,gpt2,GPT-2,117000000,,,false,,my count",
        "mine-chat,,Own,123000000,,,true,M,my notes",
    )
    registry = load_registry(path)
    assert registry.name_of("My Other Name") == "mine"
    assert registry.facts.loc["openai-community/gpt2", "n_params"] == 117e6
    assert registry.facts.loc["mine-chat", "base_checkpoint"] == "mine"
    assert registry.name_of("gpt2-xl") == "openai-community/gpt2-xl"


@pytest.mark.parametrize("base", ["", "LLM360/Amber"])
def test_base_in_a_users_row_wins_over_the_shipped_one(own, base):
    tuned = "codellama-7b-instruct"
    assert SHIPPED.set_index("checkpoint").loc[tuned, "base_checkpoint"] not in ("", base)
    path = own(f"{tuned},,CodeLlama,7000000000,,,true,{base},mine")
    found = load_registry(path).facts.loc[tuned, "base_checkpoint"]
    assert found == base if base else pd.isna(found)


def test_unknown_names_are_one_error_with_every_line_to_add(own):
    with pytest.raises(ToolkitError) as caught:
        resolve(load_registry(), {"gpt2": None, "new, one": 5e8, "gtp2-xl": None})
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(
        "checkpoint 'gtp2-xl': not in the registry (did you mean 'gpt2-xl'?)"
    )
    assert "got 2 such names" in lines[0]
    assert lines[1:] == [
        ",".join(COLUMNS),
        "gtp2-xl,,FAMILY,N_PARAMS,,,TRUE_OR_FALSE,,SOURCE",
        '"new, one",,FAMILY,500000000,,,TRUE_OR_FALSE,,SOURCE',
    ]


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ("Qwen/Qwen1.5-7B-Chat", "qwen1.5-7b-chat"),
        ("meta-llama/Llama-2-7b-chat-hf", "llama-2-7b-chat"),
        ("codellama/CodeLlama-7b-Instruct-hf", "codellama-7b-instruct"),
        ("somebody/pythia-160m", "EleutherAI/pythia-160m"),
    ],
)
def test_name_that_is_known_but_for_its_owner_is_printed_with_its_facts(own, given, known):
    registry = load_registry()
    assert registry.name_of(given) is None
    with pytest.raises(ToolkitError) as caught:
        resolve(registry, {given: 1e9})
    message = str(caught.value)
    assert "make sure that a complete line is of this very checkpoint" in message
    added = load_registry(own(message.splitlines()[-1]))
    assert resolve(added, {given: None}) == {given: known}
    pd.testing.assert_frame_equal(added.rows([known]), registry.rows([known]))


@pytest.mark.parametrize("given", ["Qwen/Qwen1.5-9B-Chat", "/ckpts/mine", "gpt2@main"])
def test_name_that_no_other_resembles_is_printed_to_be_filled_in(given):
    with pytest.raises(ToolkitError) as caught:
        resolve(load_registry(), {given: None})
    assert str(caught.value).splitlines()[-1] == line_to_add(given, None)


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ("google/flan-t5-xl", "Flan-T5-XL"),
        ("google/t5-xxl-lm-adapt", "T5-XXL"),
        ("mosaicml/mpt-7b-chat", "mpt-7b-chat"),
        ("decapoda-research/llama-30b-hf", "huggyllama/llama-30b"),
    ],
)
def test_names_on_the_hub_that_a_source_gives_are_known(given, known):
    registry = load_registry()
    assert registry.name_of(given) == known
    assert "name on the hub: Chia et al. 2023" in registry.facts.loc[known, "facts_source"]


def test_line_that_the_error_prints_is_taken_once_filled_in(own):
    line = line_to_add("new, one", 5e8).replace("TRUE_OR_FALSE", "false")
    assert resolve(load_registry(own(line)), {"new, one": None}) == {"new, one": "new, one"}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            ["a,x,F,1,,,false,,s", "b,X,F,1,,,false,,s"],
            "line 3: got the name 'x' for 'b' and for 'a'",
        ),
        (["a,,F,1,,,true,nowhere,s"], "line 2: got base_checkpoint 'nowhere'"),
        (["a,,F,1,,,true,A,s"], "line 2: got base_checkpoint 'A'"),
        (["a,,F,-1,,,false,,s"], "line 2 column 'n_params'"),
        (["a,,F,N_PARAMS,,,false,,s"], "got 'N_PARAMS', expected a number"),
        (["a,,F,1,,,TRUE_OR_FALSE,,s"], "expected true or false"),
    ],
)
def test_spoilt_file_is_one_error_with_its_line(own, lines, said):
    with pytest.raises(ToolkitError) as caught:
        load_registry(own(*lines))
    assert said in str(caught.value)
