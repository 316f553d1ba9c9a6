"""A map of masks."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench.figures.style import BLUE, INK, MUTED, TEMPLATE, VERMILION


def mask_map(places: pd.DataFrame, sampled: bool = True) -> go.Figure:
    """Masks as points whose distances are near their Jaccard distances, the first one marked by a star.

    The dotted circle is where the others would lie if two dimensions were enough to show their distances
    from the first.

    Args:
        places: `analysis.mask_map`, the magnitude mask first.
        sampled: whether the masks exist; places that are only expected are drawn open.
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
