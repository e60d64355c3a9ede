"""Tables laid out by hand, and the step models as sums over every place and set of jumping arms.

The reference starts from the table of scores and the values of the unknowns; it shares no code with
the models but the names of the unknowns.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from toolkit.models.design import build_design
from toolkit.study.scores import Scores

MODE = "FAST_COMPILE"
# As documented in toolkit/models/likelihood.py.
LEAST_VARIANCE = 1e-4
EDGE = 1e-5

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
    """Return three tasks with unequal cells, gaps and arms."""
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


def design_of(frame):
    return build_design(Scores(frame, pd.DataFrame(), pd.DataFrame()))


def a_point(model, seed, scale=0.7):
    """Return values of the unknowns, as the sampler sees them, around the initial ones."""
    rng = np.random.default_rng(seed)
    return {k: v + rng.normal(0, scale, np.shape(v)) for k, v in model.initial_point().items()}


def evaluated(model, variable):
    """Return a function that gives a variable of the model at a point."""
    [value] = model.replace_rvs_by_values([model[variable]])
    return model.compile_fn(value, inputs=model.value_vars, mode=MODE, on_unused_input="ignore")


def unknowns(point):
    """Return the unknowns on their own scales from the values that the sampler sees."""
    own_scale = {"_log__": np.exp, "_logodds__": special.expit}
    out = {}
    for name, value in point.items():
        for ending, back in own_scale.items():
            if name.endswith(ending):
                out[name.removesuffix(ending)] = back(value)
                break
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


def beta_binomial(k, n, p, c):
    """Return the log-likelihood of a count as the product of its factors: exact to rounding.

    Without the number of ways to choose the correct items, which no unknown changes.
    """
    right = np.log(p * c + np.arange(k))
    wrong = np.log((1 - p) * c + np.arange(n - k))
    either = np.log(c + np.arange(n))
    return math.fsum([*right, *wrong, *-either])


def log_ways(k, n):
    """Return the log of the number of ways to choose the correct items."""
    return math.log(math.comb(int(n), int(k)))


@dataclass(frozen=True)
class Cells:
    """What the unknowns make of every row of a table."""

    arm: np.ndarray
    log_odds: np.ndarray  # of the bent curve, without any jump
    parsed: np.ndarray
    concentration: np.ndarray


def cells_of(frame, u):
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
    arms, log_odds, parsed, totals = [], [], [], []
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
        if row.instruction_tuned:
            eta += pair[tuned_names.index(row.checkpoint)]
        eta += s * i * effect(u, "both")[t]
        share_parsed = 1.0
        if row.task in exact:
            share_parsed = special.expit(
                u["compliance_intercept"][exact.index(row.task)]
                + u["compliance_slope"] * x
                + u["compliance_few_shot"] * s
                + u["compliance_tuned"] * i
                + effect(u, "compliance")[m]
            )
        variance = (u["sigma_dispersion"] * u["z_dispersion"][t]) ** 2 + LEAST_VARIANCE
        arms.append(int(s + 2 * i))
        log_odds.append(eta)
        parsed.append(share_parsed)
        totals.append(0.25 / variance)
    return Cells(np.array(arms), np.array(log_odds), np.array(parsed), np.array(totals))


def sets_of_arms(frame, u, task, scale=1.0):
    """Return the density of a task's sizes with each set of arms that may jump, by set.

    A task jumps with probability w, and then in one at least of the arms with two sizes. In an arm
    without cells the size says nothing.
    """
    mine = frame[frame.task == task]
    sizes = mine.groupby((mine.n_shots > 0) + 2 * mine.instruction_tuned).n_params.nunique()
    has_cells, measured = np.isin(range(4), sizes.index), sizes.index[sizes > 1]
    v, w = u["jump_arms"], u["jump_tasks"]
    size = u["jump_size"][sorted(set(frame.task)).index(task)]
    present = stats.halfnorm.pdf(size, scale=2 * scale)
    absent = stats.lognorm.pdf(size, 1.2, scale=0.5)
    some = 1 - math.prod(1 - v[a] for a in measured)
    out = {}
    for arms in itertools.product((False, True), repeat=4):
        p = w * np.where(arms, v, 1 - v).prod() / some if any(arms) else 1 - w
        if not any(arms) or any(arms[a] for a in measured):
            out[arms] = p * np.where(arms & has_cells, present, absent).prod()
    return out


def log_pmfs(frame, u, risen: np.ndarray | float = 0.0):
    """Return each row's log pmf with ``risen`` of the jump of its task and arm, (row,)."""
    tasks = sorted(set(frame.task))
    cells = cells_of(frame, u)
    out = []
    for at, row in enumerate(frame.itertuples()):
        t = tasks.index(row.task)
        jump = u["jump_size"][t, cells.arm[at]] * np.broadcast_to(risen, len(frame))[at]
        able = (1 - u["lapse"][t]) * special.expit(cells.log_odds[at] + jump)
        p = cells.parsed[at] * (row.chance + (1 - row.chance) * able)
        p = min(max(p, EDGE), 1 - EDGE)
        value = beta_binomial(row.n_correct, row.n_items, p, cells.concentration[at])
        out.append(value + log_ways(row.n_correct, row.n_items))
    return np.array(out)


