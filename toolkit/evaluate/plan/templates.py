"""Prompt formats: what may stand in a template, and how it is filled.

Words in braces are filled in one pass, so that braces in an item's own text are text.
"""

import re
from collections.abc import Mapping

from toolkit.errors import PlanError, did_you_mean
from toolkit.evaluate.plan.plan import FormatPlan

WORD = re.compile(r"\{([a-z_]+)\}")
OUTPUT = "{output}"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALLOWED = {
    "input": ("input", "options"),
    "output": ("output",),
    "option": ("letter", "option"),
    "joiner": (),
    "option_joiner": (),
    "instruction": (),
}


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return a template with the words in braces replaced."""
    return WORD.sub(lambda found: values[found[1]], template)


def check_format(form: FormatPlan, where: str) -> None:
    """Raise ``PlanError`` where a template has a word that nothing fills, or lacks its own."""
    for key, allowed in ALLOWED.items():
        for word in WORD.findall(getattr(form, key)):
            if word not in allowed:
                known = ", ".join("{" + each + "}" for each in allowed) or "no word in braces"
                msg = (
                    f"{where}: key '{key}': got {{{word}}}{did_you_mean(word, list(allowed))}, "
                    f"expected {known}."
                )
                raise PlanError(msg)
    if "{input}" not in form.input:
        msg = f"{where}: key 'input': got {form.input!r}, expected {{input}} in it."
        raise PlanError(msg)
    if not form.output.endswith(OUTPUT) or form.output.count(OUTPUT) > 1:
        msg = (
            f"{where}: key 'output': got {form.output!r}, expected {OUTPUT} at its end and only "
            "there: what follows would never be asked for."
        )
        raise PlanError(msg)
    if "{option}" not in form.option:
        msg = f"{where}: key 'option': got {form.option!r}, expected {{option}} in it."
        raise PlanError(msg)
