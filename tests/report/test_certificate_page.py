"""A page shows the certificates that count, and says which are missing."""

import html

import numpy as np
import pytest

from toolkit import paths
from toolkit.calibrate.certificate import FOUND_STEP, certify
from toolkit.calibrate.certificate_file import certificate_record, write_certificate
from toolkit.calibrate.runs import Campaign
from toolkit.calibrate.sbc import judge_ranks, ranks_made_by
from toolkit.errors import ToolkitError
from toolkit.report.pages import certificate_page
from toolkit.report.pages.certificate_page import error_rates
from toolkit.simulate import RICH
from toolkit.study.claims import ARM_LABELS

SETTINGS = {"draws": 10, "rival_draws": 10, "tune": 10, "chains": 2, "target_accept": 0.9}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "calibration_dir", lambda name, _: tmp_path / name)
    return tmp_path


@pytest.fixture
def shown(monkeypatch, analysis, folder):
    bundles = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: bundles.append(data))

    def run():
        bundles.clear()
        certificate_page.certificate(analysis)
        return "\n".join(bundle["text/markdown"] for bundle in bundles)

    return run


def keep(folder, **changes):
    tasks = [
        {"truth": "U-shape", "verdict": "no jump", "right": True, "reasons": ["NO_JUMP"],
         "must_be": "no jump",
         "jumps": dict.fromkeys(ARM_LABELS, [0.0] * 7)}
    ] * 20  # fmt: skip
    line = {"block": "smooth", "tasks": tasks, "n_true": 0, "surviving": [0.0] * 7, "n_fits": 3}
    campaign = Campaign("rich", RICH, cache=folder, **SETTINGS)
    made_by = {**campaign.made_by, "ranks": ranks_made_by(campaign.settings(0))["code"]}
    made = {"profile": "full", "seeds": {"smooth": [5]}, **made_by, **changes}
    ranks = np.random.default_rng(1).integers(0, 100, 30)
    judged = judge_ranks([{"ranks": {"jump, zero-shot, base": int(rank)}} for rank in ranks])
    record = certificate_record(certify([line]), made, judged)
    write_certificate(record, folder / "rich" / "certificate.json")


def test_first_pages_tell_the_rates_that_are_known(folder, analysis):
    assert error_rates([analysis]).endswith("not known yet for these rules.")
    keep(folder)
    assert error_rates([analysis]) == (
        "In 1 simulated studies of a rich design, 0 of 20 claims without a jump were called one "
        "(0.0% to 13.9% in the long run)."
    )
    steps = [
        {"truth": f"{FOUND_STEP}{among}", "right": {"n": n, "of": 12}}
        for among, n in (("", 10), (", where few tasks step", 0))
    ]
    assert certificate_page._power({"truths": steps}) == (
        "; steps of 20 points in all arms were found in 10 of 12 and 0 of 12 where few tasks step"
    )


def test_certificates_that_were_not_made_are_named_with_their_command(shown):
    markup = shown()
    assert markup.count("With these models and rules it is not known yet") == 1
    assert "own design (emergence calibrate tiny)" in html.unescape(markup)
    assert "a rich one (emergence calibrate rich)" in markup


def test_certificate_is_shown_with_its_numbers(shown, folder):
    keep(folder)
    markup = shown()
    assert "Of 20 simulated claims without a jump 0 were called one" in markup
    assert "From 1 simulated studies and 3 fits; not run: exact match, steps of 20" in markup
    assert "20 of 20 [0.86, 1.00]" in markup
    assert markup.count('<details class="fold"') == 4
    assert "jump, zero-shot, base" in markup
    assert markup.count('class="vega-chart"') == 1


@pytest.mark.parametrize(
    "change", [{"models": "other"}, {"simulator": "other"}, {"profile": "quick"}]
)
def test_certificate_of_other_models_or_a_quick_one_is_not_shown(shown, folder, change):
    keep(folder, **change)
    assert "nor on a rich one (emergence calibrate rich)" in shown()


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 99, "made": {}}'])
def test_damaged_certificate_is_an_error_that_says_what_to_do(shown, folder, text):
    (folder / "rich").mkdir()
    (folder / "rich" / "certificate.json").write_text(text)
    with pytest.raises(ToolkitError, match="run emergence calibrate again"):
        shown()
