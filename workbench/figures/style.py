"""What all figures share: template, colours, and axis titles."""

import re
from collections.abc import Iterable

import plotly.graph_objects as go

from workbench.tasks.metrics import METRICS

# Okabe and Ito's colours, which are distinct for people with any colour vision, and in print.
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, INK, MUTED = "#CC79A7", "#56B4E9", "#1B1F24", "#8A939C"
CYCLE = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION)
SYMBOLS = ("circle", "square", "triangle-up", "cross", "hexagon", "triangle-down")

# From light to dark, so it can be read in grey and with any colour vision.
SCALE = "Blues"

_AXIS = {
    "gridcolor": "#E6E9ED",
    "linecolor": MUTED,
    "showline": True,
    "ticks": "outside",
    "tickcolor": MUTED,
    "zeroline": False,
    "automargin": True,
    "title": {"standoff": 12, "font": {"size": 14}},
}

TEMPLATE = go.layout.Template(
    layout={
        "font": {
            "family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
            "size": 13,
            "color": INK,
        },
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "colorway": CYCLE,
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "height": 400,
        "margin": {"l": 10, "r": 16, "t": 16, "b": 10},
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "xanchor": "left", "x": 0},
        "hoverlabel": {"align": "left"},
    }
)

_MATRICES = {
    "attention.self.query": "query",
    "attention.self.key": "key",
    "attention.self.value": "value",
    "attention.output.dense": "attention output",
    "intermediate.dense": "feed-forward in",
    "output.dense": "feed-forward out",
    "resnet.embedder.embedder.convolution": "first convolution",
}
_CONVOLUTION = re.compile(r"layers\.(\d+)\.(?:layer\.(\d+)|shortcut)\.convolution")


def metric_title(metric: str) -> str:
    """A metric's name with its unit, for an axis."""
    return METRICS[metric].title if metric in METRICS else metric


def matrix_title(kind: str) -> str:
    """A short name for a type of matrix of BERT or a ResNet; the type itself for any other."""
    if match := _CONVOLUTION.fullmatch(kind):
        block, place = match.groups()
        return f"block {block}, {f'convolution {place}' if place else 'shortcut'}"
    return _MATRICES.get(kind, kind)


def value_limits(values: Iterable[float]) -> tuple[float, float]:
    """Ends of an axis, at least 0.1 apart, so that rounding and chance do not look like effects."""
    values = list(values)
    middle, span = (min(values) + max(values)) / 2, max(values) - min(values)
    half = max(0.1, 1.2 * span) / 2
    return middle - half, middle + half


def metric_limits(values: Iterable[float]) -> tuple[float, float]:
    """The same for a metric, which never exceeds 1."""
    lowest, highest = value_limits(values)
    excess = max(0.0, highest - 1.01)
    return lowest - excess, highest - excess
