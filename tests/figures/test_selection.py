"""One figure a question, from tables with known values."""

import numpy as np
import pandas as pd

from workbench import figures
from workbench.analysis.matched_pools import CONTROL, ORDERS

PLACES = pd.DataFrame(
    {"task": "t", "model": "m", "sparsity": [0.5, 0.8], "engine": ["randomized, distance=0.1", "far"]}
).assign(distance=[0.1, np.nan])


def of_settings(rows, columns):
    """A table with these rows for each setting."""
    return PLACES.merge(pd.DataFrame(rows, columns=columns), how="cross")


SHARES = of_settings([(ORDERS, 0.4, 0.1, 0.7), (CONTROL, -0.2, 0.0, 0.3)], ["design", "share", "low", "high"])
CURVES = of_settings(
    [(kind, step, 0.5, 0.1, 0.8, 3) for kind in ("loss", "metric") for step in (20, 10)],
    ["kind", "step", "rho", "low", "high", "pools"],
)
GAINS = of_settings(
    [("oracle", 0.02, 0.01, 0.03), ("race", 0.0, -0.01, 0.01), ("random", -0.01, np.nan, np.nan)],
    ["rule", "gain", "low", "high"],
).assign(over=["control"] * 3 + ["pool"] * 3)


def traces(figure):
    return {trace.name: trace for trace in figure.data if trace.name}


def test_each_design_has_its_marks_filled_where_the_interval_is_above_zero():
    figure = figures.selection.variance_shares(SHARES)
    marks = traces(figure)
    assert list(marks[ORDERS].x) == [0.4, 0.4]
    assert list(marks[ORDERS].marker.symbol) == ["circle", "circle"]
    assert list(marks[CONTROL].x) == [0, 0], "a share below zero is drawn at zero"
    assert list(marks[CONTROL].marker.symbol) == ["square-open", "square-open"]
    assert list(np.subtract(marks[CONTROL].y, marks[ORDERS].y)) == [1, 1]
    assert list(traces(figures.selection.variance_shares(SHARES[SHARES["design"] == CONTROL]))) == [CONTROL]


def test_each_setting_has_a_panel_with_a_curve_for_each_kind_of_score():
    figure = figures.selection.early_correlations(CURVES)
    lines = [trace for trace in figure.data if trace.mode == "lines+markers"]
    assert [(line.name, list(line.x)) for line in lines] == [
        ("early loss", [10, 20]),
        ("early metric", [10, 20]),
    ] * 2
    assert [line.showlegend for line in lines] == [True, True, False, False]
    assert len({line.xaxis for line in lines}) == 2
    assert not lines[0].error_y.visible
    alone = figures.selection.early_correlations(CURVES[CURVES["step"] == 10])
    assert all(trace.error_y.visible for trace in alone.data if trace.mode == "lines+markers")


def test_gains_say_what_they_are_counted_from():
    figure = figures.selection.gains(GAINS, "accuracy")
    assert list(traces(figure)) == ["oracle", "race", "random"]
    assert figure.layout.xaxis.title.text == "gain in accuracy"
    assert [text.rpartition("<br>")[2] for text in figure.layout.yaxis.ticktext] == [
        "over the control's mean".replace("'", "&#x27;"),
        "over the pool's own mean".replace("'", "&#x27;"),
    ]
    alone = figures.selection.gains(GAINS.assign(over="magnitude"), "accuracy")
    assert alone.layout.xaxis.title.text == "gain in accuracy<br>over the magnitude mask"


def test_settings_have_short_names():
    titles = [title.replace("\N{NO-BREAK SPACE}", " ") for title in figures.selection.setting_titles(PLACES)]
    assert titles == ["50 %, distance=0.1", "80 %, far"]
    plain = PLACES[:1].assign(engine="randomized")
    assert figures.selection.setting_titles(plain) == ["50\N{NO-BREAK SPACE}%"]
