"""E4 and E6 of a claim: how sharp the published arm's rise is, and where each arm sets in."""

from collections.abc import Mapping
from dataclasses import dataclass

import xarray as xr

from toolkit.estimands.curves import Sharpness, curves_of, sharpness, thinned
from toolkit.estimands.estimate import Estimate
from toolkit.estimands.jumps import CurveAt
from toolkit.estimands.measured import measured_arms, scored_in
from toolkit.estimands.onset import Onset, onset, onset_shift
from toolkit.models.design import Design
from toolkit.study.claims import ARMS, CONTROLLED_ARM, Arm


@dataclass(frozen=True)
class Shape:
    """E4 in the controlled and the published arm, and E6 of every arm that was scored.

    ``earlier`` says by how many decades an arm shows the ability before the controlled arm does.
    """

    sharpness: Mapping[str, Sharpness]
    onsets: tuple[Onset, ...]
    earlier: Mapping[str, Estimate]


# Of a claim whose curves were not looked at.
NO_SHAPE = Shape({}, (), {})


def shape_of(
    posterior: xr.Dataset, design: Design, task: str, published: Arm, curve: CurveAt
) -> Shape:
    """Return E4 and E6 of one task."""
    index = design.tasks.index(task)
    some = thinned(posterior)
    measured = measured_arms(design, index)
    curves = {arm: curves_of(some, design, task, arm, curve) for arm in ARMS if measured[arm]}
    scored = {arm: scored_in(design, index, arm) for arm in curves}
    sharp = {
        arm.label: sharpness(curves[arm], scored[arm][0].tolist())
        for arm in dict.fromkeys((CONTROLLED_ARM, published))
        if arm in curves
    }
    shifts = {
        arm.label: onset_shift(curves[CONTROLLED_ARM], curves[arm])
        for arm in curves
        if arm != CONTROLLED_ARM and CONTROLLED_ARM in curves
    }
    return Shape(
        sharp,
        tuple(onset(curves[arm], arm, *scored[arm]) for arm in curves),
        {label: shift for label, shift in shifts.items() if shift is not None},
    )
