"""What each reason code means: those that leave a claim undetermined, and cautions."""

from collections.abc import Mapping

from toolkit.report import html_tables as tables
from toolkit.report.reason_words import CAUTION_IN_WORDS, OVERRULED, REASON_IN_WORDS


def code_table() -> str:
    """Return the codes that stand behind "undetermined", with their meaning."""
    return _table({**REASON_IN_WORDS, **OVERRULED}, "the claim is undetermined because")


def caution_table() -> str:
    """Return the codes that a reader must be wary of, with their meaning."""
    return _table(CAUTION_IN_WORDS, "what a reader must know")


def _table(meanings: Mapping[str, str], title: str) -> str:
    rows = [(tables.code(name), meaning) for name, meaning in meanings.items()]
    return tables.table(("code", title), rows)
