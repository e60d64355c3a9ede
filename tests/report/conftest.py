"""An analysis of the small study whose draws were made by hand, so that nothing is sampled."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from by_hand_tables import robustness_of

from benchmarks.prior_fits import N_CHAINS, N_DRAWS, draws_of, keep_draws
from toolkit import paths
from toolkit.analysis.analyse import Analysis
from toolkit.analysis.study_folder import load_study_folder
from toolkit.estimands.measured import only_measured
from toolkit.estimands.shape import shape_of
from toolkit.fit.diagnose import Diagnosis, at_least, at_most
from toolkit.fit.draws import Fitted
from toolkit.models import MODELS
from toolkit.models.design import build_design
from toolkit.models.polynomial import polynomial_at
from toolkit.predictive.posterior_predictive import check_predictions
from toolkit.predictive.replicates import predict
from toolkit.report.site import build_site
from toolkit.robustness.assess import write_robustness
from toolkit.study.claims import ARM_LABELS, arm_named
from toolkit.verdict.gates import design_gates
from toolkit.verdict.rules import judge

LEAD = ("chain", "draw")
PROVENANCE = {
    "hash": "0123abcd",
    "model": "step",
    "settings": {"draws": N_DRAWS, "chains": N_CHAINS, "random_seed": 7},
    "versions": {"pymc": "5.0", "numpy": "2.0"},
    "python": "3.11.7",
    "made": "2026-01-01T00:00:00+00:00",
}


@pytest.fixture
def analysis_of():
    """Return a function that gives the analysis of a study folder, jumps in half of the draws."""

    def analysed(folder) -> Analysis:
        source = load_study_folder(str(folder))
        record, design = source.record, build_design(source.record)
        rng = np.random.default_rng(5)
        idata = draws_of(source)
        posterior = idata["posterior"].to_dataset()
        shape = (N_CHAINS, N_DRAWS, len(design.tasks), 4)
        jumps = xr.DataArray(
            rng.uniform(0, 0.3, shape) * (rng.random(shape) < 0.5),
            dims=(*LEAD, "task", "arm"),
            coords={"task": list(design.tasks), "arm": list(ARM_LABELS)},
        )
        jumps = only_measured(jumps, design)
        sampler = Diagnosis(
            (
                at_most("R-hat of shared unknowns", 1.002, 1.01),
                at_least("bulk ESS of shared unknowns", 900.0, 400),
                at_least("tail ESS of shared unknowns", 800.0, 400),
            )
        )
        verdicts = tuple(
            judge(
                claim, jumps, posterior, design,
                design_gates(claim, record.frame[record.frame["task"] == claim.task]), sampler,
                shape=shape_of(
                    posterior, design, claim.task, arm_named(claim.published_arm), polynomial_at
                ),
            )
            for claim in source.claims
        )  # fmt: skip
        fitted = Fitted(idata, design, MODELS["step"], True, PROVENANCE)
        return Analysis(source, "full", fitted, jumps, sampler, verdicts)

    return analysed


@pytest.fixture
def analysis(analysis_of, tiny_study):
    return analysis_of(tiny_study)


@pytest.fixture
def robust(analysis):
    """Return the analysis with robustness tables."""
    return replace(analysis, robustness=robustness_of(analysis.source))


@pytest.fixture
def kept_fit(tiny_study):
    """Return the small study with the draws of its full fit in the cache."""
    keep_draws(load_study_folder(str(tiny_study)))
    return tiny_study


@pytest.fixture(scope="session")
def tiny_site(tmp_path_factory, tiny_files):
    """Return the folder of the small study's site, from draws and tables made by hand."""
    root = tmp_path_factory.mktemp("site")
    for name, text in tiny_files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    for name in ("_quarto.yml", "index.qmd", "references.bib"):
        shutil.copy(paths.CHECKOUT / "reports" / name, root / "reports" / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMERGENCE_ROOT", str(root))
        source = load_study_folder("tiny")
        keep_draws(source)
        write_robustness(robustness_of(source), paths.robustness_dir(source.folder))
        site = build_site(["tiny"], "full", "embedded", lambda _: None)
        assert (site.n_fitted, site.n_reused) == (0, 1)
        return paths.site_dir()


@pytest.fixture
def predictive(analysis):
    """Return predictive checks by draws around the observed scores."""
    design = analysis.fitted.design
    rng = np.random.default_rng(6)
    score = (design.n_correct + 1) / (design.n_items + 2)
    accuracy = np.clip(score + rng.normal(0, 0.02, (100, *score.shape)), 0.01, 0.99)
    draws = xr.Dataset(
        {
            "accuracy": (("draw", "task", "slot"), accuracy),
            "concentration": (("draw", "task"), np.full((100, len(design.tasks)), 200.0)),
        }
    )
    return check_predictions(predict(draws, design, 1), 1)


@pytest.fixture(scope="session")
def docs_pages(tmp_path_factory):
    """Render three pages of three kinds: written, of the commands, of the modules."""
    pytest.importorskip("griffe", reason="griffelib is missing (extra: docs)")
    from toolkit.report import api_reference, docs_site

    root = tmp_path_factory.mktemp("docs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMERGENCE_ROOT", str(root))
        patch.setattr(docs_site, "WRITTEN", ("own-csv",))
        patch.setattr(api_reference, "GROUPS", {"Verdicts": ("verdict.gates",)})
        commands = "# emergence\n\n## `emergence check`\n\nLook.\n\n* `--map`: for --map.\n"
        done = docs_site.build_docs("embedded", commands, lambda _: None)
    assert [page.path.stem for page in done] == [
        "own-csv", "commands", "reference", "reference-verdicts",
    ]  # fmt: skip
    return root / "reports" / "_site" / "docs"
