"""A metric and training diagnostics against the length of training."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.figures.style import CYCLE, SYMBOLS, TEMPLATE, metric_limits, metric_title, value_limits

_DIAGNOSTICS = {
    "train_loss": "training loss without dropout",
    "train_entropy": "output entropy on train (nats)",
    "validation_entropy": "output entropy on validation (nats)",
}


def metric_by_length(table: pd.DataFrame, means: pd.DataFrame, metric: str) -> go.Figure:
    """A dev metric against training length, one curve for each sparsity; a ring marks its best length.

    Args:
        table: `analysis.training_length.training_length_table`; every run is a small mark.
        means: `analysis.training_length.mean_by_length` of it, drawn as curves.
        metric: its name.
    """
    figure = go.Figure()
    for place, (sparsity, curve) in enumerate(means.groupby("sparsity")):
        colour, symbol, label = _style(place, sparsity)
        seeds = table[table["sparsity"] == sparsity]
        figure.add_trace(_marks(seeds, colour, symbol, label))
        figure.add_trace(_line(curve, "metric", colour, symbol, label))
        figure.add_trace(_ring(curve[curve["best"]], colour, label))
    _lengths_axis(figure, "passes over the training split (log scale)", means["epochs"])
    figure.update_yaxes(title_text=metric_title(metric), range=metric_limits(table["metric"]))
    return figure.update_layout(template=TEMPLATE, height=440)


def diagnostics_by_length(means: pd.DataFrame) -> go.Figure:
    """Training loss and output entropies against training length, one curve for each sparsity.

    Args:
        means: `analysis.training_length.mean_by_length`; diagnostics that it lacks have no panel.
    """
    panels = {name: title for name, title in _DIAGNOSTICS.items() if means[name].notna().any()}
    figure = make_subplots(rows=1, cols=max(1, len(panels)), horizontal_spacing=0.12)
    for column, (name, title) in enumerate(panels.items(), start=1):
        for place, (sparsity, curve) in enumerate(means.groupby("sparsity")):
            line = _line(curve, name, *_style(place, sparsity))
            figure.add_trace(line.update(showlegend=column == 1), row=1, col=column)
        figure.update_yaxes(title_text=title, range=value_limits(means[name].dropna()), row=1, col=column)
    _lengths_axis(figure, "passes over train (log)", means["epochs"])
    return figure.update_layout(template=TEMPLATE, height=360)


def _lengths_axis(figure: go.Figure, title: str, epochs: pd.Series) -> None:
    figure.update_xaxes(title_text=title, type="log")
    if epochs.max() >= 5 * epochs.min():  # otherwise plotly writes 0.4 as a small 4
        figure.update_xaxes(dtick="D2", tickformat="~g")


def _style(place: int, sparsity: float) -> tuple[str, str, str]:
    return CYCLE[place % len(CYCLE)], SYMBOLS[place % len(SYMBOLS)], f"{100 * sparsity:g} % removed"


def _line(curve: pd.DataFrame, name: str, colour: str, symbol: str, label: str) -> go.Scatter:
    return go.Scatter(
        x=curve["epochs"],
        y=curve[name],
        name=label,
        legendgroup=label,
        mode="lines+markers",
        line={"color": colour},
        marker={"symbol": symbol, "size": 9},
        customdata=curve[["optimizer_steps", "seeds"]],
        hovertemplate="%{y:.4f} after %{x:.3g} epochs, %{customdata[0]:,} steps; seeds: %{customdata[1]}",
    )


def _marks(runs: pd.DataFrame, colour: str, symbol: str, label: str) -> go.Scatter:
    return go.Scatter(
        x=runs["epochs"],
        y=runs["metric"],
        legendgroup=label,
        showlegend=False,
        mode="markers",
        marker={"symbol": symbol, "size": 5, "color": colour, "opacity": 0.45},
        customdata=runs[["seed"]],
        hovertemplate="seed %{customdata[0]}: %{y:.4f}",
    )


def _ring(best: pd.DataFrame, colour: str, label: str) -> go.Scatter:
    return go.Scatter(
        x=best["epochs"],
        y=best["metric"],
        legendgroup=label,
        showlegend=False,
        mode="markers",
        marker={"symbol": "circle-open", "size": 20, "color": colour, "line": {"width": 2}},
        hovertemplate="best length of this sparsity: %{x:.3g} epochs",
    )
