"""The words of the reports, each with one meaning; they stand in ``glossary.toml``."""

import html
import re
from dataclasses import dataclass
from pathlib import Path

from toolkit.report.display import show_html
from toolkit.report.pages.thresholds import limit
from toolkit.strict_toml import from_table, read_toml

FILE = Path(__file__).with_suffix(".toml")
SCORES, CLAIMS, MODEL, BAYES, TRUST = (
    "Scores", "Claims and verdicts", "The model", "Bayesian words", "Can it be trusted?",
)  # fmt: skip
REFERENCE = re.compile(r"\[\[(?:([^|\]]+)\|)?([^\]]+)\]\]")
LIMIT = re.compile(r"\{(\w+\.\w+)\}")


@dataclass(frozen=True)
class Term:
    """One word and what it means here; ``meaning`` may hold references and limits."""

    word: str
    group: str
    meaning: str

    @property
    def anchor(self) -> str:
        """Return the name that links to this entry end in."""
        return f"term-{re.sub(r'[^a-z0-9]+', '-', self.word.lower()).strip('-')}"

    @property
    def text(self) -> str:
        """Return the meaning in one line, its limits as the code has them."""
        return LIMIT.sub(lambda m: limit(m[1]), " ".join(self.meaning.split()))


TERMS: tuple[Term, ...] = tuple(
    from_table(Term, table, f"{FILE.name} {table.get('word')}") for table in read_toml(FILE)["term"]
)
GROUPS = tuple(dict.fromkeys(term.group for term in TERMS))


def terms(group: str) -> None:
    """Show the words of one group with their meanings."""
    show_html(term_list(group))


def term_list(group: str) -> str:
    """Return the words of one group as a list of definitions, in the order of the alphabet."""
    own = sorted((t for t in TERMS if t.group == group), key=lambda t: t.word.lower())
    entries = "".join(
        f'<dt id="{term.anchor}">{html.escape(term.word)}</dt><dd>{linked(term.text)}</dd>'
        for term in own
    )
    return f'<dl class="glossary">{entries}</dl>'


def term_named(word: str) -> Term:
    """Return the entry of a word, or raise ``KeyError``."""
    return {term.word: term for term in TERMS}[word]


def linked(meaning: str) -> str:
    """Return a meaning as HTML, its references as links."""
    return REFERENCE.sub(
        lambda m: f'<a href="#{term_named(html.unescape(m[2])).anchor}">{m[1] or m[2]}</a>',
        html.escape(meaning, quote=False),
    )
