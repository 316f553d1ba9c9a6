"""Do masks of a pool differ, do early scores predict final ones, and does selecting pay: one figure each."""

from collections.abc import Sequence
from html import escape

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.analysis.matched_pools import CONTROL, ORDERS, PLACE
from workbench.figures.style import BLUE, GREEN, INK, MUTED, ORANGE, TEMPLATE, VERMILION

_DESIGNS = {ORDERS: (BLUE, "circle"), CONTROL: (ORANGE, "square")}
_KINDS = {"metric": (BLUE, "circle", "solid"), "loss": (VERMILION, "square", "dash")}
_RULES = {
    "oracle": (BLUE, "circle-open"),
    "oracle in another order": (BLUE, "circle"),
    "oracle of the control": (MUTED, "circle-open"),
    "race": (VERMILION, "star"),
    "random": (GREEN, "cross"),
    "magnitude": (ORANGE, "square"),
}
_OVER = {
    "control": "the control's mean",
    "magnitude": "the magnitude mask",
    "pool": "the pool's own mean",
}
_ROW = 18
_PANEL = 190
# More panels than this are four in a row instead of two.
_MANY = 6


def setting_titles(table: pd.DataFrame) -> list[str]:
    """A short name for the setup in each row: its sparsity, and what distinguishes it.

    Args:
        table: has the columns sparsity and engine.
    """
    titles = []
    for sparsity, engine in zip(table["sparsity"], table["engine"], strict=True):
        settings = "" if engine == "randomized" else engine.removeprefix("randomized, ")
        titles.append(", ".join(filter(None, [f"{100 * sparsity:g}\N{NO-BREAK SPACE}%", settings])))
    return titles


def variance_shares(shares: pd.DataFrame) -> go.Figure:
    """A row for each setting, with the share of the variance that masks explain, and its interval.

    A mark is filled if the interval excludes zero.

    Args:
        shares: `analysis.matched_pools.share_table` of one task and model, the rows that have a share.
    """
    designs = [design for design in _DESIGNS if design in set(shares["design"])]
    figure, places = _by_setting(shares, len(designs))
    for offset, design in enumerate(designs):
        colour, symbol = _DESIGNS[design]
        rows = shares[shares["design"] == design]
        trace = _marks(rows, rows["share"].clip(0), places[rows.index] + offset, colour, design)
        symbols = [symbol if filled else f"{symbol}-open" for filled in rows["low"] > 0]
        figure.add_trace(trace.update(marker={"symbol": symbols}))
    return figure.update_xaxes(title_text="share of variance<br>that masks explain", range=(-0.02, 1.02))


