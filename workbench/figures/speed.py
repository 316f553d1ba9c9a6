"""How long forward passes take, beside what people use."""

import pandas as pd
import plotly.graph_objects as go

from workbench.analysis.speed import REFERENCE
from workbench.figures.style import CYCLE, INK, MUTED, TEMPLATE


def speed_by_shape(rows: pd.DataFrame) -> go.Figure:
    """How many times as fast as float32 in torch each contestant is, a group of bars for each shape.

    Args:
        rows: `analysis.speed.speed_rows`.
    """
    figure = go.Figure()
    colours = dict(
        zip([name for name in rows["contestant"].unique() if name != REFERENCE], CYCLE, strict=False)
    )
    for name, own in rows.groupby("contestant", sort=False):
        if name == REFERENCE:
            continue
        figure.add_bar(
            x=own["shape"],
            y=own["times_as_fast"],
            name=name,
            marker_color=colours[name],
            customdata=own["milliseconds"],
            hovertemplate="%{x}: %{customdata:.3g} ms, %{y:.2f} times as fast",
        )
    figure.add_hline(y=1, line={"color": INK, "dash": "dash", "width": 1})
    figure.update_layout(template=TEMPLATE, barmode="group", bargap=0.25)
    figure.update_xaxes(title_text="examples x tokens in a batch", type="category", linecolor=MUTED)
    figure.update_yaxes(title_text=f"speed<br>(times that of {REFERENCE})", rangemode="tozero")
    return figure
