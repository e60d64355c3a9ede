"""No jump at all: what the smooth rivals are observed with."""

import pymc as pm

from toolkit.models.design import Design
from toolkit.models.effects import Priors
from toolkit.models.jump_mixture import no_jump
from toolkit.models.likelihood import accuracy, log_ways
from toolkit.models.priors import Tensor


class NoStep:
    """A smooth curve alone."""

    def observe(
        self,
        design: Design,
        priors: Priors,
        data: dict[str, Tensor],
        smooth: Tensor,
        parsed: Tensor | float,
        concentration: Tensor,
    ) -> None:
        """Observe the counts of every cell."""
        lapse = priors["lapse"].variable("lapse", "task")[:, None]
        expected = accuracy(smooth, design.chance[:, None], lapse, parsed)
        items = data["n_items"]

        def log_probability(counts: Tensor, expected: Tensor, concentration: Tensor) -> Tensor:
            value = no_jump(counts, items, expected, concentration, design)
            return value + log_ways(counts, items)

        pm.CustomDist(
            "n_correct",
            expected,
            concentration,
            logp=log_probability,
            signature="(t,s),(t)->(t,s)",
            observed=data["counts"],
            dims=("task", "slot"),
        )
        total = log_probability(data["counts"], expected, concentration)
        pm.Deterministic("task_log_likelihood", total, dims="task")

    def coords(self, design: Design) -> dict[str, list[int]]:  # noqa: ARG002
        """Return the coordinates that only this has: none."""
        return {}


NO_STEP = NoStep()
