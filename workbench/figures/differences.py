"""Engines minus a baseline, with intervals."""

from html import escape

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.figures.style import BLUE, INK, MUTED, TEMPLATE


def difference_intervals(pairs: pd.DataFrame, baseline: str) -> go.Figure:
    """A panel for each sparsity: engines downwards, differences and their intervals across.

    A mark is full where the interval leaves out zero, else grey and open.

    Args:
        pairs: `analysis.paired_differences` of one task and model; one row at least.
        baseline: its label.
    """
    panels = list(pairs.groupby("sparsity"))
    figure = make_subplots(
        cols=len(panels),
        shared_yaxes=True,
        shared_xaxes="all",
        horizontal_spacing=0.03,
        subplot_titles=[f"sparsity {100 * sparsity:g} %" for sparsity, _ in panels],
    )
    for place, (_, rows) in enumerate(panels, start=1):
        figure.add_trace(_marks(rows), row=1, col=place)
        figure.add_vline(x=0, line={"color": INK, "dash": "dash", "width": 1}, col=place)
    order = _from_below(pairs)
    figure.update_yaxes(categoryorder="array", categoryarray=[escape(name) for name in order])
    figure.update_xaxes(nticks=4)
    figure.add_annotation(
        text=f"dev score, minus that of {escape(baseline)}",
        showarrow=False,
        x=0.5,
        xref="paper",
        y=0,
        yref="paper",
        yanchor="top",
        yshift=-32,
    )
    figure.update_layout(template=TEMPLATE, showlegend=False, height=130 + 26 * len(order))
    return figure.update_layout(margin={"t": 40, "b": 60})


def _from_below(pairs: pd.DataFrame) -> list[str]:
    """Engines by what they are at the highest sparsity; ties are told apart by the one below it."""
    table = pairs.pivot(index="engine", columns="sparsity", values="difference")
    return list(table.sort_values(list(table.columns[::-1]), na_position="first").index)


def _marks(rows: pd.DataFrame) -> go.Scatter:
    clear = (rows["low"] > 0) | (rows["high"] < 0)
    return go.Scatter(
        x=rows["difference"],
        y=[escape(name) for name in rows["engine"]],
        mode="markers",
        marker={
            "size": 9,
            "symbol": ["circle" if sure else "circle-open" for sure in clear],
            "color": [BLUE if sure else MUTED for sure in clear],
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": rows["high"] - rows["difference"],
            "arrayminus": rows["difference"] - rows["low"],
            "color": MUTED,
            "thickness": 1.2,
            "width": 3,
        },
        customdata=rows[["low", "high", "seeds"]],
        hovertemplate=(
            "%{y}: %{x:+.4f}, %{customdata[0]:+.4f} to %{customdata[1]:+.4f}, "
            "seeds: %{customdata[2]}<extra></extra>"
        ),
    )