def early_correlations(correlations: pd.DataFrame) -> go.Figure:
    """A panel for each setting: rank correlation of early with final scores against the early length.

    Bands are 95 % intervals.

    Args:
        correlations: `analysis.matched_pools.correlation_table` of one task and model.
    """
    panels = list(correlations.groupby(PLACE, sort=False, dropna=False))
    columns = min(len(panels), 4 if len(panels) > _MANY else 2)
    rows = -(-len(panels) // columns)
    height = 80 + _PANEL * rows
    figure = make_subplots(
        rows=rows,
        cols=columns,
        shared_yaxes=True,
        horizontal_spacing=0.04,
        vertical_spacing=80 / (_PANEL * rows) if rows > 1 else 0,
        subplot_titles=[escape(setting_titles(part[:1])[0]).replace(", ", "<br>", 1) for _, part in panels],
    )
    figure.update_annotations(font_size=11)
    for place, (_, part) in enumerate(panels):
        cell = {"row": place // columns + 1, "col": place % columns + 1}
        for kind, curve in part.groupby("kind"):
            for trace in _curve(kind, curve.sort_values("step"), named=place == 0):
                figure.add_trace(trace, **cell)
    figure.update_xaxes(rangemode="tozero", nticks=5)
    figure.update_xaxes(title_text="early steps", row=rows)
    figure.update_yaxes(title_text="rank correlation", col=1)
    figure.update_yaxes(range=(-1.05, 1.05))
    figure.add_hline(y=0, line={"color": INK, "dash": "dash", "width": 1})
    figure.update_layout(template=TEMPLATE, height=height, margin={"t": 80})
    return figure.update_layout(legend={"y": 1 + 46 / height})


def gains(gains: pd.DataFrame, metric: str) -> go.Figure:
    """Rows for each setting, with what each rule of choosing a mask would have gained.

    Args:
        gains: `analysis.matched_pools.gain_table` of one task and model.
        metric: its name.
    """
    rules = [rule for rule in _RULES if rule in set(gains["rule"])]
    several = gains["over"].nunique() > 1
    suffixes = [f", over {_OVER[over]}" for over in gains["over"]] if several else None
    figure, places = _by_setting(gains, len(rules), suffixes)
    for offset, rule in enumerate(rules):
        colour, symbol = _RULES[rule]
        rows = gains[gains["rule"] == rule]
        trace = _marks(rows, rows["gain"], places[rows.index] + offset, colour, rule)
        figure.add_trace(trace.update(marker={"symbol": symbol}))
    figure.add_vline(x=0, line={"color": INK, "dash": "dash", "width": 1})
    over = "" if several else f"<br>over {over_what(gains)}"
    return figure.update_xaxes(title_text=f"gain in {metric}{over}")


def over_what(gains: pd.DataFrame) -> str:
    """What the gains of a setting are measured from, in words."""
    return _OVER[gains["over"].iloc[0]]


def _by_setting(
    table: pd.DataFrame, marks: int, suffixes: Sequence[str] | None = None
) -> tuple[go.Figure, pd.Series]:
    """A figure with a band of rows for each setting, and the first of them for each row of the table."""
    names, band = setting_titles(table), max(3, marks + 1)
    if suffixes:
        names = [name + suffix for name, suffix in zip(names, suffixes, strict=True)]
    order = list(dict.fromkeys(names))
    places = pd.Series([order.index(name) * band for name in names], index=table.index)
    figure = go.Figure(layout={"template": TEMPLATE, "height": 120 + _ROW * band * len(order)})
    figure.update_yaxes(
        tickvals=[place * band + (marks - 1) / 2 for place in range(len(order))],
        ticktext=[escape(name).replace(", ", "<br>") for name in order],
        range=((len(order) - 1) * band + marks, -1),
        showgrid=False,
        title_text="sparsity, setting",
    )
    return figure, places


def _marks(
    rows: pd.DataFrame, values: pd.Series, places: Sequence[float], colour: str, name: str
) -> go.Scatter:
    return go.Scatter(
        x=values,
        y=places,
        name=name,
        mode="markers",
        marker={"size": 10, "color": colour},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": rows["high"] - values,
            "arrayminus": values - rows["low"],
            "color": colour,
            "thickness": 1.2,
            "width": 3,
        },
        customdata=rows[["low", "high", "distance"]],
        hovertemplate=(
            "%{x:.4f}, %{customdata[0]:.4f} to %{customdata[1]:.4f}<br>"
            "%{customdata[2]:.1%} of the kept weights outside the magnitude mask"
        ),
    )


def _curve(kind: str, curve: pd.DataFrame, named: bool) -> list[go.Scatter]:
    """The band of an interval, and the line on it."""
    colour, symbol, dash = _KINDS[kind]
    steps = [*curve["step"], *curve["step"][::-1]]
    band = go.Scatter(
        x=steps,
        y=[*curve["high"], *curve["low"][::-1]],
        fill="toself",
        fillcolor=colour,
        opacity=0.14,
        mode="none",
        legendgroup=kind,
        showlegend=False,
        hoverinfo="skip",
    )
    alone = len(curve) == 1  # then the band has no area
    line = go.Scatter(
        x=curve["step"],
        y=curve["rho"],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": curve["high"] - curve["rho"],
            "arrayminus": curve["rho"] - curve["low"],
            "visible": alone,
        },
        name=f"early {kind}",
        legendgroup=kind,
        showlegend=named,
        mode="lines+markers",
        line={"color": colour, "dash": dash},
        marker={"symbol": symbol, "size": 7},
        customdata=curve[["low", "high", "pools"]],
        hovertemplate=(
            "step %{x}: %{y:.2f}, %{customdata[0]:.2f} to %{customdata[1]:.2f}; pools: %{customdata[2]}"
        ),
    )
    return [band, line]
