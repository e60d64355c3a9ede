"""The tutorial's commands, run as they stand there: what is printed is what it says."""

import pytest

from benchmarks import transcripts

TEXT = transcripts.DOCUMENTS[0].read_text(encoding="utf-8")
SHOWN = transcripts.transcripts(TEXT)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    root = tmp_path_factory.mktemp("tutorial").resolve()
    transcripts.make_workspace(root)
    return root


def test_transcripts_of_a_text_are_taken_apart_and_put_together():
    text = "a\n```console\n$ emergence x \\\n    --to y\none\n$ head z\n```\nb\n"
    first, second = transcripts.transcripts(text)
    assert (first.words, first.output) == (["emergence", "x", "--to", "y"], "one")
    assert (second.words, second.output) == (["head", "z"], "")
    assert transcripts.written_anew(text, ["two", "three"]) == (
        "a\n```console\n$ emergence x \\\n    --to y\ntwo\n$ head z\nthree\n```\nb\n"
    )


def test_tutorial_goes_from_import_to_report():
    commands = [each.words[1] for each in SHOWN if each.words[0] == "emergence"]
    assert commands[0] == "import"
    assert commands[-1] == "report"


def test_commands_that_fit_nothing_print_what_the_tutorial_says(workspace):
    for each in SHOWN:
        if not each.fits:
            assert transcripts.run(each, workspace) == each.output, each.shown


@pytest.mark.slow
def test_commands_that_fit_print_what_the_tutorial_says(workspace):
    for each in SHOWN:
        found = transcripts.run(each, workspace)
        if each.fits:
            assert found == each.output, each.shown
    assert (workspace / "reports" / "_site" / "garden.html").is_file()
