"""Differences between engines and a baseline, with intervals."""

from html import escape

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.figures.style import BLUE, INK, MUTED, TEMPLATE


def difference_intervals(pairs: pd.DataFrame, baseline: str) -> go.Figure:
    """A panel for each sparsity, with engines as rows and differences with intervals across.

    A mark is filled if the interval excludes zero, otherwise grey and open.

    Args:
        pairs: `analysis.differences.paired_differences` of one task and model; at least one row.
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
    figure.add_vline(x=0, line={"color": INK, "dash": "dash", "width": 1})
    order = _bottom_to_top(pairs)
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


def _bottom_to_top(pairs: pd.DataFrame) -> list[str]:
    """Engines sorted by their difference at the highest sparsity; ties by the next lower one."""
    table = pairs.pivot(index="engine", columns="sparsity", values="difference")
    return list(table.sort_values(list(table.columns[::-1]), na_position="first").index)


def _marks(rows: pd.DataFrame) -> go.Scatter:
    excludes_zero = (rows["low"] > 0) | (rows["high"] < 0)
    return go.Scatter(
        x=rows["difference"],
        y=[escape(name) for name in rows["engine"]],
        mode="markers",
        marker={
            "size": 9,
            "symbol": ["circle" if filled else "circle-open" for filled in excludes_zero],
            "color": [BLUE if filled else MUTED for filled in excludes_zero],
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
