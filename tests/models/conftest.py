"""The study laid out by hand, the step model of it, and a point to evaluate models at."""

import pytest
from by_hand import a_point, design_of, table

from toolkit.models import MODELS


@pytest.fixture(scope="module")
def design():
    return design_of(table())


@pytest.fixture(scope="module")
def model(design):
    """Return the step model; a module on another model has a fixture of this name."""
    return MODELS["step"].build(design)


@pytest.fixture(scope="module")
def point(model):
    return a_point(model, 17)
