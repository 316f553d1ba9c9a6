"""How much masks have in common: as a heat map, and as a map in two dimensions."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.figures.heatmap import ANNOTATED, heatmap
from workbench.figures.style import BLUE, INK, MUTED, TEMPLATE, VERMILION

# Longer labels do not fit side by side.
_SHORT = 4


def overlap_heatmap(overlaps: pd.DataFrame, title: str = "candidate (number)") -> go.Figure:
    """Pairwise overlap of masks.

    Args:
        overlaps: any symmetric table of Jaccard indices, such as `analysis.overlap.pool_overlap`.
        title: of both axes.
    """
    others = overlaps.to_numpy()[~np.eye(len(overlaps), dtype=bool)]
    lowest = float(np.nanmin(others)) if np.isfinite(others).any() else 1.0
    figure = heatmap(
        overlaps,
        # The diagonal is 1 by definition; the scale starts just below the smallest overlap.
        limits=(min(0.95, np.floor(lowest * 20) / 20), 1.0),
        unit="Jaccard index",
        hover="%{y} and %{x}: %{z:.4f}<extra></extra>",
        text="%{z:.3f}",
    )
    longest = max(len(str(name)) for name in overlaps)
    figure.update_xaxes(title_text=title, tickangle=30 if longest > _SHORT else 0)
    figure.update_yaxes(title_text=title)
    labels = 5 * longest  # they are slanted below the map
    return figure.update_layout(height=100 + labels + max(220, 34 * min(len(overlaps), ANNOTATED)))


def mask_map(places: pd.DataFrame, sampled: bool = True) -> go.Figure:
    """Masks as points whose distances approximate their Jaccard distances; the first one is a star.

    The dotted circle shows the mean distance of the others from the first, which two dimensions cannot always
    show exactly.

    Args:
        places: `analysis.overlap.mask_map`, with the magnitude mask first.
        sampled: whether the masks exist; expected places are drawn as open circles.
    """
    others = places.iloc[1:]
    radius = others["distance"].mean()
    reach = 1.25 * max(places[["x", "y"]].abs().to_numpy().max(), radius, 1e-6)
    angles = np.linspace(0, 2 * np.pi, 121)
    figure = go.Figure(layout={"template": TEMPLATE, "height": 400})
    figure.add_traces(
        [
            go.Scatter(
                x=radius * np.cos(angles),
                y=radius * np.sin(angles),
                name="mean distance",
                mode="lines",
                line={"color": MUTED, "dash": "dot", "width": 1.5},
                hoverinfo="skip",
            ),
            go.Scatter(
                x=others["x"],
                y=others["y"],
                name="sampled" if sampled else "expected",
                mode="markers+text",
                text=list(others.index),
                textposition="top center",
                textfont={"color": INK, "size": 11},
                marker={"symbol": "circle" if sampled else "circle-open", "size": 10, "color": BLUE},
                customdata=others[["distance"]],
                hovertemplate="mask %{text}: %{customdata[0]:.4f} from the magnitude mask",
            ),
            go.Scatter(
                x=places["x"].iloc[:1],
                y=places["y"].iloc[:1],
                name="magnitude mask",
                mode="markers",
                marker={"symbol": "star", "size": 16, "color": VERMILION},
                hovertemplate="magnitude mask",
            ),
        ]
    )
    figure.update_xaxes(title_text="Jaccard distance, first dimension", range=[-reach, reach])
    figure.update_yaxes(
        title_text="Jaccard distance, second dimension", range=[-reach, reach], scaleanchor="x"
    )
    return figure
