"""A statistical model: a smooth curve over size, and a jump or none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pymc as pm

from toolkit.models.design import Design
from toolkit.models.effects import checkpoint_effects, group
from toolkit.models.likelihood import compliance, concentration
from toolkit.models.priors import PRIORS, Prior, Tensor
from toolkit.models.smooth import NO_STEP


@dataclass(frozen=True)
class Model:
    """A member of the model ladder; ``curve`` and ``step`` as in their files."""

    name: str
    title: str
    curve: Any
    step: Any = NO_STEP

    @property
    def jumps(self) -> bool:
        """Whether the model has a jump to find."""
        return self.step is not NO_STEP

    def build(self, design: Design, priors: Mapping[str, Prior] = PRIORS) -> pm.Model:
        """Return the PyMC model of a design.

        Its data (``counts``, ``n_items``, ``log_ways``, and ``jump_scale`` where it jumps) can be
        given anew to the compiled model, so that the same design is refitted without compiling.
        """
        coords = {**design.coords, **self.step.coords(design)}
        if hasattr(self.curve, "coords"):
            coords |= self.curve.coords(design)
        with pm.Model(coords=coords) as model:
            data: dict[str, Tensor] = {
                name: pm.Data(name, values, dims=("task", "slot"))
                for name, values in design.data.items()
            }
            if self.jumps:
                data["jump_scale"] = pm.Data("jump_scale", 1.0)
            smooth = self._log_odds(design, priors)
            self.step.observe(
                design,
                priors,
                data,
                smooth,
                compliance(design, priors),
                concentration(priors),
            )
        return model

    def _log_odds(self, design: Design, priors: Mapping[str, Prior]) -> Tensor:
        """Return the smooth part of the linear predictor, (task, slot)."""
        total = self.curve.base(design, priors) + checkpoint_effects(design, priors)
        if design.few_shot.any():
            total += design.few_shot * self.curve.gain("few_shot", design, priors)
        if design.tuned.any():
            total += design.tuned * self.curve.gain("tuned", design, priors)
        both = design.few_shot * design.tuned
        if both.any():
            total += both * group("both", "task", priors, mean=True)[:, None]
        return total
