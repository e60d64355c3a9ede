"""The larger checkpoints predicted from the smaller ones, at the cut of Ruan et al. 2024.

Their cut is 8.4e22 training FLOP, the compute of Llama-2-7B: checkpoints up to it are fitted, the
others predicted. Their test errors, mean squared, were read from the text of the paper; they stand
for 47 and 30 checkpoints, ours for those of the bundled study whose compute is known.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import typer
from scipy import optimize, special

from benchmarks import studies
from benchmarks.machine import Benchmark, QuickOption, SeedOption
from toolkit import paths
from toolkit.cli.terminal import step_by_step
from toolkit.estimands.cell_accuracy import predicted_cells
from toolkit.estimands.curves import thinned
from toolkit.fit.fitted_design import design_of
from toolkit.fit.sampling import FitSettings, Variation
from toolkit.models import SMOOTH
from toolkit.predictive.replicates import Predicted, predict
from toolkit.robustness.specified_scores import flop_of
from toolkit.robustness.variants import Variant, mixing_of
from toolkit.study.scores import Scores, read_scores

STUDY, PROMPT_FORMAT = "obsscaling2024", "completion"
CUT_FLOP = 8.4e22
# Mean squared test errors of the paper, on capabilities and on FLOP.
PUBLISHED = {
    "word_unscrambling": {"capabilities": 4.0e-3, "flop": 1.3e-2},
    "parsinlu_qa_mc": {"capabilities": 3.2e-3, "flop": 2.1e-2},
    "subtraction_3_digits": {"capabilities": 1.3e-2, "flop": 6.3e-2},
    "multiplication_2_digits": {"capabilities": 9.9e-3, "flop": 1.2e-1},
}
TAILS = (0.05, 0.95)
# Least squares as in the paper: floor and height of the curve stay within these.
FLOOR, HEIGHT = (0.0, 0.2), (0.8, 1.0)
MIXTURE = "mixture of the four"


def main(quick: QuickOption = False, seed: SeedOption = 20241) -> None:
    """Predict the checkpoints above the published cut; print errors and coverage beside it.

    Example: python -m benchmarks.published_cut
    """
    benchmark = Benchmark("published_cut", "Do smooth curves predict the larger ones?", quick=quick)
    settings = FitSettings(*((40, 60, 2) if quick else (1000, 1000, 4)), 0.95, seed)
    flop, cut = (small_as_flop(), 1e23) if quick else (bundled(), CUT_FLOP)
    scales = {"training FLOP": on_flop(flop), "parameters": flop}
    tables = []
    with step_by_step("published cut") as tell:
        for scale, scores in scales.items():
            tables.append(curves_above(scores, hidden_above(flop, cut), settings, scale, tell))
    tables.append(least_squares_above(flop, cut))
    found = pd.concat(tables, ignore_index=True)
    if not quick:
        found = found.merge(published(), on="task", how="left")
    print(found.to_string(index=False))
    n = flop.frame.drop_duplicates("checkpoint")["train_flop"]
    kept = {"cut_flop": cut, "n_below": int((n <= cut).sum()), "n_above": int((n > cut).sum())}
    rows = found.astype(object).where(found.notna(), None).to_dict("records")
    benchmark.keep({"seed": seed, **kept, "settings": vars(settings)}, rows, {})


def bundled() -> Scores:
    """Return the cells of the bundled study whose checkpoint's training FLOP is known."""
    scores = read_scores(paths.CHECKOUT / "data" / STUDY).of_record(PROMPT_FORMAT)
    known = flop_of(scores, scores.frame)
    frame = scores.frame.assign(train_flop=known)
    return Scores(frame, scores.checkpoints, scores.tasks).where(known.notna())


def small_as_flop() -> Scores:
    """Return a small simulated study with compute made from size, to try the command with."""
    scores = studies.small()
    frame = scores.frame.assign(train_flop=scores.frame["n_params"] * 1e13)
    return Scores(frame, scores.checkpoints, scores.tasks)


def on_flop(scores: Scores) -> Scores:
    """Return the table with training FLOP in place of size."""
    frame = scores.frame.assign(n_params=scores.frame["train_flop"])
    return Scores(frame, scores.checkpoints, scores.tasks)


def hidden_above(scores: Scores, cut: float) -> frozenset[str]:
    """Return the checkpoints above the cut, that the fits must not see."""
    above = scores.frame["train_flop"] > cut
    return frozenset(scores.frame.loc[above, "checkpoint"])


