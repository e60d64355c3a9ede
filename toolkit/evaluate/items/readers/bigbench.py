"""BIG-bench tasks: a ``task.json`` with examples, its options scored by ``target_scores``.

An item's id is its position in the file. Prefixes and separators of the file are left aside: a plan
puts the items of all tasks in its own prompt formats. An example with two best options is an
error, since no rule of ours says which is the label of a demonstration.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit.errors import SourceError
from toolkit.evaluate.items.items import Item
from toolkit.evaluate.items.readers.generation import right_answers
from toolkit.evaluate.plan.plan import TaskPlan
from toolkit.sources.json_files import expect, field, read_document


def read(path: Path, task: TaskPlan) -> Iterator[tuple[str, Item]]:
    """Yield where each item stands, and the item."""
    del task  # the format has no options of its own
    document = expect(read_document(path), dict, str(path))
    for number, example in enumerate(field(document, "examples", list, str(path))):
        where = f"{path} example {number}"
        line = expect(example, dict, where)
        options, gold = _options(line, where)
        target = right_answers(line["target"], where, "target") if "target" in line else ()
        text = field(line, "input", str, where)
        yield where, Item(str(number), text, options, gold, target)


def _options(line: dict[str, Any], where: str) -> tuple[tuple[str, ...], int | None]:
    if "target_scores" not in line:
        return (), None
    scores = field(line, "target_scores", dict, where)
    values = [float(expect(score, float, where)) for score in scores.values()]
    best = [at for at, value in enumerate(values) if value == max(values)]
    if len(best) != 1:
        msg = (
            f"{where} field 'target_scores': got {len(best)} options with the largest score, "
            "expected one right option; leave the example out."
        )
        raise SourceError(msg)
    return tuple(scores), best[0]
