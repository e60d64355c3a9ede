"""The whole site: check every study, fit what is new, write verdicts and pages."""

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import joblib

from toolkit import paths
from toolkit.analysis.analyse import Analysis, analyse
from toolkit.analysis.study_folder import Profile, StudyFolder, load_study_folder
from toolkit.errors import ReportError
from toolkit.fit.draws import fit_model, is_fitted
from toolkit.fit.sampling import FitSettings
from toolkit.jobs import Workers, run_unordered
from toolkit.report.rendering.page import vega_bundle, vega_file_name
from toolkit.report.rendering.render import Rendered, choose_renderer, render
from toolkit.report.site_links import PAGES
from toolkit.report.verdicts_file import as_text, document
from toolkit.study.scores import Scores
from toolkit.wording import duration

Say = Callable[[str], None]
# Pages rendered at a time, where there are so many cores: each holds the draws of its studies.
AT_ONCE = 4
# Pages that say the same of every study.
SHARED = tuple(name for name in PAGES if name != "index")


@dataclass(frozen=True)
class Page:
    """A page of the site: its document, and how it is rendered."""

    document: Path
    name: str
    parameters: dict[str, str]
    renderer: str
    vega_beside: str | None

    def render(self) -> Rendered:
        """Render the page into the site's folder."""
        return render(
            self.document,
            paths.site_dir() / f"{self.name}.html",
            renderer=self.renderer,
            parameters=self.parameters,
            cache_folder=paths.cache_dir(),
            vega_beside=self.vega_beside,
        )


@dataclass(frozen=True)
class Site:
    """What was written, and how many studies had to be fitted for it."""

    pages: tuple[Rendered, ...]
    verdicts: Path
    n_fitted: int
    n_reused: int
    sources: tuple[Page, ...] = ()


def build_site(
    studies: Sequence[str],
    profile: Profile,
    renderer: str,
    say: Say,
    *,
    progress: bool = False,
    standalone: bool = False,
) -> Site:
    """Write the site for some studies; nothing is written when a study's files are wrong.

    Parameters
    ----------
    standalone
        Put what draws the charts into each page, not once beside them all.
    """
    choose_renderer(renderer)  # a wrong or missing renderer fails before the fits, not after
    sources = [load_study_folder(study) for study in studies]
    _check_page_names([source.study.id for source in sources])
    for source in sources:
        say(f"{source.study.id}: {len(source.claims)} claims, {len(source.record.frame)} cells")
    fitted = fit_side_by_side(sources, profile, say)
    analyses: list[Analysis] = []
    for source in sources:
        began = time.monotonic()
        analysis = analyse(source, profile, progress=progress)
        if source.study.id not in fitted:
            say(f"{source.study.id}: {_fit_line(analysis, time.monotonic() - began)}")
        analyses.append(analysis)
    site = paths.site_dir()
    paths.write_whole(site / "verdicts.json", as_text(document(analyses)))
    beside = None if standalone else _vega_beside(site)
    to_write = _pages_of(sources, {"profile": profile}, renderer, beside)
    written = _write_all(to_write, say)
    reused = sum(a.fitted.reused for a in analyses) - len(fitted)
    return Site(written, site / "verdicts.json", len(analyses) - reused, reused, to_write)


def _write_all(pages: Sequence[Page], say: Say) -> tuple[Rendered, ...]:
    """Render pages side by side and return them in their order."""
    say(f"rendering {', '.join(page.name for page in pages)}")
    n_workers = min(AT_ONCE, joblib.cpu_count(), len(pages))
    # Processes, not threads: Python 3.11 can't parse in two threads (SystemError). Fresh ones,
    # since workers that are kept would keep the environment of an earlier site as well.
    pool = ProcessPoolExecutor(n_workers, mp_context=get_context("spawn"))
    try:
        written = [pool.submit(page.render) for page in pages]
        for each in as_completed(written):
            say(each.result().said)
        return tuple(each.result() for each in written)
    finally:
        pool.shutdown(cancel_futures=True)


def fit_side_by_side(
    sources: Sequence[StudyFolder], profile: Profile, say: Say, cores: int | None = None
) -> tuple[str, ...]:
    """Fit several new studies at once where the cores are more than one fit's chains.

    Returns
    -------
    tuple of str
        The ids of those fitted, whose draws now lie in the cache; none where it is no gain.
    """
    cache = paths.cache_dir()
    jobs = [
        (source.study.id, source.record, source.plan.model, source.plan.settings(profile), cache)
        for source in sources
    ]
    waiting = [job for job in jobs if not is_fitted(*job[1:])]
    at_once = (cores or joblib.cpu_count()) // max((job[3].chains for job in waiting), default=1)
    if min(at_once, len(waiting)) < 2:
        return ()
    done = []
    for study, key in run_unordered(_fit, waiting, Workers(n=min(at_once, len(waiting)))):
        say(f"{study}: fitted, draws kept as {key}")
        done.append(study)
    return tuple(done)


def _fit(
    study: str, record: Scores, model: str, settings: FitSettings, cache: Path
) -> tuple[str, str]:
    return study, fit_model(record, model, settings, cache).provenance["hash"]


def _pages_of(
    sources: Sequence[StudyFolder],
    profile: dict[str, str],
    renderer: str,
    vega_beside: str | None,
) -> tuple[Page, ...]:
    """Return a page for each study, the index, and the pages that are the same for all."""
    # Documents run in their own folder: a study elsewhere is passed by its full path.
    names = [_name_for_documents(source) for source in sources]
    of_studies = [
        (_document(source), source.study.id, {"study": json.dumps(name)})
        for name, source in zip(names, sources, strict=True)
    ]
    index = (paths.reports_dir() / "index.qmd", "index", {"studies": json.dumps(names)})
    own = [
        Page(file, name, {**values, **profile}, renderer, vega_beside)
        # The index goes through all studies and takes longest: what starts last ends last.
        for file, name, values in (index, *of_studies)
    ]
    folder = paths.CHECKOUT / "reports"
    shared = [Page(folder / f"{name}.qmd", name, {}, renderer, vega_beside) for name in SHARED]
    return (*own, *shared)


def _check_page_names(ids: Sequence[str]) -> None:
    for name in ids:
        if ids.count(name) > 1 or name in PAGES:
            msg = f"study '{name}': its page would overwrite another; rename the study's folder."
            raise ReportError(msg)


def _name_for_documents(source: StudyFolder) -> str:
    return source.study.id if paths.is_bundled(source.folder) else str(source.folder)


def _fit_line(analysis: Analysis, seconds: float) -> str:
    key = analysis.fitted.provenance["hash"]
    if analysis.fitted.reused:
        return f"nothing to fit, draws {key} reused"
    return f"fitted in {duration(seconds)}, draws kept as {key}"


def _document(source: StudyFolder) -> Path:
    """Return the bundled study's own document, or the one for any study."""
    own = paths.reports_dir() / source.study.id / "index.qmd"
    is_own = paths.is_bundled(source.folder) and own.exists()
    return own if is_own else paths.CHECKOUT / "reports" / "study.qmd"


def _vega_beside(site: Path) -> str:
    """Write what draws the charts beside the pages, once for all, and return the file's name."""
    name = vega_file_name()
    paths.write_whole(site / name, vega_bundle(paths.cache_dir()))
    return name
