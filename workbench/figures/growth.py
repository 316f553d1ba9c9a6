"""What a pool keeps together as it grows."""

import pandas as pd
import plotly.graph_objects as go

from workbench.figures.style import BLUE, GREEN, TEMPLATE

_LINES = {"union": (BLUE, "circle"), "intersection": (GREEN, "square")}


def pool_growth(expected: pd.DataFrame, sampled: pd.DataFrame | None, numel: int) -> go.Figure:
    """Union and intersection of the first masks: expected as dashed lines, counted as marks.

    Args:
        expected: `growth` of an `analysis.ExpectedPool`.
        sampled: the same of a `SampledPool`; None where nothing is sampled yet.
        numel: number of weights of the model, prunable ones.
    """
    figure = go.Figure(layout={"template": TEMPLATE, "height": 400})
    for name, (colour, symbol) in _LINES.items():
        line = {"mode": "lines", "line": {"color": colour, "dash": "dash", "width": 1.5}}
        figure.add_trace(_share(expected[name], numel, f"{name}, expected", "%{x} masks: %{y:.3f} %", line))
        if sampled is not None:
            marks = {"mode": "markers", "marker": {"color": colour, "symbol": symbol, "size": 9}}
            hover = "%{x} masks: %{customdata[0]:,} weights, %{y:.3f} %"
            figure.add_trace(_share(sampled[name], numel, f"{name}, sampled", hover, marks))
    figure.update_xaxes(title_text="masks in the pool (number)", dtick=max(1, len(expected) // 8))
    figure.update_yaxes(title_text="weights kept, % of all", rangemode="tozero")
    return figure


def _share(weights: pd.Series, numel: int, name: str, hover: str, look: dict) -> go.Scatter:
    """A number of weights for each number of masks, as a share of all weights."""
    return go.Scatter(
        x=list(weights.index),
        y=100 * weights / numel,
        name=name,
        customdata=weights.to_frame(),
        hovertemplate=hover,
        **look,
    )
