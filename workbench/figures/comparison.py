"""A metric against sparsity, engine by engine, with every seed."""

from html import escape

import pandas as pd
import plotly.graph_objects as go

from workbench.figures.levels import published_marks, weights_kept_axis
from workbench.figures.style import CYCLE, INK, SYMBOLS, TEMPLATE, metric_limits, metric_title

_DASHES = ("solid", "dot", "dash")


def metric_by_sparsity(table: pd.DataFrame, summary: pd.DataFrame, published: pd.DataFrame) -> go.Figure:
    """One line for each engine through its means, with their intervals, and a small mark for every seed.

    Args:
        table: `analysis.comparison.comparison_table` of one task and model.
        summary: `analysis.comparison.summary_table` of it.
        published: `analysis.published.published_for` the task, drawn as open grey diamonds; may be empty.
    """
    metric = table["metric"].iloc[0]
    reported = published[published["metric"] == metric]
    figure = go.Figure()
    # Sorted, so that an engine looks the same for every task with the same engines.
    for place, (engine, means) in enumerate(summary.groupby("engine")):
        style = _style(place)
        figure.add_trace(_means(engine, means, *style))
        figure.add_trace(_seeds(engine, table[table["engine"] == engine], *style))
    lowest = 100 * min([*(1 - table["sparsity"]), *reported["kept_share"]])
    figure.add_trace(_dense(table, lowest))
    figure.add_traces(published_marks(reported))
    shown = [*table["dev"], *table["dense"], *reported["value"]]
    figure.update_yaxes(title_text=metric_title(metric), range=metric_limits(shown))
    figure.update_xaxes(**weights_kept_axis())
    return figure.update_layout(template=TEMPLATE, height=480)


def _style(place: int) -> tuple[str, str, str]:
    """Colour, symbol and dash of an engine: all different for the first eighteen."""
    round_, index = divmod(place, len(CYCLE))
    return CYCLE[index], SYMBOLS[(index + round_) % len(SYMBOLS)], _DASHES[round_ % len(_DASHES)]


def _means(engine: str, means: pd.DataFrame, colour: str, symbol: str, dash: str) -> go.Scatter:
    means = means.sort_values("sparsity")
    half_width = means["high"] - means["mean"]
    return go.Scatter(
        x=100 * (1 - means["sparsity"]),
        y=means["mean"],
        error_y={"type": "data", "array": half_width, "thickness": 1.2, "width": 4},
        name=escape(engine),
        legendgroup=engine,
        mode="lines+markers",
        line={"color": colour, "dash": dash},
        marker={"symbol": symbol, "size": 9},
        customdata=means[["seeds"]],
        hovertemplate="%{x:.3g} % kept, mean of %{customdata[0]} seeds: %{y:.4f}",
    )


def _seeds(engine: str, rows: pd.DataFrame, colour: str, symbol: str, dash: str) -> go.Scatter:
    return go.Scatter(
        x=100 * (1 - rows["sparsity"]),
        y=rows["dev"],
        name=f"{escape(engine)}, each seed",
        legendgroup=engine,
        showlegend=False,
        mode="markers",
        marker={"symbol": f"{symbol}-open", "size": 6, "color": colour, "line": {"width": 1}},
        customdata=rows[["seed"]],
        hovertemplate="%{x:.3g} % kept, seed %{customdata[0]}: %{y:.4f}",
    )


def _dense(table: pd.DataFrame, lowest: float) -> go.Scatter:
    mean = table.groupby("seed")["dense"].mean().mean()
    return go.Scatter(
        x=[100, lowest],
        y=[mean, mean],
        name="dense model, mean over seeds",
        mode="lines",
        line={"color": INK, "width": 1, "dash": "dash"},
        hovertemplate=f"dense: {mean:.4f}",
    )
