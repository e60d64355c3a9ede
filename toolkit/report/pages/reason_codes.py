"""What each reason code means: those that leave a claim undetermined, and cautions."""

from collections.abc import Mapping

from toolkit.report import html_tables as tables
from toolkit.report.sentences import REASON_IN_WORDS

# What the posterior says by itself when something else overrules it.
OVERRULED = {
    "POSTERIOR_ALONE": "the posterior alone would give a verdict; what follows overrules it"
}
CAUTION_IN_WORDS = {
    "FEW_ITEMS": "so few items that two cells must differ by much to be told apart",
    "BELOW_CHANCE": "many cells are below chance: the scorer, an answer key or the chance level "
    "may be wrong",
    "CONTROL_NOT_CLEAN": REASON_IN_WORDS["CONTROL_NOT_CLEAN"],
    "JUMP_ELSEWHERE": "the jump, if there is one, lies at another size than claimed",
    "ONE_RECIPE": "checkpoints above the claimed size come from one family: size can't be told "
    "from recipe",
    "ARM_NOT_MEASURED": "an arm has no scores at two sizes: nothing is estimated there",
    "IF_PARSEABLE": "exact match: the jump is that of the accuracy if every answer could be parsed",
    "CLOSE_TO_THRESHOLD": "a probability lies so near a limit that another run could fall on its "
    "other side",
}


def code_table() -> str:
    """Return the codes that stand behind "undetermined", with their meaning."""
    return _table({**REASON_IN_WORDS, **OVERRULED}, "the claim is undetermined because")


def caution_table() -> str:
    """Return the codes that a reader must be wary of, with their meaning."""
    return _table(CAUTION_IN_WORDS, "what a reader must know")


def _table(meanings: Mapping[str, str], title: str) -> str:
    rows = [(tables.code(name), meaning) for name, meaning in meanings.items()]
    return tables.table(("code", title), rows)
