"""Threats to validity: the table says what the study's own tables say, and no more."""

import re
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from toolkit.analysis.reproduction import ReplicateAudit, audit_replicates, read_repeats
from toolkit.models.priors import PRIORS
from toolkit.report.trust.evidence import EFFECTS, Evidence, known, span, tally
from toolkit.report.trust.threats import threat_table, threats

HOSTILE = '<script>alert(1)</script> & "quoted" \''
AUDIT = ReplicateAudit(n_cells=520, n_identical=178, variance_ratio=0.041, icc=0.959)


def finding(rows, threat):
    (found,) = [row.finding for row in rows if row.threat.startswith(threat)]
    return found


def handling(rows, threat):
    (found,) = [row.handling for row in rows if row.threat.startswith(threat)]
    return found


def test_threats_are_of_the_four_types_and_complete(analysis, predictive):
    rows = threats(analysis, AUDIT, predictive)
    types = [row.validity for row in rows]
    assert list(dict.fromkeys(types)) == ["statistical", "internal", "external", "construct"]
    assert len({row.threat for row in rows}) == len(rows) == 19
    for row in rows:
        for text in (row.threat, row.finding, row.handling, row.remains):
            assert text.strip()
            assert not re.search(r"\bnan\b|\bNone\b(?!\.$)", text), row


def test_findings_hold_the_numbers_of_the_study(analysis):
    rows = threats(analysis, AUDIT)
    # Base checkpoints of 0.1, 1, 3 and 10 billion; the claimed size is 3 billion.
    sizes = finding(rows, "too few sizes")
    assert "4 sizes per claimed task in the controlled arm (needed: 6)" in sizes
    assert "a gap of 0.48 decades" in sizes
    # Naming was published for tuned checkpoints, of which there are two, a decade apart.
    assert "of 2 claims: MISSING_ARM 0, FEW_SIZES 2, ONE_SIDED 1, WIDE_GAP 1" in sizes
    assert "100 to 200 items per task" in finding(rows, "few items")
    assert "178 of 520 cells" in finding(rows, "repeats")
    assert "(ICC) 0.959" in finding(rows, "repeats")
    assert "claimed size: 1; closed gates, of 2 claims: ONE_RECIPE 2" in finding(rows, "size mixed")
    assert "2 of 2 tuned checkpoints have their base" in finding(rows, "tuned partners")
    training = finding(rows, "training on")
    assert "unknown for 0 of 6 checkpoints, the known ones 2020 to 2022" in training
    assert "6 checkpoints (4 base), families: 2, sizes: 100M to 10B" in finding(rows, "other check")
    assert "0 of 4 combinations" in finding(rows, "other training")
    assert "claimed for a family scored here (1), not claimed (1)" in finding(rows, "other tasks")
    assert "'closed', one of 1 in the table; demonstrations: 0, 5" in finding(rows, "other prompts")
    chance = finding(rows, "a wrong chance")
    assert "Chance levels: 0.25 to 0.50" in chance
    assert "four options (1), two options (1). 1 of 24 cells lie below chance" in chance
    assert "accuracy (2)" in finding(rows, "a metric")
    assert "known for 2 of 6 checkpoints" in finding(rows, "number of parameters")
    assert "1 of 2 claims are published as emergent, 1 as marginal" in finding(rows, "what counts")


def test_release_dates_are_compared_with_sizes_of_bases(analysis):
    # Dates 2020, 2020, 2021-06, 2021-06 at four rising sizes: ranks 1.5, 1.5, 3.5, 3.5.
    rho = np.corrcoef([1.5, 1.5, 3.5, 3.5], [1, 2, 3, 4])[0, 1]
    text = finding(threats(analysis), "training on")
    assert f"rank correlation with size {rho:.2f} over 4 base checkpoints" in text


def test_missing_dates_are_said_and_not_compared(analysis_of, tiny_study, edit):
    path = tiny_study / "checkpoints.csv"
    text = path.read_text()
    path.write_text(re.sub(r",20\d\d(-\d\d)?,(true|false)", r",,\2", text))
    said = finding(threats(analysis_of(tiny_study)), "training on")
    assert "Release dates: unknown for 6 of 6 checkpoints." in said
    assert "correlation" not in said


def test_closed_gates_are_counted_over_claims(analysis):
    verdicts = [
        replace(v, gates=tuple(replace(g, open=n == 0) for g in v.gates))
        for n, v in enumerate(analysis.verdicts)
    ]
    other = Evidence(replace(analysis, verdicts=tuple(verdicts)))
    assert other.closed("WIDE_GAP", "NO_SUCH") == (
        "closed gates, of 2 claims: WIDE_GAP 1, NO_SUCH 0"
    )


