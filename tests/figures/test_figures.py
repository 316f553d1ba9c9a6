"""Each figure shows the values of its table, with units, and stays small."""

import numpy as np
import pandas as pd
import pytest

from tests.fabricated import speed_result
from workbench import figures
from workbench.analysis.speed import speed_rows

LEVELS = pd.DataFrame(
    [
        ("dense", 1.0, "validation", "accuracy", 0.81),
        ("dense", 1.0, "dev", "accuracy", 0.8),
        ("level-1", 0.1, "validation", "accuracy", 0.71),
        ("level-1", 0.1, "dev", "accuracy", 0.7),
    ],
    columns=["stage", "kept_share", "split", "metric", "value"],
)
PUBLISHED = pd.DataFrame(
    [("accuracy", "A", 0.03, 0.9, "Source 2020"), ("accuracy", "B", 0.03, 0.8, "Source 2020")],
    columns=["metric", "method", "kept_share", "value", "source"],
)
POOL = pd.DataFrame(
    {
        "candidate": [0, 1, 2],
        "ratio": [5e-5, 1e-4, 5e-5],
        "from_magnitude": [0.06, 0.04, 0.05],
        "score": [0.6, 0.8, 0.7],
        "chosen": [False, True, False],
    }
)
CURVES = pd.DataFrame(
    [(c, step, 0.5 + 0.1 * c + step / 100, c == 1, c == 2) for c in range(3) for step in (2, 4)],
    columns=["candidate", "step", "value", "chosen", "dropped"],
)
SCORES = POOL.assign(early=POOL["score"], final=[0.7, 0.75, 0.9])
LAYERS = pd.DataFrame({"attention.self.query": [0.9, 0.8], "odd": [0.7, 0.95]}, index=[0, 1])
OVERLAP = pd.DataFrame([[1.0, 0.83], [0.83, 1.0]], index=["0", "1"], columns=["0", "1"])
PLACE = {"task": "glue/mrpc", "model": "m", "metric": "accuracy"}
RUNS = pd.DataFrame(
    [("imp", 0.9, 0, 0.7), ("imp", 0.9, 1, 0.8), ("imp", 0.8, 0, 0.85), ("smp", 0.9, 0, 0.6)],
    columns=["engine", "sparsity", "seed", "dev"],
).assign(dense=0.9, **PLACE)
MEANS = pd.DataFrame(
    [("imp", 0.9, 2, 0.75, 0.65, 0.85), ("imp", 0.8, 1, 0.85, None, None), ("smp", 0.9, 1, 0.6, None, None)],
    columns=["engine", "sparsity", "seeds", "mean", "low", "high"],
).astype({"low": float, "high": float})
SHARES = pd.DataFrame({0: [0.9, 0.7], 1: [0.8, 0.99], "stem": [0.5, None]}, index=["imp", "smp"])

ALL = {
    "sparsity": lambda: figures.comparison.metric_by_sparsity(RUNS, MEANS, PUBLISHED),
    "engines": lambda: figures.layers.engine_heatmap(SHARES, "layer"),
    "shared": lambda: figures.overlap.overlap_heatmap(OVERLAP, "engine"),
    "levels": lambda: figures.levels.metric_by_level(LEVELS, PUBLISHED),
    "layers": lambda: figures.layers.layer_heatmap(LAYERS),
    "overlap": lambda: figures.overlap.overlap_heatmap(OVERLAP),
    "distance": lambda: figures.pool.distance_from_magnitude(POOL),
    "curves": lambda: figures.race.early_curves(CURVES, "f1"),
    "speed": lambda: figures.speed.speed_by_shape(speed_rows(speed_result())),
    "early": lambda: figures.race.early_against_final(SCORES, "matthews"),
}


@pytest.mark.parametrize("name", ALL)
def test_every_axis_has_a_title_and_every_trace_has_data(name):
    figure = ALL[name]()
    axes = [*figure.select_xaxes(), *figure.select_yaxes()]
    assert all(axis.title.text for axis in axes)
    assert figure.data
    for trace in figure.data:
        assert len(trace.x) == len(trace.z[0] if trace.type == "heatmap" else trace.y) > 0


@pytest.mark.parametrize("name", ALL)
def test_equal_tables_give_equal_figures(name):
    assert ALL[name]().to_json() == ALL[name]().to_json()


def trace(figure, name):
    (match,) = [trace for trace in figure.data if trace.name == name]
    return match


def test_levels_have_a_dense_line_and_separate_published_figures():
    figure = ALL["levels"]()
    assert list(trace(figure, "dev").y) == [0.8, 0.7]
    assert list(trace(figure, "dev").x) == pytest.approx([100, 10])
    dense = trace(figure, "dense model, dev")
    assert (list(dense.y), list(dense.x)) == ([0.8, 0.8], [100, 3])
    published = trace(figure, "published: BERT-base, other recipe")
    assert list(published.text) == ["A", "B"]
    assert list(published.textposition) == ["top center", "bottom center"]
    assert published.marker.symbol == "diamond-open"


