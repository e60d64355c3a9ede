import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def tracked_texts():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


def test_architecture_table_equals_the_modules_on_disk():
    table = re.findall(r"^\| (toolkit/\S+\.py) \|", (ROOT / "ARCHITECTURE.md").read_text(), re.M)
    on_disk = sorted(str(p.relative_to(ROOT)) for p in (ROOT / "toolkit").rglob("*.py"))
    assert sorted(table) == on_disk


def test_import_contract_holds():
    lint = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_inference_never_imports_torch():
    code = (
        "import sys, toolkit.analysis.analyse, toolkit.report.site\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_citations_of_documents_are_in_the_bibliography():
    known = re.findall(r"^@\w+\{(\w+),", (ROOT / "reports/references.bib").read_text(), re.M)
    cited = set()
    for document in (ROOT / "reports").rglob("*.qmd"):
        prose = re.sub(r"```.*?```", "", document.read_text(), flags=re.S)
        cited |= set(re.findall(r"@([a-z]+\d{4})", prose))
    assert cited
    assert cited <= set(known)


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_constraints_name_versions_and_no_hosts(version):
    lines = (ROOT / "constraints" / f"python{version}.txt").read_text().splitlines()
    assert lines
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!_-]+", line) for line in lines)
    assert not any(line.lower().startswith("nvidia") for line in lines)


def test_no_file_names_a_package_registry():
    hosts = re.compile(r"pypi\.org|pythonhosted\.org|registry\.npmjs|deb\.debian\.org")
    own = Path(__file__)
    found = []
    for path in tracked_texts():
        if path == own or path.suffix in {".png", ".nc"}:
            continue
        if hosts.search(path.read_text(encoding="utf-8", errors="replace")):
            found.append(str(path.relative_to(ROOT)))
    assert found == []


def test_readme_names_only_commands_that_exist():
    from toolkit.cli.app import app

    known = {c.name or c.callback.__name__.strip("_") for c in app.registered_commands}
    known |= {group.name for group in app.registered_groups}
    named = set(re.findall(r"`emergence ([a-z]+)", (ROOT / "README.md").read_text()))
    assert named
    assert named <= known


def test_readme_targets_are_in_the_makefile():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    written = re.compile(r"(?:`|^    )make ([a-z-]+)", re.M)
    named = set(written.findall((ROOT / "README.md").read_text()))
    assert {"report", "test"} <= named <= targets
