"""The figures of the mask explorer show the values of their tables."""

import numpy as np
import pandas as pd
import pytest

from workbench import figures

MAGNITUDES = pd.DataFrame(
    {
        "low": 2.0 ** (np.arange(-64, 0) / 16),
        "high": 2.0 ** (np.arange(-63, 1) / 16),
        "weights": np.arange(64),
        "chance": np.linspace(0, 1, 64).clip(0.3, 0.7),
    }
)
GROWTH = pd.DataFrame({"union": [10.0, 15.0], "intersection": [10.0, 5.0]}, index=[1, 2])
PLACES = pd.DataFrame(
    {"x": [0.0, 0.1, -0.1], "y": [0.0, 0.0, 0.1], "distance": [0, 0.1, 0.2]}, index=["magnitude", "0", "1"]
)
LAYERS = pd.DataFrame({"attention.self.query": [0.01, 0.02], "odd": [0.03, 0.04]}, index=[0, 1])
POOL = pd.DataFrame(
    {"candidate": [0, 1], "ratio": [1e-4, 1e-4], "from_magnitude": [0.06, 0.04], "chosen": [False, False]}
)
ALL = {
    "magnitudes": lambda: figures.magnitudes.magnitude_histogram(MAGNITUDES, 0.5),
    "map": lambda: figures.overlap.mask_map(PLACES),
    "growth": lambda: figures.pool.pool_growth(GROWTH, GROWTH.astype(int), 100),
    "disagreement": lambda: figures.pool.disagreement_by_layer(LAYERS),
    "cells": lambda: figures.pool.disagreement_cells(np.full((64, 32), 0.02), (768, 32)),
    "distance": lambda: figures.pool.distance_from_magnitude(POOL, 0.05),
}


def trace(figure, name):
    (match,) = [trace for trace in figure.data if trace.name == name]
    return match


@pytest.mark.parametrize("name", ALL)
def test_every_axis_has_a_title_and_every_trace_has_data(name):
    figure = ALL[name]()
    axes = [*figure.select_xaxes(), *figure.select_yaxes()]
    assert axes
    assert all(axis.title.text for axis in axes)
    assert all(len(trace.x) > 0 for trace in figure.data)


@pytest.mark.parametrize("name", ALL)
def test_equal_tables_give_equal_figures(name):
    assert ALL[name]().to_json() == ALL[name]().to_json()


def test_a_histogram_is_a_density_with_a_threshold_and_a_band():
    figure = ALL["magnitudes"]()
    everything, kept = trace(figure, "all weights"), trace(figure, "kept by a sampled mask")
    assert list(everything.y) == pytest.approx(list(16 * MAGNITUDES["weights"]))
    assert list(kept.y) == pytest.approx(list(16 * MAGNITUDES["weights"] * MAGNITUDES["chance"]))
    band, line = figure.layout.shapes
    assert (band.x0, band.x1) == pytest.approx((-63 / 16, 0))
    assert line.x0 == line.x1 == -1


def test_without_a_threshold_there_is_no_line():
    assert len(figures.magnitudes.magnitude_histogram(MAGNITUDES, 0.0).layout.shapes) == 1


def test_a_map_marks_the_magnitude_mask_and_draws_expected_masks_open():
    figure = ALL["map"]()
    assert (list(trace(figure, "magnitude mask").x), trace(figure, "magnitude mask").marker.symbol) == (
        [0.0],
        "star",
    )
    assert list(trace(figure, "sampled").text) == ["0", "1"]
    circle = trace(figure, "mean distance")
    assert np.hypot(circle.x, circle.y) == pytest.approx(0.15)
    assert trace(figures.overlap.mask_map(PLACES, sampled=False), "expected").marker.symbol == "circle-open"


def test_growth_is_a_percentage_of_all_weights():
    figure = ALL["growth"]()
    assert list(trace(figure, "union, expected").y) == [10, 15]
    assert list(trace(figure, "intersection, sampled").y) == [10, 5]
    assert len(figures.pool.pool_growth(GROWTH, None, 100).data) == 2


def test_cells_are_labelled_by_their_first_row_and_column():
    (heat,) = ALL["cells"]().data
    assert list(heat.y[:3]) == ["0", "12", "24"]
    assert list(heat.x[:3]) == ["0", "1", "2"]
    assert heat.z[0][0] == pytest.approx(2)


def test_a_pool_has_an_expected_distance_and_nothing_chosen():
    figure = ALL["distance"]()
    assert list(trace(figure, "expected").y) == [5, 5]
    assert list(trace(figure, "sampling ratio 0.0001").y) == [6, 4]
    assert "chosen" not in {trace.name for trace in figure.data}
