"""What is true in the made-up world: the colours of every thing, and how often each is told."""

from dataclasses import dataclass
from itertools import accumulate, product
from random import Random
from typing import NamedTuple

from toolkit.ladder.words import COLOURS, SIDES, SYLLABLES


class Fact(NamedTuple):
    """The colour of one side of a thing; ``side`` is its place in ``SIDES``."""

    thing: str
    side: int
    colour: str


@dataclass(frozen=True)
class World:
    """Facts, the most often told first; ``cumulative`` are their added weights, by Zipf's law.

    Colours are drawn independently of the names, so that a colour can be known but not worked out.
    """

    facts: tuple[Fact, ...]
    cumulative: tuple[float, ...]


def make_world(seed: int) -> World:
    """Return the world of a seed; the same seed gives the same facts."""
    rng = Random(f"world {seed}")
    facts = [
        Fact(f"{first} {second}", side, colour)
        for first, second in product(SYLLABLES, repeat=2)
        for side, colour in enumerate(rng.sample(COLOURS, len(SIDES)))
    ]
    rng.shuffle(facts)
    return World(tuple(facts), tuple(accumulate(1 / rank for rank in range(1, len(facts) + 1))))
