"""Randomized masks: their sampling law, the samplers, and their expected properties."""

from workbench.masks.sampling.expected import Expectation, KeepChances, MagnitudeHistograms
from workbench.masks.sampling.sample import sample_mask

__all__ = ["Expectation", "KeepChances", "MagnitudeHistograms", "sample_mask"]
