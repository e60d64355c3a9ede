"""Studies, claims and analysis files: unknown keys, wrong types, names, places."""

import shutil
import tomllib
from dataclasses import dataclass, field
from typing import Literal

import pytest

from toolkit import paths
from toolkit.analysis.study_folder import load_study_folder
from toolkit.errors import ClaimError
from toolkit.strict_toml import from_table, read_toml
from toolkit.study.claims import ARM_LABELS, ARMS, arm_named, load_claims, load_study

THRESHOLD = 'published_arm = "few-shot, base"\nthreshold_n_params = 3000000000'
ARM = 'published_arm = "few-shot, base"'


@dataclass(frozen=True)
class Inner:
    size: int


@dataclass(frozen=True)
class Outer:
    name: str
    share: float
    ready: bool
    kind: Literal["a", "b"]
    inner: Inner
    words: tuple[str, ...] = ()
    limit: float | None = None
    sizes: tuple[float, ...] = field(default_factory=tuple)


GOOD = {"name": "x", "share": 0.5, "ready": True, "kind": "a", "inner": {"size": 3}}


def test_from_table_good_values_fill_the_record():
    table = {**GOOD, "share": 1, "limit": 2, "words": ["p", "q"], "sizes": [1, 2.5]}
    assert from_table(Outer, table, "x.toml") == Outer(
        "x", 1.0, True, "a", Inner(3), ("p", "q"), 2.0, (1.0, 2.5)
    )


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"names": "x"}, ["unknown key 'names' (did you mean 'name'?)", "Known: inner, kind"]),
        ({"name": 5}, ["key 'name'", "got 5", "expected str"]),
        ({"share": "half"}, ["key 'share'", "got 'half'", "expected float"]),
        ({"share": True}, ["key 'share'", "got True", "expected float"]),
        ({"ready": 1}, ["key 'ready'", "got 1", "expected bool"]),
        ({"kind": "c"}, ["key 'kind'", "got 'c'", "expected one of ['a', 'b']"]),
        ({"inner": 3}, ["key 'inner'", "got 3", "expected a table"]),
        ({"inner": {"size": 3.5}}, ["key 'inner': key 'size'", "got 3.5", "expected int"]),
        ({"inner": {"size": True}}, ["key 'size'", "got True", "expected int"]),
        ({"inner": {}}, ["key 'inner': key 'size' is missing", "add it"]),
        ({"words": "p"}, ["key 'words'", "got 'p'", "expected a list"]),
        ({"words": ["p", 1]}, ["key 'words'[1]", "got 1", "expected str"]),
        ({"limit": "none"}, ["key 'limit'", "got 'none'", "expected float"]),
        ({"share": 10**400}, ["key 'share'", "expected"]),
    ],
)
def test_from_table_wrong_value_is_named(change, parts):
    with pytest.raises(ClaimError) as caught:
        from_table(Outer, {**GOOD, **change}, "x.toml")
    message = str(caught.value)
    assert message.startswith("x.toml: ")
    for part in parts:
        assert part in message


