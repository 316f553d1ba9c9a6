import numpy as np
import pandas as pd

from workbench import figures
from workbench.figures.flips import MOST_POINTS

OUTCOMES = pd.DataFrame(
    [
        (0, 0.1, 0.2, "both right"),
        (1, 0.2, 0.9, "only the first is right"),
        (2, 0.8, 0.1, "only the second is right"),
        (3, 0.7, 0.6, "both wrong"),
        (4, 0.1, 0.3, "both right"),
    ],
    columns=["example", "first_error", "second_error", "outcome"],
)


def test_every_example_is_a_mark_at_its_two_errors():
    figure = figures.flips.error_scatter(OUTCOMES, "imp", "smp")
    traces = {trace.name: trace for trace in figure.data}
    assert set(traces) == {
        "both right (2)",
        "both wrong (1)",
        "only the first is right (1)",
        "only the second is right (1)",
    }
    assert (list(traces["both right (2)"].x), list(traces["both right (2)"].y)) == ([0.1, 0.1], [0.2, 0.3])
    assert figure.layout.xaxis.title.text == "imp:<br>probability of other classes (0 to 1)"
    assert figure.layout.xaxis.range == figure.layout.yaxis.range
    styles = [(trace.marker.symbol, trace.marker.color) for trace in figure.data]
    assert len(set(styles)) == 4


def test_targets_have_distances():
    table = OUTCOMES.assign(outcome="the first is nearer", second_error=[0, 3.5, 1, 2, 0.0])
    figure = figures.flips.error_scatter(table, "imp", "smp")
    assert "distance from the target" in figure.layout.yaxis.title.text
    assert figure.layout.yaxis.range[1] > 3.5


def test_many_examples_are_thinned_out_and_all_counted():
    count = 3 * MOST_POINTS
    many = pd.DataFrame({"example": np.arange(count), "first_error": 0.1, "second_error": 0.2})
    (trace,) = figures.flips.error_scatter(many.assign(outcome="both right"), "a", "b").data
    assert len(trace.x) == MOST_POINTS
    assert trace.name == "both right (6,000)"
