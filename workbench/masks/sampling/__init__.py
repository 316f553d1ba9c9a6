"""Randomized masks: their sampling law, the samplers, and their expected properties."""

from workbench.masks.sampling.distance import laws_at_distance
from workbench.masks.sampling.expectation import Expectation
from workbench.masks.sampling.expected import KeepChances, MagnitudeHistograms
from workbench.masks.sampling.expected_of_every import ChosenGroups
from workbench.masks.sampling.sample import Law, sample_mask

__all__ = [
    "ChosenGroups",
    "Expectation",
    "KeepChances",
    "Law",
    "MagnitudeHistograms",
    "laws_at_distance",
    "sample_mask",
]