def test_study_of_the_tiny_folder_is_read(tiny_study):
    study = load_study(tiny_study)
    assert (study.id, study.year, study.provenance.file) == ("tiny", 2024, "none.csv")
    claims = load_claims(tiny_study, ["sorting", "naming"])
    assert [claim.slug for claim in claims] == ["sorting", "naming"]
    assert claims[1].published_baseline == 0.5
    assert claims[0].published_baseline is None


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        pytest.param(
            ARM, ARM.replace("published_arm", "published_arms"),
            ["claim 1 ('sorting')", "unknown key 'published_arms' (did you mean 'published_arm'?)"],
            id="unknown key",
        ),
        pytest.param(
            "published_emergent = false", 'published_emergent = "no"',
            ["claim 1 ('sorting')", "key 'published_emergent'", "got 'no'", "expected bool"],
            id="wrong type",
        ),
        pytest.param(
            THRESHOLD, THRESHOLD.replace("3000000000", '"3B"'),
            ["claim 1", "key 'threshold_n_params'", "got '3B'", "expected float"],
            id="size as text",
        ),
        pytest.param(
            THRESHOLD, THRESHOLD.replace("3000000000", "-1"),
            ["claim 1", "got threshold_n_params -1.0", "expected above 0"],
            id="negative size",
        ),
        pytest.param(
            THRESHOLD, THRESHOLD.replace("3000000000", "nan"),
            ["claim 1", "threshold_n_params", "got", "nan", "expected"],
            id="size NaN",
        ),
        pytest.param(
            THRESHOLD, THRESHOLD.replace("3000000000", "inf"),
            ["claim 1", "threshold_n_params", "got", "inf", "expected"],
            id="infinite size",
        ),
        pytest.param(
            THRESHOLD, THRESHOLD.replace("3000000000", "1" + "0" * 400),
            ["claim 1", "threshold_n_params", "expected"],
            id="size beyond numbers",
        ),
        pytest.param(
            "published_baseline = 0.5", "published_baseline = 50",
            ["claim 2 ('naming')", "published_baseline", "got", "50", "expected"],
            id="baseline in percent",
        ),
        pytest.param(
            'slug = "naming"', 'slug = "sorting"',
            ["slug 'sorting' stands there twice", "each claim needs its own"],
            id="slug twice",
        ),
        pytest.param(
            'slug = "naming"', 'slug = "../naming"',
            ["claim 2", "got slug '../naming'", "expected lower-case letters", "rename it"],
            id="slug is a path",
        ),
        pytest.param(
            'slug = "naming"', 'slug = "name\\nthing"',
            ["claim 2", r"got slug 'name\nthing'", "rename it"],
            id="slug of two lines",
        ),
        pytest.param(
            ARM, ARM.replace("few-shot", "few-shots"),
            ["claim 1", "published_arm: got 'few-shots, base' (did you mean 'few-shot, base'?)",
             "expected one of"],
            id="arm",
        ),
        pytest.param(
            ARM, ARM + '\njudged_arm = "zero-shots, base"',
            ["claim 1", "judged_arm: got 'zero-shots, base' (did you mean 'zero-shot, base'?)",
             "expected one of"],
            id="judged arm",
        ),
        pytest.param(
            ARM, ARM.replace("few-shot, base", "few\\nshot"),
            ["claim 1", "published_arm: got", "expected one of"],
            id="arm of two lines",
        ),
        pytest.param(
            'task = "naming"', 'task = "namings"',
            ["claim 2 ('naming')", "got task 'namings' (did you mean 'naming'?)",
             "expected a task of tasks.csv", "correct the name or add the task"],
            id="task",
        ),
        pytest.param(
            '"control"', '"controls"',
            ["claim 2", "key 'claim_set'", "got 'controls' (did you mean 'control'?)"],
            id="claim set",
        ),
        pytest.param(
            'row = "Naming"\n', "",
            ["claim 2 ('naming')", "key 'row' is missing", "add it"],
            id="missing key",
        ),
        pytest.param(
            '"control"\n', '"control\n',
            ["not valid TOML", "line 33", "correct the file"],
            id="open quote",
        ),
        pytest.param(
            'slug = "naming"', 'slug = "naming"\nslug = "again"',
            ["not valid TOML", "line 20", "correct the file"],
            id="key twice",
        ),
    ],
)  # fmt: skip
def test_claim_wrong_entry_is_named(tiny_study, edit, refusal, old, new, parts):
    edit(tiny_study / "claims.toml", old, new)
    message = refusal(tiny_study, ClaimError)
    assert message.startswith(str(tiny_study / "claims.toml"))
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "expected only [[claim]] tables"),
        ("claim = [1, 2]\n", "expected"),
        ("claim = []\n", "expected"),
        ('claim = "sorting"\n', "expected only [[claim]] tables"),
        ("[[claims]]\n", "got keys ['claims']"),
        ("x = " + "[" * 20_000 + "]" * 20_000 + "\n", "not valid TOML"),
    ],
    ids=["empty", "numbers", "no claim", "text", "wrong table", "nested too deep"],
)
def test_claims_without_claim_tables_are_refused(tiny_study, refusal, text, part):
    (tiny_study / "claims.toml").write_text(text)
    message = refusal(tiny_study, ClaimError)
    assert message.startswith(str(tiny_study / "claims.toml"))
    assert part in message


@pytest.mark.parametrize("name", ["study.toml", "claims.toml"])
def test_toml_missing_file_is_named(tiny_study, refusal, name):
    (tiny_study / name).rename(tiny_study / "elsewhere.toml")
    with pytest.raises(ClaimError, match=rf"{name}: file not found; a study folder needs it"):
        read_toml(tiny_study / name)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_toml_other_encoding_is_named(tiny_study, refusal, encoding):
    path = tiny_study / "claims.toml"
    path.write_text(path.read_text().replace("Sorting is", "Sörting is"), encoding=encoding)
    message = refusal(tiny_study, ClaimError)
    assert "claims.toml: not valid TOML" in message
    assert "utf-8" in message


