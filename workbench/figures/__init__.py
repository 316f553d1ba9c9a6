"""Plotly figures from the tables of `workbench.analysis`, under the same names of topics.

Each figure is a pure function of its table. `show` displays it.
"""

from workbench.process import imported_when_used

_TOPICS = (
    "comparison",
    "connectivity",
    "differences",
    "flips",
    "layers",
    "levels",
    "magnitudes",
    "overlap",
    "pool",
    "progress",
    "race",
    "selection",
    "speed",
    "training_length",
)
_HOMES = dict(zip(_TOPICS, _TOPICS, strict=True)) | {
    "CONFIG": "display",
    "REPORT_MODE": "display",
    "key_prefix": "display",
    "show": "display",
}

__all__ = list(_HOMES)

__getattr__, __dir__ = imported_when_used(__name__, _HOMES)
