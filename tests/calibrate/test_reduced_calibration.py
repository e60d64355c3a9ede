"""A calibration of two studies and few draws: what must hold however few there are."""

import pandas as pd
import pytest

from toolkit.calibrate.certificate import certify
from toolkit.calibrate.runs import Campaign, Job, run_jobs
from toolkit.calibrate.truths import TRUTHS
from toolkit.simulate import RICH
from toolkit.verdict.gates import Outcome

JOBS = [Job("smooth", 1001), Job("steps of 20 points", 1001)]


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_few_studies_with_few_draws_call_no_curve_a_jump_and_no_jump_none(tmp_path):
    campaign = Campaign("rich", RICH, 600, 300, 600, 4, 0.95, tmp_path / "cache")
    lines = run_jobs(campaign, JOBS, tmp_path / "runs.jsonl")
    found = certify(lines)
    assert (found.n_studies, found.overall_false.n, found.denied.n) == (2, 0, 0)
    assert found.not_credited.n == 0
    tasks = pd.DataFrame([task for line in lines for task in line["tasks"]])
    # With so few draws a check often fails, but not everywhere.
    assert (tasks["verdict"] != Outcome.UNDETERMINED.value).any()
    # The posterior knows a step from none, whatever the checks say.
    for truth, p in tasks.groupby("truth")["p_published"]:
        if TRUTHS[str(truth)].is_step:
            assert p.median() > 0.9, truth
        else:
            assert p.max() < 0.9, truth