@pytest.mark.parametrize(
    "change",
    [lambda b: b.replace(b"\n", b"\r\n"), lambda b: b"\xef\xbb\xbf" + b],
    ids=["windows line ends", "byte order mark"],
)
def test_toml_harmless_variant_is_read(tiny_study, change):
    before = load_claims(tiny_study, ["sorting", "naming"])
    path = tiny_study / "claims.toml"
    path.write_bytes(change(path.read_bytes()))
    assert load_claims(tiny_study, ["sorting", "naming"]) == before


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ('id = "tiny"', 'id = "tinny"', ["got id 'tinny'", "expected 'tiny'", "rename"]),
        ('id = "tiny"', 'id = "Tiny"', ["got id 'Tiny'", "expected lower-case", "rename"]),
        ("year = 2024", 'year = "2024"', ["key 'year'", "got '2024'", "expected int"]),
        ("sha256", "sha265", ["key 'provenance'", "unknown key 'sha265' (did you mean 'sha256'?)"]),
        ('["Four base sizes."]', '"Four"', ["key 'limits'", "got 'Four'", "expected a list"]),
    ],
)
def test_study_wrong_entry_is_named(tiny_study, edit, refusal, old, new, parts):
    edit(tiny_study / "study.toml", old, new)
    message = refusal(tiny_study, ClaimError)
    assert message.startswith(str(tiny_study / "study.toml"))
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        (
            '"step"',
            '"stp"',
            ["key 'model': got 'stp' (did you mean 'step'?)", "expected one of step"],
        ),
        ('"step"', '"linear"', ["key 'model': got 'linear'", "expected one of step"]),
        ("[quick]", "[quicker]", ["unknown key 'quicker' (did you mean 'quick'?)"]),
        ('"closed"', '"closed2"', ["prompt_format", "'closed2'", "did you mean 'closed'"]),
        ("[full]\ndraws = 50", "[full]\ndraws = -5", ["draws", "-5", "expected"]),
        ("[full]\ndraws = 50", "[full]\ndraws = 50.5", ["draws", "50.5", "expected int"]),
    ],
)
def test_analysis_wrong_entry_is_named(tiny_study, edit, refusal, old, new, parts):
    path = tiny_study.parent.parent / "reports" / "tiny" / "analysis.toml"
    edit(path, old, new)
    message = refusal(tiny_study, ClaimError)
    assert message.startswith(str(path))
    for part in parts:
        assert part in message


def test_analysis_missing_file_takes_the_default(tiny_study):
    (tiny_study.parent.parent / "reports" / "tiny" / "analysis.toml").unlink()
    assert load_study_folder("tiny").plan.prompt_format == "closed"


def test_analysis_of_a_folder_goes_before_that_of_the_workspace(tiny_study):
    plan = (tiny_study.parent.parent / "reports" / "tiny" / "analysis.toml").read_text()
    (tiny_study / "analysis.toml").write_text(plan.replace("draws = 50", "draws = 60"))
    assert load_study_folder("tiny").plan.full.draws == 60


@pytest.mark.parametrize("arm", ARMS, ids=ARM_LABELS)
def test_arm_named_by_its_label_is_the_arm(arm):
    assert arm_named(arm.label) == arm


@pytest.mark.parametrize(
    "name",
    ["tinny", "", ".", "a" * 5000, "x\0y", "/dev/null/x"],
    ids=["misspelt", "empty", "here", "too long", "with a NUL", "below a file"],
)
def test_study_unknown_name_gives_one_message(tiny_study, name):
    with pytest.raises(ClaimError, match="no bundled study of that name"):
        load_study_folder(name)


def test_folder_elsewhere_of_a_bundled_name_has_the_default_plan(tiny_study, tmp_path):
    elsewhere = tmp_path / "mine" / tiny_study.name
    shutil.copytree(tiny_study, elsewhere)
    bundled, own = load_study_folder(str(tiny_study)), load_study_folder(str(elsewhere))
    default = tomllib.loads((paths.CHECKOUT / "reports/analysis.default.toml").read_text())
    assert own.plan.full.draws == default["full"]["draws"] != bundled.plan.full.draws
