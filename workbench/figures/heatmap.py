"""A table of numbers as a heat map."""

from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.figures.style import SCALE, TEMPLATE

# More cells slow a browser down and show nothing more.
MOST_CELLS = 64
# Up to this many rows and columns, cells contain their numbers.
ANNOTATED = 12


def heatmap(
    table: pd.DataFrame, *, limits: tuple[float, float], unit: str, hover: str, text: str
) -> go.Figure:
    """A table of numbers in shades of a colour, with the numbers if there are few.

    Args:
        table: its labels become those of the axes.
        limits: ends of the colour scale.
        unit: of the numbers, shown beside the scale.
        hover: plotly's template for the text of a cell under the pointer.
        text: plotly's template for the number in a cell.
    """
    table = pooled(table)
    return go.Figure(
        go.Heatmap(
            z=table.to_numpy(),
            x=[escape(str(label)) for label in table.columns],
            y=[escape(str(label)) for label in table.index],
            zmin=limits[0],
            zmax=limits[1],
            colorscale=SCALE,
            colorbar={
                "title": {"text": unit, "side": "right", "font": {"size": 14}},
                "outlinewidth": 0,
                "thickness": 14,
            },
            hovertemplate=hover,
            texttemplate=text if max(table.shape) <= ANNOTATED else None,
            xgap=1,
            ygap=1,
        ),
        layout={
            "template": TEMPLATE,
            "xaxis": {"type": "category", "showgrid": False},
            "yaxis": {"type": "category", "showgrid": False, "autorange": "reversed"},
        },
    )


def pooled(table: pd.DataFrame) -> pd.DataFrame:
    """At most `MOST_CELLS` rows and columns: means of adjacent blocks, labelled by first and last label."""
    for _ in range(2):
        table = _pooled_rows(table).T
    return table


def _pooled_rows(table: pd.DataFrame) -> pd.DataFrame:
    if len(table) <= MOST_CELLS:
        return table
    blocks = np.array_split(np.arange(len(table)), MOST_CELLS)
    rows = [table.iloc[block].mean() for block in blocks]
    ends = [(str(table.index[block[0]]), str(table.index[block[-1]])) for block in blocks]
    labels = [first if first == last else f"{first} to {last}" for first, last in ends]
    return pd.DataFrame(rows, index=labels)
