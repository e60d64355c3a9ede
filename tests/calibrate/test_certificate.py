"""Rates, coverage and targets of a certificate, from lines made by hand."""

import json

import jsonschema
import numpy as np
import pytest

from toolkit.calibrate.certificate import FEW_STEPS, certify, reading
from toolkit.calibrate.certificate_file import (
    SCHEMA,
    certificate_record,
    target_rows,
    truth_rows,
)
from toolkit.calibrate.sbc import judge_ranks
from toolkit.calibrate.targets import Rate
from toolkit.calibrate.truths import BLOCKS, TRUTHS, right_of
from toolkit.study.claims import ARM_LABELS, ARMS
from toolkit.verdict.gates import Outcome

STEP = "step of 20 points in all arms"
ZERO = [0.0] * 7
AROUND = [0.12, 0.15, 0.18, 0.21, 0.24, 0.27, 0.30]


def task(truth, outcome, right=False, jumps=ZERO):
    why = "NOT_CONVERGED" if outcome is Outcome.UNDETERMINED else outcome.name
    return {
        "truth": truth, "verdict": outcome.value, "right": right, "reasons": [why],
        "jumps": dict.fromkeys(ARM_LABELS, jumps), "must_be": must_be(truth).value,
    }  # fmt: skip


def must_be(truth):
    planted = TRUTHS[truth].plant("t", 5e9, np.random.default_rng(1))
    return right_of(planted, ARMS[3]).outcome


def line(tasks, n_true=0, surviving=ZERO, block="any"):
    return {
        "block": block, "tasks": tasks, "n_true": n_true, "surviving": surviving, "n_fits": 2,
    }  # fmt: skip


def smooth(outcome, n, right=False):
    return [task("U-shape", outcome, right)] * n


def steps(found, missed=0):
    return [task(STEP, Outcome.JUMP_REMAINS, True, AROUND)] * found + [
        task(STEP, Outcome.UNDETERMINED, False, ZERO)
    ] * missed


def target_of(certificate, start):
    return next(t for t in certificate.targets if t.name.startswith(start))


def test_rate_has_an_exact_interval():
    assert Rate(0, 20).interval == pytest.approx((0, 1 - 0.05 ** (1 / 20)))
    assert Rate(3, 20).text.startswith("3 of 20 [0.04, 0.34")
    assert Rate(0, 0).interval == (0.0, 1.0)


@pytest.mark.parametrize(("false", "reached"), [(0, True), (1, True), (2, False)])
def test_smooth_truths_called_a_jump_miss_the_target_from_two_of_twenty(false, reached):
    tasks = smooth(Outcome.EXPLAINED, false) + smooth(Outcome.NO_JUMP, 20 - false, True)
    found = certify([line(tasks)])
    assert target_of(found, "no smooth truth").reached is reached
    assert target_of(found, "no smooth truth").enough
    assert found.overall_false == Rate(false, 20)


@pytest.mark.parametrize(("n_found", "reached"), [(15, False), (16, True)])
def test_steps_must_be_found_in_sixteen_of_twenty(n_found, reached):
    found = certify([line(steps(n_found, 20 - n_found), n_true=20)])
    assert target_of(found, STEP).reached is reached


def test_reason_is_what_overrules_the_posterior():
    stopped = task(STEP, Outcome.UNDETERMINED) | {"reasons": ["POSTERIOR_ALONE", "RIVAL_CURVES"]}
    alone = task(STEP, Outcome.UNDETERMINED) | {"reasons": ["POSTERIOR_ALONE"]}
    [row] = certify([line([stopped, stopped, alone])]).rows
    assert row.reasons == {"RIVAL_CURVES": 2, "POSTERIOR_ALONE": 1}


def test_steps_among_few_others_are_judged_by_themselves():
    assert FEW_STEPS in BLOCKS
    among_many, among_few = (
        line(steps(20)),
        line(steps(1, 19) + smooth(Outcome.NO_JUMP, 1), block=FEW_STEPS),
    )
    found = certify([among_many, among_few])
    assert [(row.name, row.right) for row in found.rows] == [
        ("U-shape", Rate(0, 1)),
        (STEP, Rate(20, 20)),
        (f"{STEP}, where few tasks step", Rate(1, 20)),
    ]
    assert target_of(found, f"{STEP}: right").reached
    assert not target_of(found, f"{STEP}, where few").reached
    assert "of 20 jumps of 20 points 20 were found" in reading(found)
    assert "of 20 jumps of 20 points where few tasks step 1 were found" in reading(found)


def test_few_tasks_are_said_to_be_few():
    found = certify([line(smooth(Outcome.NO_JUMP, 19, True))])
    assert not target_of(found, "no smooth truth").enough
    assert "Too few tasks to tell: no smooth truth" in reading(found)
    assert target_rows(found)[0]["reached"] == "yes (too few)"


def test_failed_checks_among_claims_without_a_jump_are_said_beside_the_rate():
    lines = [
        line(smooth(Outcome.UNDETERMINED, 6) + smooth(Outcome.NO_JUMP, 14, True) + steps(0, 3))
    ]
    found = certify(lines)
    assert found.unsound == Rate(6, 20)
    assert "6 of the 20 are undetermined because a fit failed a check" in reading(found)
    assert certificate_record(found, {})["without_one_but_a_check_failed"]["n"] == 6
    assert "failed a check" not in reading(certify([line(smooth(Outcome.NO_JUMP, 20, True))]))


