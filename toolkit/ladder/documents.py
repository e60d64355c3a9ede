"""Training documents: exchanges of a question and its answer, of one kind within a document.

Base checkpoints read facts and rules. Tuning reads them as conversations, where instructions may
stand in the place of sides.
"""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from toolkit.ladder.words import CUES, FILLERS, INSTRUCTIONS, NAMES, SIDES, SUGGESTED
from toolkit.ladder.world import Fact, World

N_OPTIONS = 4
N_FACTS, N_RULE_LINES = 16, 24
CUES_OF_A_RULE = range(4, 13)
# The share of documents, about as long as the others, that tell facts.
SHARE_OF_FACTS = 0.6


class Exchange(NamedTuple):
    """A question and its answer, both as words."""

    question: str
    answer: str


Document = tuple[Exchange, ...]


def base_documents(world: World, rng: Random) -> Iterator[Document]:
    """Yield documents without end, as base checkpoints read them."""
    return _documents(world, rng, [SIDES])


def tuning_documents(world: World, rng: Random) -> Iterator[Document]:
    """Yield documents without end, as instruction tuning reads them."""
    return _documents(world, rng, [SIDES, INSTRUCTIONS])


def ask(fact: Fact, selectors: tuple[str, ...]) -> Exchange:
    """Return the question for a fact, with the selector that means its side."""
    return Exchange(f"{fact.thing} {selectors[fact.side]}", fact.colour)


def _documents(world: World, rng: Random, ways: list[tuple[str, ...]]) -> Iterator[Document]:
    while True:
        if rng.random() >= SHARE_OF_FACTS:
            yield _rule(rng)
            continue
        selectors = rng.choice(ways)
        facts = rng.choices(world.facts, cum_weights=world.cumulative, k=N_FACTS)
        yield tuple(ask(fact, selectors) for fact in facts)


def _rule(rng: Random) -> Document:
    """Return lines of one rule: every cue of it once, then cues drawn again and again.

    At first a cue gets the name that the filler suggests, and then goes by this name whatever the
    filler. So checkpoints learn a guess for cues without a name; it is drawn anew by every filler,
    where any other guess would be one for all questions on a cue.
    """
    cues = rng.sample(CUES, rng.choice(CUES_OF_A_RULE))
    told = [rng.choice(FILLERS) for _ in cues]
    goes_by = {cue: suggested(filler, cue) for filler, cue in zip(told, cues, strict=True)}
    cues += rng.choices(cues, k=N_RULE_LINES - len(cues))
    told += rng.choices(FILLERS, k=len(cues) - len(told))
    return tuple(
        Exchange(f"{filler} {cue}", goes_by[cue]) for filler, cue in zip(told, cues, strict=True)
    )


def suggested(filler: str, cue: str) -> str:
    """Return the name of a cue that a filler suggests."""
    return NAMES[cue][SUGGESTED[filler]]
