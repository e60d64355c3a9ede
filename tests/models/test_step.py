"""The step model against a sum over every gap and every set of jumping arms, written anew.

The reference below starts from the table of scores and the values of the unknowns; it shares no
code with the model but the names of the unknowns.
"""

import itertools
import math

import numpy as np
import pandas as pd
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import special, stats

from toolkit.claims import ARM_LABELS
from toolkit.models import step
from toolkit.models.design import build_design
from toolkit.scores import Scores

# As documented in toolkit/models/likelihood.py.
LEAST_VARIANCE = 1e-6
EDGE = 1e-5
MODE = "FAST_COMPILE"

# name, family, size in parameters, tuned, base
CHECKPOINTS = [
    ("fern-s", "fern", 1e8, False, None),
    ("fern-m", "fern", 2e9, False, None),
    ("fern-m-chat", "fern", 2e9, True, "fern-m"),
    ("moss-m", "moss", 2e9, False, None),  # as large as fern-m: no gap may split them
    ("moss-l", "moss", 3e10, False, None),
    ("moss-l-chat", "moss", 3e10, True, "moss-l"),
    ("reed-xl", "reed", 1.7e11, False, None),
    ("iris", "iris", 2e9, False, None),  # without few-shot cells
]
# Naming has a gap more than sorting, and no tuned cell above its last gap; puns have no few-shot
# cells at all.
TASKS = {
    "sorting": ("accuracy", 0.25, (0, 5), [name for name, *_ in CHECKPOINTS[:6]]),
    "naming": ("exact_match", 0.1, (0, 5), [name for name, *_ in CHECKPOINTS[:7]]),
    "puns": ("accuracy", 0.5, (0,), ["fern-s", "fern-m", "fern-m-chat", "moss-l", "iris"]),
}


