"""Training documents: exchanges of a question and its answer, of one kind within a document.

Base checkpoints read facts, rules and picking by kind; tuning reads facts, rules and picking by
instruction, as conversations.
"""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from toolkit.ladder.words import CUES, FILLERS, INSTRUCTIONS, KINDS, NAMES, NOUNS_OF, SUGGESTED
from toolkit.ladder.world import World

N_OPTIONS = 4
N_FACTS, N_RULE_LINES, N_PICKS = 10, 24, 5
CUES_OF_A_RULE = range(4, 13)
# Shares of documents; one of a rule is about twice as long as the others.
BASE_MIXTURE = {"facts": 0.4, "rule": 0.3, "pick": 0.3}
TUNING_MIXTURE = {"facts": 0.35, "rule": 0.3, "pick": 0.35}


class Exchange(NamedTuple):
    """A question and its answer, both as words."""

    question: str
    answer: str


Document = tuple[Exchange, ...]


def base_documents(world: World, rng: Random) -> Iterator[Document]:
    """Yield documents without end, as base checkpoints read them."""
    while True:
        yield _document(world, rng, BASE_MIXTURE, KINDS)


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
    asked = [(mixed_list(rng), rng.randrange(N_OPTIONS)) for _ in range(N_PICKS)]
    return tuple(pick(nouns, number, selectors) for nouns, number in asked)


def _facts(world: World, rng: Random) -> Document:
    told = rng.choices(range(len(world.names)), cum_weights=world.cumulative, k=N_FACTS)
    return tuple(Exchange(world.names[each], world.colours[each]) for each in told)


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


def mixed_list(rng: Random) -> tuple[str, ...]:
    """Return a noun of each kind, in drawn order."""
    nouns = [rng.choice(of_kind) for of_kind in NOUNS_OF.values()]
    return tuple(rng.sample(nouns, len(nouns)))


def pick(nouns: tuple[str, ...], number: int, selectors: tuple[str, ...]) -> Exchange:
    """Return the question for the noun of the kind that the selector of this number means."""
    (chosen,) = set(nouns) & set(NOUNS_OF[KINDS[number]])
    return Exchange(f"{' '.join(nouns)} {selectors[number]}", chosen)
