import numpy as np
import pandas as pd

from workbench import figures

ALPHA = np.linspace(0, 1, 11)
LINE = pd.DataFrame(
    {
        "alpha": np.tile(ALPHA, 2),
        "split": np.repeat(["train", "dev"], 11),
        "loss": np.concatenate([1 + ALPHA * (1 - ALPHA), 2 + ALPHA]),
        "error": np.concatenate([0.1 + 0.2 * ALPHA, 0.3 + 0 * ALPHA]),
    }
)


def test_each_split_has_a_curve_and_a_straight_line_in_both_panels():
    figure = figures.connectivity.loss_line(LINE, "run-a", "run-b")
    curves = [trace for trace in figure.data if trace.showlegend]
    assert [trace.name for trace in curves] == ["train", "dev"]
    np.testing.assert_allclose(curves[0].y, LINE["loss"][:11])
    assert len(figure.data) == 8
    straight = figure.data[0]
    assert list(straight.y) == [1.0, 1.0]
    assert figure.layout.yaxis.title.text == "loss (nats; squared error for a regression)"
    assert figure.layout.yaxis2.title.text == "error (share misclassified)"


def test_a_regression_has_one_panel():
    figure = figures.connectivity.loss_line(LINE.assign(error=np.nan))
    assert len(figure.data) == 4


def test_names_of_models_are_not_markup():
    figure = figures.connectivity.loss_line(LINE, "<script>alert(1)</script>", "b" * 60)
    first, second = figure.layout.xaxis.ticktext[0], figure.layout.xaxis.ticktext[-1]
    assert first.count("<") == 1  # the line break
    assert "script" in first
    assert len(second) < 32
