"""What to measure next, and the map of designs on paper."""

import json
import math
import sys

import numpy as np
import pandas as pd
import pytest

from toolkit.cli import main
from toolkit.planning import resolvability
from toolkit.planning.next_measurement import addition_rows, cheapest_addition
from toolkit.planning.resolvability import map_rows, paper_design, resolvability_map
from toolkit.planning.step_power import NOISE, POWER, step_power
from toolkit.simulate import PlantedTask, planted_claim

SIMULATED = NOISE["simulated"].scales
CLAIM = planted_claim(PlantedTask("riddles", "none", step_at=10**9.5))


def cells(sizes, items=200, family="fern"):
    return pd.DataFrame(
        {
            "task": "riddles",
            "lm_family": family,
            "n_params": [10.0**size for size in sizes],
            "n_items": items,
            "n_shots": 0,
            "instruction_tuned": False,
            "chance": 0.25,
        }
    )


def test_a_design_that_suffices_needs_nothing():
    own = pd.concat(cells(np.linspace(8, 11, 12), 2000, name) for name in "abcd")
    found = cheapest_addition(CLAIM, own, 20, SIMULATED, 0.3)
    assert found.enough
    assert (found.sizes, found.families, found.n_scored) == ((), 0, 0)
    assert found.power == found.power_now >= POWER
    assert found.said(2000) == "nothing: the design suffices"


def test_missing_sizes_are_named_and_what_they_cost():
    found = cheapest_addition(CLAIM, cells([8, 8.5, 9, 10.5, 11]), 20, SIMULATED, 0.3)
    assert found.enough
    assert found.power_now == 0
    assert any(9 < size < 10.5 for size in found.sizes)
    cells_more = len(found.sizes) + found.families * (5 + len(found.sizes))
    assert found.n_scored == cells_more * found.items + 5 * (found.items - 200)
    assert found.said(200).startswith("sizes ")


def test_nothing_cheaper_suffices():
    published = NOISE["published"].scales
    found = cheapest_addition(CLAIM, cells(np.linspace(8, 11, 9)), 20, published, 0.2)
    fewer = max(found.families - 1, 0)
    size = np.tile(np.linspace(8, 11, 9), 1 + fewer)
    assert found.enough
    assert found.families > 0
    design = resolvability.paper_design(9, 1 + fewer, 200)
    assert np.array_equal(np.sort(design.size), np.sort(size))
    assert step_power(design, 9.5, 0.2, published, np.random.default_rng(20241)) < POWER


def test_what_no_addition_finds_is_said_with_the_largest():
    found = cheapest_addition(CLAIM, cells([8, 8.5, 9]), 20, NOISE["published"].scales, 0.05)
    assert not found.enough
    assert (found.families, found.items) == (8, 3200)


def test_an_arm_that_is_not_there_is_said_to_be_missing():
    rows = addition_rows([CLAIM], cells(np.linspace(8, 11, 9)), SIMULATED, 0.3)
    assert [row["arm"] for row in rows] == ["zero-shot, base", "few-shot, instruction-tuned"]
    assert rows[1]["power now"] == "not measured"


def test_a_step_above_a_perfect_score_is_said_to_be_one():
    rows = addition_rows([CLAIM], cells(np.linspace(8, 11, 9)), SIMULATED, 0.75)
    assert rows[0]["measure besides"] == "nothing: a step so high would pass a perfect score"
    assert (rows[0]["power now"], rows[0]["power then"]) == ("", "")


@pytest.fixture
def small_map(monkeypatch):
    monkeypatch.setattr(resolvability, "SIZES", (4, 12))
    monkeypatch.setattr(resolvability, "FAMILIES", (1, 4))
    monkeypatch.setattr(resolvability, "ITEMS", (50, 1000))


def test_map_has_a_row_for_every_design_and_lower_steps_for_better_ones(small_map):
    found = resolvability_map(SIMULATED)
    assert len(found) == 8
    assert found.loc[found["sizes"] == 4, "smallest"].isna().all()
    best = found[(found["sizes"] == 12) & (found["families"] == 4)].set_index("items")["smallest"]
    assert best[1000] <= best[50] <= 0.3
    assert map_rows(SIMULATED)[0]["50 items"] == "none"


def test_paper_design_gives_every_family_every_size():
    design = paper_design(6, 2, 50)
    assert len(design.size) == 12
    assert math.isclose(np.ptp(design.sizes), resolvability.DECADES)


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["emergence", "check", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code or 0, capsys.readouterr()


def test_commands_print_the_map_and_its_noise(small_map, monkeypatch, capsys):
    code, shown = run(monkeypatch, capsys, "--map", "--noise", "simulated", "--json")
    assert code == 0
    assert len(json.loads(shown.out)["rows"]) == 4
    code, shown = run(monkeypatch, capsys, "--map")
    assert (code, "Lu et al. 2024" in shown.out) == (0, True)


def test_an_unknown_noise_is_a_usage_error(monkeypatch, capsys):
    code, shown = run(monkeypatch, capsys, "--map", "--noise", "simulate")
    assert code == 2
    assert "did you mean" in shown.err
