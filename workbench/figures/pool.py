"""The masks of a pool: their distance from the magnitude mask, their union, and where they disagree."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.figures.heatmap import heatmap
from workbench.figures.style import (
    BLUE,
    CYCLE,
    GREEN,
    INK,
    MUTED,
    SYMBOLS,
    TEMPLATE,
    VERMILION,
    matrix_title,
)

_LINES = {"union": (BLUE, "circle"), "intersection": (GREEN, "square")}
_UNIT = "differing, % of weights"


def distance_from_magnitude(pool: pd.DataFrame, expected: float | None = None) -> go.Figure:
    """Each candidate's distance from the magnitude mask, coloured by sampling ratio, the chosen one ringed.

    Args:
        pool: `analysis.pool.pool_table`; candidates without a distance get no mark.
        expected: the expected distance, drawn as a dashed line; None if it is unknown.
    """
    figure = go.Figure(layout={"template": TEMPLATE, "height": 340})
    pool = pool.sort_values("ratio", kind="stable")
    kinds = pool.apply(_kind, axis="columns", result_type="reduce")
    for place, (kind, rows) in enumerate(pool.groupby(kinds, sort=False)):
        figure.add_trace(
            go.Scatter(
                x=rows["candidate"].astype(str),
                y=100 * rows["from_magnitude"],
                name=kind,
                mode="markers",
                marker={
                    "size": 11,
                    "color": CYCLE[place % len(CYCLE)],
                    "symbol": SYMBOLS[place % len(SYMBOLS)],
                },
                hovertemplate="candidate %{x}: %{y:.2f} %",
                cliponaxis=False,
            )
        )
    if expected is not None:
        figure.add_trace(_expected(pool, expected))
    if pool["chosen"].any():
        figure.add_trace(_chosen(pool[pool["chosen"]]))
    order = [str(candidate) for candidate in pool["candidate"]]
    figure.update_xaxes(
        title_text="candidate (number)", type="category", categoryorder="array", categoryarray=order
    )
    figure.update_yaxes(
        title_text="kept weights outside the<br>magnitude mask, % of the kept", rangemode="tozero", color=INK
    )
    return figure


def pool_growth(expected: pd.DataFrame | None, sampled: pd.DataFrame | None, numel: int) -> go.Figure:
    """Union and intersection of the first n masks: expected values as dashed lines, counts as marks.

    Args:
        expected: `growth` of an `ExpectedPool`; None if there are no expected values.
        sampled: the same of a `SampledPool`; None if nothing is sampled yet.
        numel: number of prunable weights of the model.
    """
    masks = len(sampled if expected is None else expected)
    figure = go.Figure(layout={"template": TEMPLATE, "height": 400})
    for name, (colour, symbol) in _LINES.items():
        if expected is not None:
            line = {"mode": "lines", "line": {"color": colour, "dash": "dash", "width": 1.5}}
            hover = "%{x} masks: %{y:.3f} %"
            figure.add_trace(_share(expected[name], numel, f"{name}, expected", hover, line))
        if sampled is not None:
            marks = {"mode": "markers", "marker": {"color": colour, "symbol": symbol, "size": 9}}
            hover = "%{x} masks: %{customdata[0]:,} weights, %{y:.3f} %"
            figure.add_trace(_share(sampled[name], numel, f"{name}, sampled", hover, marks))
    figure.update_xaxes(title_text="masks in the pool (number)", dtick=max(1, masks // 8))
    figure.update_yaxes(title_text="weights kept, % of all", rangemode="tozero")
    return figure


def disagreement_by_layer(layers: pd.DataFrame) -> go.Figure:
    """Share of each matrix's weights on which two masks differ, by layer (rows) and type (columns).

    Args:
        layers: `analysis.layers.by_layer` of the `disagreement` of a pool.
    """
    table = 100 * layers
    figure = heatmap(
        table.rename(columns=matrix_title),
        limits=(0.0, _highest(table)),
        unit=_UNIT,
        hover="layer %{y}, %{x}: two masks differ on %{z:.3f} %<extra></extra>",
        text="%{z:.2f}",
    )
    figure.update_xaxes(title_text="type of matrix")
    return figure.update_yaxes(title_text="layer (number)").update_layout(height=400)


def disagreement_cells(cells: np.ndarray, shape: tuple[int, int]) -> go.Figure:
    """Share of the weights on which two masks differ, in cells of one matrix.

    Args:
        cells: the `cells` of a pool, at most 64 x 64.
        shape: rows and columns of the matrix.
    """
    steps = [length / count for length, count in zip(shape, cells.shape, strict=True)]
    labels = [[str(int(step * i)) for i in range(n)] for step, n in zip(steps, cells.shape, strict=True)]
    table = pd.DataFrame(100 * cells, index=labels[0], columns=labels[1])
    figure = heatmap(
        table,
        limits=(0.0, _highest(table)),
        unit=_UNIT,
        hover="rows from %{y}, columns from %{x}: two masks differ on %{z:.3f} %<extra></extra>",
        text="",
    )
    figure.update_traces(xgap=0, ygap=0, texttemplate=None)
    figure.update_xaxes(title_text="first column of a cell (input)", nticks=8)
    figure.update_yaxes(title_text="first row of a cell (output)", nticks=8)
    return figure.update_layout(height=400)


def _chosen(rows: pd.DataFrame) -> go.Scatter:
    return go.Scatter(
        x=rows["candidate"].astype(str),
        y=100 * rows["from_magnitude"],
        name="chosen",
        mode="markers",
        marker={"size": 20, "symbol": "circle-open", "color": VERMILION, "line": {"width": 2.5}},
        hoverinfo="skip",
        cliponaxis=False,
    )


def _kind(candidate: pd.Series) -> str:
    """How a candidate's mask was made; samplers other than the paper's have no ratio."""
    if not pd.isna(candidate["ratio"]):
        return f"sampling ratio {candidate['ratio']:.2g}"
    return "copy of the magnitude mask" if candidate["from_magnitude"] == 0 else "sampled without a ratio"


def _expected(pool: pd.DataFrame, distance: float) -> go.Scatter:
    return go.Scatter(
        x=pool["candidate"].astype(str),
        y=[100 * distance] * len(pool),
        name="expected",
        mode="lines",
        line={"color": MUTED, "dash": "dash"},
        hovertemplate="expected: %{y:.3f} %",
    )


def _share(weights: pd.Series, numel: int, name: str, hover: str, style: dict) -> go.Scatter:
    """Numbers of weights by number of masks, as shares of all weights."""
    return go.Scatter(
        x=list(weights.index),
        y=100 * weights / numel,
        name=name,
        customdata=weights.to_frame(),
        hovertemplate=hover,
        **style,
    )


def _highest(table: pd.DataFrame) -> float:
    return max(float(np.nanmax(table.to_numpy())), 1e-3)
