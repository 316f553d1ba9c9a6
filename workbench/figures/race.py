"""The race between candidates: their early scores, and their final ones."""

import pandas as pd
import plotly.graph_objects as go

from workbench.figures.style import BLUE, INK, MUTED, TEMPLATE, VERMILION, metric_limits, metric_title

_CHOSEN = {"line": {"color": VERMILION, "width": 3.5}, "marker": {"symbol": "star", "size": 10}}
_OTHER = {"line": {"color": "#9DB4C6", "width": 1.5}, "marker": {"symbol": "circle", "size": 5}}
_DROPPED = {"line": {"color": MUTED, "width": 1.5, "dash": "dot"}, "marker": {"symbol": "x", "size": 6}}


def early_curves(curves: pd.DataFrame, metric: str) -> go.Figure:
    """The evaluations of each candidate; the chosen one is thick and on top, dropped ones are dotted.

    Args:
        curves: `analysis.race.early_curves`; at least one row.
        metric: the metric's name, for the axis.
    """
    figure = go.Figure(layout={"template": TEMPLATE})
    others = "other candidates" if curves["chosen"].any() else "candidates"
    named = set()
    # False sorts before True, so the chosen one is last.
    for (chosen, dropped, candidate), rows in curves.groupby(["chosen", "dropped", "candidate"]):
        style = _CHOSEN if chosen else _DROPPED if dropped else _OTHER
        name = f"candidate {candidate}, chosen" if chosen else "dropped by hand" if dropped else others
        figure.add_trace(
            go.Scatter(
                x=rows["step"],
                y=rows["value"],
                name=name,
                legendgroup=name,
                showlegend=name not in named,
                mode="lines+markers",
                hovertemplate=f"candidate {candidate}, step %{{x}}: %{{y:.4f}}<extra></extra>",
                **style,
            )
        )
        named.add(name)
    figure.update_xaxes(title_text="optimizer steps of the early training", rangemode="tozero")
    figure.update_yaxes(title_text=metric_title(metric), range=metric_limits(curves["value"]))
    return figure


def early_against_final(scores: pd.DataFrame, metric: str) -> go.Figure:
    """Final score against early score, one point for each candidate; a star marks the chosen one.

    Args:
        scores: `analysis.race.early_against_final`; at least one row.
        metric: the metric's name, for the axes.
    """
    figure = go.Figure(layout={"template": TEMPLATE})
    scores = scores.assign(label=_labels(scores))
    for chosen, rows in scores.groupby("chosen"):
        figure.add_trace(
            go.Scatter(
                x=rows["early"],
                y=rows["final"],
                name="chosen" if chosen else "other candidates",
                mode="markers+text",
                text=rows["label"],
                customdata=rows[["candidate"]],
                textposition="top center",
                textfont={"color": INK, "size": 11},
                marker={
                    "symbol": "star" if chosen else "circle",
                    "size": 15 if chosen else 10,
                    "color": VERMILION if chosen else BLUE,
                },
                hovertemplate="candidate %{customdata[0]}: early %{x:.4f}, final %{y:.4f}<extra></extra>",
                cliponaxis=False,
            )
        )
    early, final = (metric_limits(scores[column]) for column in ("early", "final"))
    figure.update_xaxes(title_text=f"early score<br>{metric_title(metric)}", range=early)
    figure.update_yaxes(title_text=f"after full training<br>{metric_title(metric)}", range=final)
    return figure


def _labels(scores: pd.DataFrame) -> pd.Series:
    """A label for each point; candidates at one point share it, on the chosen one if it is among them."""
    point = ["early", "final"]
    order = scores.sort_values("chosen", ascending=False, kind="stable")
    names = order.groupby(point)["candidate"].transform(lambda group: ", ".join(map(str, sorted(group))))
    return names.mask(order.duplicated(point), "")
