"""Checkpoint folders: trained once, kept with the hash of their recipe, found again."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from random import Random

from toolkit.ladder.documents import base_documents, tuning_documents
from toolkit.ladder.recipe import Recipe, Rung
from toolkit.ladder.rows import Rows, as_chat, as_text, pack
from toolkit.ladder.world import make_world

MADE_BY, WEIGHTS = "ladder.json", "model.safetensors"


@dataclass(frozen=True)
class Trained:
    """A finished checkpoint of the ladder.

    ``loss`` is that of its answers at the end of training (nats), ``n_tokens`` what it and its base
    have read.
    """

    name: str
    width: int
    tuned: bool
    n_params: int
    n_tokens: int
    loss: float
    recipe_hash: str
    device: str

    @property
    def train_flop(self) -> float:
        """Return the training compute: 6 per parameter and token."""
        return 6.0 * self.n_params * self.n_tokens


@cache
def training_rows(recipe: Recipe, *, tuned: bool) -> Rows:
    """Return what every size reads, base checkpoints or tuned ones."""
    world = make_world(recipe.seed)
    rng = Random(f"documents {tuned} {recipe.seed}")
    n_rows = (recipe.tuning_steps if tuned else recipe.steps) * recipe.rows_per_step
    documents = tuning_documents(world, rng) if tuned else base_documents(world, rng)
    return pack(documents, as_chat if tuned else as_text, n_rows, recipe.row_length)


def finished(folder: Path, recipe: Recipe, width: int) -> Trained | None:
    """Return the checkpoint that lies in a folder if this recipe made it."""
    try:
        trained = Trained(**json.loads((folder / MADE_BY).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    is_whole = (folder / WEIGHTS).is_file()
    return trained if is_whole and trained.recipe_hash == recipe.hash_of(width) else None


def make_checkpoint(
    rung: Rung, folder: Path, recipe: Recipe, rows: Rows, device: str,
    tick: Callable[[int], None], base: tuple[Path, Trained] | None = None,
) -> Trained:  # fmt: skip
    """Train a checkpoint from drawn weights, or from its base, and write its folder whole."""
    from toolkit.ladder.tokenizer import make_tokenizer
    from toolkit.ladder.training import (
        n_parameters,
        new_checkpoint,
        open_checkpoint,
        save_checkpoint,
        train,
    )

    checkpoint = open_checkpoint(base[0]) if base else new_checkpoint(rung.width, recipe)
    n_tokens = rows.tokens.size + (base[1].n_tokens if base else 0)
    loss = train(checkpoint, rows, recipe, recipe.tuning_rate if base else 1.0, device, tick)
    trained = Trained(
        rung.name, rung.width, rung.tuned, n_parameters(checkpoint), n_tokens, loss,
        recipe.hash_of(rung.width), device,
    )  # fmt: skip
    with _whole(folder) as temporary:
        save_checkpoint(checkpoint, temporary)
        make_tokenizer(chat=rung.tuned).save_pretrained(temporary)
        (temporary / MADE_BY).write_text(json.dumps(asdict(trained), indent=2) + "\n", "utf-8")
    return trained


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """Yield a folder beside ``folder`` that takes its place when the block succeeds."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        yield temporary
        shutil.rmtree(folder, ignore_errors=True)
        # mkdtemp makes private folders; checkpoints are meant to be read by others.
        temporary.chmod(0o755)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
