"""Simulated studies of known truth: curves and mechanisms, independent of the models."""

from toolkit.simulate.designs import LU_LIKE, RICH, Design, OwnDesign, StudyDesign
from toolkit.simulate.studies import simulate_study
from toolkit.simulate.tasks import TRUTHS, PlantedTask, Truth, planted_claim

__all__ = [
    "LU_LIKE",
    "RICH",
    "TRUTHS",
    "Design",
    "OwnDesign",
    "PlantedTask",
    "StudyDesign",
    "Truth",
    "planted_claim",
    "simulate_study",
]
