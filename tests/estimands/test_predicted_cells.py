"""The cells' accuracies from draws are those that the models compute."""

import numpy as np
import pymc as pm
import pytest
import xarray as xr

from toolkit.estimands.cell_accuracy import predicted_cells
from toolkit.fit.draws import Fitted
from toolkit.models import MODELS
from toolkit.models.design import build_design
from toolkit.models.jump_size import LOG_ODDS
from toolkit.simulate import PlantedTask, StudyDesign, simulate_study
from toolkit.study.scores import Scores

SMALL = StudyDesign({"fern": (1e8, 1e9, 1e10), "moss": (3e8, 3e9)}, n_items=60)
LEAD = ("chain", "draw")


def small_design(metric="accuracy"):
    tasks = [PlantedTask("flat", "none", 1e9), PlantedTask("leap", "all arms", 1e9, 0.3)]
    scores = simulate_study(SMALL, tasks, np.random.default_rng(4))
    frame = scores.frame.assign(metric=metric)
    return build_design(Scores(frame, scores.checkpoints, scores.tasks))


def prior_draws(model, design):
    """Return two prior draws of everything, and the accuracies without a jump of the graph."""
    built = model.build(design)
    left = {"gain", *LOG_ODDS, "task_log_likelihood"}
    kept = [v for v in (*built.free_RVs, *built.deterministics) if v.name not in left]
    node = built["n_correct"].owner
    parameters = node.op.dist_params(node)
    drawn = pm.draw([*parameters[:2], *kept], draws=2, random_seed=1, mode="FAST_COMPILE")
    posterior = {
        v.name: ((*LEAD, *(built.named_vars_to_dims.get(v.name) or ())), values[None])
        for v, values in zip(kept, drawn[2:], strict=True)
    }
    return xr.Dataset(posterior), drawn[0], drawn[1]


@pytest.mark.parametrize("name", ["linear", "spline", "gaussian_process", "power_law", "step"])
@pytest.mark.parametrize("metric", ["accuracy", "exact_match"])
def test_cells_without_a_jump_equal_the_models_own(name, metric):
    design = small_design(metric)
    posterior, without, _ = prior_draws(MODELS[name], design)
    shape = (1, 2, len(design.tasks))
    if MODELS[name].jumps:
        posterior = posterior.assign(
            jump_gap=((*LEAD, "task"), np.zeros(shape, int)),
            jump_present=((*LEAD, "task", "arm"), np.zeros((*shape, 4), bool)),
        )
    found = predicted_cells(posterior, Fitted(xr.DataTree(), design, MODELS[name], True, {}))
    np.testing.assert_allclose(
        found["accuracy"].to_numpy()[:, design.scored], without[:, design.scored], rtol=1e-12
    )


def test_cells_above_a_jump_equal_the_models_lifted_ones():
    design = small_design()
    posterior, without, lifted = prior_draws(MODELS["step"], design)
    gap, arm = 1, 3
    present = np.zeros((1, 2, 2, 4), bool)
    present[:, :, 1, arm] = True
    posterior = posterior.assign(
        jump_gap=((*LEAD, "task"), np.full((1, 2, 2), gap)),
        jump_present=((*LEAD, "task", "arm"), present),
    )
    found = predicted_cells(posterior, Fitted(xr.DataTree(), design, MODELS["step"], True, {}))
    above = np.zeros_like(design.scored)
    above[1] = (design.size[1] > design.gap_low[1, gap] + 1e-6) & (design.arm[1] == arm)
    expected = np.where(above, lifted, without)
    np.testing.assert_allclose(
        found["accuracy"].to_numpy()[:, design.scored], expected[:, design.scored], rtol=1e-12
    )
    assert (above & design.scored).sum() > 0
