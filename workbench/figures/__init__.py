"""Plotly figures out of the tables of `workbench.analysis`: each a pure function of its table."""

from workbench.figures.display import REPORT_MODE, show
from workbench.figures.heatmaps import layer_heatmap, overlap_heatmap
from workbench.figures.levels import metric_by_level
from workbench.figures.pool import distance_from_magnitude
from workbench.figures.race import early_against_final, early_curves

__all__ = [
    "REPORT_MODE",
    "distance_from_magnitude",
    "early_against_final",
    "early_curves",
    "layer_heatmap",
    "metric_by_level",
    "overlap_heatmap",
    "show",
]
