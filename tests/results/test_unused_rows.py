"""The rows of docs/results/unused_rows.py."""

import runpy
from dataclasses import replace
from types import SimpleNamespace

import pytest

from workbench.errors import BadInput
from workbench.tasks import load_task
from workbench.tasks.metrics import score
from workbench.training.data import TaskData


@pytest.fixture
def script(root, monkeypatch):
    folder = root / "docs" / "results"
    monkeypatch.syspath_prepend(folder)
    return runpy.run_path(str(folder / "unused_rows.py"))


@pytest.fixture
def unused_rows(script):
    return script["unused_rows"]


def test_they_are_drawn_from_what_no_run_has_seen(unused_rows, tiny_model_dir, monkeypatch):
    monkeypatch.setattr(TaskData, "_encode", lambda data, frame: frame)
    task = load_task("synth/sst2")
    runs = [SimpleNamespace(spec=SimpleNamespace(seed=seed, examples=40)) for seed in (0, 1)]
    rows = unused_rows(task, runs, 30)
    assert len(rows) == rows["sentence"].nunique() == 30
    for seed in (0, 1):
        data = TaskData(task, str(tiny_model_dir), seed, "validation", 40)
        for split in (data.train, data.validation, *data.dev.values()):
            assert not set(rows["sentence"]) & set(split["sentence"])
    assert unused_rows(task, runs, 30).equals(rows)


def test_too_many_are_refused(unused_rows):
    runs = [SimpleNamespace(spec=SimpleNamespace(seed=0, examples=None))]
    with pytest.raises(BadInput, match="10 rows are wanted, and synth/sst2 has 0 that no run has seen"):
        unused_rows(load_task("synth/sst2"), runs, 10)


@pytest.mark.parametrize("dense", [False, True])
def test_models_have_the_scores_that_their_run_recorded(script, finished_run, dense):
    task = load_task(finished_run.spec.task)
    rows, metric = task.dev["validation"], task.metrics[0]
    logits = script["logits_of"](finished_run, task, rows, dense)
    recorded = finished_run.results["dense" if dense else "dev"]
    assert score([metric], logits, rows["label"].to_numpy())[metric] == (
        recorded["dev"]["validation"][metric] if dense else recorded["validation"][metric]
    )


def test_each_sparsity_has_a_table_with_the_dense_models(script, finished_run, monkeypatch):
    task = load_task(finished_run.spec.task)
    monkeypatch.setitem(script["tables"].__globals__, "unused_rows", lambda *_: task.dev["validation"])
    other = SimpleNamespace(
        **{name: getattr(finished_run, name) for name in ("path", "folder", "environment")},
        name="other",
        spec=replace(finished_run.spec, engine=replace(finished_run.spec.engine, sparsity=0.7)),
    )
    entries = {finished_run.name: "here", "other": "there"}
    text = script["tables"](task, [finished_run, other], entries, 10, "here")
    _, first, second = text.split("\n\nsparsity ")
    assert first.startswith("0.7")
    assert second.startswith("0.8")
    assert [name for name in ("dense", "here", "there") if f"| {name} |" in first] == ["dense", "there"]
    assert [name for name in ("dense", "here", "there") if f"| {name} |" in second] == ["dense", "here"]
