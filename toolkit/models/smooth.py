"""No jump at all: what the smooth rivals are observed with."""

import pymc as pm

from toolkit.models.design import Design
from toolkit.models.effects import Priors
from toolkit.models.jump_mixture import no_jump
from toolkit.models.likelihood import accuracy
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
        items, ways = data["n_items"], data["log_ways"].sum(axis=1)

        def log_probability(counts: Tensor, expected: Tensor, concentration: Tensor) -> Tensor:
            return no_jump(counts, items, expected, concentration, design) + ways

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
