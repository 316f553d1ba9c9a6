"""Every notebook as a page, made by papermill with parameters of its own and opened without a network."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.browser.pages import figures, opened, titles_outside
from tests.figures import test_hostile_names
from workbench.figures import CONFIG
from workbench.reports import render
from workbench.runs import runs_in

NOTEBOOKS = sorted(path.stem for path in (Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
PANELS = ["layers", "magnitudes", "overlap", "distance", "map", "growth", "disagreement", "cells"]
# The parameters of a page, and the figures that it then has.
EXPECTED = {
    "00_tour": ({"sparsity": 0.8, "candidates": 2, "examples": 200, "seed": 1}, ["mask", "overlap", "race"]),
    "01_mask_explorer": ({"model": "", "sparsity": 0.8, "ratio": 0.01, "candidates": 3}, PANELS),
    "02_candidate_race": (
        {"model": "", "sparsity": 0.7, "candidates": 3, "scale": 0.5},
        ["run", "race-curves", "race-prediction"],
    ),
    "03_compare_engines": ({"examples": 3}, ["quality", "overlap", "layers", "types", "errors"]),
    "04_connectivity": ({"points": 12, "dev_examples": 50, "probes": 1}, ["line"]),
    "05_training_length": ({"engine": "magnitude"}, ["metric", "diagnostics"]),
    "06_selection": ({"task": "synth/sst2"}, ["correlations", "gains"]),
    "report_compare": ({"baseline": "randomized"}, ["quality-0", "overlap-0", "layers-0", "types-0"]),
    "report_run": ({"level": 1}, ["quality", "layers", "overlap", "distance", "race", "prediction", "speed"]),
    "report_selection": ({"task": "synth/sst2"}, ["correlations", "gains"]),
    "report_training_length": ({"engine": "magnitude"}, ["metric", "diagnostics"]),
}


def rendered(*arguments, **options) -> Path:
    """Renders in a thread of its own: beside a browser, this one has an event loop already."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(render, *arguments, **options).result()


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_every_figure_is_drawn(
    notebook, browser, several_runs, finished_run, tiny_model_dir, artefacts, tmp_path
):
    parameters, expected = EXPECTED[notebook]
    tiny = {"model": str(tiny_model_dir)} if "model" in parameters else {}
    runs = [finished_run] if notebook == "report_run" else []
    # What 02 makes stays out of the runs that tests share.
    store = tmp_path / "runs" if notebook == "02_candidate_race" else several_runs
    options = {"store": store, "notebook": notebook, "parameters": parameters | tiny}
    with opened(browser, rendered(runs, tmp_path / "page.html", **options)) as (page, wrong):
        page.screenshot(path=artefacts / f"page-{notebook}.png", full_page=True)
        assert figures(page) == expected
        assert titles_outside(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert wrong == []


def test_names_on_a_page_are_text(browser, hostile_run, several_runs, artefacts, tmp_path):
    out, runs = tmp_path / "page.html", [*runs_in(several_runs), hostile_run]
    with opened(browser, rendered(runs, out, store=tmp_path, notebook="report_compare")) as (page, wrong):
        page.screenshot(path=artefacts / "page-hostile.png", full_page=True)
        assert hostile_run.name in page.locator("body").inner_text()
        assert page.locator("img, a[href^=javascript]").count() == 0
        assert wrong == []


def test_names_in_a_figure_are_text(browser, artefacts, tmp_path):
    """Also those that plotly itself would take for links and styles."""
    drawn = [
        draw().to_html(full_html=False, include_plotlyjs=not place, div_id=f"figure-{place}", config=CONFIG)
        for place, draw in enumerate(test_hostile_names.ALL.values())
    ]
    out = tmp_path / "page.html"
    out.write_text(f"<!doctype html><meta charset=utf-8>{''.join(drawn)}", encoding="utf-8")
    with opened(browser, out) as (page, wrong):
        page.screenshot(path=artefacts / "figures-hostile.png", full_page=True)
        assert len(figures(page)) == len(drawn)
        assert page.locator("img, a[href]").count() == 0
        assert wrong == []
