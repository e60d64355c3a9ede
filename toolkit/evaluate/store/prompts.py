"""Every prompt once, by its hash; what the prompts of a cell begin with is written once.

The prompts of a few-shot cell differ at their ends alone: five demonstrations in each of a
thousand records would be most of what a run writes.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toolkit.evaluate.store.store import Lines

# A shorter beginning takes more to refer to than to repeat.
LEAST_SHARED = 200


class PromptStore:
    """The prompts of a store: those that are there are not written again."""

    def __init__(self, store: Path) -> None:
        self.lines = Lines(store / "prompts")
        self._there = {line["sha256"] for line in self.lines.read()}

    def keep(self, prompts: Sequence[str]) -> list[str]:
        """Return the hash of each prompt; what is not there yet is written."""
        shared = shared_beginning(prompts) if len(prompts) > 1 else ""
        begins = self._write(shared, "") if len(shared) >= LEAST_SHARED else ""
        start = len(shared) if begins else 0
        return [self._write(prompt, begins, start) for prompt in prompts]

    def _write(self, prompt: str, begins: str, start: int = 0) -> str:
        sha256 = hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()
        if sha256 not in self._there:
            line = {"sha256": sha256, "text": prompt[start:]}
            self.lines.write(line | ({"begins_with": begins} if begins else {}))
            self._there.add(sha256)
        return sha256


def shared_beginning(each: Sequence[Any]) -> Any:
    """Return what all of some texts, or tuples of tokens, begin with."""
    first, last = min(each), max(each)  # all others begin as these two do
    pairs = enumerate(zip(first, last, strict=False))
    return first[: next((at for at, (one, other) in pairs if one != other), len(first))]


def read_prompt(store: Path, sha256: str) -> str:
    """Return the prompt of a hash."""
    by_hash = {line["sha256"]: line for line in Lines(store / "prompts").read()}
    line = by_hash[sha256]
    text = line["text"]
    while "begins_with" in line:  # a beginning may be a prompt that was stored with its own
        line = by_hash[line["begins_with"]]
        text = line["text"] + text
    return text
