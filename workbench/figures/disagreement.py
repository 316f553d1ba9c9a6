"""Where the masks of a pool disagree."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.figures.heatmaps import heatmap
from workbench.figures.style import matrix_title

_UNIT = "differing, % of weights"


def disagreement_by_layer(layers: pd.DataFrame) -> go.Figure:
    """Share of each matrix's weights on which two masks differ, layers downwards and types across.

    Args:
        layers: `analysis.by_layer` of the `disagreement` of a pool.
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
        cells: `cells` of a pool, at most 64 x 64.
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


def _highest(table: pd.DataFrame) -> float:
    return max(float(np.nanmax(table.to_numpy())), 1e-3)
