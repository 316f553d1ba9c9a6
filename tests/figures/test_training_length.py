import pandas as pd
import pytest

from workbench import figures
from workbench.analysis.training_length import mean_by_length

RUNS = pd.DataFrame(
    [
        ("a", 0.8, 0, 1.0, 100, 0.70, 0.50, 0.60, 0.61),
        ("b", 0.8, 1, 1.0, 100, 0.72, 0.52, 0.60, 0.61),
        ("c", 0.8, 0, 4.0, 400, 0.69, 0.30, 0.40, 0.45),
        ("d", 0.97, 0, 1.0, 100, 0.50, 0.69, 0.69, 0.69),
        ("e", 0.97, 0, 4.0, 400, 0.60, 0.60, 0.65, 0.65),
    ],
    columns=[
        "run",
        "sparsity",
        "seed",
        "epochs",
        "optimizer_steps",
        "metric",
        "train_loss",
        "train_entropy",
        "validation_entropy",
    ],
)


def test_the_best_length_of_each_sparsity_is_ringed():
    means = mean_by_length(RUNS)
    assert means[["sparsity", "optimizer_steps", "seeds", "best"]].to_numpy().tolist() == [
        [0.8, 100, 2, True],
        [0.8, 400, 1, False],
        [0.97, 100, 1, False],
        [0.97, 400, 1, True],
    ]
    figure = figures.training_length.metric_by_length(RUNS, means, "accuracy")
    rings = [trace for trace in figure.data if trace.marker.symbol == "circle-open"]
    assert [(list(ring.x), list(ring.y)) for ring in rings] == [([1.0], [0.71]), ([4.0], [0.6])]
    curves = [trace for trace in figure.data if trace.mode == "lines+markers"]
    assert [curve.name for curve in curves] == ["80 % removed", "97 % removed"]
    assert figure.layout.xaxis.title.text == "passes over the training split (log scale)"
    assert figure.layout.yaxis.title.text == "accuracy (share of examples)"


def test_each_diagnostic_has_a_panel_unless_it_is_missing():
    means = mean_by_length(RUNS)
    assert len(figures.training_length.diagnostics_by_length(means).data) == 6
    regression = mean_by_length(
        RUNS.assign(train_entropy=None, validation_entropy=None).astype(
            {"train_entropy": float, "validation_entropy": float}
        )
    )
    figure = figures.training_length.diagnostics_by_length(regression)
    assert len(figure.data) == 2
    assert figure.layout.yaxis.title.text == "training loss without dropout"


def test_rounding_differences_do_not_fill_an_axis():
    flat = RUNS.assign(train_loss=0.69 + 1e-7 * RUNS["epochs"])
    low, high = figures.training_length.diagnostics_by_length(mean_by_length(flat)).layout.yaxis.range
    assert high - low >= 0.1
    assert low < 0.69 < high


@pytest.mark.parametrize(("longest", "ticks"), [(4.0, None), (8.0, "D2")])
def test_lengths_that_differ_much_are_written_in_full(longest, ticks):
    means = mean_by_length(RUNS.replace({"epochs": {4.0: longest}}))
    assert figures.training_length.metric_by_length(RUNS, means, "accuracy").layout.xaxis.dtick == ticks
