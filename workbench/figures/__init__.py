"""Plotly figures out of the tables of `workbench.analysis`: each a pure function of its table."""

from workbench.figures.comparison import metric_by_sparsity
from workbench.figures.connectivity import loss_line
from workbench.figures.differences import difference_intervals
from workbench.figures.disagreement import disagreement_by_layer, disagreement_cells
from workbench.figures.display import CONFIG, REPORT_MODE, show
from workbench.figures.flips import error_scatter
from workbench.figures.growth import pool_growth
from workbench.figures.heatmaps import engine_heatmap, layer_heatmap, overlap_heatmap
from workbench.figures.levels import metric_by_level
from workbench.figures.magnitudes import magnitude_histogram
from workbench.figures.mask_map import mask_map
from workbench.figures.pool import distance_from_magnitude
from workbench.figures.race import early_against_final, early_curves
from workbench.figures.training_length import diagnostics_by_length, metric_by_length
from workbench.figures.under_way import curves_under_way

__all__ = [
    "CONFIG",
    "REPORT_MODE",
    "curves_under_way",
    "diagnostics_by_length",
    "difference_intervals",
    "disagreement_by_layer",
    "disagreement_cells",
    "distance_from_magnitude",
    "early_against_final",
    "early_curves",
    "engine_heatmap",
    "error_scatter",
    "layer_heatmap",
    "loss_line",
    "magnitude_histogram",
    "mask_map",
    "metric_by_length",
    "metric_by_level",
    "metric_by_sparsity",
    "overlap_heatmap",
    "pool_growth",
    "show",
]