def table():
    rng = np.random.default_rng(5)
    facts = {name: rest for name, *rest in CHECKPOINTS}
    rows = []
    for task, (metric, chance, shots, names) in TASKS.items():
        for name, n_shots in itertools.product(names, shots):
            family, size, tuned, base = facts[name]
            n_items = int(rng.integers(30, 90))
            rows.append(
                {
                    "study": "hand", "checkpoint": name, "lm_family": family, "n_params": size,
                    "instruction_tuned": tuned, "base_checkpoint": base, "task": task,
                    "metric": metric, "prompt_format": "closed", "n_shots": float(n_shots),
                    "n_items": float(n_items), "n_repeats": 1.0, "chance": chance,
                    "n_correct": float(rng.integers(0, n_items + 1)),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def design():
    return build_design(Scores(table(), pd.DataFrame(), pd.DataFrame()))


@pytest.fixture(scope="module")
def model(design):
    return step.build_model(design)


@pytest.fixture(scope="module")
def point(model):
    rng = np.random.default_rng(17)
    return {
        name: value + rng.normal(0, 0.7, np.shape(value))
        for name, value in model.initial_point().items()
    }


@pytest.fixture(scope="module")
def marginal(model):
    return model.compile_logp(vars=[model["n_correct"]], sum=False, mode=MODE)


def unknowns(point):
    """Return the unknowns on their own scales from the values that the sampler sees."""
    out = {}
    for name, value in point.items():
        if name.endswith("_log__"):
            out[name.removesuffix("_log__")] = np.exp(value)
        elif name.endswith("_logodds__"):
            out[name.removesuffix("_logodds__")] = special.expit(value)
        else:
            out[name] = np.asarray(value)
    return out


def effect(u, name):
    """Return a group effect: drawn directly, or a multiple of its scale around its mean."""
    if f"{name}_effect" in u:
        return u[f"{name}_effect"]
    return u.get(f"mu_{name}", 0.0) + u[f"sigma_{name}"] * u[f"z_{name}"]


def contrast(u, name, members):
    """Return a group effect that sums to zero over the members that occur."""
    z = u[f"z_{name}"]
    return u[f"sigma_{name}"] * (z - np.mean([z[m] for m in sorted(set(members))]))


def cell_log_pmfs(frame, u):
    """Return the log pmf of every cell of the table without and with the jump."""
    tasks = sorted(set(frame.task))
    base_of = frame.base_checkpoint.where(frame.instruction_tuned, frame.checkpoint)
    bases, checkpoints = sorted(set(base_of)), sorted(set(frame.checkpoint))
    families = sorted(set(frame.lm_family))
    pairs = sorted({f"{c} on {t}" for c, t in zip(frame.checkpoint, frame.task, strict=True)})
    exact = [t for t in tasks if TASKS[t][0] == "exact_match"]
    tuned_names = sorted(set(frame.checkpoint[frame.instruction_tuned]))
    center = np.mean(sorted({math.log10(n) for n in frame.n_params}))
    family = contrast(u, "family", range(len(families)))
    family_slope = contrast(u, "family_slope", range(len(families)))
    of_base = contrast(u, "checkpoint", range(len(bases)))
    shot_bases = [bases.index(b) for b in base_of[frame.n_shots > 0]]
    shots_of_base = contrast(u, "few_shot_checkpoint", shot_bases)
    pair = contrast(u, "pair", range(len(tuned_names)))
    without, lifted = [], []
    for row, base in zip(frame.itertuples(), base_of, strict=True):
        t, b = tasks.index(row.task), bases.index(base)
        f, m = families.index(row.lm_family), checkpoints.index(row.checkpoint)
        x = math.log10(row.n_params) - center
        s, i = float(row.n_shots > 0), float(row.instruction_tuned)
        eta = effect(u, "intercept")[t] + effect(u, "slope")[t] * x
        eta += effect(u, "curvature")[t] * x**2 / 2
        eta += family[f] + family_slope[f] * x + of_base[b]
        eta += effect(u, "checkpoint_task")[pairs.index(f"{row.checkpoint} on {row.task}")]
        eta += s * (effect(u, "few_shot")[t] + effect(u, "few_shot_slope")[t] * x)
        eta += s * effect(u, "few_shot_curvature")[t] * x**2 / 2
        eta += s * shots_of_base[b]
        eta += i * (effect(u, "tuned")[t] + effect(u, "tuned_slope")[t] * x)
        eta += i * effect(u, "tuned_curvature")[t] * x**2 / 2
        eta += pair[tuned_names.index(row.checkpoint)] if row.instruction_tuned else 0.0
        eta += s * i * effect(u, "both")[t]
        parsed = 1.0
        if row.task in exact:
            parsed = special.expit(
                u["compliance_intercept"][exact.index(row.task)]
                + u["compliance_slope"] * x
                + u["compliance_few_shot"] * s
                + u["compliance_tuned"] * i
                + effect(u, "compliance")[m]
            )
        arm = int(s + 2 * i)
        total = 0.25 / ((u["sigma_dispersion"] * u["z_dispersion"][t]) ** 2 + LEAST_VARIANCE)
        for rise, into in ((0.0, without), (u["jump_size"][t, arm], lifted)):
            able = (1 - u["lapse"][t]) * special.expit(eta + rise)
            p = parsed * (row.chance + (1 - row.chance) * able)
            p = min(max(p, EDGE), 1 - EDGE)
            into.append(
                stats.betabinom.logpmf(row.n_correct, row.n_items, p * total, (1 - p) * total)
            )
    return np.array(without), np.array(lifted)


def log_terms(frame, u, task):
    """Return the log joint of a task's counts with each (gap, set of arms), and those pairs."""
    without, lifted = cell_log_pmfs(frame, u)
    mine = (frame.task == task).to_numpy()
    sizes = sorted(set(frame.n_params[mine]))
    arm = ((frame.n_shots > 0) + 2 * frame.instruction_tuned.astype(int)).to_numpy()
    share = u["jump_share"]
    terms, pairs = [], []
    for gap, upper in enumerate(sizes[1:]):
        for arms in itertools.product((False, True), repeat=4):
            log_p = -math.log(len(sizes) - 1)
            log_p += sum(math.log(w if on else 1 - w) for w, on in zip(share, arms, strict=True))
            for cell in np.flatnonzero(mine):
                jumps = arms[arm[cell]] and frame.n_params.iloc[cell] >= upper
                log_p += lifted[cell] if jumps else without[cell]
            terms.append(log_p)
            pairs.append((gap, arms))
    return np.array(terms), pairs


def test_marginal_log_likelihood_equals_the_sum_over_gaps_and_arms(design, point, marginal):
    frame, u = table(), unknowns(point)
    expected = [special.logsumexp(log_terms(frame, u, task)[0]) for task in design.tasks]
    np.testing.assert_allclose(np.ravel(marginal(point)), expected, atol=1e-8, rtol=0)


def test_marginal_log_likelihood_at_other_points_equals_the_sum(design, model, marginal):
    frame = table()
    for seed in (1, 2, 3):
        rng = np.random.default_rng(seed)
        point = {k: v + rng.normal(0, 1.2, np.shape(v)) for k, v in model.initial_point().items()}
        expected = [
            special.logsumexp(log_terms(frame, unknowns(point), task)[0]) for task in design.tasks
        ]
        # Concentrations reach 1e5 here, where log-gamma differences keep about eight digits.
        np.testing.assert_allclose(np.ravel(marginal(point)), expected, atol=1e-6, rtol=0)


def test_marginal_log_likelihood_with_no_share_is_that_without_jumps(design, point, marginal):
    frame = table()
    nowhere = {**point, "jump_share_logodds__": np.full(4, -400.0)}
    without, _ = cell_log_pmfs(frame, unknowns(nowhere))
    expected = [without[(frame.task == task).to_numpy()].sum() for task in design.tasks]
    np.testing.assert_allclose(np.ravel(marginal(nowhere)), expected, atol=1e-8, rtol=0)


def test_marginal_log_likelihood_of_jumps_of_no_size_is_that_without_jumps(design, point, marginal):
    frame = table()
    flat = {**point, "jump_size_log__": np.full((3, 4), -60.0)}
    without, _ = cell_log_pmfs(frame, unknowns(flat))
    expected = [without[(frame.task == task).to_numpy()].sum() for task in design.tasks]
    np.testing.assert_allclose(np.ravel(marginal(flat)), expected, atol=1e-8, rtol=0)


def test_gain_of_arms_without_cells_above_the_gap_is_exactly_zero(design, model, point):
    gain = compiled_gain(model)(point)
    naming, puns = design.tasks.index("naming"), design.tasks.index("puns")
    last = 2
    assert (gain[naming, 2:, last] == 0).all()  # no tuned cell above the last gap
    assert (gain[naming, :2, last] != 0).all()
    assert (gain[puns, [1, 3]] == 0).all()  # no few-shot cells
    assert (gain[puns, :, last] == 0).all()  # a gap that puns do not have


def test_padding_slots_change_nothing_whatever_their_values(design, model, point):
    values = model.compile_fn(
        step.cell_log_likelihood(
            model["counts"], model["n_correct"].owner.op.dist_params(model["n_correct"].owner)[0],
            step.concentration(model["dispersion_sd"])[:, None], design,
        ),
        inputs=model.free_RVs, point_fn=False, mode=MODE, on_unused_input="ignore",
    )  # fmt: skip
    initial = [np.asarray(unknowns(point)[rv.name]) for rv in model.free_RVs]
    assert (values(*initial)[design.n_items == 0] == 0).all()
    assert (values(*initial)[design.n_items > 0] < 0).all()


def compiled_gain(model):
    [gain] = model.replace_rvs_by_values([model["gain"]])
    return model.compile_fn(gain, inputs=model.value_vars, mode=MODE, on_unused_input="ignore")


@pytest.fixture(scope="module")
def drawn(design, model, point):
    """Return 40,000 draws of gap and presence at one point, and the unknowns of that point."""
    n = 40_000
    u = unknowns(point)
    gain = np.broadcast_to(compiled_gain(model)(point), (1, n, 3, 4, 3))
    share = np.broadcast_to(u["jump_share"], (1, n, 4))
    return step.draw_jumps(gain, share, design, np.random.default_rng(8)), u


def exact_shares(u, task):
    terms, pairs = log_terms(table(), u, task)
    return dict(zip(pairs, np.exp(terms - special.logsumexp(terms)), strict=True))


def test_draw_jumps_frequencies_agree_with_the_exact_conditional(design, drawn):
    jumps, u = drawn
    for index, task in enumerate(design.tasks):
        exact = exact_shares(u, task)
        gaps, present = jumps.gap[0, :, index], jumps.present[0, :, index]
        seen = dict.fromkeys(exact, 0)
        for gap, arms in zip(gaps.tolist(), present.tolist(), strict=True):
            seen[(gap, tuple(arms))] += 1  # a KeyError is a gap that the task does not have
        counts, expected = np.array(list(seen.values())), len(gaps) * np.array(list(exact.values()))
        common = expected > 5
        rest = [counts[~common].sum()], [expected[~common].sum()]
        counts, expected = np.r_[counts[common], rest[0]], np.r_[expected[common], rest[1]]
        keep = expected > 0.5
        chi2 = ((counts[keep] - expected[keep]) ** 2 / expected[keep]).sum()
        assert stats.chi2.sf(chi2, keep.sum() - 1) > 1e-4, f"{task}: chi2 {chi2:.1f}"


def test_draw_jumps_marginals_lie_within_four_standard_errors(design, drawn):
    jumps, u = drawn
    for index, task in enumerate(design.tasks):
        exact = exact_shares(u, task)
        n = jumps.gap.shape[1]
        for arm, label in enumerate(ARM_LABELS):
            p = sum(q for (_, arms), q in exact.items() if arms[arm])
            se = math.sqrt(max(p * (1 - p), 0.0) / n)
            assert abs(jumps.present[0, :, index, arm].mean() - p) < 4 * se + 1e-9, (
                f"{task}, {label}"
            )
        for gap in range(3):
            p = sum(q for (k, _), q in exact.items() if k == gap)
            se = math.sqrt(max(p * (1 - p), 1e-12) / n)
            assert abs((jumps.gap[0, :, index] == gap).mean() - p) <= 4 * se, f"{task}, gap {gap}"


def test_jump_probability_equals_the_exact_marginal(design, drawn):
    jumps, u = drawn
    for index, task in enumerate(design.tasks):
        exact = exact_shares(u, task)
        for arm in range(4):
            p = sum(q for (_, arms), q in exact.items() if arms[arm])
            assert jumps.probability[0, 0, index, arm] == pytest.approx(p, abs=1e-8)


def test_draw_jumps_with_overwhelming_evidence_stays_finite(design):
    gain = np.zeros((1, 3, 3, 4, 3))
    gain[..., 0, 1] = [[[900.0, -900.0, 0.0]] * 3]
    share = np.full((1, 3, 4), 1e-12)
    with np.errstate(all="raise", under="ignore"):
        jumps = step.draw_jumps(gain, share, design, np.random.default_rng(1))
    assert np.isfinite(jumps.probability).all()
    assert jumps.probability[0, 0, 0, 0] == pytest.approx(1)
    assert jumps.present[0, :, 0, 0].all()
    assert (jumps.gap[0, :, 0] == 1).all()


def test_draw_jumps_of_arms_without_cells_come_from_their_share(design):
    gain = np.zeros((1, 20_000, 3, 4, 3))
    shares = np.array([0.1, 0.5, 0.9, 0.3])
    share = np.broadcast_to(shares, (1, 20_000, 4))
    jumps = step.draw_jumps(gain, share, design, np.random.default_rng(2))
    # Four standard errors of a share of a half.
    assert np.abs(jumps.present.mean(axis=(0, 1)) - shares).max() < 4 * 0.5 / np.sqrt(20_000)
    puns = design.tasks.index("puns")
    assert set(np.unique(jumps.gap[..., puns])) == {0, 1}


def test_log_gain_of_a_certain_jump_has_a_finite_gradient(design):
    gain, share = pt.dtensor3("gain"), pt.dvector("share")
    value = step.log_gain(gain, share, design)
    slopes = pt.grad(value.sum(), [gain, share])
    compiled = pytensor.function([gain, share], [value, *slopes], mode=MODE)
    for size in (1e-3, 30.0, 1e3, 1e5):
        at = np.zeros((3, 4, 3))
        at[:, 0, 0], at[:, 1, 1] = size, -size
        for w in (1e-6, 0.5, 1 - 1e-6):
            marginal, by_gain, by_share = compiled(at, np.full(4, w))
            assert np.isfinite(marginal).all()
            assert np.isfinite(by_gain).all()
            assert np.isfinite(by_share).all()
            # A gain of one unit is worth at most one unit: the gradient is P(present at the gap).
            assert by_gain.min() >= -1e-12
            assert by_gain.max() <= 1 + 1e-9


def test_log_gain_gradient_is_the_probability_of_a_jump_there(design, model, point):
    gain, share = pt.dtensor3("gain"), pt.dvector("share")
    value = step.log_gain(gain, share, design)
    slope = pytensor.function([gain, share], pt.grad(value.sum(), gain), mode=MODE)
    u = unknowns(point)
    at = slope(compiled_gain(model)(point), u["jump_share"])
    for index, task in enumerate(design.tasks):
        exact = exact_shares(u, task)
        for arm in range(4):
            p = sum(q for (_, arms), q in exact.items() if arms[arm])
            assert at[index, arm].sum() == pytest.approx(p, abs=1e-8)
