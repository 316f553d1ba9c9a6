"""The metrics of a run against its sparsity."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.figures.style import CYCLE, INK, MUTED, SYMBOLS, TEMPLATE, metric_limits, metric_title

_TICKS = [100, 50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1]
PUBLISHED = "published: BERT-base, other recipe"


def metric_by_level(levels: pd.DataFrame, published: pd.DataFrame) -> go.Figure:
    """Each metric against the share of weights kept, one line for each split, with the dense model's score.

    Args:
        levels: `analysis.levels.level_table` of a run.
        published: `analysis.published.published_for` its task, drawn as open grey diamonds; may be empty.
    """
    metrics = list(levels["metric"].unique())
    figure = make_subplots(rows=1, cols=len(metrics), horizontal_spacing=0.12)
    for column, metric in enumerate(metrics, start=1):
        measured = levels[levels["metric"] == metric]
        reported = published[published["metric"] == metric]
        lowest = 100 * min([*measured["kept_share"], *reported["kept_share"]])
        for trace in [*_dense_lines(measured, lowest), *_splits(measured), *published_marks(reported)]:
            figure.add_trace(trace.update(showlegend=column == 1), row=1, col=column)
        limits = metric_limits([*measured["value"], *reported["value"]])
        figure.update_yaxes(title_text=metric_title(metric), range=limits, row=1, col=column)
    figure.update_xaxes(**weights_kept_axis())
    return figure.update_layout(template=TEMPLATE, height=420)


def _splits(levels: pd.DataFrame) -> list[go.Scatter]:
    return [
        go.Scatter(
            x=100 * rows["kept_share"],
            y=rows["value"],
            name=split,
            legendgroup=split,
            mode="lines+markers",
            line={"color": CYCLE[place], "dash": "dot" if split == "validation" else "solid"},
            marker={"symbol": SYMBOLS[place], "size": 9},
            customdata=rows[["stage"]],
            hovertemplate="%{customdata[0]}: %{x:.3g} % kept, %{y:.4f}",
        )
        for place, (split, rows) in enumerate(levels.groupby("split", sort=False))
    ]


def _dense_lines(levels: pd.DataFrame, lowest: float) -> list[go.Scatter]:
    dense = levels[(levels["stage"] == "dense") & (levels["split"] != "validation")]
    return [
        go.Scatter(
            x=[100, lowest],
            y=[row.value, row.value],
            name=f"dense model, {row.split}",
            legendgroup=f"dense {row.split}",
            mode="lines",
            line={"color": INK, "width": 1, "dash": "dash"},
            hovertemplate=f"dense: {row.value:.4f}",
        )
        for row in dense.itertuples()
    ]


def weights_kept_axis() -> dict:
    """The axis of all figures in which sparsity increases to the right."""
    return {
        "title_text": "weights kept, % (log scale)",
        "type": "log",
        "autorange": "reversed",
        "tickvals": _TICKS,
        "ticktext": [f"{tick:g}" for tick in _TICKS],
    }


def published_marks(published: pd.DataFrame) -> list[go.Scatter]:
    """Open grey diamonds for the published figures of a task and metric; none if there are no figures."""
    if published.empty:
        return []
    return [
        go.Scatter(
            x=100 * published["kept_share"],
            y=published["value"],
            name=PUBLISHED,
            legendgroup=PUBLISHED,
            mode="markers+text",
            text=published["method"],
            textposition=_label_positions(published),
            textfont={"color": MUTED, "size": 11},
            marker={"symbol": "diamond-open", "size": 10, "color": MUTED},
            customdata=published[["source"]],
            hovertemplate="%{text}: %{x:.3g} % kept, %{y:.3f}<br>%{customdata[0]}",
            cliponaxis=False,
        )
    ]


def _label_positions(published: pd.DataFrame) -> list[str]:
    """Above a point, or below it if there is another point above it."""
    highest = published.groupby("kept_share")["value"].transform("max")
    return ["top center" if top else "bottom center" for top in published["value"] == highest]
