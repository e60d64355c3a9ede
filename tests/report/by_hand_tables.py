"""A study's robustness tables made by hand, so that nothing is sampled."""

from dataclasses import asdict

import numpy as np
import pandas as pd

from toolkit.analysis.analyse import robustness_input
from toolkit.estimands.estimate import CI_PROB
from toolkit.fit.draws import LIBRARIES
from toolkit.models import RIVALS, SMOOTH
from toolkit.models.design import build_design
from toolkit.robustness.assess import Robustness, robustness_key
from toolkit.robustness.axes import AXES
from toolkit.robustness.extrapolation import COLUMNS as EXTRAPOLATION
from toolkit.robustness.influence import COLUMNS as INFLUENCE
from toolkit.robustness.left_out import COLUMNS as LEFT_OUT
from toolkit.robustness.specifications import TABLE
from toolkit.robustness.variants import COLUMNS, ROPES
from toolkit.study.claims import ARM_LABELS


def robustness_of(source) -> Robustness:
    """Return tables of every kind, with numbers that differ by task, arm and model."""
    design = build_design(source.record)
    rng = np.random.default_rng(8)
    where = [(task, arm) for task in design.tasks for arm in ARM_LABELS]
    rivals = [
        _jump_row(task, arm, rng) | {"model": model}
        for model in (*RIVALS, "wide_step")
        for task, arm in where
    ]
    specifications = [
        _specification_row(task, arm, label, changed, rope, rng)
        for label, changed in _LABELS
        for task, arm in where
        for rope in ROPES
    ]
    tables = {
        "rivals": pd.DataFrame(rivals, columns=[*COLUMNS, "model"]),
        "jump_prior": pd.DataFrame(
            [
                {"task": t, "arm": a, "median": 0.1, "p_above": rng.random(), "p_positive": 0.9,
                 "prior": f"its size times {scale:g}", "how": "reweighted", "pareto_k": 0.4,
                 "converged": True}
                for scale in (0.5, 2.0) for t, a in where
            ]
        ),
        "power_scaling": pd.DataFrame(
            [
                {"task": t, "arm": a, "hyperpriors": 0.01, "jump_prior": 0.08, "likelihood": 0.2,
                 "reading": "priors and data both matter"}
                for t, a in where
            ]
        ),
        "extrapolation": pd.DataFrame(
            [
                (cut, model, t, a, 2, 0.5, 0.4, 0.3, 0.6, rng.random(), -3 - rng.random(), 1.0, 900)
                for cut in (9.0, 9.4771) for model in SMOOTH for t, a in where
            ],
            columns=list(EXTRAPOLATION),
        ),
        "left_out_families": pd.DataFrame(
            [
                (family, 12, 0.4, 0.8, 0.02, -0.05, 0.05, 0.3, 0.1, 0.05, 0.2, 0.6, -3.1, 1.0, 900)
                for family in design.families
            ],
            columns=list(LEFT_OUT),
        ),
        "influence": pd.DataFrame(
            [
                ("checkpoint", "moss-l", 4, "reweighted", 0.3, True, t, a, 0.4, 0.1, -0.3,
                 0.1, 0.02, -0.08)
                for t, a in where
            ],
            columns=list(INFLUENCE),
        ),
        "specifications": pd.DataFrame(specifications, columns=list(TABLE)),
    }  # fmt: skip
    given = robustness_input(source)
    made = {
        "key": robustness_key(given),
        "settings": asdict(given.settings),
        "versions": dict.fromkeys(LIBRARIES, "1.0"),
        "python": "3.11.7",
        "made": "2026-01-02T00:00:00+00:00",
    }
    return Robustness(tables, made)


_LABELS = (
    ("main", {}),
    ("api: without", {"api": "without"}),
    ("curve: spline_step", {"curve": "spline_step"}),
    ("curve: gaussian_process_step; api: without",
     {"curve": "gaussian_process_step", "api": "without"}),
)  # fmt: skip
_MAIN = dict(
    zip(AXES, ("closed", "of record", "all", "step", "as given", "all", "parameters"), strict=True)
)


def _jump_row(task, arm, rng) -> dict:
    p = np.sort(rng.random(4))[::-1]
    median = float(rng.uniform(0, 0.3))
    return {
        "task": task, "arm": arm, "p_positive": p[0],
        **{f"p_above_{rope:g}": p[n + 1] for n, rope in enumerate(ROPES)},
        "mcse": 0.01, "median": median, "ci_low": median - 0.05 * CI_PROB, "ci_high": median + 0.1,
        "rhat": 1.001, "ess": 900.0, "p_narrow": 0.8,
    }  # fmt: skip


def _specification_row(task, arm, label, changed, rope, rng) -> dict:
    row = _jump_row(task, arm, rng)
    return {
        "label": label, **(_MAIN | changed), "left_out": "", "reason": "", **row, "n_cells": 4,
        "size_low": 1e8, "size_high": 1e10, "rope": rope, "p_above": row[f"p_above_{rope:g}"],
    }  # fmt: skip
