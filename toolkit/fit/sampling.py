"""Compile a model once for a design, and sample it with any counts of that design.

``sample`` gives an xarray ``DataTree`` with the groups ``posterior``, ``sample_stats`` and
``log_likelihood`` (by task) whatever library generation made it. Of a model with jumps the last is
given the sizes that the sampler had; those of absent jumps are drawn anew in ``posterior``.
"""

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import nutpie
import xarray as xr

from toolkit.errors import FitError
from toolkit.models.design import Design
from toolkit.models.jump_size import LOG_ODDS, JumpLogOdds, drawn_where_absent
from toolkit.models.model import Model

# Compiled models kept in memory, unless ``keeping_models`` says otherwise.
KEPT_MODELS = 3
# Counts and items are data of a compiled model; everything else of a design is built into it.
DATA_FIELDS = frozenset({"n_correct", "n_items"})


@dataclass(frozen=True)
class FitSettings:
    """How to sample; ``draws`` and ``tune`` are per chain."""

    draws: int
    tune: int
    chains: int
    target_accept: float
    random_seed: int


@dataclass(frozen=True)
class Variation:
    """What differs from the plain fit of a table, without another model to compile.

    ``hidden`` (task, slot) marks cells that the fit must not see; it predicts them.
    ``jump_scale`` multiplies the prior scale of the jump's size.
    """

    hidden: np.ndarray | None = None
    jump_scale: float = 1.0

    @property
    def fingerprint(self) -> str:
        """Return what makes this variation another fit."""
        hidden = b"" if self.hidden is None else np.packbits(self.hidden).tobytes()
        return f"{self.jump_scale:g} {hidden.hex()}"


PLAIN = Variation()


class CompiledModel:
    """A model compiled for a design; ``sample`` may be called any number of times."""

    def __init__(self, model: Model, design: Design) -> None:
        self.model = model
        built = model.build(design)
        try:
            with _without_blas_warning():
                self._compiled: Any = nutpie.compile_pymc_model(built, backend="numba")
        except Exception as error:
            msg = f"the model could not be compiled: {type(error).__name__}: {error}"
            raise FitError(msg) from error

    def sample(
        self,
        design: Design,
        settings: FitSettings,
        variation: Variation = PLAIN,
        *,
        progress: bool = False,
    ) -> xr.DataTree:
        """Return posterior draws for the counts of a design of the structure compiled for."""
        data: dict[str, Any] = dict(design.data)
        if variation.hidden is not None:
            data = {name: np.where(variation.hidden, 0.0, v) for name, v in data.items()}
        if self.model.jumps:
            data["jump_scale"] = np.asarray(variation.jump_scale)
        options: dict[str, Any] = {
            "draws": settings.draws,
            "tune": settings.tune,
            "chains": settings.chains,
            "target_accept": settings.target_accept,
            "seed": settings.random_seed,
            "save_warmup": False,
            # From gradients, whose variance a few narrow regions make large, trajectories turn
            # before the scales that tasks share have moved (docs/decisions/0015).
            "use_grad_based_mass_matrix": False,
            "progress_bar": progress,
        }
        try:
            trace = nutpie.sample(self._compiled.with_data(**data), **options)
        except (RuntimeError, ValueError) as error:
            msg = f"sampling failed: {type(error).__name__}: {error}"
            raise FitError(msg) from error
        return self._tidied(trace, design, settings.random_seed, variation.jump_scale)

    def _tidied(
        self, trace: Any, design: Design, random_seed: int, jump_scale: float
    ) -> xr.DataTree:
        """Return the draws with the jumps drawn, and without what they were made from."""
        posterior, stats = _dataset(trace["posterior"]), _dataset(trace["sample_stats"])
        likelihood = posterior["task_log_likelihood"].rename("n_correct").to_dataset()
        posterior = posterior.drop_vars("task_log_likelihood")
        if self.model.jumps:
            posterior = with_jumps(posterior, self.model, design, random_seed, jump_scale)
        # Effects are kept; their standardised and unconstrained forms say the same twice.
        twice = {n for n in posterior if str(n).startswith("z_") or str(n).endswith("__")}
        kept = posterior[[n for n in posterior if n not in twice]]
        # Single precision halves the files; its rounding is far below any Monte Carlo error.
        floats = {name: v.astype("float32") for name, v in kept.items() if v.dtype.kind == "f"}
        return xr.DataTree.from_dict(
            {
                "posterior": kept.assign(floats),
                "sample_stats": stats,
                "log_likelihood": likelihood,
            }
        )


def with_jumps(
    posterior: xr.Dataset, model: Model, design: Design, random_seed: int, jump_scale: float = 1.0
) -> xr.Dataset:
    """Return the sampler's draws with the jumps drawn, and without what those were drawn from."""
    rng = np.random.default_rng(random_seed)
    lead = ("chain", "draw", "task")
    size = posterior["jump_size"].transpose(*lead, "arm").to_numpy()
    jumps = model.step.draw(
        posterior["gain"].to_numpy(),
        JumpLogOdds(*(posterior[name].to_numpy() for name in LOG_ODDS)),
        design,
        rng,
    )
    size = drawn_where_absent(size, jumps.present & design.arms_scored, jump_scale, rng)
    places = model.step.places(jumps.place)
    return posterior.assign(
        {
            **{name: (lead, values) for name, values in places.items()},
            "jump_present": ((*lead, "arm"), jumps.present),
            "jump_size": ((*lead, "arm"), size),
            "jump_probability": ((*lead, "arm"), jumps.probability),
        }
    ).drop_vars(["gain", *LOG_ODDS])


_compiled: dict[str, CompiledModel] = {}
_room = KEPT_MODELS


def compiled_model(model: Model, design: Design) -> CompiledModel:
    """Return the model compiled for a design, the same one for all designs of one structure."""
    key = f"{model.name} {structure(design)}"
    compiled = _compiled.pop(key, None) or CompiledModel(model, design)
    while len(_compiled) >= _room:
        del _compiled[next(iter(_compiled))]
    # Put in last: the first is the one that was asked for longest ago.
    _compiled[key] = compiled
    return compiled


@contextmanager
def keeping_models(n: int) -> Iterator[None]:
    """Let so many compiled models stay in memory; afterwards the usual number again."""
    global _room
    usual, _room = _room, n
    try:
        yield
    finally:
        _room = usual


def structure(design: Design) -> str:
    """Return a hash of everything of a design that a compiled model has built in."""
    digest = hashlib.sha256()
    for field in fields(design):
        value = getattr(design, field.name)
        if field.name in DATA_FIELDS:
            value = value > 0 if field.name == "n_items" else np.shape(value)
        plain = value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode()
        digest.update(field.name.encode() + plain)
    return digest.hexdigest()


@contextmanager
def _without_blas_warning() -> Iterator[None]:
    """Silence PyTensor on pip installs, which have no BLAS: sampling does not use it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="PyTensor could not link to a BLAS")
        yield


def _dataset(group: Any) -> xr.Dataset:
    """Return a group of the sampler's result; ArviZ before 1 gives a Dataset, after it a tree."""
    return group.to_dataset() if isinstance(group, xr.DataTree) else group
