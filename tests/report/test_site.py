"""The whole road from scores to the finished site, on a quick fit of a part of a bundled study."""

import json
import shutil
from pathlib import Path

import jsonschema
import pandas as pd
import pytest
from browser import open_browser, open_page, visit_page

from toolkit import paths
from toolkit.report.rendering.page import vega_file_name
from toolkit.report.site import SHARED, build_site

HOSTILE = "<script>alert(1)</script>"
# Of 22: both that the study calls emergent, one without options, one at its floor, one that is not.
TASKS = ("causal_judgment", "gsm8k", "hindu_knowledge", "nonsense_words_grammar", "rhyming")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A workspace with some tasks of the study; one and some checkpoints have hostile names."""
    root = tmp_path_factory.mktemp("workspace")
    for name in ("data", "reports"):
        shutil.copytree(
            paths.CHECKOUT / name, root / name, ignore=shutil.ignore_patterns("_site", "results")
        )
    folder = root / "data" / "lu2024"
    for path in folder.glob("*.csv"):
        text = path.read_text().replace("davinci", f"davinci{HOSTILE}")
        path.write_text(text.replace("Rhyming", f"Rhyming{HOSTILE}"))
    for name in ("scores.csv", "repeats.csv", "tasks.csv"):
        table = pd.read_csv(folder / name, dtype=str, keep_default_na=False)
        table[table["task"].isin(TASKS)].to_csv(folder / name, index=False)
    # Other studies share tasks that are left out here.
    (root / "data" / "shared_tasks.toml").unlink()
    path = folder / "claims.toml"
    head, *claims = path.read_text().split("[[claim]]\n")
    kept = [claim for claim in claims if any(f'task = "{task}"' in claim for task in TASKS)]
    text = "[[claim]]\n".join([head, *kept])
    path.write_text(text.replace('row = "Rhyming"', f'row = "Rhyming{HOSTILE}"'))
    return root


@pytest.fixture(scope="module")
def site(workspace):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMERGENCE_ROOT", str(workspace))
        said = []
        first = build_site(["lu2024"], "quick", "embedded", said.append)
        again = build_site(["lu2024"], "quick", "embedded", said.append)
        yield first, again, said


@pytest.fixture(scope="module")
def browser():
    with open_browser() as browser:
        yield browser


def test_site_is_written_and_second_run_fits_nothing(site, workspace):
    first, again, said = site
    written = workspace / "reports" / "_site"
    made = {"index.html", "lu2024.html", "method.html", "glossary.html", "verdicts.json"}
    made.add(vega_file_name())
    assert {p.name for p in written.iterdir()} == made
    assert (first.n_fitted, first.n_reused) == (1, 0)
    assert (again.n_fitted, again.n_reused) == (0, 1)
    assert any("nothing to fit" in line for line in said)


def test_verdicts_file_fulfils_its_schema_and_lists_every_claim(site):
    document = json.loads(site[1].verdicts.read_text())
    jsonschema.validate(document, json.loads(paths.VERDICTS_SCHEMA.read_text()))
    claims = document["studies"][0]["claims"]
    assert [claim["task"] for claim in claims] == list(TASKS)
    assert all(claim["published"]["verdict"] for claim in claims)
    assert sum(document["studies"][0]["counts"].values()) == len(TASKS)


def test_quick_profile_is_said_on_every_page_with_results(site, workspace):
    for page in site[1].pages:
        assert ("Quick profile" in page.path.read_text()) == (page.path.stem not in SHARED)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", ["index", "lu2024"])
def test_page_opens_offline_with_every_chart_drawn(site, workspace, browser, page, scheme):
    visit = visit_page(browser, workspace / "reports" / "_site" / f"{page}.html", scheme=scheme)
    assert visit.console_errors == []
    assert visit.page_errors == []
    assert visit.outside_requests == []
    assert visit.n_charts > 0
    assert visit.n_drawn == visit.n_charts


def test_page_on_a_phone_does_not_scroll_sideways(site, workspace, browser):
    visit = visit_page(browser, workspace / "reports" / "_site" / "lu2024.html", width=360)
    assert visit.overflow_px == 0


def test_hostile_names_are_shown_as_text(site, workspace, browser):
    path = workspace / "reports" / "_site" / "lu2024.html"
    with open_page(browser, path) as (page, _):
        alerts = []
        page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        page.evaluate("window.drawAllCharts()")
        assert HOSTILE in page.inner_text("#rhyming summary")
        assert page.evaluate("document.querySelectorAll('td script, h3 script').length") == 0
    assert alerts == []
    assert HOSTILE not in Path(path).read_text()


def test_report_order_is_that_of_a_reader(site, workspace, browser):
    path = workspace / "reports" / "_site" / "lu2024.html"
    with open_page(browser, path) as (page, _):
        headings = page.eval_on_selector_all("main h2", "nodes => nodes.map(n => n.innerText)")
    wanted = ["claimed", "Verdicts", "Claim by claim", "Attribution", "can and cannot decide",
              "Does it hold", "what was published", "fit the scores", "Diagnostics", "The model",
              "Data choices", "Threats", "checklist", "cite"]  # fmt: skip
    at = [next(i for i, heading in enumerate(headings) if part in heading) for part in wanted]
    assert at == sorted(at)
