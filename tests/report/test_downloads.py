"""The files that a page carries: exact, and nothing in them can leave their link."""

import base64
import gzip
import io
import re

import numpy as np
import pandas as pd
import pytest

from toolkit.fit.diagnose import measure_mixing
from toolkit.report.downloads import CSV, File, bibtex, made, site_files, study_files
from toolkit.report.sentences import counted_tasks

HOSTILE = '</a><script>alert(1)</script>,"x"\n=1+1'


def test_link_holds_the_very_text_and_is_the_same_each_time():
    file = File("a.csv", HOSTILE, CSV, HOSTILE)
    packed = re.search(r'base64,([^"]+)"', file.link)[1]
    assert gzip.decompress(base64.b64decode(packed)).decode() == HOSTILE
    assert file.link == File("a.csv", HOSTILE, CSV, HOSTILE).link
    assert "<script>" not in file.link


def test_files_have_names_of_their_own(analysis):
    for files in (study_files(analysis), site_files([analysis])):
        names = [file.name for file in files]
        assert len(set(names)) == len(names)
        assert all(file.text.endswith("\n") for file in files)


def test_estimates_hold_all_that_is_a_summary_of_draws(analysis):
    text = next(f.text for f in study_files(analysis) if f.name.endswith("estimates.csv"))
    table = pd.read_csv(io.StringIO(text))
    groups = set(table["group"])
    surviving = f"of {counted_tasks(analysis.headline)}"
    assert {surviving, "jump", "attribution, published arm"} <= groups
    shape = analysis.verdicts[0].shape
    assert {f"sharpness, {arm}" for arm in shape.sharpness} <= groups
    own = table[table["slug"] == analysis.verdicts[0].claim.slug]
    for onset in shape.onsets:
        of_arm = own[own["group"] == f"onset, {onset.arm}"].set_index("quantity")
        assert of_arm.loc["P(within the sizes)", "median"] == pytest.approx(onset.p_within.median)
        assert ("log10 of size (parameters)" in of_arm.index) == (onset.at is not None)
    none = table[table["group"] == surviving].set_index("quantity")
    assert none.loc["P(none)", "median"] == pytest.approx(analysis.headline.p_none.median)


def test_made_names_command_hash_seed_and_versions(analysis, robust):
    record = made(analysis)
    assert record["command"] == "emergence report tiny"
    assert record["fit"] == analysis.fitted.provenance
    assert record["robustness"] is None
    assert made(robust)["robustness"]["key"] == robust.robustness.provenance["key"]


@pytest.mark.parametrize("title", ["Plants } and {", "Plants {", "}"])
def test_brace_that_does_not_close_another_is_left_out(analysis_of, tiny_study, edit, title):
    edit(tiny_study / "study.toml", "Do small plants grow by leaps?", title)
    line = bibtex([analysis_of(tiny_study)]).split("\n")[1]
    assert line.strip().startswith("title = {")
    assert (line.count("{"), line.count("}")) == (1, 1)


def test_bibtex_has_an_entry_for_each_study_and_the_report(analysis_of, tiny_study, edit):
    edit(tiny_study / "study.toml", 'venue = "Garden Notes"', 'venue = "Plants & {Leaps"')
    text = bibtex([analysis_of(tiny_study)])
    assert re.findall(r"@misc\{([^,]+),", text) == ["tiny2024", "emergence-toolkit"]
    assert r"howpublished = {Plants \& Leaps}" in text
    assert "url = {https://example.org/tiny}" in text
    assert text.count("{") == text.count("}")


def test_draws_file_has_every_element_with_its_numbers_and_mixing(analysis):
    (file,) = [f for f in study_files(analysis) if f.name.endswith("-draws.csv")]
    rows = pd.read_csv(io.StringIO(file.text))
    posterior, mixing = analysis.posterior, measure_mixing(analysis.posterior)
    sizes = [v.isel(chain=0, draw=0).size for v in posterior.values()]
    assert len(rows) == sum(sizes)
    assert not rows.duplicated(["unknown", "of"]).any()
    draws = posterior["slope_effect"].sel(task="sorting").to_numpy()
    row = rows[(rows["unknown"] == "slope_effect") & (rows["of"] == "task sorting")].iloc[0]
    assert row["mean"] == pytest.approx(draws.mean(), rel=1e-4)
    assert row["ci_high"] == pytest.approx(np.quantile(draws, 0.95), rel=1e-4)
    expected = float(mixing.rhat["slope_effect"].sel(task="sorting"))
    assert row["rhat"] == pytest.approx(expected, rel=1e-4)
