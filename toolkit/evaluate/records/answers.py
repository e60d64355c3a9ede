"""Generated text to the answer it holds, or to none: an unparseable text is not a wrong one."""

import re
import string
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from toolkit.evaluate.items.items import Item
from toolkit.evaluate.plan.plan import AnswerParser
from toolkit.evaluate.plan.templates import LETTERS

# Digits may be grouped by commas; a full stop or comma after a number ends its sentence.
NUMBER = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|-?\.\d+")
EDGES = string.whitespace + string.punctuation


def parsed_answer(text: str, parser: AnswerParser, item: Item) -> str | None:
    """Return the answer in a text as this parser reads it, or None where there is none."""
    return PARSERS[parser](text, item) or None


def right_answers(parser: AnswerParser, item: Item) -> tuple[str, ...]:
    """Return what a right answer may read, as this parser would find it."""
    if parser == "letter":
        return () if item.gold is None else (LETTERS[item.gold],)
    return item.right_texts


def is_right(answer: str, parser: AnswerParser, item: Item) -> bool:
    """Return whether an answer is a right one of its item, up to case, edges and notation."""
    right = right_answers(parser, item)
    if parser == "letter":
        return answer in right
    same = _same_number if parser in ("number", "first_number") else _same_text
    return any(same(answer, each) for each in right)


def _whole(text: str, _item: Item) -> str:
    return text.strip()


def _first_line(text: str, _item: Item) -> str:
    return text.strip().partition("\n")[0].strip()


def _first_number(text: str, _item: Item) -> str | None:
    found = NUMBER.search(text)
    return found[0] if found else None


def _last_number(text: str, _item: Item) -> str | None:
    found = NUMBER.findall(text)
    return found[-1] if found else None


def _letter(text: str, item: Item) -> str | None:
    known = LETTERS[: len(item.options)]
    found = re.search(rf"(?<![^\W_])[{known}](?![^\W_])", text)
    return found[0] if found else None


def _option(text: str, item: Item) -> str | None:
    """Return the longest option that the text begins with, as whole words."""
    begun = _plain(text)
    fitting = [
        option
        for option in item.options
        if re.match(rf"{re.escape(_plain(option))}(?!\w)", begun) and _plain(option)
    ]
    return max(fitting, key=len, default=None)


PARSERS: dict[AnswerParser, Callable[[str, Item], str | None]] = {
    "whole": _whole,
    "first_line": _first_line,
    "first_number": _first_number,
    "number": _last_number,
    "letter": _letter,
    "option": _option,
}


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(EDGES)


def _same_text(one: str, other: str) -> bool:
    # Texts of punctuation alone have nothing else to be compared by.
    return (_plain(one) or one.strip()) == (_plain(other) or other.strip())


def _same_number(one: str, other: str) -> bool:
    try:
        return Decimal(one.replace(",", "")) == Decimal(other.replace(",", ""))
    except InvalidOperation:
        return _same_text(one, other)
