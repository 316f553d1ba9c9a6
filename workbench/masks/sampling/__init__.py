"""Randomized masks: their sampling law, the samplers, and their expected properties."""

from workbench.masks.sampling.distance import laws_at_distance
from workbench.masks.sampling.expected import Expectation, KeepChances, MagnitudeHistograms
from workbench.masks.sampling.sample import Law, sample_mask

__all__ = ["Expectation", "KeepChances", "Law", "MagnitudeHistograms", "laws_at_distance", "sample_mask"]
