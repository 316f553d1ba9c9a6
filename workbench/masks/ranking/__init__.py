"""Exact selection: the so many highest scores of billions, ties broken by index."""

from workbench.masks.ranking.topk import kept_count, topk_counts, topk_mask
from workbench.masks.ranking.tracking import TopKTracker

__all__ = ["TopKTracker", "kept_count", "topk_counts", "topk_mask"]
