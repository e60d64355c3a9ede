"""Statistical models; ``MODELS`` maps a name in ``analysis.toml`` to a model.

One file for each smooth curve and for each kind of step. M0 to M3 are smooth; M5 is a bent curve
with a sharp step; the others put the step, or a wide one, on the rival curves.
"""

from toolkit.models.gaussian_process import GAUSSIAN_PROCESS
from toolkit.models.model import Model
from toolkit.models.polynomial import BENT, STRAIGHT
from toolkit.models.power_law import FREE_RISE, WIDE_RISE
from toolkit.models.spline import MONOTONE_SPLINE
from toolkit.models.step import SHARP
from toolkit.models.wide_step import WIDE

MODELS = {
    model.name: model
    for model in (
        Model("linear", "M0, straight", STRAIGHT),
        Model("spline", "M1, monotone spline", MONOTONE_SPLINE),
        Model("gaussian_process", "M2, Gaussian process", GAUSSIAN_PROCESS),
        Model("power_law", "M3, broken rise of free sharpness", FREE_RISE),
        Model("step", "M5, bent curve with a step", BENT, SHARP),
        Model("spline_step", "M1 with a step", MONOTONE_SPLINE, SHARP),
        Model("gaussian_process_step", "M2 with a step", GAUSSIAN_PROCESS, SHARP),
        Model("power_law_step", "M3 with a step", WIDE_RISE, SHARP),
        Model("wide_step", "bent curve with a step of free width", BENT, WIDE),
    )
}
# Smooth curves without a jump, for extrapolation from smaller sizes.
SMOOTH = ("linear", "spline", "gaussian_process", "power_law")
# Flexible curves under the step: a jump must hold on each of them.
RIVALS = ("spline_step", "gaussian_process_step", "power_law_step")
