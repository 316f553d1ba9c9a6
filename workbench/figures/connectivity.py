"""The loss along the line between two models."""

from html import escape

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.figures.style import CYCLE, MUTED, SYMBOLS, TEMPLATE, value_limits

_PANELS = {"loss": "loss (nats; squared error for a regression)", "error": "error (share misclassified)"}


def loss_line(table: pd.DataFrame, first: str = "first model", second: str = "second model") -> go.Figure:
    """Loss and error along a line, one curve for each split, with the straight line between its ends.

    The gap between a curve and its dashed line is the barrier.

    Args:
        table: `analysis.connectivity.loss_line` of two models.
        first: name of the model at position 0.
        second: name of the model at position 1.
    """
    panels = {name: title for name, title in _PANELS.items() if table[name].notna().any()}
    figure = make_subplots(rows=1, cols=len(panels), horizontal_spacing=0.14)
    for column, (name, title) in enumerate(panels.items(), start=1):
        for place, (split, points) in enumerate(table.groupby("split", sort=False)):
            for trace in _curve(points.sort_values("alpha"), name, str(split), place):
                figure.add_trace(trace.update(showlegend=column == 1 and trace.showlegend), row=1, col=column)
        figure.update_yaxes(title_text=title, range=value_limits(table[name].dropna()), row=1, col=column)
    figure.update_xaxes(
        title_text="position on the line (0 to 1)",
        tickvals=[0, 0.25, 0.5, 0.75, 1],
        ticktext=[f"0<br>{_short(first)}", "0.25", "0.5", "0.75", f"1<br>{_short(second)}"],
        range=[-0.06, 1.06],
    )
    return figure.update_layout(template=TEMPLATE, height=400)


def _curve(points: pd.DataFrame, name: str, split: str, place: int) -> list[go.Scatter]:
    ends = points.iloc[[0, -1]]
    straight = go.Scatter(
        x=ends["alpha"],
        y=ends[name],
        mode="lines",
        legendgroup=split,
        showlegend=False,
        hoverinfo="skip",
        line={"color": MUTED, "width": 1, "dash": "dash"},
    )
    curve = go.Scatter(
        x=points["alpha"],
        y=points[name],
        name=split,
        legendgroup=split,
        showlegend=True,
        mode="lines+markers",
        line={"color": CYCLE[place]},
        marker={"symbol": SYMBOLS[place], "size": 8},
        hovertemplate=f"{split}: %{{y:.4f}} at %{{x:.2f}}",
    )
    return [straight, curve]


def _short(name: str) -> str:
    """A name as an axis label, escaped because plotly renders markup there."""
    return escape(name if len(name) <= 24 else f"{name[:11]}…{name[-12:]}")
