"""The same task in several studies: every number beside its study, and one answer where pooled."""

import re
import shutil
from dataclasses import replace

import pytest

from toolkit import paths
from toolkit.analysis.pooling import shared_answers
from toolkit.errors import ClaimError
from toolkit.fit.diagnose import Diagnosis, at_most
from toolkit.report.pages import shared_page
from toolkit.study.shared_tasks import load_shared_tasks

LIST = """\
[[task]]
slug = "sorting"
name = "Sorting <b>"
arm = "few-shot, base"
differs = "Other <i>gardens</i>."
measured = [{ study = "tiny", task = "sorting" }, { study = "other", task = "sorting" }]
"""


@pytest.fixture
def shown(monkeypatch):
    """Return a function that gives the HTML of the section."""
    bundles = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: bundles.append(data))

    def run(analyses):
        bundles.clear()
        shared_page.shared(analyses)
        return "\n".join(bundle["text/markdown"] for bundle in bundles)

    return run


@pytest.fixture
def two(tiny_study, analysis_of):
    """Return the analyses of two studies that measured the same tasks."""
    other = tiny_study.parent / "other"
    shutil.copytree(tiny_study, other)
    study = other / "study.toml"
    text = study.read_text().replace('id = "tiny"', 'id = "other"')
    study.write_text(text.replace("Tiny 2024", "Other 2025"))
    shutil.copytree(
        tiny_study.parent.parent / "reports" / "tiny",
        tiny_study.parent.parent / "reports" / "other",
    )
    paths.shared_tasks_file().write_text(LIST)
    return [analysis_of(tiny_study), analysis_of(other)]


def answers(analyses):
    return shared_answers(load_shared_tasks(paths.shared_tasks_file()), analyses)


def test_shared_task_without_a_claim_of_its_own_is_a_clear_error(two):
    first, other = two
    some = replace(other, verdicts=tuple(v for v in other.verdicts if v.claim.task != "sorting"))
    with pytest.raises(ClaimError, match="'sorting' of study 'other' with 0 claims, expected one"):
        answers([first, some])


def test_section_shows_both_studies_and_the_pooled_answer(shown, two):
    (answer,) = answers(two)
    markup = shown(two)
    assert 'href="tiny.html#sorting"' in markup
    assert 'href="other.html#sorting"' in markup
    assert answer.pooled is not None
    assert (
        f"{answer.pooled.another.median:.2f} (before: {answer.pooled.prior_another:.2f})" in markup
    )
    assert f"{answer.pooled.disagree:.2f} (before" in markup
    for each in answer.studies:
        assert f"{each.p_jump.median:.2f}" in markup
    assert "Sorting &lt;b&gt;" in markup
    assert not re.search("<b>|<i>", markup)


def test_task_that_a_study_has_not_is_one_clear_error(two):
    path = paths.shared_tasks_file()
    path.write_text(LIST.replace('"other", task = "sorting"', '"other", task = "sortin"'))
    with pytest.raises(ClaimError, match=r"got task 'sortin' of study 'other'.*'sorting'"):
        answers(two)


def test_a_fit_that_failed_a_check_is_shown_and_not_pooled(shown, two):
    failed = Diagnosis((at_most("R-hat of shared unknowns", 1.2, 1.01),))
    verdicts = tuple(replace(v, diagnosis=failed) for v in two[1].verdicts)
    spoiled = [two[0], replace(two[1], verdicts=verdicts)]
    assert answers(spoiled)[0].pooled is None
    markup = shown(spoiled)
    assert "not pooled" in markup
    assert "(not converged)" in markup


def test_dependent_studies_stand_side_by_side(shown, two):
    paths.shared_tasks_file().write_text(LIST + "independent = false\n")
    assert "not pooled" in shown(two)


def test_an_arm_that_was_not_scored_leaves_a_study_out(shown, two):
    jumps = two[1].jumps.where(two[1].jumps["arm"] != "few-shot, base")
    assert answers([two[0], replace(two[1], jumps=jumps)]) == ()
    assert "No task was measured by two" in shown([two[0], replace(two[1], jumps=jumps)])


def test_one_study_or_no_list_says_so(shown, two):
    assert "No task was measured by two" in shown(two[:1])
    paths.shared_tasks_file().unlink()
    assert "No task was measured by two" in shown(two)
