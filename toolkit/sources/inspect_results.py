"""The results of an Inspect log: what it says of all its samples together."""

from collections.abc import Iterator, Sequence
from typing import Any

from toolkit.sources.checks import check_mean, check_proportion
from toolkit.sources.json_files import expect, field, optional
from toolkit.sources.records import Ledger
from toolkit.sources.runs import Cell, Mean, Run, by_metric
from toolkit.tables import shortened

ROUNDING = 1e-6
# How Inspect makes one score of an item's epochs, by default and by name, where that is their mean.
MEAN_OF_EPOCHS = (None, "mean", "mean_score")


def check_means(results: dict[str, Any], epochs: Sequence[tuple[Cell, Run]], where: str) -> None:
    """Raise unless the samples of all epochs have the means that the results say.

    Metrics that have neither accuracy nor mean are not checked.

    Raises
    ------
    SourceError
        When a mean is another: the log is cut off, or was changed.
    """
    found = by_metric(epochs)
    for metric, values in _means(results, where):
        said, runs = values.get("accuracy", values.get("mean")), found.get(metric)
        if said is not None and runs:
            n = sum(run.n_items for run in runs)
            mean = sum(run.n_items * run.score for run in runs) / n
            check_mean((n, mean), (None, said), ROUNDING, metric, where, "its results")


def read_totals(
    results: dict[str, Any], info: dict[str, Any], cell: Cell, name: str, ledger: Ledger, where: str
) -> None:
    """Take the means of a log that has no samples."""
    epochs = (optional(info, "config", dict, where) or {}).get("epochs") or 1
    n_items = field(results, "completed_samples", int, f"{where} results") // expect(
        epochs, int, f"{where} epochs"
    )
    for metric, values in _means(results, where):
        mean = values.get("accuracy", values.get("mean"))
        if mean is None or n_items < 1 or not ledger.takes(metric):
            ledger.drop(f"scores of {shortened(metric)}", "no mean over items and epochs")
            continue
        check_proportion(mean, f"{where} results", metric)
        said = Mean(n_items, float(mean), values.get("stderr"), may_be_count=epochs == 1)
        ledger.add_mean(cell._replace(metric=metric), name, said, where)


def _means(results: dict[str, Any], where: str) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield each metric, named as in samples, with accuracy, mean and standard error.

    What is made otherwise, as the best of an item's epochs, comes with none of them.
    """
    where = f"{where} results"
    for score in field(results, "scores", list, where):
        score = expect(score, dict, where)
        metrics = field(score, "metrics", dict, where)
        values = {
            name: field(expect(m, dict, where), "value", float, f"{where} metric")
            for name, m in metrics.items()
            if name in ("accuracy", "mean", "stderr")
        }
        name, scorer = field(score, "name", str, where), optional(score, "scorer", str, where)
        if optional(score, "reducer", str, where) not in MEAN_OF_EPOCHS:
            values = {}
        yield (name if scorer in (None, name) else f"{scorer}.{name}"), values
