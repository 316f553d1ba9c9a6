"""The magnitudes of a matrix's weights, and which of them masks keep."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.figures.style import BLUE, INK, MUTED, TEMPLATE, VERMILION

_OCTAVES = 7
_BINS_AN_OCTAVE = 16
_SELDOM = 0.01


def magnitude_histogram(magnitudes: pd.DataFrame, threshold: float) -> go.Figure:
    """How many weights have which magnitude, and how many of them a sampled mask keeps.

    The shaded band is where sampling differs from magnitude: there a weight's chance to be kept is between
    1 and 99 %. Left of the dashed line magnitude pruning removes every weight, right of it none.

    Args:
        magnitudes: `analysis.ExpectedPool.magnitudes` of a matrix.
        threshold: the smallest magnitude that magnitude pruning keeps; 0 where it keeps zeros too.
    """
    table = _coarse(magnitudes)
    figure = go.Figure(layout={"template": TEMPLATE, "height": 400})
    figure.add_traces(
        [
            _area(table, table["weights"], "all weights", MUTED, "rgba(138, 147, 156, 0.25)"),
            _area(table, table["kept"], "kept by a sampled mask", BLUE, "rgba(0, 114, 178, 0.45)"),
        ]
    )
    left, right = np.log2(table["low"].iloc[0]), np.log2(table["high"].iloc[-1])
    ticks = np.arange(np.ceil(left), right + 1e-9)
    figure.update_xaxes(
        title_text="magnitude of a weight (log scale)",
        range=[left, right],
        tickvals=ticks,
        ticktext=[f"{2.0**tick:.2g}" for tick in ticks],
    )
    figure.update_yaxes(title_text="weights in an octave (number)", rangemode="tozero")
    drawn = table[(table["chance"] > _SELDOM) & (table["chance"] < 1 - _SELDOM)]
    if len(drawn):
        ends = np.log2([drawn["low"].iloc[0], drawn["high"].iloc[-1]])
        figure.add_vrect(*ends, fillcolor="#E69F00", opacity=0.18, line_width=0, layer="below")
    if threshold > 0:
        figure.add_vline(np.log2(threshold), line={"color": VERMILION, "dash": "dash", "width": 2})
    figure.add_traces([_key("threshold of magnitude", VERMILION, "dash"), _key("decided by lot", "#E69F00")])
    return figure.update_layout(font_color=INK)


def _coarse(magnitudes: pd.DataFrame) -> pd.DataFrame:
    """The upper octaves in about sixteen bins each: smaller weights are alike, few, and never kept."""
    octaves = np.log2(magnitudes["high"] / magnitudes["low"])
    together = max(1, round(1 / (_BINS_AN_OCTAVE * octaves.iloc[-_BINS_AN_OCTAVE:].mean())))
    place = np.arange(len(magnitudes))[::-1] // together
    kept = magnitudes.assign(kept=magnitudes["weights"] * magnitudes["chance"])
    table = kept.groupby(place, sort=False).agg(
        low=("low", "first"), high=("high", "last"), weights=("weights", "sum"), kept=("kept", "sum")
    )
    table["chance"] = table["kept"] / table["weights"].clip(lower=1)
    table["middle"] = np.sqrt(table["low"] * table["high"])
    table[["weights", "kept"]] = table[["weights", "kept"]].div(np.log2(table["high"] / table["low"]), axis=0)
    return table[table["high"] > table["high"].iloc[-1] / 2**_OCTAVES].reset_index(drop=True)


def _area(table: pd.DataFrame, values: pd.Series, name: str, colour: str, fill: str) -> go.Scatter:
    return go.Scatter(
        x=np.log2(table["middle"]),
        y=values,
        name=name,
        mode="lines",
        line={"color": colour, "width": 1.5},
        fill="tozeroy",
        fillcolor=fill,
        customdata=np.column_stack([table["middle"], 100 * table["chance"]]),
        hovertemplate="%{customdata[0]:.3g}: kept with a chance of %{customdata[1]:.3g} %",
    )


def _key(name: str, colour: str, dash: str = "solid") -> go.Scatter:
    """An entry in the legend for a shape, which has none of its own."""
    line = {"color": colour, "dash": dash, "width": 2 if dash == "dash" else 8}
    return go.Scatter(x=[None], y=[None], name=name, mode="lines", line=line)