def test_jumps_called_none_and_jumps_credited_to_nothing_are_counted():
    tuned = "step of 20 points with tuning only"
    tasks = [
        *smooth(Outcome.NO_JUMP, 5, True),
        *[task(STEP, Outcome.NO_JUMP)] * 2,
        *[task(tuned, Outcome.JUMP_REMAINS)] * 3,
        *[task(tuned, Outcome.EXPLAINED, True)] * 4,
    ]
    found = certify([line(tasks)])
    assert found.denied == Rate(2, 9)
    assert found.not_credited == Rate(3, 7)
    said = reading(found)
    assert "2 of 9 jumps were called none" in said
    assert "3 of 7 jumps of demonstrations or tuning were said to remain without" in said
    record = certificate_record(found, {})
    assert record["jumps_called_none"]["n"] == 2
    assert record["jumps_of_demonstrations_or_tuning_said_to_remain"]["of"] == 7


def test_steps_of_some_width_are_no_part_of_the_coverage_of_heights():
    # Where the jump is read, a wide step has not risen by its whole height.
    wide = "step of 20 points over 0.6 decades, all arms"
    found = certify([line([*steps(3), task(wide, Outcome.JUMP_REMAINS, True, AROUND)])])
    of_steps = next(each for each in found.coverage if each.what.endswith(", step"))
    assert {rate.of for rate in of_steps.rates.values()} == {3}


def test_coverage_counts_truths_inside_each_central_interval():
    found = certify([line(steps(6, 4), n_true=10, surviving=[5, 6, 7, 8, 9, 10, 11])])
    of_step = found.coverage[1]
    # 0.20 lies within 0.18 to 0.24 where a jump was seen, and not where none was.
    assert of_step.rates[0.50] == Rate(6, 10)
    assert of_step.rates[0.90] == Rate(6, 10)
    of_count = found.coverage[2]
    assert [of_count.rates[p].n for p in (0.50, 0.80, 0.90)] == [0, 1, 1]


def test_undetermined_claims_are_counted_with_their_first_reason():
    found = certify([line(steps(1, 2))])
    [row] = found.rows
    assert row.verdicts == {
        "jump remains": 1, "explained": 0, "no jump": 0, "undetermined": 2,
    }  # fmt: skip
    assert truth_rows(found)[0]["why undetermined"] == "NOT_CONVERGED 2"


def test_record_fulfils_its_schema():
    ranks = judge_ranks([{"ranks": {"q": number}} for number in range(0, 100, 4)])
    settings = {"draws": 1, "rival_draws": 1, "tune": 1, "chains": 2, "target_accept": 0.9}
    hashes = dict.fromkeys(("models", "simulator", "rules"), "0")
    made = {"design": "rich", "profile": "quick", "seeds": {"smooth": [1]}, **settings, **hashes}
    found = certify([line(steps(2, 1) + smooth(Outcome.NO_JUMP, 3, True))], ranks)
    record = certificate_record(found, made, ranks)
    jsonschema.validate(json.loads(json.dumps(record)), json.loads(SCHEMA.read_text()))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(record | {"n_studies": "two"}, json.loads(SCHEMA.read_text()))


def test_ranks_are_a_target_with_enough_fits():
    ranks = judge_ranks([{"ranks": {"q": number % 100}} for number in range(100)])
    found = target_of(certify([line(steps(20))], ranks), "ranks of true values")
    assert (found.reached, found.enough) == (True, True)
    assert found.found == "1 of 1 quantities, 100 fits"
    biased = judge_ranks([{"ranks": {"q": number % 30}} for number in range(60)])
    found = target_of(certify([line(steps(20))], biased), "ranks of true values")
    assert (found.reached, found.enough) == (False, False)
    assert not [t for t in certify([line(steps(20))]).targets if "ranks" in t.name]


@pytest.mark.parametrize(
    ("found", "missed", "enough"), [(0, 8, True), (6, 2, False), (8, 0, False)]
)
def test_few_tasks_are_enough_where_a_target_is_surely_missed(found, missed, enough):
    target = target_of(certify([line(steps(found, missed))]), STEP)
    assert target.enough is enough


def test_higher_steps_must_have_their_cause_found_and_lower_ones_nothing():
    names = [f"step of {points} points with few-shot only" for points in (10, 20, 30)]
    tasks = [task(name, Outcome.EXPLAINED, True) for name in names]
    tasks.append(task("step of 30 points in all arms", Outcome.JUMP_REMAINS, True))
    found = [t.name for t in certify([line(tasks)]).targets if ": right in at least" in t.name]
    assert found == [f"{name}: right in at least 90%" for name in names[1:]]


def test_record_holds_what_the_tables_show():
    lines = [line(steps(20), n_true=20), line(smooth(Outcome.NO_JUMP, 20, True))]
    found = certify(lines)
    record = certificate_record(found, {"profile": "quick"})
    assert record["made"]["profile"] == "quick"
    assert record["n_studies"] == 2
    assert record["n_fits"] == 4
    assert [row["truth"] for row in record["truths"]] == ["U-shape", STEP]
    assert record["truths"][1]["right"]["n"] == 20
    assert record["called_a_jump_without_one"]["high"] == pytest.approx(0.139, abs=1e-3)
    assert record["reading"].startswith("Of 20 simulated claims without a jump 0 were called one")


def test_every_truth_has_a_block_and_every_block_known_truths():
    used = {name for block in BLOCKS.values() for name in block.tasks}
    assert used == set(TRUTHS)
