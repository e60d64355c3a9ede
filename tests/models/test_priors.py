"""The priors on the outcome scale, and the register against what the models use."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pymc as pm
import pytest
import xarray as xr

from toolkit import paths
from toolkit.estimands.estimate import ROPE
from toolkit.estimands.jumps import curve_of, expected_accuracy, jump
from toolkit.fit import sampling
from toolkit.models import MODELS
from toolkit.models.design import build_design
from toolkit.models.jump_size import log_odds_of_shares
from toolkit.models.priors import PRIORS
from toolkit.study.claims import ARM_LABELS, ARMS, CONTROLLED_ARM
from toolkit.study.scores import read_scores

N_DRAWS = 1000
MOVE = 0.20
STEP = 0.1  # decades between the sizes at which curves are read
HALF_DECADE = 5  # in such steps
# One model with each smooth curve, with a step where one is put on it.
SHAPES = (
    "linear", "spline_step", "gaussian_process_step", "power_law", "step", "power_law_step",
)  # fmt: skip
JUMPING = ("step", "spline_step", "gaussian_process_step", "power_law_step", "wide_step")


@pytest.fixture(scope="module")
def design():
    """Return the design of Lu et al. 2024: 22 tasks, four arms, three exact-match tasks."""
    return build_design(read_scores(paths.CHECKOUT / "data" / "lu2024").of_record("closed"))


@pytest.fixture(scope="module")
def priors_of(design):
    """Return a function from a model's name to prior draws as a posterior would lie in a fit."""

    @cache
    def drawn(name):
        built = MODELS[name].build(design)
        wanted = [
            variable
            for variable in (*built.free_RVs, *built.deterministics)
            if variable.name not in ("gain", "task_log_likelihood")
            and not variable.name.startswith("z_")
        ]
        values = pm.draw(wanted, draws=N_DRAWS, random_seed=20240, mode="FAST_COMPILE")
        draws = xr.Dataset(
            {
                v.name: (("chain", "draw", *(built.named_vars_to_dims.get(v.name) or ())), a[None])
                for v, a in zip(wanted, values, strict=True)
            }
        ).assign_coords(task=list(design.tasks), arm=list(ARM_LABELS))
        return with_jumps(draws, name, design) if MODELS[name].jumps else draws

    return drawn


def with_jumps(draws, name, design):
    """Return prior draws with the jumps drawn as in a fit, but without any data.

    Sizes are drawn here: PyMC draws them without the potential that makes their density.
    """
    model, each = MODELS[name], ("chain", "draw", "task", "arm")
    (sigma,) = PRIORS["jump_size"].arguments
    size = np.abs(np.random.default_rng(3).normal(0, sigma, draws["jump_size"].shape))
    shares = (draws[name].to_numpy() for name in ("jump_tasks", "jump_arms"))
    before = log_odds_of_shares(*shares, design)
    draws = draws.assign(
        jump_size=(each, size),
        jump_log_odds=((*each[:2], "task"), before.jumping),
        jump_arm_log_odds=(each, before.in_arm),
    )
    ((place, places),) = model.step.coords(design).items()
    no_gain = np.zeros((1, N_DRAWS, len(design.tasks), len(ARM_LABELS), len(places)))
    unseen = draws.assign(gain=(("chain", "draw", "task", "arm", place), no_gain))
    return sampling.with_jumps(unseen, model, design, 20240)


@dataclass(frozen=True)
class Curves:
    """Expected scores without the jump, (draw, task, size), and above chance as a share of it."""

    accuracy: np.ndarray
    above_chance: np.ndarray

    @property
    def largest_move(self):
        """Return the largest change within half a decade, (draw, task)."""
        later, sooner = self.accuracy[..., HALF_DECADE:], self.accuracy[..., :-HALF_DECADE]
        return np.abs(later - sooner).max(axis=-1)


@pytest.fixture(scope="module")
def curves_of(priors_of, design):
    """Return a function from a model's name and an arm to its prior curves."""

    @cache
    def of(name, arm):
        sizes = design.size[design.scored]
        x = xr.DataArray(np.arange(sizes.min(), sizes.max(), STEP), dims="x")
        chance = xr.DataArray(design.chance, dims="task")
        curve = curve_of(MODELS[name], design)
        expected = expected_accuracy(priors_of(name), chance, x, arm, curve=curve)
        accuracy = expected.transpose("chain", "draw", "task", "x").to_numpy()[0]
        floor = design.chance[None, :, None]
        return Curves(accuracy, (accuracy - floor) / (1 - floor))

    return of


def jumps_of(name, priors_of, design):
    return jump(priors_of(name), design, curve_of(MODELS[name], design))


def test_prior_shapes_are_every_curve_of_the_models():
    assert {MODELS[name].curve for name in SHAPES} == {model.curve for model in MODELS.values()}
    assert set(JUMPING) == {name for name, model in MODELS.items() if model.jumps}


