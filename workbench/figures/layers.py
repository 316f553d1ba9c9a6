"""Heat maps of sparsity by layer and by type of matrix."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.figures.heatmap import MOST_CELLS, heatmap
from workbench.figures.style import matrix_title


def layer_heatmap(layers: pd.DataFrame) -> go.Figure:
    """Sparsity of each matrix, by layer (rows) and type of matrix (columns).

    Args:
        layers: `analysis.layers.layer_table` of a mask.
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


def engine_heatmap(shares: pd.DataFrame, title: str) -> go.Figure:
    """Sparsity of each part of a model, by engine (rows) and part (columns).

    Args:
        shares: a table of `analysis.layers.sparsity_by_engine`.
        title: of the axis of its columns.
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
    """Ends of a percentage scale: at least five points to either side of the mean.

    Otherwise rounding differences would look like structure.
    """
    middle = float(np.nanmean(table.to_numpy()))
    reach = max(5.0, float(np.nanmax(np.abs(table.to_numpy() - middle))))
    return max(0.0, middle - reach), min(100.0, middle + reach)
