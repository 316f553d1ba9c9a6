"""Randomized masks: the law by which they are drawn, drawing them, and what to expect of them."""

from workbench.masks.sampling.distance import laws_at_distance
from workbench.masks.sampling.expected import Expectation, KeepChances, MagnitudeHistograms
from workbench.masks.sampling.sample import Law, sample_mask

__all__ = ["Expectation", "KeepChances", "Law", "MagnitudeHistograms", "laws_at_distance", "sample_mask"]
