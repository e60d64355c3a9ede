"""One page at the end: what was measured, how much was known before, what to look at."""

from collections.abc import Sequence
from typing import Any

from toolkit.evaluate.dry_run import CheckpointWork
from toolkit.evaluate.run import Evaluated

Row = dict[str, Any]


def measured_rows(done: Evaluated) -> list[Row]:
    """Return a row per checkpoint: its cells, the range of its scores, what was noticed."""
    scores = done.tables.scores.merge(
        done.tables.tasks[["task", "metric_of_record"]], on="task"
    ).query("metric == metric_of_record")
    rows = []
    for each in done.measured:
        own = scores.loc[scores["checkpoint"] == each.checkpoint, "score"]
        rows.append(
            {
                "checkpoint": each.checkpoint,
                "cells": len(own),
                "items": each.n_items,
                "least": float(own.min()),
                "most": float(own.max()),
                "requests": each.n_requests,
                "reused": each.n_known,
                "unresolved": each.n_unresolved,
                "unparseable": each.n_unparseable,
                "truncated": each.n_truncated,
            }
        )
    return rows


def closing_lines(done: Evaluated) -> list[str]:
    """Return the totals over checkpoints, and what was noticed in the store."""
    asked = sum(each.n_requests for each in done.measured)
    known = sum(each.n_known for each in done.measured)
    notes = dict.fromkeys(note for each in done.measured for note in each.notes)
    return [
        f"Reused {known} of {asked} answers ({known / asked:.0%}); {asked - known} were computed.",
        *(f"Note: {note}." for note in notes),
    ]


def work_rows(work: Sequence[CheckpointWork]) -> list[Row]:
    """Return a row per checkpoint: what it would be asked."""
    return [
        {
            "checkpoint": each.checkpoint,
            "cells": each.cells,
            "items": each.items,
            "requests": each.requests,
            "tokens": each.tokens,
            "distinct tokens": each.distinct_tokens,
            "saved by sharing": each.saved,
            "longest request": each.longest,
            "truncated": each.truncated,
        }
        for each in work
    ]