@pytest.mark.parametrize("arm", [ARMS[0], ARMS[3]], ids=lambda arm: arm.label)
@pytest.mark.parametrize("name", SHAPES)
def test_prior_share_of_draws_without_a_steep_task_is_around_a_half(curves_of, name, arm):
    share = (curves_of(name, arm).largest_move < MOVE).all(axis=1).mean()
    assert 0.25 <= share <= 0.8, (
        f"{name}, {arm.label}: in {share:.3f} of prior draws no task's expected score, without a "
        f"jump, moves more than 20 points within half a decade; the priors promise about a half"
    )


@pytest.mark.parametrize("name", [name for name in SHAPES if name in JUMPING])
def test_prior_of_a_steep_smooth_curve_is_not_negligible_beside_that_of_a_jump(
    priors_of, curves_of, design, name
):
    # A smooth but steep curve is not a jump; a prior that excludes the first makes it the second.
    steep = (curves_of(name, CONTROLLED_ARM).largest_move > MOVE).mean()
    jumps = jumps_of(name, priors_of, design).sel(arm=CONTROLLED_ARM.label)
    leap = float((jumps > MOVE).mean())
    assert steep > leap / 10, (
        f"{name}: P(a task moves 20 points smoothly within half a decade) = {steep:.4f}, "
        f"P(a task jumps by 20 points) = {leap:.3f}: odds of 1 to {leap / steep:.0f}"
    )


@pytest.mark.parametrize("arm", [ARMS[0], ARMS[3]], ids=lambda arm: arm.label)
@pytest.mark.parametrize("name", SHAPES)
def test_prior_scores_after_the_chance_floor_favour_neither_floor_nor_ceiling(curves_of, name, arm):
    share = curves_of(name, arm).above_chance
    at_floor, at_ceiling = (share < 0.02).mean(), (share > 0.98).mean()
    assert at_floor < 0.2, f"{at_floor:.3f} of expected scores lie within 2% of the floor"
    assert at_ceiling < 0.2, f"{at_ceiling:.3f} of expected scores lie within 2% of the ceiling"
    assert np.quantile(share, 0.9) > 0.3
    assert np.quantile(share, 0.1) < 0.1


@pytest.mark.parametrize("name", JUMPING)
def test_prior_probability_of_a_material_jump_decides_nothing(priors_of, design, name):
    # A task is as likely to jump as not; in how many of its four arms it then does is left open.
    material, present = jumps_of(name, priors_of, design) > ROPE, priors_of(name)["jump_present"]
    p = float(material.any("arm").mean())
    assert 0.3 < p < 0.5, f"prior P(E1 > {ROPE} in some arm) = {p:.3f}"
    assert float(present.any("arm").mean()) == pytest.approx(0.5, abs=0.05)
    for label in ARM_LABELS:
        p = float(material.sel(arm=label).mean())
        assert 0.1 < p < 0.3, f"{label}: prior P(E1 > {ROPE}) = {p:.3f}"
        assert float(present.sel(arm=label).mean()) == pytest.approx(0.2626, abs=0.04)


@pytest.mark.parametrize("name", JUMPING)
def test_prior_difference_between_arms_favours_neither(priors_of, design, name):
    # A prior that leans to the published arm would explain claims without data.
    jumps = jumps_of(name, priors_of, design)
    for label in ARM_LABELS[1:]:
        difference = jumps.sel(arm=label) - jumps.sel(arm=CONTROLLED_ARM.label)
        up, down = float((difference > ROPE).mean()), float((difference < -ROPE).mean())
        assert abs(up - down) < 0.05, f"{label}: up {up:.3f}, down {down:.3f}"


class Recorder(dict):
    """The register, noting which entries a model asked for."""

    def __init__(self, entries):
        super().__init__(entries)
        self.used = set()

    def __getitem__(self, name):
        self.used.add(name)
        return super().__getitem__(name)


def test_priors_register_holds_what_the_models_use_and_nothing_else(design):
    recorder = Recorder(PRIORS)
    for model in MODELS.values():
        model.build(design, recorder)
    assert recorder.used == set(PRIORS)


def test_priors_each_have_a_meaning_and_a_reason():
    for name, prior in PRIORS.items():
        assert prior.meaning.strip(), name
        assert prior.reason.strip(), name
        assert prior.reason != prior.meaning, name


def test_priors_formula_names_the_distribution_and_its_arguments():
    for name, prior in PRIORS.items():
        with pm.Model() as model:
            prior.variable(name)
        drawn = type(model[name].owner.op).__name__.lower()
        family = prior.formula.split("(")[0].lower()
        assert family in drawn, f"{name}: {prior.formula} is drawn as {drawn}"
        for value in prior.arguments:
            assert f"{value:g}" in prior.formula
