"""Find the files of a checkpoint, on this disk or on the hub, and see that they are safe to read.

No torch: what this module refuses is refused before anything is loaded.
"""

import json
import math
import struct
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError

from toolkit.errors import CheckpointError
from toolkit.evaluate.engine.fingerprint import FINGERPRINTED
from toolkit.evaluate.requests import CheckpointSource


def checkpoint_folder(source: CheckpointSource) -> Path:
    """Return the folder of a checkpoint; one of the hub is fetched, or taken from its cache.

    Raises
    ------
    CheckpointError
        If there is no such checkpoint, or its weights may not or can't be read.
    """
    folder = Path(source.place)
    if not folder.is_dir():
        folder = _hub_snapshot(source)
    if not (folder / "config.json").is_file():
        raise CheckpointError(
            f"{source.place}: has no config.json, so it isn't a transformers checkpoint; "
            "name the folder that save_pretrained wrote, or a hub id."
        )
    _check_weights(folder, source)
    return folder


def _hub_snapshot(source: CheckpointSource) -> Path:
    patterns = [*FINGERPRINTED, "*.safetensors.index.json"]
    if source.allow_pickle:
        patterns += ["*.bin", "*.bin.index.json"]
    try:
        # Subfolders and consolidated files hold the same weights in other formats.
        snapshot = snapshot_download(
            source.place,
            revision=source.revision,
            allow_patterns=patterns,
            ignore_patterns=["*/*", "consolidated*"],
        )
    except HFValidationError:
        raise CheckpointError(
            f"{source.place}: there is no such folder, and it isn't a hub id (owner/name) either; "
            "correct the path."
        ) from None
    except OSError as error:  # among them all errors of the hub
        at = f" at revision {source.revision}" if source.revision else ""
        raise CheckpointError(
            f"{source.place}: neither a folder here nor a checkpoint that the hub or its cache "
            f"gives{at} ({type(error).__name__}); correct the name, or fetch it while online."
        ) from None
    return Path(snapshot)


def _check_weights(folder: Path, source: CheckpointSource) -> None:
    if any(folder.glob("*.safetensors")):
        return
    pickles = sorted(path.name for path in folder.glob("*.bin"))
    if pickles and source.allow_pickle:
        return
    if pickles:
        raise CheckpointError(
            f"{source.place}: its weights are pickled ({pickles[0]}), and opening a pickle runs "
            "whatever code it holds; expected *.safetensors. Convert it, or set allow_pickle if "
            "you trust its author."
        )
    raise CheckpointError(
        f"{source.place}: has no weights that may be read; "
        "expected *.safetensors beside config.json."
    )


def count_stored_parameters(folder: Path) -> int | None:
    """Count the numbers in the safetensors files from their headers; None for pickled weights."""
    files = sorted(folder.glob("*.safetensors"))
    return sum(_count_in_file(path) for path in files) if files else None


def _count_in_file(path: Path) -> int:
    try:
        with path.open("rb") as file:
            (header_length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(header_length))
    except (struct.error, ValueError, MemoryError, OverflowError):
        raise CheckpointError(
            f"{path}: isn't a safetensors file, or only the beginning of one; fetch it again."
        ) from None
    header.pop("__metadata__", None)
    return sum(math.prod(tensor["shape"]) for tensor in header.values())
