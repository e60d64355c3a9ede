"""Tasks of several studies: the list is true to the data, and pooling is what it says."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from toolkit import paths
from toolkit.analysis.pooling import CORRELATION, pool
from toolkit.errors import ClaimError
from toolkit.study.claims import arm_named
from toolkit.study.scores import read_scores
from toolkit.study.shared_tasks import load_shared_tasks
from toolkit.verdict.gates import in_arm

SHARED = load_shared_tasks(paths.CHECKOUT / "data" / "shared_tasks.toml")


@pytest.fixture(scope="module")
def scores():
    """Return the tables of all studies on the list."""
    studies = sorted({m.study for each in SHARED for m in each.measured})
    return {name: read_scores(paths.CHECKOUT / "data" / name) for name in studies}


def test_every_shared_task_was_measured_in_its_arm(scores):
    for shared in SHARED:
        for measured in shared.measured:
            frame = scores[measured.study].frame
            cells = in_arm(frame[frame["task"] == measured.task], arm_named(shared.arm))
            assert len(set(cells["n_params"])) > 1, (shared.slug, measured)


def test_slugs_are_different():
    assert len({each.slug for each in SHARED}) == len(SHARED)


def plain(name):
    return name.split("/")[-1].lower().replace("-hf", "").replace("meta-", "")


def test_studies_that_are_not_independent_share_so_many_checkpoints(scores):
    apart = [each for each in SHARED if not each.independent]
    assert [each.slug for each in apart] == ["persian-qa", "mmlu"]
    for shared in apart:
        names = []
        for measured in shared.measured:
            frame = scores[measured.study].frame
            own = frame[(frame["task"] == measured.task) & ~frame["instruction_tuned"]]
            names.append({plain(name) for name in own["checkpoint"]})
        assert f"{len(names[0] & names[1])} checkpoints are in both" in shared.differs


def test_without_evidence_the_answer_is_what_was_expected():
    another, everywhere, nowhere = pool([0.2, 0.2], [0.2, 0.2])
    assert another == pytest.approx(0.2)
    # Two studies correlated by CORRELATION: both there with m^2 + rho m (1 - m).
    assert everywhere == pytest.approx(0.04 + CORRELATION * 0.16)
    assert nowhere == pytest.approx(0.64 + CORRELATION * 0.16)


def test_studies_that_agree_say_more_together_than_alone():
    alone, _, _ = pool([0.8, 0.3], [0.3, 0.3])
    together, everywhere, _ = pool([0.8, 0.8], [0.3, 0.3])
    assert together > alone > 0.3
    assert everywhere > 0.8**2
    _, _, nowhere = pool([0.05, 0.05], [0.3, 0.3])
    assert nowhere > 0.95**2


def test_sure_studies_that_contradict_each_other_disagree():
    _, everywhere, nowhere = pool([0.999, 0.001], [0.3, 0.3])
    assert 1 - everywhere - nowhere > 0.98


def test_pooling_is_that_of_simulated_studies():
    """Draw task, studies and scores; among cases with the scores seen, count."""
    rng = np.random.default_rng(4)
    n, mean = 400_000, 0.3
    weight = 1 / CORRELATION - 1
    chance = rng.beta(mean * weight, (1 - mean) * weight, n)
    there = rng.random((n, 3)) < chance[:, None]
    # A study's score is high with probability .8 where the jump is there, else .2.
    high = rng.random((n, 3)) < np.where(there, 0.8, 0.2)
    factor = np.where([True, True, False], 4.0, 0.25)
    odds = mean / (1 - mean) * factor
    another, everywhere, nowhere = pool(odds / (1 + odds), [mean] * 3)
    seen = (high == [True, True, False]).all(axis=1)
    again = rng.random(n) < chance
    error = 4 * stats.binom.std(seen.sum(), 0.5) / seen.sum()
    assert another == pytest.approx(again[seen].mean(), abs=error)
    assert everywhere == pytest.approx(there[seen].all(axis=1).mean(), abs=error)
    assert nowhere == pytest.approx((~there[seen]).all(axis=1).mean(), abs=error)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ('study = "a"', "two or more, each once"),
        ("few-shot, base", "did you mean"),
        ("differs", "unknown key"),
    ],
)
def test_a_wrong_list_is_one_clear_error(tmp_path, change, wanted):
    text = (
        '[[task]]\nslug = "x"\nname = "X"\narm = "few-shot, base"\ndiffers = "nothing"\n'
        'measured = [{ study = "a", task = "x" }, { study = "b", task = "x" }]\n'
    )
    swaps = {"few-shot, base": "few-shot, bas", "differs": "differ", 'study = "a"': 'study = "b"'}
    path = tmp_path / "shared_tasks.toml"
    path.write_text(text.replace(change, swaps[change]))
    with pytest.raises(ClaimError, match=wanted):
        load_shared_tasks(path)


def test_no_task_of_the_list_is_missing_that_two_studies_name_alike(scores):
    named = pd.Series([m.task for each in SHARED for m in each.measured]).unique()
    seen = pd.Series([t for each in scores.values() for t in each.tasks["task"]]).value_counts()
    assert set(seen.index[seen > 1]) <= set(named)
