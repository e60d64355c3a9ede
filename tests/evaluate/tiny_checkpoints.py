"""Tiny checkpoints with random weights and a tokenizer trained on the spot, saved as folders."""

from pathlib import Path

TEXTS = [
    "The lamp stood on the table, and the table stood in the hall.",
    "Question: which of these is a fruit?\n(A) apple\n(B) lamp\nAnswer:",
    "Il était une fois un café à Zürich; naïve, œuvre, 日本語 and ελληνικά.",
    "one two three four five six seven eight nine ten",
]
N_CONTEXT = 256
FAMILIES = ("gpt2", "gpt_neox", "llama", "t5")


def byte_level_tokenizer():
    """A byte-level BPE: some of its tokens are parts of a character."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<end>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", pad_token="<end>")


def build_model(family: str, n_vocabulary: int, **changes):
    """A network of two layers, its weights large enough that attention matters."""
    import torch
    import transformers

    ends = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
    llama_like = {
        "vocab_size": n_vocabulary,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": N_CONTEXT,
        "initializer_range": 0.3,
    }
    settings = {
        "gpt2": {
            "vocab_size": n_vocabulary,
            "n_embd": 32,
            "n_layer": 2,
            "n_head": 4,
            "n_positions": N_CONTEXT,
            "initializer_range": 0.3,
        },
        "t5": {
            "vocab_size": n_vocabulary,
            "d_model": 32,
            "d_kv": 8,
            "d_ff": 64,
            "num_layers": 2,
            "num_heads": 4,
            "decoder_start_token_id": 0,
        },
    }.get(family, llama_like)
    config = transformers.AutoConfig.for_model(family, **(settings | ends | changes))
    loader = transformers.AutoModelForCausalLM
    if config.is_encoder_decoder:
        loader = transformers.AutoModelForSeq2SeqLM
    torch.manual_seed(1)
    model = loader.from_config(config).eval()
    if family == "t5":
        # Its output is tied to its embeddings: with weak blocks it repeats what it reads.
        with torch.no_grad():
            for weight in model.decoder.block.parameters():
                weight.mul_(2)
    return model


def save_checkpoint(folder: Path, family: str, **changes) -> Path:
    from transformers.utils import logging

    logging.disable_progress_bar()
    tokenizer = byte_level_tokenizer()
    build_model(family, len(tokenizer), **changes).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
