"""Errors that the reader can fix; the command line prints their message without a traceback.

Every message says *where* and *what is wrong*, what it got, what it expected, and what to do.
Misuse of a function by code stays a ``ValueError`` or ``TypeError`` with its traceback.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class ToolkitError(Exception):
    """The reader can fix this; the command line exits with code 1."""


class ClaimError(ToolkitError):
    """A study, claim or analysis file is wrong."""


class ScoresError(ToolkitError):
    """A table breaks the column contract."""


class SourceError(ToolkitError):
    """A raw file is missing, changed (hash), or not as described."""


class FitError(ToolkitError):
    """Sampling could not start or finish."""


class PlanError(ToolkitError):
    """A plan of measurements asks for something that can't be done."""


class CheckpointError(ToolkitError):
    """A checkpoint or its tokenizer can't be used, or not for what it was asked."""


class EngineError(ToolkitError):
    """Jobs can't be run where they were asked to."""


class ReportError(ToolkitError):
    """A document could not be rendered."""


def one_of(
    name: str, known: Iterable[str], what: str, error: type[ToolkitError] = ClaimError
) -> str:
    """Return a name that is known, or raise an error that says ``what`` it should be."""
    names = list(known)
    if name not in names:
        hint = did_you_mean(name, names)
        raise error(f"{what}: got {name!r}{hint}; expected one of {', '.join(names)}.")
    return name


def install_extra(extra: str) -> str:
    """Return what to do where the packages of an extra are missing."""
    return f"install the extra in the toolkit's clone: pip install -e '.[{extra}]'"


def did_you_mean(word: str, known: list[str]) -> str:
    """Return a hint naming the closest known word, or an empty string."""
    close = get_close_matches(word, known, n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""
