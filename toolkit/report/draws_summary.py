"""A summary of the posterior draws of every unknown, as a file to save from a study's page."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from toolkit.analysis.analyse import Analysis
from toolkit.fit.diagnose import measure_mixing
from toolkit.report.card.score_cells import TAILS
from toolkit.report.verdicts_file import number, rows_as_csv

LEAD = ("chain", "draw")
COLUMNS = (
    "study", "unknown", "of", "mean", "sd", "ci_low", "median", "ci_high", "rhat", "ess_bulk",
    "ess_tail",
)  # fmt: skip


def draws_csv(analysis: Analysis) -> str:
    """Return one row for each element of each unknown: its draws, and how well they mixed."""
    posterior = analysis.posterior
    mixing = analysis.mixing or measure_mixing(posterior)
    statistics = {"rhat": mixing.rhat, "ess_bulk": mixing.ess_bulk, "ess_tail": mixing.ess_tail}
    rows = []
    for name, draws in posterior.items():
        own = {column: of.get(name) for column, of in statistics.items()}
        rows += [
            {"study": analysis.source.study.id, "unknown": str(name), **row}
            for row in _elements(draws, own)
        ]
    return rows_as_csv(COLUMNS, rows)


def _elements(
    draws: xr.DataArray, mixing: dict[str, xr.DataArray | None]
) -> Iterator[dict[str, Any]]:
    """Yield the summary of each element; ``of`` says which: its labels, by dimension."""
    dims = [dim for dim in draws.dims if dim not in LEAD]
    values = draws.transpose(*LEAD, *dims).to_numpy().astype(float)
    low, median, high = np.quantile(values, (TAILS[0], 0.5, TAILS[1]), axis=(0, 1))
    columns = {
        "mean": values.mean((0, 1)), "sd": values.std((0, 1)),
        "ci_low": low, "median": median, "ci_high": high,
        **{k: v.transpose(*dims).to_numpy() for k, v in mixing.items() if v is not None},
    }  # fmt: skip
    names = [[f"{dim} {label}" for label in draws[dim].to_numpy()] for dim in dims]
    for at in np.ndindex(values.shape[2:]):
        labels = [own[i] for own, i in zip(names, at, strict=True)]
        row = {column: number(float(f"{of[at]:.5g}")) for column, of in columns.items()}
        yield {"of": ", ".join(labels), **row}