def test_engines_have_every_seed_a_mean_and_an_interval_if_there_are_several_seeds():
    figure = ALL["sparsity"]()
    means, seeds = trace(figure, "imp"), trace(figure, "imp, each seed")
    assert list(means.x) == pytest.approx([20, 10])
    assert list(means.y) == [0.85, 0.75]
    assert np.isnan(means.error_y.array[0])
    assert means.error_y.array[1] == pytest.approx(0.1)
    assert sorted(seeds.y) == [0.7, 0.8, 0.85]
    assert not seeds.showlegend
    assert list(trace(figure, "dense model, mean over seeds").y) == [0.9, 0.9]
    assert list(trace(figure, "published: BERT-base, other recipe").text) == ["A", "B"]
    assert "published" not in figures.comparison.metric_by_sparsity(RUNS, MEANS, PUBLISHED[:0]).to_json()


def test_eighteen_engines_look_different():
    names = [f"engine {number}" for number in range(18)]
    table = pd.DataFrame([RUNS.iloc[0].replace("imp", name) for name in names])
    means = pd.DataFrame([MEANS.iloc[1].replace("imp", name) for name in names])
    figure = figures.comparison.metric_by_sparsity(table, means, PUBLISHED[:0])
    styles = [(t.line.color, t.line.dash, t.marker.symbol) for t in figure.data if t.name in names]
    assert len(set(styles)) == 18


def test_engines_are_rows_and_parts_are_columns():
    (heat,) = ALL["engines"]().data
    assert list(heat.y) == ["imp", "smp"]
    assert list(heat.x) == ["0", "1", "stem"]
    assert list(heat.z[0]) == pytest.approx([90, 80, 50])


def test_small_differences_look_small():
    close = LEVELS.assign(value=[0.9, 0.901, 0.902, 0.899])
    low, high = figures.levels.metric_by_level(close, PUBLISHED[:0]).layout.yaxis.range
    assert high - low == pytest.approx(0.1)
    low, high = ALL["levels"]().layout.yaxis.range
    assert low < 0.7 < 0.9 < high
    low, high = figures.levels.metric_by_level(close.assign(value=1.0), PUBLISHED[:0]).layout.yaxis.range
    assert (low, high) == pytest.approx((0.91, 1.01))


def test_without_published_figures_none_are_mentioned():
    figure = figures.levels.metric_by_level(LEVELS, PUBLISHED[:0])
    assert "published" not in figure.to_json()


def test_two_metrics_are_two_panels_with_one_legend():
    both = pd.concat([LEVELS, LEVELS.assign(metric="f1")])
    figure = figures.levels.metric_by_level(both, PUBLISHED)
    assert [axis.title.text for axis in figure.select_yaxes()] == [
        "accuracy (share of examples)",
        "F1 (0 to 1)",
    ]
    shown = [trace.name for trace in figure.data if trace.showlegend]
    assert len(shown) == len(set(shown)) == 4


def test_layers_have_percentages_and_short_names():
    (heat,) = ALL["layers"]().data
    assert np.asarray(heat.z).tolist() == [pytest.approx([90, 70]), pytest.approx([80, 95])]
    assert list(heat.x) == ["query", "odd"]
    assert list(heat.y) == ["0", "1"]


def test_rounding_differences_do_not_span_the_colour_scale():
    (heat,) = figures.layers.layer_heatmap(pd.DataFrame({"a": [0.9, 0.90001]})).data
    assert heat.zmax - heat.zmin == pytest.approx(10, abs=0.01)


def test_the_overlap_scale_covers_the_values():
    (heat,) = ALL["overlap"]().data
    assert heat.zmin <= 0.83
    assert heat.zmax == 1


@pytest.mark.parametrize("size", [64, 65, 200])
def test_heat_maps_are_pooled_to_64_cells(size):
    values = np.arange(size * size).reshape(size, size) / size**2
    labels = [str(number) for number in range(size)]
    (heat,) = figures.overlap.overlap_heatmap(pd.DataFrame(values, index=labels, columns=labels)).data
    assert np.asarray(heat.z).shape == (64, 64)
    assert len(set(heat.x)) == 64
    if size == 200:
        assert heat.y[0] == "0 to 3"
        assert heat.z[0][0] == pytest.approx(values[:4, :4].mean())


def test_the_chosen_candidate_is_marked():
    ring = trace(ALL["distance"](), "chosen")
    assert (list(ring.x), list(ring.y)) == (["1"], pytest.approx([4]))
    curve = trace(ALL["curves"](), "candidate 1, chosen")
    assert list(curve.y) == pytest.approx([0.62, 0.64])
    assert trace(ALL["curves"](), "dropped by hand").line.dash == "dot"
    racing = CURVES.assign(chosen=False, dropped=False)
    assert {line.name for line in figures.race.early_curves(racing, "f1").data} == {"candidates"}
    star = trace(ALL["early"](), "chosen")
    assert (list(star.x), list(star.y)) == ([0.8], [0.75])


def test_copies_of_the_magnitude_mask_have_no_ratio_to_name():
    copies = POOL.assign(ratio=float("nan"), from_magnitude=0.0)
    assert figures.pool.distance_from_magnitude(copies).data[0].name == "copy of the magnitude mask"
    sampled = copies.assign(from_magnitude=0.1)
    assert figures.pool.distance_from_magnitude(sampled).data[0].name == "sampled without a ratio"


def test_candidates_at_one_point_share_a_label():
    tied = SCORES.assign(early=[0.6, 0.6, 0.7], final=[0.7, 0.7, 0.7])
    figure = figures.race.early_against_final(tied, "accuracy")
    assert list(trace(figure, "chosen").text) == ["0, 1"]
    assert list(trace(figure, "other candidates").text) == ["", "2"]
