"""The progress of a run, during the run."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.analysis.progress import DENSE, LEVELS, RACE
from workbench.figures.style import BLUE, ORANGE, PURPLE, TEMPLATE, metric_limits, metric_title

_COLOURS = {DENSE: (PURPLE, "square"), RACE: (ORANGE, "diamond"), LEVELS: (BLUE, "circle")}


def progress_curves(curves: pd.DataFrame) -> go.Figure:
    """Scores above losses, stage after stage, against the optimizer steps of the whole run.

    Args:
        curves: `analysis.progress.progress_curves`; may be empty.
    """
    figure = make_subplots(rows=2, shared_xaxes=True, vertical_spacing=0.08)
    figure.update_layout(template=TEMPLATE, height=420)
    for kind, (colour, symbol) in _COLOURS.items():
        rows = curves[curves["kind"] == kind]
        if rows.empty:
            continue
        style = {"legendgroup": kind, "name": kind, "line": {"color": colour, "width": 2}}
        scores, losses = _with_gaps(rows, "value"), _with_gaps(rows, "loss")
        marker = {"symbol": symbol, "size": 6}
        hover = "%{text}, step %{x:,}: %{y:.4f}<extra></extra>"
        figure.add_trace(
            go.Scatter(**scores, **style, mode="lines+markers", marker=marker, hovertemplate=hover), 1, 1
        )
        figure.add_trace(
            go.Scatter(**losses, **style, mode="lines", showlegend=False, hovertemplate=hover), 2, 1
        )
    metrics = curves["metric"].dropna().unique()
    if len(metrics):
        name, _, unit = metric_title(metrics[0]).partition(" (")
        limits = metric_limits(curves["value"].dropna())
        figure.update_yaxes(title_text=f"{name}<br>({unit}" if unit else name, range=limits, row=1, col=1)
    figure.update_yaxes(title_text="training loss<br>(no unit)", rangemode="tozero", row=2, col=1)
    figure.update_xaxes(title_text="optimizer steps of the run", rangemode="tozero", row=2, col=1)
    return figure


def _with_gaps(rows: pd.DataFrame, column: str) -> dict[str, list]:
    """Points of a line with gaps between stages."""
    line: dict[str, list] = {"x": [], "y": [], "text": []}
    for stage, points in rows.dropna(subset=column).groupby("stage", sort=False):
        line["x"] += [*points["step"], None]
        line["y"] += [*points[column], None]
        line["text"] += [str(stage)] * (len(points) + 1)
    return line
