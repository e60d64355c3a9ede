"""No serious violation that axe-core finds, on any page of a site, light and dark."""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from browser import open_browser, open_page

VERSION = "4"
SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    """Return axe-core's script, fetched from the npm registry; it is no part of the repository."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is missing: it fetches axe-core (Debian: apt-get install npm)")
    folder = tmp_path_factory.mktemp("axe")
    command = [npm, "pack", "--silent", f"axe-core@{VERSION}"]
    env = {**os.environ, "npm_config_update_notifier": "false"}
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    packed = next(iter(folder.glob("*.tgz")), None)
    if done.returncode or packed is None:
        pytest.skip(f"npm could not fetch axe-core: {done.stderr.strip()[-200:]}")
    with tarfile.open(packed) as archive:
        script = archive.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


@pytest.fixture(scope="module")
def browser():
    with open_browser() as browser:
        yield browser


def violations(page, axe):
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    return [
        f"{each['id']} ({each['impact']}): {each['nodes'][0]['html'][:200]} "
        f"{each['nodes'][0].get('failureSummary', '')[:300]}, {len(each['nodes'])} times"
        for each in found
        if each["impact"] in SERIOUS
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index", "tiny", "method", "glossary"])
def test_page_has_no_serious_violation(browser, axe, tiny_site: Path, name, scheme):
    with open_page(browser, tiny_site / f"{name}.html", scheme=scheme) as (page, _):
        page.evaluate("document.querySelectorAll('main details').forEach(d => { d.open = true })")
        page.evaluate("window.drawAllCharts()")
        assert violations(page, axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index", "tiny", "method", "glossary"])
def test_phone_has_no_serious_violation(browser, axe, tiny_site: Path, name, scheme):
    with open_page(browser, tiny_site / f"{name}.html", scheme=scheme, width=360) as (page, _):
        page.evaluate("window.drawAllCharts()")
        assert violations(page, axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("name", ["own-csv", "commands", "reference-verdicts"])
def test_documentation_has_no_serious_violation(browser, axe, docs_pages, name, width, scheme):
    file = docs_pages / f"{name}.html"
    with open_page(browser, file, scheme=scheme, width=width) as (page, _):
        assert violations(page, axe) == []
