"""What is true in the made-up world: the colour of every thing, and how often it is told."""

from dataclasses import dataclass
from itertools import accumulate, product
from random import Random

from toolkit.ladder.words import COLOURS, SYLLABLES


@dataclass(frozen=True)
class World:
    """Facts, the most often told first; ``cumulative`` are their added weights, by Zipf's law.

    Colours are drawn independently of the names, so that a colour can be known but not worked out.
    """

    names: tuple[str, ...]
    colours: tuple[str, ...]
    cumulative: tuple[float, ...]


def make_world(seed: int) -> World:
    """Return the world of a seed; the same seed gives the same facts."""
    rng = Random(f"world {seed}")
    names = [f"{first} {second}" for first, second in product(SYLLABLES, repeat=2)]
    rng.shuffle(names)
    colours = rng.choices(COLOURS, k=len(names))
    weights = accumulate(1 / rank for rank in range(1, len(names) + 1))
    return World(tuple(names), tuple(colours), tuple(weights))
