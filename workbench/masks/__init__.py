"""Masks: creating, comparing, saving and loading them."""

from workbench.masks.diversity import Comparison, compare, distance_from, overlap
from workbench.masks.grouping import SCOPES, layer_index, matrix_type
from workbench.masks.mask import Mask
from workbench.masks.patterns import UNSTRUCTURED, Pattern
from workbench.masks.pool import disagreement, entropy, growth
from workbench.masks.ranking import TopKTracker, kept_count, nm_mask, topk_counts, topk_mask
from workbench.masks.sampling import (
    ChosenGroups,
    Expectation,
    KeepChances,
    Law,
    MagnitudeHistograms,
    laws_at_distance,
    sample_mask,
)

__all__ = [
    "SCOPES",
    "UNSTRUCTURED",
    "ChosenGroups",
    "Comparison",
    "Expectation",
    "KeepChances",
    "Law",
    "MagnitudeHistograms",
    "Mask",
    "Pattern",
    "TopKTracker",
    "compare",
    "disagreement",
    "distance_from",
    "entropy",
    "growth",
    "kept_count",
    "laws_at_distance",
    "layer_index",
    "matrix_type",
    "nm_mask",
    "overlap",
    "sample_mask",
    "topk_counts",
    "topk_mask",
]
