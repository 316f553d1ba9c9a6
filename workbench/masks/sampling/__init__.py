"""Randomized masks: the law by which they are drawn, drawing them, and what to expect of them."""

from workbench.masks.sampling.expected import Expectation, KeepChances, MagnitudeHistograms
from workbench.masks.sampling.sample import sample_mask

__all__ = ["Expectation", "KeepChances", "MagnitudeHistograms", "sample_mask"]
