"""The magnitudes of a matrix's weights, and which of them masks keep."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.figures.style import BLUE, INK, MUTED, TEMPLATE, VERMILION

_OCTAVES = 7
_BINS_AN_OCTAVE = 16
_NEGLIGIBLE = 0.01


def magnitude_histogram(magnitudes: pd.DataFrame, threshold: float) -> go.Figure:
    """The distribution of magnitudes, and how many weights a sampled mask keeps at each.

    In the shaded band, sampling differs from magnitude pruning: a weight is kept with a probability between
    1 and 99 %. Magnitude pruning removes every weight left of the dashed line and none right of it.

    Args:
        magnitudes: `ExpectedPool.magnitudes` or `SampledPool.magnitudes` of a matrix; empty if all its
            weights are zero, and then nothing is drawn.
        threshold: the smallest magnitude that magnitude pruning keeps; 0 if it also keeps zeros, or if there
            is no such threshold.
    """
    figure = go.Figure(layout={"template": TEMPLATE, "height": 400})
    if magnitudes.empty:
        return figure.update_xaxes(title_text="all weights of this matrix are zero")
    table = _coarse(magnitudes)
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
    random = table[(table["chance"] > _NEGLIGIBLE) & (table["chance"] < 1 - _NEGLIGIBLE)]
    if len(random):
        ends = np.log2([random["low"].iloc[0], random["high"].iloc[-1]])
        figure.add_vrect(*ends, fillcolor="#E69F00", opacity=0.18, line_width=0, layer="below")
    if threshold > 0:
        figure.add_vline(np.log2(threshold), line={"color": VERMILION, "dash": "dash", "width": 2})
        figure.add_trace(_key("magnitude threshold", VERMILION, "dash"))
    figure.add_trace(_key("kept at random", "#E69F00"))
    return figure.update_layout(font_color=INK)


def _coarse(magnitudes: pd.DataFrame) -> pd.DataFrame:
    """The highest octaves, about sixteen bins each; smaller weights are few and never kept."""
    octaves = np.log2(magnitudes["high"] / magnitudes["low"])
    merged = max(1, round(1 / (_BINS_AN_OCTAVE * octaves.iloc[-_BINS_AN_OCTAVE:].mean())))
    place = np.arange(len(magnitudes))[::-1] // merged
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
        hovertemplate="%{customdata[0]:.3g}: kept with probability %{customdata[1]:.3g} %",
    )


def _key(name: str, colour: str, dash: str = "solid") -> go.Scatter:
    """A legend entry for a shape, because plotly makes none."""
    line = {"color": colour, "dash": dash, "width": 2 if dash == "dash" else 8}
    return go.Scatter(x=[None], y=[None], name=name, mode="lines", line=line)
