"""The errors of two runs on the same examples, against each other."""

from html import escape

import pandas as pd
import plotly.graph_objects as go

from workbench.analysis.flips import CLASSES, TARGETS
from workbench.figures.style import BLUE, MUTED, ORANGE, TEMPLATE

# Beyond this a page slows down and shows no more.
MOST_POINTS = 2000
_DECIDED = [*CLASSES.values(), *TARGETS.values()]
_STYLES = {
    CLASSES["first"]: (BLUE, "triangle-up"),
    TARGETS["first"]: (BLUE, "triangle-up"),
    CLASSES["second"]: (ORANGE, "square"),
    TARGETS["second"]: (ORANGE, "square"),
    "both wrong": (MUTED, "x-thin-open"),
}


def error_scatter(outcomes: pd.DataFrame, first: str, second: str) -> go.Figure:
    """One mark an example: the first run's error across, the second's upwards.

    Of more than `MOST_POINTS` examples as many are drawn, evenly spaced in the split.

    Args:
        outcomes: `analysis.outcomes`.
        first: what the first run is called.
        second: what the second run is called.
    """
    step = -(-len(outcomes) // MOST_POINTS)
    drawn = outcomes.iloc[::step]
    is_classes = not drawn["outcome"].isin([*TARGETS.values(), "equally near"]).any()
    unit = "probability of other classes (0 to 1)" if is_classes else "distance from the target"
    counts = outcomes["outcome"].value_counts()
    figure = go.Figure([_marks(name, rows, counts[name]) for name, rows in drawn.groupby("outcome")])
    highest = 1.02 if is_classes else 1.05 * outcomes[["first_error", "second_error"]].to_numpy().max()
    limits = [-0.02 * highest, highest]
    figure.add_shape(type="line", x0=0, y0=0, x1=highest, y1=highest, line={"color": MUTED, "dash": "dash"})
    figure.update_xaxes(title_text=f"{escape(first)}:<br>{unit}", range=limits)
    figure.update_yaxes(title_text=f"{escape(second)}:<br>{unit}", range=limits)
    return figure.update_layout(template=TEMPLATE, height=520)


def _marks(name: str, rows: pd.DataFrame, count: int) -> go.Scatter:
    colour, symbol = _STYLES.get(name, (MUTED, "circle-open"))
    marker = {"color": colour, "symbol": symbol, "size": 8 if name in _DECIDED else 6}
    return go.Scatter(
        x=rows["first_error"],
        y=rows["second_error"],
        name=f"{name} ({count:,})",
        mode="markers",
        marker=marker | ({"line": {"width": 1}} if name not in _DECIDED else {"opacity": 0.8}),
        customdata=rows[["example"]],
        hovertemplate="example %{customdata[0]}: %{x:.3f} and %{y:.3f}",
    )