def test_control_that_is_not_clean_is_named(analysis_of, tiny_study, edit):
    edit(
        tiny_study / "claims.toml",
        'slug = "naming"',
        'slug = "naming"\ncontrol_caveat = "worked examples in every item"',
    )
    said = finding(threats(analysis_of(tiny_study)), "a controlled arm")
    assert said == "closed gates, of 2 claims: CONTROL_NOT_CLEAN 1 (Naming)."


def test_developers_of_pairs_are_compared_where_they_are_known(analysis_of, tiny_study):
    assert "developer" not in finding(threats(analysis_of(tiny_study)), "tuned partners")
    path = tiny_study / "checkpoints.csv"
    header, *lines = path.read_text().splitlines()
    makers = ["A", "A", "B", "C", "C", "C"]
    lines = [f"{line},{maker}" for line, maker in zip(lines, makers, strict=True)]
    path.write_text("\n".join([f"{header},developer", *lines]) + "\n")
    said = finding(threats(analysis_of(tiny_study)), "tuned partners")
    assert said.endswith("; 1 of these were tuned by another developer than the base's.")


def test_effects_are_named_only_where_the_fitted_model_has_them(analysis):
    whole = threats(analysis)
    assert handling(whole, "tuned partners") == "Effects in the model: tuned against its base."
    kept = analysis.posterior[["sigma_family", "sigma_checkpoint_task"]]
    idata = xr.DataTree.from_dict({"posterior": kept})
    rows = threats(replace(analysis, fitted=replace(analysis.fitted, idata=idata)))
    assert handling(rows, "size mixed") == "Effects in the model: family."
    assert handling(rows, "tuned partners") == "Not modelled."
    assert handling(rows, "other training") == "Effects in the model: checkpoint by task."


def test_names_of_effects_are_those_of_the_models():
    assert set(EFFECTS) <= set(PRIORS)


def test_what_was_not_looked_at_is_said(analysis):
    rows = threats(analysis)
    assert finding(rows, "repeats") == "No repeated runs: how far a rerun would differ is unknown."
    assert finding(rows, "a model that does not fit") == "Not checked here."
    assert "whether an API serves them is unknown" in finding(rows, "other checkpoints")
    assert "Known issues are noted for 0 of 2 tasks" in finding(rows, "tasks that")


def test_model_fit_is_told_by_the_predictive_check(analysis, predictive):
    said = finding(threats(analysis, AUDIT, predictive), "a model that does not fit")
    row = predictive.overall.iloc[0]
    assert f"{100 * row['covered_90']:.0f}% of 24 cells" in said
    assert f"{100 * row['below_chance']:.0f}% are below chance" in said


def test_agreement_of_repeats_that_cannot_be_computed_is_unknown(analysis):
    none = audit_replicates(read_repeats(analysis.source.folder).iloc[2:])
    said = finding(threats(analysis, none), "repeats")
    assert said == "0 of 0 cells with repeats have identical ones; agreement (ICC) unknown."


@pytest.mark.parametrize("place", ["chance_source", "metric", "caveat"])
def test_hostile_text_is_escaped(analysis_of, tiny_study, edit, place):
    if place == "chance_source":
        edit(tiny_study / "tasks.csv", "four options", "<script>alert(1)</script>")
    elif place == "caveat":
        added = 'row = "Naming<script>"\ncontrol_caveat = "<script>alert(1)</script>"'
        edit(tiny_study / "claims.toml", 'row = "Naming"', added)
    else:
        for name in ("tasks.csv", "scores.csv", "repeats.csv"):
            path = tiny_study / name
            path.write_text(path.read_text().replace(",accuracy,", ",<script>alert(1)</script>,"))
    rows = threats(analysis_of(tiny_study), AUDIT)
    assert any("<script>" in row.finding for row in rows)
    markup = threat_table([*rows, replace(rows[0], threat=HOSTILE, handling=HOSTILE)])
    assert "<script" not in markup
    assert "&lt;script&gt;" in markup
    assert markup.count("<tr>") == len(rows) + 2


def test_words_for_numbers():
    assert span([]) == "unknown"
    assert span([3, 3]) == "3"
    assert span([0.64, 1.42], 2) == "0.64 to 1.42"
    assert known(float("nan")) == "unknown"
    assert tally(["a", "b", "b", "c", "d", "e", "e"]).endswith("and 1 more")
    assert tally(["b", "a", "b"]) == "b (2), a (1)"
