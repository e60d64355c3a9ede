"""The one place where a checkpoint is opened, and torch with it."""

from collections.abc import Callable

from toolkit.errors import EngineError
from toolkit.evaluate.prompts.encoding import INSTALL
from toolkit.evaluate.requests import CheckpointSource, Engine

Opener = Callable[..., Engine]


def open_engine(source: CheckpointSource, *, device: str, budget: int | None) -> Engine:
    """Return a loaded checkpoint.

    ``budget`` is how many tokens go into one forward, at most; None takes what suits the device.

    Raises
    ------
    EngineError
        When torch is not installed.
    """
    try:
        from toolkit.evaluate.engine.engine import load_engine
    except ImportError as error:
        msg = f"emergence evaluate: {error.name or error} is not installed; {INSTALL}"
        raise EngineError(msg) from error
    return load_engine(source, device=device, budget=budget)
