"""The page of a comparison, and what it says of its runs."""

import shutil

import numpy as np
import pandas as pd
import pytest

from tests.fabricated import fabricate, predict
from tests.reports.test_render import Page
from workbench import cli
from workbench.analysis.comparison import comparison_table
from workbench.analysis.differences import bootstrap_interval, paired_differences
from workbench.analysis.paired import Scores
from workbench.engines.imp import IMP
from workbench.engines.magnitude import Magnitude
from workbench.errors import BadInput
from workbench.randomness import numpy_generator
from workbench.reports import comparison, differences, open_runs, render


@pytest.fixture(scope="module")
def store(finished_run, tmp_path_factory):
    """Two engines with two seeds at equal steps, one with one at other steps; a run of another task.

    Beside them a run that has only begun, and one that is damaged.
    """
    store = tmp_path_factory.mktemp("comparison") / "runs"
    for seed in range(2):
        for engine, right in ((Magnitude(sparsity=0.9), 110), (IMP(sparsity=0.9), 150)):
            right += 5 * seed
            predict(fabricate(store, finished_run, engine, seed=seed, right=right), right)
    fabricate(store, finished_run, IMP(sparsity=0.9, scope="global"), right=130, steps=400)
    fabricate(store, finished_run, Magnitude(sparsity=0.8), task="glue/sst2", right=120)
    (store / "begun").mkdir()
    shutil.copy(finished_run.path / "spec.yaml", store / "begun")
    shutil.copytree(store / "begun", store / "damaged")
    (store / "damaged" / "results.json").write_text('{"format": 1, "co')
    return store


@pytest.fixture(scope="module")
def html(store):
    out = store.parent / "page.html"
    arguments = ["report", str(store), "--notebook", "report_compare", "--out", str(out)]
    assert cli.main(arguments) == 0
    return out.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_every_task_has_its_figures(page):
    kinds = ("quality", "overlap", "layers", "types")
    expected = [f"{kind}-{task}" for kind in kinds for task in range(2)]
    # One of the tasks has a single engine, and so no pairs.
    assert sorted(page.drawn) == sorted([*expected, "differences-0"])
    assert page.loads == []


def test_the_page_says_what_was_compared_and_how(page, finished_run):
    dense = finished_run.results["dense"]["cost"]["optimizer_steps"]
    text = " ".join(" ".join(page.text).split())
    for words in (
        "Left out: damaged (unreadable:",
        "6 runs on glue/sst2, synth/sst2",
        "Engines: magnitude; imp; imp, scope=global.",
        "2 of 4 entries have one seed",
        "an engine's score minus that of magnitude",
        f"optimizer steps from the pretrained encoder ({300 + dense}): imp, scope=global",
        f"({400 + dense} steps)",
        "would detect",
        "dense steps",
        "recovery",
        "These runs do not show whether their setting tells masks apart",
        "+0.200",
        "seeds and examples",
        "published figures for BERT-base",
        "two masks chosen independently and uniformly at random would have a Jaccard index of 0.053",
    ):
        assert words in text
    assert "selection: dev" not in text


def test_equal_runs_give_equal_bytes_and_another_baseline_another_page(store, html, tmp_path):
    def page(**parameters):
        out = tmp_path / "page.html"
        render([], out, store=store, notebook="report_compare", parameters=parameters)
        return out.read_text(encoding="utf-8")

    assert page() == html
    assert "an engine's score minus that of imp," in page(baseline="imp")
    with pytest.raises(BadInput, match="unknown parameter"):
        page(runs="elsewhere")


def test_runs_are_found_by_folder_store_and_line(store, tmp_path):
    runs = open_runs(str(store))
    assert len(runs) == 6
    assert [run.name for run in open_runs(f"{runs[3].path}\n{store}")][:2] == [runs[3].name, runs[0].name]
    assert open_runs(str(store / "begun")) == open_runs(str(tmp_path)) == []


def test_selection_on_dev_is_pointed_out(finished_run, tmp_path):
    runs = [fabricate(tmp_path, finished_run, Magnitude(sparsity=0.9), selection="dev")]
    text = " ".join(comparison.cautions(comparison_table(runs)))
    assert "1 of the runs used the dev split" in text


def test_without_pairs_a_sentence_says_so(finished_run, tmp_path):
    table = comparison_table([fabricate(tmp_path, finished_run, Magnitude(sparsity=0.9))])
    pairs = paired_differences([], table[:0], "magnitude")
    (sentence,) = differences.how_paired(pairs, "magnitude")
    assert "there are no pairs" in sentence
    assert isinstance(differences.difference_table(pairs), pd.DataFrame)


@pytest.mark.parametrize(("seeds", "share", "words"), [(2, 1 / 2, "half of"), (3, 1 / 4, "a quarter of")])
def test_intervals_over_few_seeds_exclude_zero_as_often_as_is_said(page, seeds, share, words):
    text = " ".join(" ".join(page.text).split())
    assert words in text.partition("By chance alone")[2].partition(".")[0]
    drawn = numpy_generator("few", seeds).normal(size=(400, seeds))
    intervals = [bootstrap_interval(Scores(one), Scores(np.zeros(seeds)))[:2] for one in drawn]
    assert np.mean([low > 0 or high < 0 for low, high in intervals]) == pytest.approx(share, abs=0.08)
