"""How far the masks of a pool are from the magnitude mask."""

import pandas as pd
import plotly.graph_objects as go

from workbench.figures.style import CYCLE, INK, MUTED, SYMBOLS, TEMPLATE, VERMILION


def distance_from_magnitude(pool: pd.DataFrame, expected: float | None = None) -> go.Figure:
    """Each candidate's distance from the magnitude mask, coloured by sampling ratio, the chosen one ringed.

    Args:
        pool: `analysis.pool_table` with distances; where they are missing, the candidates have no marks.
        expected: the distance to expect of a candidate, drawn as a dashed line, where it is known.
    """
    figure = go.Figure(layout={"template": TEMPLATE, "height": 340})
    for place, (ratio, rows) in enumerate(pool.groupby("ratio", dropna=False)):
        figure.add_trace(
            go.Scatter(
                x=rows["candidate"].astype(str),
                y=100 * rows["from_magnitude"],
                name="copy of the magnitude mask" if pd.isna(ratio) else f"sampling ratio {ratio:.2g}",
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


def _expected(pool: pd.DataFrame, distance: float) -> go.Scatter:
    return go.Scatter(
        x=pool["candidate"].astype(str),
        y=[100 * distance] * len(pool),
        name="expected",
        mode="lines",
        line={"color": MUTED, "dash": "dash"},
        hovertemplate="expected: %{y:.3f} %",
    )
