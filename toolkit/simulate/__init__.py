"""Simulated studies of known truth: curves and mechanisms, independent of the models."""

from toolkit.simulate.studies import LU_LIKE, RICH, StudyDesign, simulate_study
from toolkit.simulate.tasks import TRUTHS, PlantedTask, Truth, planted_claim

__all__ = [
    "LU_LIKE",
    "RICH",
    "TRUTHS",
    "PlantedTask",
    "StudyDesign",
    "Truth",
    "planted_claim",
    "simulate_study",
]
