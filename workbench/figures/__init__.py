"""Plotly figures from the tables of `workbench.analysis`, under the same names of topics.

Each figure is a pure function of its table. `show` displays it.
"""

from workbench.figures import (
    comparison,
    connectivity,
    differences,
    flips,
    layers,
    levels,
    magnitudes,
    overlap,
    pool,
    progress,
    race,
    selection,
    speed,
    training_length,
)
from workbench.figures.display import CONFIG, REPORT_MODE, key_prefix, show

__all__ = [
    "CONFIG",
    "REPORT_MODE",
    "comparison",
    "connectivity",
    "differences",
    "flips",
    "key_prefix",
    "layers",
    "levels",
    "magnitudes",
    "overlap",
    "pool",
    "progress",
    "race",
    "selection",
    "show",
    "speed",
    "training_length",
]
