"""Tables out of masks and runs. Nothing here draws."""

from workbench.analysis.cost import cost_table, storage_table
from workbench.analysis.early import RankCorrelation, early_against_final, early_curves, rank_correlation
from workbench.analysis.layers import layer_table
from workbench.analysis.levels import level_table, score_table
from workbench.analysis.pool import pool_overlap, pool_table
from workbench.analysis.published import published_for
from workbench.analysis.store import newest_complete, store_table

__all__ = [
    "RankCorrelation",
    "cost_table",
    "early_against_final",
    "early_curves",
    "layer_table",
    "level_table",
    "newest_complete",
    "pool_overlap",
    "pool_table",
    "published_for",
    "rank_correlation",
    "score_table",
    "storage_table",
    "store_table",
]
