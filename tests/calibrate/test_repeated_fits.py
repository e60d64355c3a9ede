"""A main fit that can't be trusted is fitted once more, as anybody would."""

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from toolkit.calibrate import judge
from toolkit.fit.sampling import FitSettings


@pytest.mark.parametrize(
    ("n_divergent", "accept", "expected"),
    [(0, 0.9, 0.9), (1, 0.9, 0.9), (2, 0.9, 0.98), (2, 0.99, 0.99)],
)
def test_repeated_fit_takes_smaller_steps_only_where_too_many_draws_diverged(
    monkeypatch, tmp_path, n_divergent, accept, expected
):
    diverging = np.zeros((4, 1000), bool)
    diverging[2, :n_divergent] = True
    stats = xr.Dataset({"diverging": (("chain", "draw"), diverging)})
    asked = []

    def fit(_scores, _model, settings, _cache):
        asked.append(settings)
        if len(asked) == 2:
            raise InterruptedError
        return SimpleNamespace(idata=xr.DataTree.from_dict({"sample_stats": stats}))

    failed = SimpleNamespace(sampler=SimpleNamespace(passed=False))
    monkeypatch.setattr(judge, "fit_model", fit)
    monkeypatch.setattr(judge, "judge_claims", lambda *_: failed)
    settings = FitSettings(1000, 500, 4, accept, 1)
    with pytest.raises(InterruptedError):
        judge.judge_planted(None, {}, settings, settings, tmp_path)
    first, second = asked
    assert first == settings
    assert (second.draws, second.target_accept) == (2000, expected)
    assert (second.tune, second.chains, second.random_seed) == (500, 4, 1)
