"""A hash of everything in a checkpoint's folder that its answers depend on; no torch."""

import hashlib
from pathlib import Path

from toolkit.paths import sha256_of

# Weights, settings, tokenizer and, for checkpoints that bring their own classes, code.
FINGERPRINTED = (
    "*.safetensors",
    "config.json",
    "generation_config.json",
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.model",
    "chat_template*",
    "*.py",
)


def fingerprint(folder: Path) -> str:
    """Return one sha256 over the names and contents of weights, settings and tokenizer files.

    Pickled weights count only where there are no others, as only then are they read.
    """
    patterns = FINGERPRINTED
    if not any(folder.glob("*.safetensors")):
        patterns = (*FINGERPRINTED, "*.bin")
    files = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    lines = [f"{path.name} {sha256_of(path)}\n" for path in sorted(files)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