def sharp_places(frame, task) -> Iterator[np.ndarray]:
    """Yield which rows lie above each gap of a task."""
    sizes = sorted(set(frame.n_params[frame.task == task]))
    for upper in sizes[1:]:
        yield (frame.n_params >= upper).to_numpy(float)


def wide_places(frame, task, widths) -> Iterator[np.ndarray]:
    """Yield how far each row has risen, by gap and then by width (10% to 90%, in decades)."""
    sizes = np.log10(sorted(set(frame.n_params[frame.task == task])))
    for low, high in itertools.pairwise(sizes):
        for width in widths:
            away = np.log10(frame.n_params.to_numpy()) - (low + high) / 2
            yield special.expit(away / width * (special.logit(0.9) - special.logit(0.1)))


def log_terms(frame, u, task, places=None, seen=None):
    """Return the log joint of a task's counts with each (place, set of arms), and those pairs.

    ``places`` are sharp steps unless given; ``seen`` marks the rows that count, all unless given.
    """
    places = list(sharp_places(frame, task) if places is None else places)
    mine = (frame.task == task).to_numpy() & (True if seen is None else seen)
    arm = cells_of(frame, u).arm
    sets = sets_of_arms(frame, u, task)
    whole = sum(sets.values())
    without = log_pmfs(frame, u)
    terms, pairs = [], []
    for place, risen in enumerate(places):
        lifted = log_pmfs(frame, u, risen)
        for arms, p in sets.items():
            log_p = math.log(p / whole) - math.log(len(places))
            for cell in np.flatnonzero(mine):
                log_p += lifted[cell] if arms[arm[cell]] else without[cell]
            terms.append(log_p)
            pairs.append((place, arms))
    return np.array(terms), pairs


def log_marginal(frame, u, task, places=None, seen=None):
    """Return the log-likelihood of a task's counts, summed over places and sets of arms."""
    return log_sum(log_terms(frame, u, task, places, seen)[0])


def shares(frame, u, task, places=None):
    """Return the conditional probability of each (place, set of arms)."""
    terms, pairs = log_terms(frame, u, task, places)
    return dict(zip(pairs, np.exp(terms - log_sum(terms)), strict=True))


def log_sum(terms):
    """Return the log of the sum of what the terms are logs of."""
    return terms.max() + math.log(np.exp(terms - terms.max()).sum())


def assert_drawn_as(exact, place, present):
    """Assert that drawn places (draw,) and arms (draw, arm) are spread as ``exact`` says."""
    seen = dict.fromkeys(exact, 0)
    for at, arms in zip(place.tolist(), present.tolist(), strict=True):
        seen[(at, tuple(arms))] += 1  # a KeyError is a place that the task does not have
    counts, expected = np.array(list(seen.values())), len(place) * np.array(list(exact.values()))
    common = expected > 5
    counts = np.r_[counts[common], counts[~common].sum()]
    expected = np.r_[expected[common], expected[~common].sum()]
    keep = expected > 0.5
    chi2 = ((counts[keep] - expected[keep]) ** 2 / expected[keep]).sum()
    assert stats.chi2.sf(chi2, keep.sum() - 1) > 1e-4, f"chi2 {chi2:.1f} of {keep.sum()} kinds"
    for arm in range(4):
        p = sum(q for (_, arms), q in exact.items() if arms[arm])
        error = math.sqrt(max(p * (1 - p), 0.0) / len(place))
        assert present[:, arm].mean() == pytest.approx(p, abs=4 * error + 1e-9)
