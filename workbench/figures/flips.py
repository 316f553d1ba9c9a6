"""The errors of two runs on the same examples."""

from html import escape

import pandas as pd
import plotly.graph_objects as go

from workbench.analysis.flips import CLASSES, TARGETS, TIED
from workbench.figures.style import BLUE, MUTED, ORANGE, TEMPLATE

# More points slow a page down and show nothing more.
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
    """One mark for each example: the first run's error on the x-axis, the second's on the y-axis.

    At most `MOST_POINTS` examples are drawn, evenly spaced in the split.

    Args:
        outcomes: `analysis.flips.outcomes`.
        first: name of the first run.
        second: name of the second run.
    """
    step = -(-len(outcomes) // MOST_POINTS)
    drawn = outcomes.iloc[::step]
    is_classes = not drawn["outcome"].isin([*TARGETS.values(), TIED]).any()
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
