"""A study whose checkpoints have training compute and no number of parameters."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from toolkit.analysis.study_folder import load_study_folder
from toolkit.cli.app import app
from toolkit.errors import ClaimError, ScoresError
from toolkit.exporting.export import export_study
from toolkit.importing.report import data_lines
from toolkit.importing.study_tables import Tables
from toolkit.models.design import build_design
from toolkit.planning.decidable import closed_gates
from toolkit.report.card.score_panels import panels_of
from toolkit.report.pages import data_page
from toolkit.report.trust.threats import threats
from toolkit.robustness.axes import axes_of
from toolkit.simulate import OwnDesign, PlantedTask, simulate_study
from toolkit.study.compute_sizes import SAID, are_from_compute, best_parameters
from toolkit.study.scores import read_scores


@pytest.fixture
def by_compute(tiny_study):
    """Return the small study with the compute that its parameters are best for in their place."""
    path = tiny_study / "checkpoints.csv"
    facts = pd.read_csv(path, dtype=str, keep_default_na=False)
    facts["train_flop"] = [f"{120 * float(n) ** 2:.6g}" for n in facts["n_params"]]
    facts.drop(columns="n_params").to_csv(path, index=False)
    claims = tiny_study / "claims.toml"
    given, wanted = "threshold_n_params = 3000000000", "threshold_train_flop = 1.08e21"
    claims.write_text(claims.read_text().replace(given, wanted))
    return tiny_study


def test_compute_of_a_known_checkpoint_is_best_for_about_its_parameters():
    # Hoffmann et al. 2022: 70 billion parameters, 1.4 trillion tokens, 6 FLOP for each pair.
    assert best_parameters(6 * 70e9 * 1.4e12) == pytest.approx(70e9)


def test_study_by_compute_is_that_by_the_parameters_it_is_best_for(tiny_study, request):
    before = load_study_folder(str(tiny_study))
    after = load_study_folder(str(request.getfixturevalue("by_compute")))
    assert (before.from_compute, after.from_compute) == (False, True)
    sizes = [each.record.frame["n_params"].to_numpy() for each in (before, after)]
    np.testing.assert_allclose(*sizes)
    claimed = [[claim.threshold_n_params for claim in each.claims] for each in (before, after)]
    assert claimed[0] == pytest.approx(claimed[1])
    designs = [build_design(each.record) for each in (before, after)]
    np.testing.assert_allclose(designs[0].size, designs[1].size, atol=1e-6)
    np.testing.assert_array_equal(designs[0].gaps_below, designs[1].gaps_below)
    assert closed_gates(before) == closed_gates(after)


def test_known_parameters_with_the_best_compute_are_parameters(tiny_study):
    path = tiny_study / "checkpoints.csv"
    facts = pd.read_csv(path, dtype=str, keep_default_na=False)
    facts["train_flop"] = [f"{120 * float(n) ** 2:.6g}" for n in facts["n_params"]]
    facts.to_csv(path, index=False)
    assert not load_study_folder(str(tiny_study)).from_compute


def test_study_like_it_can_be_simulated(by_compute):
    source = load_study_folder(str(by_compute))
    design = OwnDesign(source.record, source.claims)
    tasks = [PlantedTask(c.task, "none", c.threshold_n_params) for c in source.claims]
    made = simulate_study(design, tasks, np.random.default_rng(1))
    assert not are_from_compute(made.checkpoints)
    assert set(made.frame["n_params"]) == set(source.record.frame["n_params"])


def test_missing_parameters_of_one_checkpoint_make_compute_the_size_of_all(tiny_study, edit):
    path = tiny_study / "checkpoints.csv"
    edit(path, "moss-m,moss,3000000000,6e+21", "moss-m,moss,,6e+21")
    with pytest.raises(ScoresError, match=r"line 2: got no train_flop of 'fern-s'.*'moss-m'"):
        read_scores(tiny_study)
    facts = pd.read_csv(path, dtype=str, keep_default_na=False)
    facts.assign(train_flop="6e21").to_csv(path, index=False)
    scores = read_scores(tiny_study)
    assert are_from_compute(scores.checkpoints)
    assert scores.frame["n_params"].unique() == pytest.approx([best_parameters(6e21)])


@pytest.mark.parametrize(
    ("wrong", "got"),
    [
        ("threshold_n_params = 3000000000", "None"),
        ("threshold_train_flop = 1e21\nthreshold_n_params = 3000000000", "1e.21"),
        ("threshold_train_flop = -1.0", "-1.0"),
        ("threshold_train_flop = inf", "inf"),
        ("threshold_train_flop = true", "True"),
        ('threshold_train_flop = "1e21"', "'1e21'"),
    ],
)
def test_claim_of_another_size_is_one_clear_error(by_compute, wrong, got):
    path = by_compute / "claims.toml"
    path.write_text(path.read_text().replace("threshold_train_flop = 1.08e21", wrong, 1))
    with pytest.raises(ClaimError, match=rf"claim 1 .*got threshold_train_flop {got}, expected a"):
        load_study_folder(str(by_compute))


def test_compute_has_no_place_in_a_claim_about_parameters(tiny_study):
    path = tiny_study / "claims.toml"
    path.write_text(path.read_text() + "threshold_train_flop = 1e21\n")
    with pytest.raises(ClaimError, match="unknown key 'threshold_train_flop'"):
        load_study_folder(str(tiny_study))


def test_check_says_what_sizes_are(by_compute):
    done = CliRunner().invoke(app, ["check", str(by_compute)])
    assert SAID in " ".join(done.stdout.split())
    as_json = CliRunner().invoke(app, ["check", str(by_compute), "--json"])
    assert json.loads(as_json.stdout)["sizes"] == SAID


def test_page_says_what_sizes_are(by_compute, analysis_of, monkeypatch):
    shown = []
    monkeypatch.setattr(data_page, "show_html", shown.append)
    analysis = analysis_of(by_compute)
    data_page.data_choices(analysis)
    assert SAID in shown[0]
    assert any(SAID in threat.handling for threat in threats(analysis))
    panels = panels_of(analysis)
    shown = [panels.of(claim) for claim in analysis.source.claims]
    assert all(SAID in panel for panel in shown)
    assert all('"title":"compute-optimal parameters (log scale)"' in panel for panel in shown)
    assert all(">compute-optimal parameters</th>" in panel for panel in shown)
    assert not any('"parameters (log scale)"' in panel for panel in shown)


def test_page_of_parameters_does_not(analysis, monkeypatch):
    shown = []
    monkeypatch.setattr(data_page, "show_html", shown.append)
    data_page.data_choices(analysis)
    panels = panels_of(analysis)
    assert SAID not in shown[0] + panels.of(analysis.source.claims[0])


def test_records_have_the_compute_and_no_invented_parameters(by_compute, tmp_path):
    export_study("every-eval-ever", str(by_compute), tmp_path / "records")
    paths = list((tmp_path / "records").rglob("*.json"))
    facts = [json.loads(p.read_text())["model_info"]["additional_details"] for p in paths]
    assert len(facts) >= 6
    assert all("train_flop" in each and "n_params" not in each for each in facts)


def test_import_says_what_sizes_are(by_compute):
    names = ("scores", "checkpoints", "tasks")
    read = [pd.read_csv(by_compute / f"{name}.csv") for name in names]
    lines = data_lines(Tables(*read, pd.DataFrame()))
    assert lines[-1] == SAID
    assert any("4 sizes" in line for line in lines)


def test_compute_is_no_second_scale_of_such_a_study(by_compute):
    source = load_study_folder(str(by_compute))
    (scale,) = (a for a in axes_of(source.scores, "closed", "step") if a.name == "scale")
    assert [option.name for option in scale.options] == ["parameters"]
    assert SAID in scale.left_out[0].reason
