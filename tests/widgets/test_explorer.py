"""The mask explorer without a browser: its figures show the values of the Python API."""

import asyncio
import base64
import shutil
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from workbench import masks
from workbench.analysis.expected_pool import pool_summary
from workbench.analysis.pool import SampledPool
from workbench.errors import BadInput
from workbench.figures import REPORT_MODE
from workbench.masks import MagnitudeHistograms
from workbench.models import load_weights
from workbench.widgets import MaskExplorer
from workbench.widgets.panels import PANELS, TABS

KEYS = [panel.key for panel in PANELS]


@pytest.fixture
def explorer(tiny_model_dir):
    return MaskExplorer(str(tiny_model_dir), sparsity=0.8, ratio=1e-2, candidates=3)


@pytest.fixture(scope="module")
def weights(tiny_model_dir):
    return load_weights(str(tiny_model_dir))


def shown(explorer, key):
    """The figure that a panel holds, as plain data."""
    return explorer.tabs.live[key].figure


async def until(condition):
    """Yields to the event loop until a condition holds; fails if it never does."""
    async with asyncio.timeout(100):
        while not condition():
            await asyncio.sleep(0.01)


def heat(figure) -> np.ndarray:
    trace = figure["data"][0]["z"]
    if isinstance(trace, dict):
        shape = tuple(int(n) for n in trace["shape"].split(","))
        return np.frombuffer(base64.b64decode(trace["bdata"]), trace["dtype"]).reshape(shape)
    return np.array(trace)


def test_a_slider_moves_the_visible_figures_to_the_expected_values(explorer, weights):
    histograms = MagnitudeHistograms.of(weights)
    explorer.set(scope="global", sparsity=0.6)
    wanted = histograms.expect(0.6, 5.0, 1e-2, "global")
    assert heat(shown(explorer, "layers")).flatten() == pytest.approx(100 * wanted.matrices["sparsity"])
    explorer.tabs.selected_index = 1
    table = heat(shown(explorer, "overlap"))
    assert table[1, 2] == pytest.approx(wanted.overlap)
    assert table[0, 1] == pytest.approx((1 - wanted.distance) / (1 + wanted.distance))
    assert "Expected values" in explorer.status.value
    assert explorer.sampled is None


@pytest.mark.parametrize(
    ("name", "value", "key"),
    [
        ("sparsity", 0.7, "layers"),
        ("exponent", 2.0, "overlap"),
        ("ratio", 0.1, "overlap"),
        ("candidates", 5, "overlap"),
        ("scope", "type", "layers"),
        ("pattern", "neuron", "overlap"),
    ],
)
def test_every_slider_changes_its_figure(explorer, name, value, key):
    before = explorer.figure(key).to_json()
    explorer.set(**{name: value})
    assert explorer.figure(key).to_json() != before
    assert getattr(explorer.spec, name) == value


def test_only_visible_panels_are_drawn(explorer):
    assert list(explorer.tabs.live) == ["layers", "magnitudes"]
    explorer.tabs.selected_index = 2
    assert list(explorer.tabs.live) == ["layers", "magnitudes", "map", "growth"]


def test_sampled_values_replace_expected_ones_after_a_pause(tiny_model_dir, weights):
    async def rest():
        explorer = MaskExplorer(str(tiny_model_dir), sparsity=0.8, ratio=1e-2, candidates=3)
        explorer.tabs.selected_index = 1
        for seed in (1, 2):
            explorer.set(seed=seed)
            await asyncio.sleep(0.01)
        await until(lambda: explorer.sampled or explorer.notice.value)
        return explorer

    explorer = asyncio.run(rest())
    assert explorer.notice.value == ""
    pool = SampledPool.of(weights, explorer.spec)
    assert explorer.spec.seed == 2
    assert heat(shown(explorer, "overlap")) == pytest.approx(pool.overlap().to_numpy())
    assert "3 masks, sampled in" in explorer.status.value


def test_the_pool_is_sampled_on_request(explorer, weights):
    pool = explorer.pool()
    assert pool.masks == SampledPool.of(weights, explorer.spec).masks
    assert explorer.pool() is pool
    wanted = masks.disagreement(pool.masks, explorer.matrix.value)
    assert heat(explorer.figure("cells").to_plotly_json()) == pytest.approx(100 * wanted)


def test_a_click_on_a_matrix_selects_it(explorer):
    explorer.tabs.live["layers"]._handle_custom_msg({"x": "feed-forward in", "y": "1"}, [])
    assert explorer.matrix.value == "bert.encoder.layer.1.intermediate.dense.weight"
    assert explorer.matrix.label == "feed-forward in, layer 1"
    before = shown(explorer, "magnitudes")
    explorer.tabs.live["layers"]._handle_custom_msg({"x": "no such", "y": "1"}, [])
    assert shown(explorer, "magnitudes") is before


@pytest.mark.parametrize("pattern", ["1:4", "block:4x4"])
def test_masks_with_a_pattern_have_expected_values_in_every_panel(tiny_model_dir, weights, pattern):
    explorer = MaskExplorer(str(tiny_model_dir), sparsity=0.75, candidates=2, pattern=pattern)
    assert explorer.sampled is None
    assert "Expected values" in explorer.status.value
    assert all(explorer.figure(key).data for key in KEYS)
    assert explorer.pool().masks == SampledPool.of(weights, explorer.spec).masks
    explorer.set(pattern="2:4")
    assert "sparsity is 0.75, but a mask with the pattern 2:4 has 0.5" in explorer.notice.value
    assert not explorer.ready


