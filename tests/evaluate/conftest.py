"""Tiny checkpoints with random weights, made once for all tests of the engine."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory) -> dict[str, Path]:
    """One folder for each family."""
    pytest.importorskip("torch")
    from tiny_checkpoints import FAMILIES, save_checkpoint

    return {family: save_checkpoint(tmp_path_factory.mktemp(family), family) for family in FAMILIES}


@pytest.fixture(scope="session")
def engine_of(checkpoints):
    """Load an engine once for each family, attention and budget."""
    from toolkit.evaluate.engine.engine import load_engine
    from toolkit.evaluate.requests import CheckpointSource

    loaded = {}

    def load(family, attention="sdpa", budget=4096):
        key = family, attention, budget
        if key not in loaded:
            source = CheckpointSource(str(checkpoints[family]), attention=attention)
            loaded[key] = load_engine(source, device="cpu", budget=budget)
        return loaded[key]

    return load
