"""Tables of shares as heat maps."""

from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.figures.style import SCALE, TEMPLATE, matrix_title

# Beyond this a figure slows a browser down and shows no more.
MOST_CELLS = 64
_ANNOTATED = 12
# Labels with more letters do not fit side by side.
_SHORT = 4


def layer_heatmap(layers: pd.DataFrame) -> go.Figure:
    """Sparsity of each matrix, layers downwards and types of matrix across.

    Args:
        layers: `analysis.layer_table` of a mask.
    """
    table = 100 * layers
    figure = heatmap(
        table.rename(columns=matrix_title),
        limits=_limits(table),
        unit="removed, % of the matrix",
        hover="layer %{y}, %{x}: %{z:.2f} % removed<extra></extra>",
        text="%{z:.1f}",
    )
    figure.update_xaxes(title_text="type of matrix")
    figure.update_yaxes(title_text="layer (number)")
    return figure.update_layout(height=100 + max(220, 34 * min(len(table), MOST_CELLS)))


def overlap_heatmap(overlaps: pd.DataFrame, title: str = "candidate (number)") -> go.Figure:
    """Pairwise overlap of masks.

    Args:
        overlaps: `analysis.pool_overlap`, or any symmetric table of Jaccard indices.
        title: what its rows and columns are.
    """
    others = overlaps.to_numpy()[~np.eye(len(overlaps), dtype=bool)]
    lowest = float(np.nanmin(others)) if np.isfinite(others).any() else 1.0
    figure = heatmap(
        overlaps,
        # The diagonal is 1 by definition; the scale starts just below the least overlap.
        limits=(min(0.95, np.floor(lowest * 20) / 20), 1.0),
        unit="Jaccard index",
        hover="%{y} and %{x}: %{z:.4f}<extra></extra>",
        text="%{z:.3f}",
    )
    longest = max(len(str(name)) for name in overlaps)
    figure.update_xaxes(title_text=title, tickangle=30 if longest > _SHORT else 0)
    figure.update_yaxes(title_text=title)
    labels = 5 * longest  # they stand aslant below the map
    return figure.update_layout(height=100 + labels + max(220, 34 * min(len(overlaps), _ANNOTATED)))


def engine_heatmap(shares: pd.DataFrame, title: str) -> go.Figure:
    """Sparsity of each part of a model, engines downwards and parts across.

    Args:
        shares: `analysis.sparsity_by_engine`.
        title: what its columns are.
    """
    table = 100 * shares
    figure = heatmap(
        table.rename(columns=lambda part: matrix_title(str(part))),
        limits=_limits(table),
        unit="removed, %",
        hover="%{y}, %{x}: %{z:.2f} % removed<extra></extra>",
        text="%{z:.1f}",
    )
    figure.update_xaxes(title_text=title)
    figure.update_yaxes(title_text="engine")
    return figure.update_layout(height=140 + max(120, 34 * min(len(table), MOST_CELLS)))


def _limits(table: pd.DataFrame) -> tuple[float, float]:
    """Ends of a scale of per cent: at least five points to either side of the mean.

    Otherwise differences by rounding would look like structure.
    """
    middle = float(np.nanmean(table.to_numpy()))
    reach = max(5.0, float(np.nanmax(np.abs(table.to_numpy() - middle))))
    return max(0.0, middle - reach), min(100.0, middle + reach)


def heatmap(
    table: pd.DataFrame, *, limits: tuple[float, float], unit: str, hover: str, text: str
) -> go.Figure:
    """A table of numbers in shades, with the numbers where there are few.

    Args:
        table: its labels are those of the axes.
        limits: the ends of the scale.
        unit: of the numbers, beside the scale.
        hover: plotly's template of what a cell says.
        text: plotly's template of the number in a cell.
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
            texttemplate=text if max(table.shape) <= _ANNOTATED else None,
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
    """At most `MOST_CELLS` rows and columns: means over blocks of neighbours, labelled by first and last."""
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
