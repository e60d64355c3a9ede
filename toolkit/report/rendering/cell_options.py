"""The ``#|`` options of a code cell, and the settings of the document they fall back to."""

from collections.abc import Callable
from typing import Any

from toolkit.errors import ReportError, did_you_mean


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_label(value: object) -> bool:
    return isinstance(value, str) and bool(value) and not set(value) & set(" \t{}#\"'<>@")


def _is_tags(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(tag, str) for tag in value)


OPTIONS: dict[str, tuple[Callable[[object], bool], str]] = {
    "label": (_is_label, "one word"),
    "echo": (_is_bool, "true or false"),
    "eval": (_is_bool, "true or false"),
    "error": (_is_bool, "true or false"),
    "warning": (_is_bool, "true or false"),
    "include": (_is_bool, "true or false"),
    "output": (lambda value: value in (True, False, "asis"), "true, false or asis"),
    "code-fold": (lambda value: value in (True, False, "show"), "true, false or show"),
    "code-summary": (_is_text, "text"),
    "fig-cap": (_is_text, "text"),
    "tbl-cap": (_is_text, "text"),
    "tags": (_is_tags, "a list of words"),
}
DEFAULTS = {
    "echo": True,
    "eval": True,
    "error": False,
    "warning": True,
    "include": True,
    "output": True,
    "code-fold": False,
    "code-summary": "Code",
}
CAPTIONS = {"fig-": "fig-cap", "tbl-": "tbl-cap"}


def read_options(raw: object, where: str) -> dict[str, Any]:
    """Return a cell's options, each known and of its type."""
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise ReportError(f"{where}: cell options must be '#| name: value' lines.")
    for name, value in raw.items():
        check_option(str(name), value, where)
    label = raw.get("label", "")
    for prefix, caption in CAPTIONS.items():
        if label.startswith(prefix) and caption not in raw:
            raise ReportError(f"{where}: label '{label}' needs a '#| {caption}:' line.")
        if caption in raw and label and not label.startswith(prefix):
            raise ReportError(
                f"{where}: '{caption}' with label '{label}'; the label must start with '{prefix}'."
            )
    if label.startswith(("lst-", "sec-", "eq-", "thm-")):
        raise ReportError(f"{where}: a cell's label cannot start with '{label.split('-')[0]}-'.")
    return raw


def check_option(name: str, value: object, where: str) -> None:
    """Raise when a cell option is unknown or has a value that cannot be honoured."""
    if name not in OPTIONS:
        raise ReportError(
            f"{where}: cell option '{name}' is not supported{did_you_mean(name, list(OPTIONS))}."
        )
    accepts, wanted = OPTIONS[name]
    if not accepts(value):
        raise ReportError(f"{where}: cell option '{name}' is {value!r}; expected {wanted}.")


def effective(options: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """Return a cell's options over the document's over the defaults."""
    return {**DEFAULTS, **document, **options}
