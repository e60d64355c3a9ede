"""The files that a page carries: exact, and nothing in them can leave their link."""

import base64
import gzip
import re

from toolkit.report.downloads import CSV, File, bibtex, made, site_files, study_files

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


def test_made_names_command_hash_seed_and_versions(analysis, robust):
    record = made(analysis)
    assert record["command"] == "emergence report tiny"
    assert record["fit"] == analysis.fitted.provenance
    assert record["robustness"] is None
    assert made(robust)["robustness"]["key"] == robust.robustness.provenance["key"]


def test_bibtex_has_an_entry_for_each_study_and_the_report(analysis_of, tiny_study, edit):
    edit(tiny_study / "study.toml", 'venue = "Garden Notes"', 'venue = "Plants & {Leaps"')
    text = bibtex([analysis_of(tiny_study)])
    assert re.findall(r"@misc\{([^,]+),", text) == ["tiny2024", "emergence-toolkit"]
    assert r"howpublished = {Plants \& Leaps}" in text
    assert "url = {https://example.org/tiny}" in text
    assert text.count("{") == text.count("}")