def test_masks_on_the_way_to_a_pattern_are_sampled_and_fill_every_panel(tiny_model_dir, weights):
    explorer = MaskExplorer(str(tiny_model_dir), sparsity=0.25, candidates=2, pattern="2:4")
    assert explorer.expected is None
    assert explorer.ready
    assert "Masks of this sparsity with the pattern are sampled" in explorer.status.value
    assert all(explorer.figure(key).data for key in KEYS)
    assert explorer.pool().masks == SampledPool.of(weights, explorer.spec).masks
    table = pool_summary(explorer.expected, explorer.pool())
    assert list(table.columns) == ["quantity", "sampled"]


@pytest.mark.parametrize("key", KEYS)
def test_every_panel_has_a_figure_before_and_after_sampling(explorer, key):
    assert explorer.figure(key).data
    explorer.pool()
    assert explorer.figure(key).data


def test_controls_have_labels_and_class_names(explorer):
    for name, control in [*explorer.controls.items(), ("model", explorer.model), ("matrix", explorer.matrix)]:
        assert control.description
        assert control.tooltip
        assert f"workbench-{name}" in control._dom_classes
    assert len(TABS) == len(explorer.tabs.children)


@pytest.mark.parametrize(
    "settings", [{"ratio": 1e-8}, {"ratio": 50.0}, {"exponent": 30.0}, {"candidates": 20}, {"seed": 500}]
)
def test_ranges_of_sliders_include_their_initial_values(tiny_model_dir, settings):
    explorer = MaskExplorer(str(tiny_model_dir), **settings)
    assert {name: getattr(explorer.spec, name) for name in settings} == settings


def test_a_setting_that_keeps_no_weight_is_a_sentence_and_the_figures_stay(explorer):
    before = shown(explorer, "layers")
    explorer.controls["sparsity"].max = 0.9999
    explorer.set(sparsity=0.9999)
    assert "keeps none of the 1024 weights" in explorer.notice.value
    assert shown(explorer, "layers") is before
    assert not explorer.ready
    with pytest.raises(BadInput, match="keeps none"):
        explorer.pool()
    explorer.set(sparsity=0.8)
    assert explorer.notice.value == ""
    assert explorer.ready


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"sparsity": 1.5}, "sparsity 1.5 is not a number in [0, 1)"),
        ({"scope": "<b>"}, "unknown scope &#x27;&lt;b&gt;&#x27;"),
        ({"candidates": 1}, "1 candidates do not make a pool"),
        ({"pattern": "2-4"}, "pattern &#x27;2-4&#x27; is unknown"),
        ({"ratio": -1.0}, "sampling ratio -1.0"),
    ],
)
def test_an_impossible_setting_is_a_sentence_over_the_defaults(tiny_model_dir, settings, sentence):
    explorer = MaskExplorer(str(tiny_model_dir), **settings)
    assert sentence in explorer.notice.value
    assert explorer.figure("layers").data
    assert not explorer.ready


def test_a_missing_model_is_a_sentence(tmp_path):
    explorer = MaskExplorer(str(tmp_path / "none"))
    assert "does not exist" in explorer.notice.value
    assert explorer.description == []
    assert not explorer.ready
    explorer.set(sparsity=0.5)
    for call in (explorer.pool, lambda: explorer.figure("layers")):
        with pytest.raises(BadInput, match="does not exist"):
            call()


def test_a_model_too_large_for_memory_is_a_sentence_and_is_not_loaded(tiny_model_dir, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    explorer = MaskExplorer(str(tiny_model_dir))
    assert "Nothing was loaded" in explorer.notice.value
    assert explorer.weights == {}


def test_another_model_can_be_named_in_the_panel(explorer, tiny_model_dir, tmp_path):
    other = shutil.copytree(tiny_model_dir, tmp_path / "other")

    async def rename():
        explorer.model.value = str(tmp_path / "none")
        await until(lambda: explorer.notice.value)
        message = explorer.notice.value
        explorer.model.value = str(other)
        await until(lambda: explorer.loaded == str(other) and explorer.sampled)
        return message

    assert "does not exist" in asyncio.run(rename())
    assert explorer.ready
    assert str(other) in explorer.description[0]


def test_unknown_sliders_and_panels_are_refused(explorer):
    with pytest.raises(BadInput, match="Did you mean sparsity"):
        explorer.set(sparsty=0.5)
    with pytest.raises(BadInput, match="Did you mean overlap"):
        explorer.figure("overlaps")


def test_a_report_has_every_panel_as_a_static_figure(explorer, monkeypatch):
    displayed = []
    monkeypatch.setenv(REPORT_MODE, "1")
    monkeypatch.setattr("workbench.figures.display.display", displayed.append)
    monkeypatch.setattr("workbench.widgets.explorer.display", displayed.append)
    explorer.show()
    html = [part.data for part in displayed]
    assert [key for key in KEYS if any(f'id="{key}"' in part for part in html)] == KEYS
    assert sum(part.startswith("<h3>") for part in html) == len(KEYS)


def test_a_report_without_a_pool_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv(REPORT_MODE, "1")
    with pytest.raises(BadInput, match="does not exist"):
        MaskExplorer(str(tmp_path / "none")).show()
