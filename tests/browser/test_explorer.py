"""The mask explorer in JupyterLab and on the dashboard, moved by the keyboard."""

from dataclasses import replace
from functools import cache
from statistics import median

import numpy as np
import pandas as pd

import workbench as wb
from tests.browser.visits import plain
from workbench.analysis.expected_pool import ExpectedPool
from workbench.analysis.layers import by_layer
from workbench.analysis.pool import PoolSpec
from workbench.masks import MagnitudeHistograms
from workbench.models import MINILM, load_weights
from workbench.randomness import derive

START = PoolSpec(scope="global", candidates=3)
# For each slider a key, and the value after pressing it.
MOVES = {
    "sparsity": ("ArrowLeft", 0.895),
    "ratio": ("ArrowRight", 10**-3.9),
    "exponent": ("ArrowRight", 5.5),
    "candidates": ("ArrowLeft", 2),
    "seed": ("ArrowRight", 1),
    "scope": ("ArrowLeft", "type"),
}
TABS = ("Weights", "Pool", "Map", "Disagreement")
# Notes how long after a key was pressed the figure is next drawn, and what it then shows.
TIME_REDRAWS = """figure => {
    window.redraws = [];
    let pressed = 0;
    addEventListener('keydown', () => { pressed = performance.now(); }, true);
    figure.on('plotly_afterplot', () => {
        if (pressed) redraws.push([performance.now() - pressed, figure.data[0].z]);
        pressed = 0;
    });
}"""
REDRAWS = 20


@cache
def weights():
    return load_weights(MINILM)


def removed(sparsity: pd.Series) -> np.ndarray:
    """Percentage of each matrix, by layer and type."""
    return 100 * by_layer(sparsity).to_numpy()


@cache
def sampled(spec: PoolSpec) -> tuple[np.ndarray, np.ndarray]:
    """Percentage removed and overlaps, from masks that are sampled one by one."""
    magnitude = {name: weight.abs() for name, weight in weights().items()}
    pool = {"magnitude": wb.topk_mask(magnitude, spec.sparsity, spec.scope)}
    for i in range(spec.candidates):
        pool[str(i)] = wb.sample_mask(weights(), **spec.law, seed=derive(spec.seed, "pool", i))
    mean = sum(pool[label].layer_sparsity() for label in spec.labels) / spec.candidates
    return removed(mean), wb.overlap(pool).to_numpy()


def shows(traces: list[dict], expected: np.ndarray) -> bool:
    """Whether a heat map has these numbers."""
    if not traces:
        return False
    shown = np.asarray(traces[0]["z"], dtype=float)
    return shown.shape == expected.shape and np.allclose(shown, expected, atol=1e-6)


def await_sampled(visit, spec: PoolSpec, after: str) -> None:
    """Waits until heat map and overlap matrix have the numbers of masks sampled here."""
    percent, overlaps = sampled(spec)
    for tab, panel, expected in (("Pool", "panel-overlap", overlaps), ("Weights", "panel-layers", percent)):
        visit.part("tabs").get_by_text(tab, exact=True).click()
        visit.until(
            lambda panel=panel, expected=expected: shows(visit.traces(panel), expected),
            f"{panel} does not agree with the masks of {spec}, after a move of {after}",
        )


def test_every_slider_changes_the_figures_to_the_values_from_python(visit):
    visit = visit("lab", "01_mask_explorer")
    await_sampled(visit, START, "nothing")
    visit.picture("start", "explorer")
    spec = START
    for slider, (key, value) in MOVES.items():
        moved = replace(spec, **{slider: value})
        for before, after in zip(sampled(spec), sampled(moved), strict=True):
            assert not np.array_equal(before, after)
        visit.press(slider, key)
        await_sampled(visit, moved, slider)
        spec = moved
    for tab in TABS:
        visit.part("tabs").get_by_text(tab, exact=True).click()
        visit.until(lambda: visit.drawn("explorer") == 2, f"no figure on {tab}")
        visit.picture(tab, "explorer")


def test_a_slider_shows_expected_values_at_once(visit, measured):
    visit = visit("lab", "01_mask_explorer")
    await_sampled(visit, START, "nothing")
    visit.part("panel-layers").locator(".js-plotly-plot").evaluate(TIME_REDRAWS)
    for number in range(REDRAWS):
        visit.press("sparsity", "ArrowLeft")
        visit.until(
            lambda number=number: visit.page.evaluate("redraws.length") > number, f"redraw {number + 1}"
        )
    milliseconds, figures = zip(*visit.page.evaluate("redraws"), strict=True)
    measured("slider to figure, median of 20", f"{median(milliseconds):.0f} ms")
    moved = replace(START, sparsity=0.9 - 0.005 * REDRAWS)
    expected = ExpectedPool(weights(), MagnitudeHistograms.of(weights()), moved)
    assert shows([{"z": plain(figures[-1])}], removed(expected.sparsity()))


def test_an_impossible_setting_is_a_sentence_and_the_rest_works(visit):
    visit = visit("dashboard", "01_mask_explorer")
    await_sampled(visit, START, "nothing")
    visit.part("model").locator("input").fill("no/such-model")
    visit.page.keyboard.press("Enter")
    visit.until(lambda: "no/such-model" in visit.part("notice").inner_text(), "no message about the model")
    visit.picture("refused", "explorer")
    visit.press("seed", "ArrowRight")
    await_sampled(visit, replace(START, seed=1), "seed")
