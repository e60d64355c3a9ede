"""Tables of scores in the form that tests compare."""

from toolkit.study.scores import CELL


def by_cell(scores):
    """Return the counts of a table of scores by cell."""
    return {
        tuple(row[name] for name in CELL): (row["n_items"], row["n_correct"], row["score"])
        for row in scores.frame.to_dict("records")
    }
