"""How a ladder is trained: sizes, steps, seeds, and the hash that a checkpoint keeps of them."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

# What the weights depend on besides the numbers of the recipe.
SOURCES = ("words.py", "world.py", "documents.py", "rows.py", "training.py", "tokenizer.py")


@dataclass(frozen=True)
class Recipe:
    """The numbers that decide what is trained; two equal recipes give equal weights on one device.

    Every size reads the same rows in the same order. ``learning_rate`` is that of width 1 and falls
    with the root of the width; tuning takes a share of it, so that less is forgotten.
    """

    widths: tuple[int, ...]
    steps: int
    tuning_steps: int
    rows_per_step: int = 14
    row_length: int = 144
    n_layers: int = 2
    head_width: int = 16
    learning_rate: float = 0.03
    tuning_rate: float = 0.8
    weight_decay: float = 0.01
    seed: int = 1

    def hash_of(self, width: int) -> str:
        """Return what a finished checkpoint of this width must have been made by."""
        numbers = {k: v for k, v in asdict(self).items() if k != "widths"} | {"width": width}
        made_by = hashlib.sha256(json.dumps(numbers, sort_keys=True).encode())
        for name in SOURCES:
            made_by.update((Path(__file__).parent / name).read_bytes())
        return made_by.hexdigest()


# quick shows that the commands work; its checkpoints have hardly learnt anything.
PROFILES = {
    "quick": Recipe(widths=(8, 12, 16, 20, 24), steps=20, tuning_steps=10, rows_per_step=6),
    "full": Recipe(widths=(8, 12, 16, 24, 32, 48, 64, 96, 128), steps=1000, tuning_steps=500),
}


@dataclass(frozen=True)
class Rung:
    """One checkpoint of the ladder, base or tuned."""

    name: str
    width: int
    tuned: bool


def rung_of(width: int, *, tuned: bool) -> Rung:
    """Return the checkpoint of a size; its name tells the width, since sizes are counted later."""
    return Rung(f"width-{width}{'-chat' if tuned else ''}", width, tuned)
