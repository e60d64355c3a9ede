"""An engine without weights: its numbers come from hashes, and depend on who shares a batch."""

import hashlib
import json
import os
import sys
import time
from pathlib import Path

from toolkit.errors import CheckpointError
from toolkit.evaluate.requests import Generated, Scored, ScoreRequest

BATCH = 4


def unit(*parts):
    """Return a number in [0, 1) that depends on its arguments alone."""
    text = json.dumps(parts).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:6], "big") / 2**48


class FakeEngine:
    """Answers in batches; a batch of other members gives other last digits, as on a GPU."""

    n_params = 12_345
    encoder_decoder = False
    resolution = 1e-3

    def __init__(self, source, seconds_per_batch=0.0):
        self.identity = hashlib.sha256(Path(source.place, "config.json").read_bytes()).hexdigest()
        config = json.loads(Path(source.place, "config.json").read_text())
        self.context_length = config.get("max_position_embeddings")
        self.seconds = seconds_per_batch
        self.asked = 0

    def answer(self, requests, known=frozenset()):
        order = sorted(range(len(requests)), key=lambda at: repr(requests[at]))
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            if known.issuperset(batch):
                continue
            if self.seconds:
                time.sleep(self.seconds)
            shared = unit(self.identity, [repr(requests[at]) for at in batch])
            for at in batch:
                self.asked += 1
                yield at, self._answer(requests[at], shared)

    def _answer(self, request, shared):
        if isinstance(request, ScoreRequest):
            value = -20 * unit(self.identity, request.context, request.continuation)
            return Scored(value - 1e-9 * shared - 1e-3, value > -2)
        drawn = unit(self.identity, request.context)
        text = "" if drawn < 0.2 else str(int(drawn * 10))
        return Generated(text, tuple(range(len(text))), "stop" if drawn < 0.9 else "length")

    def provenance(self):
        return {"engine": "fake", "numerics": 1}


def open_fake(source, *, device, budget):
    """Open as the real one does; a folder without weights of any kind is refused."""
    if not Path(source.place, "config.json").exists():
        msg = f"{source.place}: no checkpoint"
        raise CheckpointError(msg)
    return FakeEngine(source, float(os.environ.get("FAKE_SECONDS_PER_BATCH", "0")))


if __name__ == "__main__":
    from toolkit.cli import main
    from toolkit.evaluate.engine import opening

    opening.open_engine = open_fake
    sys.argv[0] = "emergence"
    main()
