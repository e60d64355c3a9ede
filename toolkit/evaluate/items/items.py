"""Benchmark items, and what an item must be before anything is asked about it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from toolkit.errors import SourceError
from toolkit.sources.checks import ID_MAX, text_of
from toolkit.tables import shortened

Split = Literal["evaluation", "demonstrations"]


@dataclass(frozen=True)
class Item:
    """One question: its options with the index of the right one, or its right texts, or both."""

    id: str
    input: str
    options: tuple[str, ...] = ()
    gold: int | None = None
    target: tuple[str, ...] = ()
    split: Split = "evaluation"

    @property
    def right_texts(self) -> tuple[str, ...]:
        """Return every text that answers the question; the first is its label."""
        right = () if self.gold is None else (self.options[self.gold],)
        return right + tuple(each for each in self.target if each not in right)


def checked_item(item: Item, where: str) -> Item:
    """Return an item whose options and right answer make sense, or raise ``SourceError``."""
    text_of(item.id, "item id", where, ID_MAX)
    _filled([item.input], "input", where)
    _filled(item.options, "options", where)
    _filled(item.target, "target", where)
    if item.options:
        _check_options(item.options, where)
    right = item.gold
    if right is not None and not 0 <= right < len(item.options):
        msg = (
            f"{where}: got gold option {right} of {len(item.options)} options, expected the index "
            "of one of them, from 0; correct it."
        )
        raise SourceError(msg)
    if right is None and (item.options or not item.target):
        what = "options and no gold option" if item.options else "neither options nor a target"
        msg = f"{where}: got {what}, expected the right answer of every item; add it."
        raise SourceError(msg)
    return item


def draw(n: int, *parts: str | int) -> int:
    """Return a number below ``n`` that depends on ``parts`` alone.

    A hash in place of a generator: the same on every machine, in every version, and whatever was
    drawn before.
    """
    return int.from_bytes(_digest(parts), "big") % n


def in_drawn_order(names: Sequence[str], *parts: str | int) -> list[str]:
    """Return names in an order that depends on the names and on ``parts`` alone."""
    return sorted(names, key=lambda name: _digest((*parts, name)))


def _digest(parts: Sequence[str | int]) -> bytes:
    # Lengths keep ("ab", "c") and ("a", "bc") apart.
    text = "".join(f"{len(str(part))}:{part}" for part in parts)
    return hashlib.sha256(text.encode()).digest()


def _filled(texts: Sequence[str], what: str, where: str) -> None:
    for text in texts:
        if not text.strip():
            msg = f"{where}: got an empty text in {what}, expected text; correct the item."
            raise SourceError(msg)


def _check_options(options: Sequence[str], where: str) -> None:
    if len(options) < 2:
        msg = f"{where}: got one option, expected two or more; correct the item."
        raise SourceError(msg)
    for option in options:
        if options.count(option) > 1:
            msg = (
                f"{where}: got the option {shortened(option)!r} twice, expected each once; one of "
                "the two would count as wrong. Remove it."
            )
            raise SourceError(msg)
