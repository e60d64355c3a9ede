"""The truths of the certificate, and which of them share a simulated study.

A truth plants one task: ``place`` (parameters) is where a smooth curve rises most or a step lies,
and what the claim names. Truths that split the chains would spoil the mixing of everything that
tasks share, so that they have studies of their own (``BLOCKS``).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from toolkit.estimands.estimate import ROPE
from toolkit.simulate import RICH, Design, PlantedTask, StudyDesign, Truth
from toolkit.simulate.curves import (
    BrokenPower,
    Curve,
    Flat,
    FourParameter,
    Mixture,
    Straight,
    TokenPower,
    UShape,
)
from toolkit.study.claims import CONTROLLED_ARM, Arm
from toolkit.verdict.gates import Outcome

Plant = Callable[[str, float, np.random.Generator], PlantedTask]
HEIGHTS = (0.05, 0.10, 0.20, 0.30)
WIDTHS = (3.0, 1.5, 0.75)  # decades from 10% to 90% of the rise
# Decades of competence that a whole recipe, or training on the task, is worth.
RECIPE_SHIFT = 0.5
FEW_SHOT, TUNING = "few-shot prompting", "instruction tuning"


@dataclass(frozen=True)
class KnownTruth:
    """How a task of this truth is planted.

    ``step`` is how high its step is in the arms that have one, over ``width`` decades; ``height``
    is what E1 is of it in the controlled arm.
    """

    name: str
    plant: Plant
    step: float = 0.0
    height: float = 0.0
    width: float = 0.0

    @property
    def is_step(self) -> bool:
        """Return whether the truth is a step."""
        return self.step > 0


@dataclass(frozen=True)
class Right:
    """What must be said of a planted task that is claimed to jump in an arm."""

    outcome: Outcome
    credited: tuple[str, ...] = ()


def right_of(task: PlantedTask, published: Arm) -> Right:
    """Return the right verdict: it follows from the arms that carry the step."""
    stepping = task.stepping_arms
    if task.height <= ROPE or published not in stepping:
        return Right(Outcome.NO_JUMP)
    if CONTROLLED_ARM in stepping:
        return Right(Outcome.JUMP_REMAINS)
    if task.truth == "both only":
        return Right(Outcome.EXPLAINED, ("interaction",))
    return Right(Outcome.EXPLAINED, (FEW_SHOT if task.truth == "few-shot only" else TUNING,))


@dataclass(frozen=True)
class Block:
    """Which truths share a study, how many tasks of each, and what is special of its design."""

    tasks: dict[str, int]
    change: Callable[[Design], Design] = field(default=lambda design: design)


def _smooth(curve: Curve) -> Plant:
    return lambda name, place, _: PlantedTask(name, "none", place, midpoint=place, curve=curve)


def _tokens(name: str, place: float, _: np.random.Generator) -> PlantedTask:
    # Eight right tokens are likely only a decade beyond where one is even.
    curve = TokenPower(3.0, 8)
    return PlantedTask(name, "none", place, midpoint=place / 10, curve=curve, metric="exact_match")


def _compliance(name: str, place: float, _: np.random.Generator) -> PlantedTask:
    able, complies = Flat(0.8), Straight(1.5)
    return PlantedTask(name, "none", place, curve=able, metric="exact_match", complies=complies)


def _trained(name: str, place: float, rng: np.random.Generator) -> PlantedTask:
    families = tuple(rng.choice(sorted(RICH.sizes), 2, replace=False).tolist())
    return PlantedTask(
        name, "none", place, midpoint=place, trained_families=families,
        trained_shift=RECIPE_SHIFT,
    )  # fmt: skip


def _bimodal(name: str, place: float, _: np.random.Generator) -> PlantedTask:
    return PlantedTask(name, "none", place, midpoint=place, curve=Straight(1.5), modes=(0.05, 0.6))


def _step(truth: Truth, height: float, width: float = 0.0) -> Plant:
    """Return steps on gentle curves of different place and steepness."""

    def plant(name: str, place: float, rng: np.random.Generator) -> PlantedTask:
        middle, curve = float(10 ** rng.uniform(10.5, 11.3)), Straight(float(rng.uniform(2.7, 5.5)))
        return PlantedTask(name, truth, place, height, middle, curve, step_width=width)

    return plant


def _steps() -> list[KnownTruth]:
    arms: dict[str, Truth] = {
        "in all arms": "all arms",
        "with few-shot only": "few-shot only",
        "with tuning only": "instruction tuning only",
        "with both only": "both only",
    }
    sharp = [
        KnownTruth(
            f"step of {100 * height:.0f} points {where}", _step(truth, height), height,
            height if truth == "all arms" else 0.0,
        )
        for height in HEIGHTS
        for where, truth in arms.items()
    ]  # fmt: skip
    wide = [
        KnownTruth(
            f"step of 20 points over {width:g} decades, all arms",
            _step("all arms", 0.20, width), 0.20, 0.20, width,
        )
        for width in (0.1, 0.3, 0.6)
    ]  # fmt: skip
    return sharp + wide


def _known() -> dict[str, KnownTruth]:
    smooth: dict[str, Curve] = {
        "flat at chance": Flat(0.0),
        **{f"straight, {width:g} decades": Straight(width) for width in WIDTHS},
        **{f"4PL, {width:g} decades": FourParameter(width, 0.05, 0.85) for width in WIDTHS},
        # An error that falls by 10**-exponent a decade goes from 0.9 to 0.1 within 1 / exponent.
        **{f"broken power law, {width:g} decades": BrokenPower(1 / width) for width in WIDTHS},
        "U-shape": UShape(-2.5, 1.5),
        "inverted U": UShape(0.5, -1.5),
        "easy and hard items": Mixture(Straight(2.0), UShape(-2.0, 1.2)),
    }
    disturbed: dict[str, Plant] = {
        "p^L of 8 tokens": _tokens,
        "compliance only": _compliance,
        "trained on the task": _trained,
        "training runs of two kinds": _bimodal,
    }
    nulls = [KnownTruth(name, _smooth(curve)) for name, curve in smooth.items()]
    nulls += [KnownTruth(name, plant) for name, plant in disturbed.items()]
    nulls.append(KnownTruth("another recipe at the largest sizes", _smooth(Straight(3.0))))
    return {truth.name: truth for truth in (*nulls, *_steps())}


TRUTHS = _known()
GENTLE = "straight, 3 decades"
# A step resembles these in all arms, so that chains pass rarely between both (decision 0013).
STEP_LIKE = tuple(f"broken power law, {width:g} decades" for width in WIDTHS[1:])
SMOOTH = (
    *(f"{name}, {width:g} decades" for name in ("straight", "4PL") for width in WIDTHS),
    f"broken power law, {WIDTHS[0]:g} decades",
    "U-shape",
)


def _largest_shifted(design: Design) -> Design:
    """Return the design with the recipe of the largest checkpoints better than their size.

    Where sizes are free the larger half of all sizes has one recipe.
    """
    if not isinstance(design, StudyDesign):
        largest = design.checkpoints.sort_values("n_params")["lm_family"].iloc[-1]
        return replace(design, family_shift={largest: RECIPE_SHIFT})  # pyright: ignore[reportArgumentType, reportCallIssue]
    sizes = sorted(size for family in design.sizes.values() for size in family)
    half = len(sizes) // 2
    small, large = sizes[:half], sizes[half:]
    return replace(
        design,
        sizes={"alder": tuple(small[::2]), "birch": tuple(small[1::2]), "maple": tuple(large)},
        family_shift={"maple": RECIPE_SHIFT},
    )


def _steps_of(height: float) -> list[str]:
    points = f"step of {100 * height:.0f} points"
    return [
        f"{points} {where}" for where in ("in all arms", "with few-shot only", "with tuning only")
    ]


def _of_height(height: float) -> Block:
    return Block({**dict.fromkeys(_steps_of(height), 4), GENTLE: 3})


BLOCKS: dict[str, Block] = {
    "smooth": Block(dict.fromkeys(SMOOTH, 2)),
    "exact match": Block({"p^L of 8 tokens": 4, "compliance only": 4}),
    "steps of 20 points": _of_height(0.20),
    # Where few tasks jump their share is small, which speaks against each jump.
    "few steps": Block(
        # The first truth says how many studies there are, so that it stands before its like.
        {GENTLE: 2, **dict.fromkeys((*(t for t in SMOOTH if t != GENTLE), *_steps_of(0.20)), 1)}
    ),
    "steep broken power laws": Block({**dict.fromkeys(STEP_LIKE, 2), GENTLE: 4}),
    "other smooth": Block(
        dict.fromkeys(("flat at chance", "inverted U", "easy and hard items", GENTLE), 2)
    ),
    "disturbed": Block(
        {"trained on the task": 4, "training runs of two kinds": 4, GENTLE: 2}
    ),
    "recipes": Block({"another recipe at the largest sizes": 6}, _largest_shifted),
    "steps of 5 points": _of_height(0.05),
    "steps of 10 points": _of_height(0.10),
    "steps of 30 points": _of_height(0.30),
    "steps with both only": Block(
        {**{f"step of {100 * height:.0f} points with both only": 2 for height in HEIGHTS},
         GENTLE: 3}
    ),
    "wide steps": Block(
        {**{f"step of 20 points over {width:g} decades, all arms": 3 for width in (0.1, 0.3, 0.6)},
         GENTLE: 3}
    ),
}  # fmt: skip


def planted_tasks(
    block: Block, design: Design, rng: np.random.Generator
) -> list[tuple[KnownTruth, PlantedTask]]:
    """Return the tasks of one study, each with its truth, where the design claims jumps."""
    names = [name for name, n_tasks in block.tasks.items() for _ in range(n_tasks)]
    planted = []
    for number, name in enumerate(names):
        truth, place = TRUTHS[name], design.place(number, rng)
        own = f"{name}-{names[:number].count(name)}"
        planted.append((truth, truth.plant(own, place, rng)))
    return planted
