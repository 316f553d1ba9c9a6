"""Exact selection of the highest scores among billions, with ties broken by index."""

from workbench.masks.ranking.nm import nm_mask
from workbench.masks.ranking.topk import kept_count, topk_counts, topk_mask
from workbench.masks.ranking.tracking import TopKTracker

__all__ = ["TopKTracker", "kept_count", "nm_mask", "topk_counts", "topk_mask"]
