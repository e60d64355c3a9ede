"""Texts to tokens, by lm-evaluation-harness's rule for what belongs to the context.

White space at the end of the context moves to the continuation, since most vocabularies hold a
word with the space before it. Both are encoded together and cut at the length of the encoded
context; an encoder-decoder reads them apart. Needs transformers, and no torch.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import CheckpointError, install_extra
from toolkit.evaluate.plan.plan import CheckpointPlan
from toolkit.evaluate.prompts.texts import Message
from toolkit.evaluate.requests import CheckpointSource
from toolkit.tables import shortened

Tokens = tuple[int, ...]
INSTALL = install_extra("evaluate")


@dataclass(frozen=True)
class Encoder:
    """A tokenizer with what it puts before a prompt."""

    tokenizer: Any
    before: Tokens
    encoder_decoder: bool
    name: str

    def contexts(self, texts: Sequence[str]) -> list[Tokens]:
        """Return the tokens of whole prompts, after which text is generated.

        A space at the end would begin the next word's token, so it is left out.
        """
        bare = [text.rstrip(" ") for text in texts]
        return [self._begun(tokens) for tokens in self._encode(bare, special=self.encoder_decoder)]

    def pairs(
        self, texts: Sequence[str], continuations: Sequence[Sequence[str]]
    ) -> list[tuple[Tokens, list[Tokens]]]:
        """Return the tokens of each prompt with those of each of its continuations."""
        bare = [text.rstrip() for text in texts]
        encoded = self._encode(bare, special=self.encoder_decoder)
        moved = [
            [text[len(cut) :] + each for each in of_text]
            for text, cut, of_text in zip(texts, bare, continuations, strict=True)
        ]
        whole = iter(
            self._encode(
                [
                    each if self.encoder_decoder else cut + each
                    for cut, of_text in zip(bare, moved, strict=True)
                    for each in of_text
                ]
            )
        )
        found = []
        for tokens, of_text in zip(encoded, moved, strict=True):
            start = 0 if self.encoder_decoder else len(tokens)
            tails = [self._tail(next(whole)[start:], text) for text in of_text]
            found.append((self._begun(tokens), tails))
        return found

    def render(self, turns: Sequence[Message]) -> str:
        """Return turns as the tokenizer's chat template writes them, with the answer's begin."""
        from jinja2 import TemplateError

        try:
            return str(
                self.tokenizer.apply_chat_template(
                    turns, tokenize=False, add_generation_prompt=True
                )
            )
        except (TemplateError, ValueError, TypeError) as error:
            msg = (
                f"{self.name}: its chat template can't write the demonstrations and the question "
                f"as turns ({shortened(str(error))}); set chat_template = false."
            )
            raise CheckpointError(msg) from error

    @property
    def template_sha256(self) -> str:
        """Return the hash of the chat template."""
        return hashlib.sha256(str(self.tokenizer.chat_template).encode()).hexdigest()

    def _begun(self, tokens: Tokens) -> Tokens:
        """Return a prompt with what comes before it; the first token needs one to come after."""
        if self.encoder_decoder or self.before or tokens:
            return self.before + tokens
        for token in (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id):
            if token is not None:
                return (int(token),)
        msg = f"{self.name}: got an empty prompt, and its tokenizer has no token to begin with."
        raise CheckpointError(msg)

    def _encode(self, texts: Sequence[str], *, special: bool = False) -> list[Tokens]:
        encoded = self.tokenizer(list(texts), add_special_tokens=special, verbose=False)
        return [tuple(tokens) for tokens in encoded["input_ids"]]

    def _tail(self, tokens: Tokens, text: str) -> Tokens:
        if not tokens:
            msg = (
                f"{self.name}: its tokenizer gives {shortened(text)!r} no token of its own after "
                "its prompt, expected at least one; end 'output' of the format with a space."
            )
            raise CheckpointError(msg)
        return tokens


@dataclass(frozen=True)
class Architecture:
    """How a checkpoint reads: by an encoder or not, and how many tokens at once.

    ``context_length`` is None where positions are relative and have no end.
    """

    encoder_decoder: bool
    context_length: int | None


def load_encoder(checkpoint: CheckpointPlan, *, encoder_decoder: bool) -> Encoder:
    """Return the encoder of a checkpoint.

    Raises
    ------
    CheckpointError
        When there is no tokenizer, or not what the plan wants of it.
    """
    tokenizer: Any = _load(checkpoint.source, "AutoTokenizer")
    name = f"checkpoint '{checkpoint.name}'"
    # transformers makes an empty tokenizer up where the files of one are missing.
    if len(tokenizer.get_vocab()) <= len(tokenizer.all_special_tokens):
        msg = f"{name}: its tokenizer has no vocabulary; restore the tokenizer's files."
        raise CheckpointError(msg)
    if checkpoint.chat_template:
        if not tokenizer.chat_template:
            msg = f"{name}: its tokenizer has no chat template; set chat_template = false."
            raise CheckpointError(msg)
        return Encoder(tokenizer, (), encoder_decoder, name)
    bos: int | None = tokenizer.bos_token_id
    if checkpoint.add_bos and bos is None:
        msg = f"{name}: got add_bos = true, and its tokenizer has no such token; remove the key."
        raise CheckpointError(msg)
    by_itself = bos is not None and tokenizer("a")["input_ids"][:1] == [bos]
    wanted = by_itself if checkpoint.add_bos is None else checkpoint.add_bos
    before = (bos,) if wanted and bos is not None else ()
    return Encoder(tokenizer, before, encoder_decoder, name)


def read_architecture(source: CheckpointSource) -> Architecture:
    """Return how a checkpoint reads, from its configuration alone.

    Raises
    ------
    CheckpointError
        When its configuration can't be opened.
    """
    return architecture_of(_load(source, "AutoConfig"))


def architecture_of(config: Any) -> Architecture:
    """Return what a configuration of transformers says of how its checkpoint reads."""
    text = config.get_text_config(decoder=True)
    window = getattr(text, "max_position_embeddings", None)
    return Architecture(bool(config.is_encoder_decoder), window)


def _load(source: CheckpointSource, kind: str) -> Any:
    is_folder = Path(source.place).is_absolute()
    if is_folder and not Path(source.place).is_dir():
        msg = f"{source.place}: no such folder, expected that of a checkpoint; correct the plan."
        raise CheckpointError(msg)
    # Tokenizers are enough here; that torch is missing would be said at every import.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    try:
        import transformers
    except ImportError as error:
        msg = f"emergence evaluate: transformers is not installed; {INSTALL}"
        raise CheckpointError(msg) from error
    try:
        return getattr(transformers, kind).from_pretrained(
            source.place,
            revision=source.revision or "main",
            trust_remote_code=source.trust_remote_code,
            local_files_only=is_folder,
        )
    except Exception as error:  # a damaged file makes the libraries raise anything
        what = "tokenizer" if kind == "AutoTokenizer" else "configuration"
        why = shortened(" ".join(str(error).split()))
        msg = f"{source.place}: its {what} can't be opened ({why}); restore the files."
        raise CheckpointError(msg) from error
