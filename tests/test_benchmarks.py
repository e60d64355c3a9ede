"""The benchmarks' own parts: what they compare is the same, and what they say can be trusted."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from benchmarks import (
    agreement,
    campaign,
    imports,
    item_files,
    published_cut,
    scaling,
    studies,
    timing,
)
from benchmarks.machine import HERE, facts
from benchmarks.plain_steps import GRID, TWO_EVALUATIONS
from toolkit.cli.calibrate import FULL
from toolkit.models.design import build_design
from toolkit.models.model import Model
from toolkit.models.polynomial import BENT
from toolkit.models.step import SHARP
from toolkit.predictive.replicates import Predicted

KEPT = sorted(HERE.glob("re*/*.json"))
# A folder of this or another machine: "/home/me", "/tmp/run", "C:\\".
ABSOLUTE = re.compile(r'"[^"]*(?:/(?:home|root|tmp|work|usr|Users)/|[A-Z]:\\\\)')


def draws(seed, shift=0.0, scale=1.0, n=2000):
    values = np.random.default_rng(seed).normal(shift, scale, (2, n, 3))
    return xr.Dataset(
        {"slope": (("chain", "draw", "task"), values)}, coords={"task": ["a", "b", "c"]}
    )


@pytest.mark.parametrize("step", [GRID, TWO_EVALUATIONS], ids=["grid", "two evaluations"])
def test_plain_steps_have_the_log_density_of_the_fused_loop(step):
    design = build_design(studies.sized(3, 7, seed=2))
    models = [Model("step", "step", BENT, each).build(design) for each in (SHARP, step)]
    fused, plain = (m.compile_logp(mode="FAST_COMPILE", sum=False) for m in models)
    rng = np.random.default_rng(3)
    for _ in range(4):
        point = {
            name: value + rng.normal(0, 0.5, np.shape(value))
            for name, value in models[0].initial_point().items()
        }
        total = sum(np.sum(term) for term in fused(point))
        assert sum(np.sum(term) for term in plain(point)) == pytest.approx(total, abs=1e-8)


@pytest.mark.parametrize("n_checkpoints", [6, 9, 25])
def test_sized_studies_have_the_size_asked_for(n_checkpoints):
    design = build_design(studies.sized(4, n_checkpoints, seed=1))
    assert len(design.checkpoints) == n_checkpoints
    assert len(design.tasks) == 4
    assert design.scored.sum() == 4 * n_checkpoints * 2
    assert (design.n_gaps == (n_checkpoints + 1) // 2 - 1).all()


def test_exponent_is_that_of_a_power_law():
    sizes = [{"tasks": n, "cost": 3.0 * n**1.5} for n in (5, 10, 40)]
    assert scaling.exponent(sizes, "tasks", "cost") == pytest.approx(1.5)


@pytest.mark.parametrize("form", item_files.MAKERS)
def test_files_of_items_hold_the_records_asked_for_and_are_imported(tmp_path, form):
    (tmp_path / "from").mkdir()
    path = item_files.MAKERS[form](tmp_path / "from", 400, 1)
    cost = item_files.measure(form, str(path), str(tmp_path / "study"))
    assert cost["item_records"] == 400
    # Linux counts the pages of a process for each core, and adds them up now and then.
    assert cost["peak_memory_mib"] + 1 > cost["memory_of_imports_mib"] > 0
    assert cost["cpu_seconds"] > 0


def test_imports_are_judged_by_the_growth_of_memory_and_time():
    def found(peaks, exponent):
        return {"long": {"sizes": [{"peak_memory_mib": p} for p in peaks],
                         "exponent_of_cpu_time": exponent}}  # fmt: skip

    assert list(imports.judged(found((100, 120), 1.0)).values()) == [True, True]
    assert list(imports.judged(found((100, 900), 1.5)).values()) == [False, False]
    costs = [{"item_records": n, "cpu_seconds": 3.0 * n**1.5} for n in (5, 10, 40)]
    assert imports.exponent(costs) == pytest.approx(1.5)


def test_interleaved_times_each_function_in_every_repetition():
    calls = {"a": 0, "b": 0}

    def count(name):
        calls[name] += 1

    seconds = timing.interleaved({n: lambda n=n: count(n) for n in calls}, 4, 10)
    assert calls == {"a": timing.WARM_UP + 40, "b": timing.WARM_UP + 40}
    assert {name: s.shape for name, s in seconds.items()} == {"a": (4,), "b": (4,)}


def test_summaries_name_each_quantity_with_its_labels():
    summary = agreement.summarise(draws(1))
    assert list(summary) == ["slope[a]", "slope[b]", "slope[c]"]
    assert summary["slope[b]"]["mean"] == pytest.approx(0, abs=0.1)
    assert summary["slope[b]"]["mcse_mean"] == pytest.approx(1 / np.sqrt(4000), rel=0.2)


def test_draws_of_one_distribution_agree():
    found = agreement.furthest(
        agreement.compare(agreement.summarise(draws(1)), agreement.summarise(draws(2)))
    )
    assert found["quantities"] == 3
    assert max(found["largest_z"], found["largest_z_of_sd"]) < agreement.Z_MAX
    assert found["furthest_sd_ratio"] == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize(("shift", "scale"), [(0.2, 1.0), (0.0, 1.2)])
def test_draws_of_another_distribution_are_told_apart(shift, scale):
    found = agreement.furthest(
        agreement.compare(
            agreement.summarise(draws(1)), agreement.summarise(draws(2, shift, scale))
        )
    )
    assert found["largest_z"] > agreement.Z_MAX or found["furthest_sd_ratio"] < 0.9
    assert max(found["largest_z"], found["largest_z_of_sd"]) > agreement.Z_MAX


def test_comparing_other_quantities_is_refused():
    summary = agreement.summarise(draws(1))
    with pytest.raises(ValueError, match="only one of the two has"):
        agreement.compare(summary, {"slope[a]": summary["slope[a]"]})


def test_constants_agree_only_where_they_are_equal():
    def constant(value):
        return {"mean": value, "mcse_mean": 0.0}

    assert agreement.z_score(constant(0.0), constant(0.0)) == 0
    assert agreement.z_score(constant(0.0), constant(0.1)) == np.inf


def test_machine_facts_name_no_host():
    import platform

    assert platform.node() not in json.dumps(facts())


@pytest.mark.parametrize("path", KEPT, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_kept_results_say_how_they_were_made_and_name_no_folder(path):
    text = path.read_text(encoding="utf-8")
    record = json.loads(text)
    assert {"date", "cpu_count", "python", "libraries"} <= set(record["machine"])
    assert not record.get("quick")
    assert not ABSOLUTE.search(text)


def test_least_squares_finds_a_logistic_curve_beyond_its_points():
    def curve(x):
        return 0.1 + 0.8 / (1 + np.exp(-3 * (x - 22.5)))

    x = np.linspace(20, 23, 30)
    above = np.array([23.5, 24.0])
    found = published_cut.least_squares(x, curve(x), above)
    assert found == pytest.approx(curve(above), abs=1e-3)


def test_published_cut_hides_whole_checkpoints_above_it():
    scores = published_cut.bundled()
    hidden = published_cut.hidden_above(scores, published_cut.CUT_FLOP)
    frame = scores.frame
    above = frame.groupby("checkpoint")["train_flop"].max() > published_cut.CUT_FLOP
    assert hidden == set(above.index[above])
    assert "meta-llama/Llama-2-7b-hf" not in hidden
    assert "meta-llama/Llama-2-13b-hf" in hidden


def test_errors_by_task_are_those_of_cells_by_hand():
    cells = pd.DataFrame(
        {
            "task": ["a", "a", "b"],
            "score": [0.5, 0.9, 0.2],
            "expected": [0.4, 0.8, 0.2],
            "n_items": [10, 10, 10],
        }
    )
    replicated = np.array([[3, 1, 2], [5, 2, 2], [7, 3, 2]] * 20)
    found = published_cut.by_task(Predicted(cells, replicated), "some", "parameters")
    assert found["squared_error"].tolist() == pytest.approx([0.01, 0.0])
    assert found["covered"].tolist() == [0.5, 1.0]
    assert found["n_cells"].tolist() == [2, 1]


def test_share_that_compiles_is_that_of_studies_from_the_tenth_fit_on():
    first = {"n_fits": 6, "seconds": 100.0, "compile_seconds": 50.0}
    later = {"n_fits": 4, "seconds": 40.0, "compile_seconds": 1.0}
    assert campaign.compiling_share([first]) is None
    assert campaign.compiling_share([first, later, later]) == pytest.approx(2 / 80)


def test_cost_on_paper_follows_the_line_to_full_length():
    growth = {"seconds_beside": 10.0, "seconds_per_iteration_of_all_chains": 0.1}
    estimate = campaign.on_paper(growth, fits=360, price=0.5)
    seconds = 10 + 0.1 * (FULL["draws"] + FULL["tune"])
    assert estimate["core_hours"] == pytest.approx(360 * seconds / 3600)
    assert estimate["cost"] == pytest.approx(estimate["core_hours"] / 2)
