"""The notebooks about runs: complete and damaged ones, and names that look like markup."""

import pytest

from tests.fabricated import fabricate, predict
from tests.reports.test_render import HOSTILE, Page
from workbench.engines.imp import IMP
from workbench.engines.magnitude import Magnitude
from workbench.errors import BadInput
from workbench.execution import prune
from workbench.randomness import numpy_generator
from workbench.reports import render
from workbench.reports.connectivity import KEEP_WEIGHTS


@pytest.fixture
def page(tmp_path):
    """Renders a notebook on runs, or on all that a store has."""

    def call(notebook, runs=(), **parameters) -> Page:
        out = render(
            runs, tmp_path / "page.html", store=tmp_path / "runs", notebook=notebook, parameters=parameters
        )
        return Page(out.read_text(encoding="utf-8"))

    return call


def text(page: Page) -> str:
    return " ".join(" ".join(page.text).split())


@pytest.fixture
def hostile_glue(tmp_path, monkeypatch):
    """A copy of GLUE whose sentences are markup, with the labels of fabricated predictions."""
    monkeypatch.setenv("WORKBENCH_GLUE_DIR", str(tmp_path / "glue"))
    (tmp_path / "glue" / "SST-2").mkdir(parents=True)
    labels = numpy_generator("labels").integers(2, size=200)
    lines = [f"{HOSTILE} number {place}\t{label}\n" for place, label in enumerate(labels)]
    for name in ("train", "dev"):
        (tmp_path / "glue" / "SST-2" / f"{name}.tsv").write_text("sentence\tlabel\n" + "".join(lines))


@pytest.mark.usefixtures("hostile_glue")
def test_a_comparison_of_engines_shows_sentences_and_no_markup(page, finished_run, tmp_path):
    """Of the store one run is damaged; the others' model is a folder with a hostile name."""
    for engine, right in ((Magnitude(sparsity=0.9), 100), (IMP(sparsity=0.9), 130)):
        for model in (HOSTILE, "plain"):
            run = fabricate(
                tmp_path / "runs", finished_run, engine, right=right, task="glue/sst2", model=model
            )
            predict(run, right)
    torn = fabricate(tmp_path / "runs", finished_run, Magnitude(sparsity=0.5))
    (torn.path / "results.json").write_text("{")
    compared = page("03_compare_engines", examples=3, task=f"glue/sst2, {HOSTILE}")
    assert compared.drawn == ["quality", "differences", "overlap", "layers", "types", "errors"]
    assert "img" not in compared.tags
    assert compared.loads == []
    words = text(compared)
    assert f"Left out: {torn.name} (unreadable" in words
    assert "Flips: 30 that only the first gets right, 0 that only the second gets right." in words
    assert words.count(f"{' '.join(HOSTILE.split())} number") == 3
    with pytest.raises(BadInput, match="unknown first 'nobody'"):
        page("03_compare_engines", first="nobody")


def test_one_run_has_no_pair_and_no_line_and_a_command_makes_some(page, finished_run):
    compared = page("03_compare_engines", [finished_run])
    assert compared.drawn == ["quality", "overlap", "layers", "types"]
    assert "there is no pair to compare" in text(compared)
    connected = page("04_connectivity", [finished_run])
    assert connected.drawn == []
    assert "no two models of one task and model" in text(connected)
    assert KEEP_WEIGHTS in text(connected)


def test_two_runs_are_connected_by_a_line_with_a_trace_at_each_end(page, finished_run, spec_of, tmp_path):
    other = prune(spec_of(), tmp_path / "runs", keep_weights=True)
    runs = [finished_run, other]
    levels = page("04_connectivity", runs, dev_examples=40)
    assert levels.drawn == ["line"]
    assert "level-1 to" in text(levels)
    assert KEEP_WEIGHTS not in text(levels)
    finals = page("04_connectivity", runs, first=finished_run.name, second=other.name, probes=1, points=12)
    assert "at 12 points" in text(finals)
    assert "trace of Hessian" in text(finals)


def test_training_lengths_are_those_of_the_named_task_and_engine(page, finished_run, tmp_path):
    for steps in (100, 200, 400):
        fabricate(tmp_path / "runs", finished_run, Magnitude(sparsity=0.9), steps=steps, scale=steps / 1000)
    fabricate(tmp_path / "runs", finished_run, IMP(sparsity=0.9), task="glue/rte")
    most = page("05_training_length")
    assert most.drawn == ["metric"]
    assert "3 runs of the engine magnitude on synth/sst2" in text(most)
    assert "1 run of the engine imp on glue/rte" in text(page("05_training_length", task="glue/rte"))
    with pytest.raises(BadInput, match="unknown engine 'impp'"):
        page("05_training_length", engine="impp")
