"""The tasks of the ladder: items with four options, demonstrations, and what is true of each.

Questions of ``rule`` can't be answered without demonstrations: which of its four names a cue goes
by is drawn for the evaluation. Every cue is asked with every filler, so that the names which
fillers suggest are right on one item in four. So is any colour of a thing in ``follow``, for who
can't read its instructions: each thing is asked with all four, and its colours are the options.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from random import Random

from toolkit.ladder.documents import N_OPTIONS, Exchange, ask, suggested
from toolkit.ladder.words import COLOURS, CUES, FILLERS, GUESS, INSTRUCTIONS, NAMES, SIDES
from toolkit.ladder.world import World

N_ITEMS = 400
# As many demonstrations as a rule has cues: whatever their order, they tell the whole rule.
N_SHOTS = 12
CHANCE = 1 / N_OPTIONS


@dataclass(frozen=True)
class ChoiceItem:
    """A question with options, one of which (``gold``, its place) is right."""

    id: str
    input: str
    options: tuple[str, ...]
    gold: int


@dataclass(frozen=True)
class LadderTask:
    """A task: evaluated items, demonstrations apart from them, and the truth about it."""

    name: str
    title: str
    truth: str
    items: tuple[ChoiceItem, ...]
    demonstrations: tuple[ChoiceItem, ...]


def make_tasks(world: World, seed: int) -> tuple[LadderTask, ...]:
    """Return the tasks of a world; the same seed gives the same items."""
    return tuple(
        make(world, Random(f"{make.__name__} {seed}")) for make in (_facts, _rule, _follow, _guess)
    )


def _facts(world: World, rng: Random) -> LadderTask:
    """Return items on facts drawn whatever their frequency: rare ones show who knows more."""
    items = []
    for number, fact in enumerate(rng.sample(world.facts, N_ITEMS + N_SHOTS)):
        wrong = rng.sample([each for each in COLOURS if each != fact.colour], N_OPTIONS - 1)
        items.append(_item(f"facts-{number}", ask(fact, SIDES), wrong, rng))
    return LadderTask(
        "facts",
        "Colours of the sides of things",
        "Known from training, the oftener told the better: should rise smoothly with size, with or "
        "without demonstrations and tuning.",
        tuple(items[:N_ITEMS]),
        tuple(items[N_ITEMS:]),
    )


def _rule(world: World, rng: Random) -> LadderTask:  # noqa: ARG001 - all tasks are made alike
    items, demonstrations = [], []
    # Each ending is right equally often, so that a liking for one is chance too.
    endings = rng.sample([number % N_OPTIONS for number in range(N_SHOTS)], N_SHOTS)
    for cue, ending in zip(rng.sample(CUES, N_SHOTS), endings, strict=True):
        name = NAMES[cue][ending]
        wrong = [each for each in NAMES[cue] if each != name]
        told = rng.choice([filler for filler in FILLERS if suggested(filler, cue) == name])
        shown = _item(f"rule-told-{cue}", Exchange(f"{told} {cue}", name), wrong, rng)
        demonstrations.append(shown)
        for filler in FILLERS:
            exchange = Exchange(f"{filler} {cue}", name)
            items.append(_item(f"rule-{cue}-{filler}", exchange, wrong, rng))
    return LadderTask(
        "rule",
        "Names agreed on the spot",
        "The demonstrations tell which name a cue goes by and nothing else does: chance without "
        "them at every size, tuned or not; with them whatever a checkpoint learns in its context.",
        tuple(items),
        tuple(demonstrations),
    )


def _follow(world: World, rng: Random) -> LadderTask:
    things = rng.sample(
        sorted({fact.thing for fact in world.facts}), (N_ITEMS + N_SHOTS) // len(SIDES)
    )
    items = []
    for thing in things:
        own = [fact for fact in world.facts if fact.thing == thing]
        for fact in own:
            wrong = [other.colour for other in own if other != fact]
            items.append(_item(f"follow-{len(items)}", ask(fact, INSTRUCTIONS), wrong, rng))
    return LadderTask(
        "follow",
        "Following an instruction",
        "Base checkpoints never read the instructions and can't tell them apart, tuning teaches "
        "them: chance for base checkpoints, with or without demonstrations; for tuned ones as much "
        "as their size knows of the facts that are asked for.",
        tuple(items[:N_ITEMS]),
        tuple(items[N_ITEMS:]),
    )


def _guess(world: World, rng: Random) -> LadderTask:  # noqa: ARG001 - all tasks are made alike
    items = []
    pairs = list(permutations(FILLERS, 2))
    for number, (first, second) in enumerate(rng.sample(pairs, N_ITEMS + N_SHOTS)):
        colour, *wrong = rng.sample(COLOURS, N_OPTIONS)
        question = f"{GUESS} {first} {second}"
        items.append(_item(f"guess-{number}", Exchange(question, colour), wrong, rng))
    return LadderTask(
        "guess",
        "Guessing a drawn colour",
        "The right option was drawn by lot: chance in every arm at every size.",
        tuple(items[:N_ITEMS]),
        tuple(items[N_ITEMS:]),
    )


def _item(name: str, exchange: Exchange, wrong: Sequence[str], rng: Random) -> ChoiceItem:
    """Return an item with its options in drawn order."""
    options = rng.sample([exchange.answer, *wrong], len(wrong) + 1)
    return ChoiceItem(name, exchange.question, tuple(options), options.index(exchange.answer))