def curves_above(
    scores: Scores, hidden: frozenset[str], settings: FitSettings, scale: str, tell: Any
) -> pd.DataFrame:
    """Return how each smooth model, and all together, predicts the hidden checkpoints, by task."""
    rows, parts = [], []
    for model in SMOOTH:
        predicted, mixing = _predict(Variant(scores, model, settings), hidden)
        parts.append(predicted)
        rows.append(by_task(predicted, model, scale).merge(mixing, on="task"))
        tell(f"{model} on {scale}")
    cells = parts[0].cells.assign(expected=np.mean([p.cells["expected"] for p in parts], axis=0))
    replicated = np.concatenate([part.replicated for part in parts])
    rows.append(by_task(Predicted(cells, replicated), MIXTURE, scale))
    return pd.concat(rows, ignore_index=True)


def _predict(variant: Variant, hidden: frozenset[str]) -> tuple[Predicted, pd.DataFrame]:
    """Return the hidden cells predicted, and how well the mean of each task's has mixed."""
    design = design_of(variant.scores)
    mask = np.isin(np.array(design.checkpoints)[design.checkpoint], list(hidden)) & design.scored
    fitted = replace(variant, variation=Variation(mask)).fit()
    posterior = thinned(fitted.idata["posterior"].to_dataset())
    cells = predicted_cells(posterior, fitted)
    chains = posterior.sizes["chain"]
    mixing = [
        (task, *mixing_of(cells["accuracy"].to_numpy()[:, n, own].mean(axis=1), chains))
        for n, (task, own) in enumerate(zip(design.tasks, mask, strict=True))
        if own.any()
    ]
    predicted = predict(cells, fitted.design, variant.settings.random_seed, only=mask)
    return predicted, pd.DataFrame(mixing, columns=["task", "rhat", "ess"])


def by_task(predicted: Predicted, model: str, scale: str) -> pd.DataFrame:
    """Return mean squared error and coverage of the 90% predictive intervals, by task."""
    cells = predicted.cells
    low, high = np.quantile(predicted.replicated, TAILS, axis=0) / cells["n_items"].to_numpy()
    score = cells["score"]
    frame = pd.DataFrame(
        {
            "task": cells["task"],
            "squared_error": (cells["expected"] - score) ** 2,
            "covered": ((low <= score + 1e-12) & (score <= high + 1e-12)).astype(float),
            "width": high - low,
        }
    )
    mean = frame.groupby("task", sort=False).mean().reset_index()
    return mean.assign(n_cells=frame.groupby("task", sort=False).size().to_numpy()).assign(
        model=model, scale=scale
    )


def least_squares_above(scores: Scores, cut: float) -> pd.DataFrame:
    """Return the error of the paper's baseline: a logistic curve of FLOP, by least squares."""
    rows = []
    for task, cells in scores.frame.groupby("task", sort=False):
        x, y = np.log10(cells["train_flop"].to_numpy()), cells["score"].to_numpy()
        seen = cells["train_flop"].to_numpy() <= cut
        error = least_squares(x[seen], y[seen], x[~seen]) - y[~seen]
        rows.append(
            {
                "task": task,
                "squared_error": float(np.mean(error**2)),
                "n_cells": int((~seen).sum()),
                "model": "logistic, least squares",
                "scale": "training FLOP",
            }
        )
    return pd.DataFrame(rows)


def least_squares(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return a logistic curve with free floor and height at new places, the best of some starts."""

    def curve(p: np.ndarray, where: np.ndarray) -> np.ndarray:
        return p[0] + (p[1] - p[0]) * special.expit(p[2] * (where - p[3]))

    bounds = ([FLOOR[0], HEIGHT[0], 0.0, x.min() - 5], [FLOOR[1], HEIGHT[1], 50.0, x.max() + 10])
    fits = [
        optimize.least_squares(lambda p: curve(p, x) - y, (0.05, 0.9, slope, middle), bounds=bounds)
        for slope in (0.5, 2.0, 6.0)
        for middle in (np.median(x), x.max(), x.max() + 3)
    ]
    return curve(min(fits, key=lambda fit: fit.cost).x, at)


def published() -> pd.DataFrame:
    """Return the paper's test errors, one row a task."""
    rows = [
        {"task": task, **{f"published_{k}": v for k, v in errors.items()}}
        for task, errors in PUBLISHED.items()
    ]
    return pd.DataFrame(rows)


if __name__ == "__main__":
    typer.run(main)
