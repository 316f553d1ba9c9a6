"""Tables out of masks and runs. Nothing here draws."""

from workbench.analysis.basis import Basis
from workbench.analysis.comparison import by_task, comparison_table, hardest, summary_table
from workbench.analysis.connectivity import Trace, barriers, hessian_trace, line
from workbench.analysis.cost import cost_table, storage_table
from workbench.analysis.early import (
    RankCorrelation,
    curves_so_far,
    early_against_final,
    early_curves,
    races_begun,
    rank_correlation,
)
from workbench.analysis.ends import End, Walk, ends, usual_ends, walk
from workbench.analysis.flips import SignTest, flips, outcomes, sign_test, usual_pair
from workbench.analysis.labels import engine_labels
from workbench.analysis.layers import by_layer, layer_table
from workbench.analysis.levels import level_table, score_table
from workbench.analysis.mask_map import mask_map
from workbench.analysis.mask_pool import ExpectedPool, PoolSpec, SampledPool
from workbench.analysis.outlay import cost_by_engine
from workbench.analysis.pairs import baseline_of, paired_differences
from workbench.analysis.particles import particle_table
from workbench.analysis.pool import pool_overlap, pool_table
from workbench.analysis.pool_summary import pool_summary
from workbench.analysis.published import published_for
from workbench.analysis.side_by_side import mask_overlap, sparsity_by_engine
from workbench.analysis.store import store_table
from workbench.analysis.training_length import DIAGNOSTICS, mean_by_length, series, training_length_table
from workbench.analysis.under_way import curves_under_way

__all__ = [
    "DIAGNOSTICS",
    "Basis",
    "End",
    "ExpectedPool",
    "PoolSpec",
    "RankCorrelation",
    "SampledPool",
    "SignTest",
    "Trace",
    "Walk",
    "barriers",
    "baseline_of",
    "by_layer",
    "by_task",
    "comparison_table",
    "cost_by_engine",
    "cost_table",
    "curves_so_far",
    "curves_under_way",
    "early_against_final",
    "early_curves",
    "ends",
    "engine_labels",
    "flips",
    "hardest",
    "hessian_trace",
    "layer_table",
    "level_table",
    "line",
    "mask_map",
    "mask_overlap",
    "mean_by_length",
    "outcomes",
    "paired_differences",
    "particle_table",
    "pool_overlap",
    "pool_summary",
    "pool_table",
    "published_for",
    "races_begun",
    "rank_correlation",
    "score_table",
    "series",
    "sign_test",
    "sparsity_by_engine",
    "storage_table",
    "store_table",
    "summary_table",
    "training_length_table",
    "usual_ends",
    "usual_pair",
    "walk",
]
