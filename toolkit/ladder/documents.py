"""Training documents: exchanges of a question and its answer, of one kind within a document.

Base checkpoints read facts, rules and picking by ordinals; tuning reads facts, rules and picking by
instructions, as conversations.
"""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from toolkit.ladder.words import CUES, FILLERS, INSTRUCTIONS, NOUNS, ORDINALS
from toolkit.ladder.world import World

N_OPTIONS = 4
N_FACTS, N_RULE_LINES, N_PICKS = 8, 20, 5
CUES_OF_A_RULE = range(2, 9)
# Shares of tokens, about; a document of rules is twice as long as one of facts.
BASE_MIXTURE = {"facts": 0.45, "rule": 0.25, "pick": 0.30}
TUNING_MIXTURE = {"facts": 0.35, "rule": 0.25, "pick": 0.40}


class Exchange(NamedTuple):
    """A question and its answer, both as words."""

    question: str
    answer: str


Document = tuple[Exchange, ...]


def base_documents(world: World, rng: Random) -> Iterator[Document]:
    """Yield documents without end, as base checkpoints read them."""
    while True:
        yield _document(world, rng, BASE_MIXTURE, ORDINALS)


def tuning_documents(world: World, rng: Random) -> Iterator[Document]:
    """Yield documents without end, as instruction tuning reads them."""
    while True:
        yield _document(world, rng, TUNING_MIXTURE, INSTRUCTIONS)


def _document(
    world: World, rng: Random, mixture: dict[str, float], selectors: tuple[str, ...]
) -> Document:
    (kind,) = rng.choices(list(mixture), list(mixture.values()))
    if kind == "facts":
        return _facts(world, rng)
    if kind == "rule":
        return _rule(rng)
    return tuple(pick(rng.choice(selectors), selectors, rng) for _ in range(N_PICKS))


def _facts(world: World, rng: Random) -> Document:
    told = rng.choices(range(len(world.names)), cum_weights=world.cumulative, k=N_FACTS)
    return tuple(Exchange(world.names[each], world.colours[each]) for each in told)


def _rule(rng: Random) -> Document:
    """Return lines of one rule: every cue of it once, then cues drawn again and again."""
    n_cues = rng.choice(CUES_OF_A_RULE)
    cues, nouns = rng.sample(CUES, n_cues), rng.sample(NOUNS, n_cues)
    lines = [*range(n_cues), *rng.choices(range(n_cues), k=N_RULE_LINES - n_cues)]
    return tuple(Exchange(f"{rng.choice(FILLERS)} {cues[each]}", nouns[each]) for each in lines)


def pick(selector: str, selectors: tuple[str, ...], rng: Random) -> Exchange:
    """Return a question for the noun at the place that a selector names."""
    nouns = rng.sample(NOUNS, N_OPTIONS)
    return Exchange(f"{selector} {' '.join(nouns)}", nouns[selectors.index(selector)])
