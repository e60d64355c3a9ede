"""One item of a machine-filled checklist: an answer that comes out empty or NaN is an error."""

import math
from collections.abc import Mapping, Sized
from dataclasses import dataclass
from typing import Any

from toolkit.errors import ReportError


@dataclass(frozen=True)
class ChecklistItem:
    """One item: ``where`` is a section of the report (``sec-...``) or a file of the project."""

    step: str
    question: str
    answer: str
    where: str

    def __post_init__(self) -> None:
        for name in ("step", "question", "answer", "where"):
            _refuse_missing(self.step, self.question, name, getattr(self, name))


def filled(step: str, question: str, where: str, answer: str, **values: Any) -> ChecklistItem:
    """Return an item whose answer has these values put in; none may be missing, empty or NaN."""
    for name, value in values.items():
        _refuse_missing(step, question, name, value)
    return ChecklistItem(step, question, answer.format(**values), where)


def listed(values: Mapping[str, object] | None) -> str:
    """Return values with their names as one answer, which is empty where one is missing."""
    if not values or any(value is None or value == "" for value in values.values()):
        return ""
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _refuse_missing(step: str, question: str, name: str, value: object) -> None:
    nothing = value.strip() == "" if isinstance(value, str) else _is_empty(value)
    if nothing:
        got = "NaN" if isinstance(value, float) else "nothing"
        msg = (
            f"reporting checklist, step '{step}', item '{question}': got {got} as '{name}', "
            "expected an answer; run what makes it, or complete the study's files."
        )
        raise ReportError(msg)


def _is_empty(value: object) -> bool:
    if isinstance(value, float):  # NumPy's too
        return math.isnan(value)
    return value is None or (isinstance(value, Sized) and len(value) == 0)
