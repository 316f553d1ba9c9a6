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
        figure.add_trace(
            go.Scatter(
                x=list(expected.index),
                y=100 * expected[name] / numel,
                name=f"{name}, expected",
                mode="lines",
                line={"color": colour, "dash": "dash", "width": 1.5},
                hovertemplate="%{x} masks: %{y:.3f} % expected",
            )
        )
        if sampled is not None:
            figure.add_trace(
                go.Scatter(
                    x=list(sampled.index),
                    y=100 * sampled[name] / numel,
                    name=f"{name}, sampled",
                    mode="markers",
                    marker={"color": colour, "symbol": symbol, "size": 9},
                    customdata=sampled[[name]],
                    hovertemplate="%{x} masks: %{customdata[0]:,} weights, %{y:.3f} %",
                )
            )
    figure.update_xaxes(title_text="masks in the pool (number)", dtick=max(1, len(expected) // 8))
    figure.update_yaxes(title_text="weights kept, % of all", rangemode="tozero")
    return figure
