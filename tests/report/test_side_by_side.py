"""Several new studies are fitted at once where there are cores for it."""

import shutil

import pytest

from benchmarks.prior_fits import keep_draws
from toolkit.analysis.study_folder import load_study_folder
from toolkit.report import site


@pytest.fixture
def sources(tiny_study):
    """Return the small study three times; the draws of the first lie in the cache."""
    found = []
    for name in ("tiny", "second", "third"):
        folder = tiny_study.parent / name
        if name != "tiny":
            shutil.copytree(tiny_study, folder)
            study = folder / "study.toml"
            study.write_text(study.read_text().replace('id = "tiny"', f'id = "{name}"'))
            scores = folder / "scores.csv"
            scores.write_text(scores.read_text().replace("tiny,", f"{name},"))
        found.append(load_study_folder(str(folder)))
    keep_draws(found[0])
    return found


@pytest.fixture
def jobs(monkeypatch):
    """Return where the jobs that were started are noted."""
    started = []

    def run_unordered(function, arguments, workers):
        started.append((workers.n, [each[0] for each in arguments]))
        return [(each[0], "0123abcd") for each in reversed(arguments)]

    monkeypatch.setattr(site, "run_unordered", run_unordered)
    return started


@pytest.mark.parametrize(
    ("cores", "at_once"), [(2, 0), (7, 0), (8, 2), (64, 2)], ids=lambda n: str(n)
)
def test_new_studies_share_the_cores_and_kept_ones_are_left_alone(sources, jobs, cores, at_once):
    said = []
    assert sources[1].plan.full.chains == 4
    done = site.fit_side_by_side(sources, "full", said.append, cores=cores)
    wanted = [(at_once, ["second", "third"])] if at_once else []
    assert jobs == wanted
    assert set(done) == ({"second", "third"} if at_once else set())
    assert said == [f"{name}: fitted, draws kept as 0123abcd" for name in done]


def test_one_new_study_is_fitted_in_its_turn(sources, jobs):
    assert site.fit_side_by_side(sources[:2], "full", print, cores=64) == ()
    assert jobs == []
