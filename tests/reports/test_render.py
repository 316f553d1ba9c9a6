"""Rendered pages: complete, self-contained, and equal for equal runs."""

import re
import shutil
from html.parser import HTMLParser

import pytest

from workbench.engines.magnitude import Magnitude
from workbench.execution import prune
from workbench.reports import render
from workbench.runs import FineTuning, RunSpec
from workbench.training import Distillation

FIGURES = ["quality", "layers", "overlap", "distance", "race", "prediction", "speed"]
HOSTILE = "<img src=x onerror=alert(1)> & \"'`$x$"


class Page(HTMLParser):
    """What a browser would make of a page: attributes that load something, scripts, text."""

    LOADING = ("src", "href", "srcset", "data", "poster", "action", "background")

    def __init__(self, html: str):
        super().__init__()
        self.tags, self.loads, self.scripts, self.styles, self.text = [], [], [], [], []
        self._inside = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self._inside.append(tag)
        self.tags.append(tag)
        self.loads += [value for name, value in attributes if name in self.LOADING]

    def handle_endtag(self, tag):
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data):
        kinds = {"script": self.scripts, "style": self.styles}
        kinds.get(self._inside[-1] if self._inside else "", self.text).append(data)

    @property
    def drawn(self) -> list[str]:
        """The ids of the figures that the scripts draw, in order."""
        return [id for script in self.scripts for id in re.findall(r'Plotly\.newPlot\(\s*"([\w-]+)"', script)]


@pytest.fixture(scope="module")
def html(report_page):
    return report_page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_the_page_loads_nothing(page):
    assert page.loads == []
    assert "link" not in page.tags
    assert "iframe" not in page.tags
    assert not any("@import" in style or "url(" in style for style in page.styles)


def test_the_policy_of_the_page_forbids_loading_anything(html):
    assert "default-src 'none'" in html


def test_every_figure_is_drawn_and_the_code_for_it_is_there_once(page):
    assert page.drawn == FIGURES
    assert sum("plotly.js v" in script for script in page.scripts) == 1


def test_figures_have_data(page):
    drawings = [script for script in page.scripts if "Plotly.newPlot" in script and len(script) < 1e6]
    assert len(drawings) == len(FIGURES)
    assert all(re.search(r'"(y|z)":(\[[^\]]|\{)', script) for script in drawings)


def test_the_text_says_what_was_run_and_with_what_result(page, finished_run):
    text = " ".join(page.text)
    assert f"{finished_run.results['dev']['validation']['accuracy']:.3f}" in text
    assert f"{100 * finished_run.results['sparsity']:.2f} %" in text
    for words in ("synth/sst2", "randomized", "This is one seed", "rank correlation", finished_run.name):
        assert words in text
    assert "OMP_NUM_THREADS=1 workbench prune synth/sst2 --engine randomized --sparsity 0.8" in text
    assert "used the dev split that it reports for selecting" not in text


def test_the_speed_is_shown_with_the_machine_that_it_was_measured_on(page):
    text = " ".join(page.text)
    assert "Measured with 1 thread on this machine: Some Processor, 2 cores" in text
    assert "workbench fp32" in text
    assert "Quantised weights (int8) change the outputs" in text


def test_code_is_hidden(html):
    assert "import analysis" not in html
    assert "jp-InputArea-editor" not in html


def test_two_renders_are_equal_byte_for_byte(report_page, finished_run, tmp_path):
    moved = shutil.copytree(finished_run.path, tmp_path / "elsewhere" / finished_run.name)
    again = render([type(finished_run)(moved)], tmp_path / "again.html", store=tmp_path)
    assert again.read_bytes() == report_page.read_bytes()


@pytest.fixture(scope="module")
def hostile_page(tiny_model_dir, tmp_path_factory):
    """The report of a run without a race, on a task with two dev splits, selected on dev, named badly."""
    folder = tmp_path_factory.mktemp("hostile")
    spec = RunSpec(
        task="synth/mnli",
        model=str(shutil.copytree(tiny_model_dir, folder / HOSTILE)),
        engine=Magnitude(sparsity=0.8, distillation=Distillation(mode="none")),
        selection="dev",
        scale=0.002,
        precision="fp32",
        dense=FineTuning(epochs=0.05),
    )
    run = prune(spec, store=folder / "runs")
    return Page(render([run], folder / "page.html", store=folder / "runs").read_text(encoding="utf-8"))


def test_names_are_text_and_never_markup(hostile_page):
    assert "img" not in hostile_page.tags
    assert hostile_page.loads == []
    assert HOSTILE in " ".join(hostile_page.text)


def test_a_run_without_a_race_and_with_two_dev_splits_renders(hostile_page):
    text = " ".join(hostile_page.text)
    assert hostile_page.drawn == ["quality", "layers"]
    assert "has not been measured for this run" in text
    assert "makes one mask for each level and holds no races" in text
    assert "dev (matched) accuracy" in text
    assert "dev (mismatched) accuracy" in text


def test_selection_on_dev_is_pointed_out(hostile_page):
    assert "Its dev scores are optimistic" in " ".join(hostile_page.text)
