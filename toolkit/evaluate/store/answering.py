"""An engine with the answers that are kept: only what is not known is asked, and kept as it comes.

A cell is asked about as a whole, so that its numbers depend on nothing else in the plan.
"""

import math
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from toolkit.errors import EngineError
from toolkit.evaluate.prompts.asking import Asked
from toolkit.evaluate.requests import Answer, Engine, Request, Scored
from toolkit.evaluate.store.store import Lines, answer_in, key_of, line_of, maker_line
from toolkit.jobs import check_asker

# The maker of an answer whose line names none: lines of older stores do not.
NOBODY = ""
# Told: items done (a part of one counts as such), and tokens asked about.
Tick = Callable[[float, int], None]


def no_tick(_items: float, _tokens: int) -> None:
    """Tell nobody how far the measuring is."""


class Answering:
    """What answers the requests of one set of weights, and counts what was known before.

    ``n_made`` counts the answers given so far by their maker: the engine of this run or of an
    earlier one, each described in ``makers``.
    """

    def __init__(self, engine: Engine, lines: Lines, name: str, tick: Tick) -> None:
        self.engine, self.lines, self.name, self.tick = engine, lines, name, tick
        self.known: dict[str, Answer] = {}
        self.makers: dict[str, dict[str, Any]] = {}
        self._maker_of: dict[str, str] = {}
        for line in lines.read():
            # The same word for the answers of a run, not one each.
            maker = sys.intern(line.get("maker", NOBODY))
            if "engine" in line:
                self.makers[maker] = line["engine"]
            else:
                self.known[line["key"]], self._maker_of[line["key"]] = answer_in(line), maker
        self._own = maker_line(engine.provenance())
        self.n_known = 0
        self.n_made: Counter[str] = Counter()

    def answers(self, asked: Sequence[Asked]) -> list[list[Answer]]:
        """Return the answers about each item of a cell; new ones are kept as they come."""
        keys = [[key_of(self.engine.identity, each) for each in a.requests] for a in asked]
        once = {
            key: request
            for of_item, a in zip(keys, asked, strict=True)
            for key, request in zip(of_item, a.requests, strict=True)
        }
        order = list(once)
        there = frozenset(at for at, key in enumerate(order) if key in self.known)
        self.n_known += len(there)
        share = len(asked) / len(order)
        self.tick(share * len(there), 0)
        if len(there) < len(order):
            for at, answer in self.engine.answer(list(once.values()), there):
                key = order[at]
                if key not in self.known:
                    self._keep(key, answer)
                    self.tick(share, _n_tokens(once[key]))
            self.lines.sync()
        missing = sum(key not in self.known for key in order)
        if missing:
            msg = f"checkpoint '{self.name}': its engine left {missing} requests without an answer."
            raise EngineError(msg)
        self.n_made.update(self._maker_of[key] for key in order)
        return [[self.known[key] for key in of_item] for of_item in keys]

    def _keep(self, key: str, answer: Answer) -> None:
        if isinstance(answer, Scored) and not math.isfinite(answer.log_likelihood):
            msg = (
                f"checkpoint '{self.name}': got the log-likelihood {answer.log_likelihood}, "
                'expected a finite number; its dtype may be too narrow: set dtype = "float32".'
            )
            raise EngineError(msg)
        check_asker()
        maker = self._own["maker"]
        if maker not in self.makers:
            self.makers[maker] = self._own["engine"]
            self.lines.write(self._own)
        self.lines.write(line_of(key, maker, answer))
        self.known[key], self._maker_of[key] = answer, maker


def _n_tokens(request: Request) -> int:
    return len(request.context) + len(getattr(request, "continuation", ()))
