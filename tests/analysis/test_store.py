import os
import shutil

import pytest

from workbench.analysis.store import store_table
from workbench.runs import newest_complete


@pytest.fixture
def store(finished_run, tmp_path):
    """Three copies of a run: complete, incomplete, and of a foreign format."""
    for name in ("complete", "foreign", "incomplete"):
        (tmp_path / name).mkdir()
        shutil.copy(finished_run.path / "spec.yaml", tmp_path / name)
    shutil.copy(finished_run.path / "results.json", tmp_path / "complete")
    (tmp_path / "foreign" / "results.json").write_text('{"format": 99}')
    return tmp_path


def test_a_complete_run_shows_its_result(store, finished_run):
    row = store_table(store).set_index("name").loc["complete"]
    assert row["status"] == "complete"
    assert (row["task"], row["engine"], row["sparsity"], row["seed"]) == ("synth/sst2", "randomized", 0.8, 0)
    assert row["metric"] == "dev accuracy"
    assert row["dev"] == finished_run.results["dev"]["validation"]["accuracy"]
    assert row["optimizer_steps"] == finished_run.results["cost"]["total"]["optimizer_steps"]


def test_rows_of_other_runs_say_what_is_wrong(store):
    (store / "damaged").mkdir()
    (store / "damaged" / "spec.yaml").write_text("- no\n- mapping\n")
    (store / "half").mkdir()
    shutil.copy(store / "complete" / "spec.yaml", store / "half")
    (store / "half" / "results.json").write_text('{"format": 1, "dev')
    table = store_table(store).set_index("name")
    status = table["status"]
    assert status["incomplete"] == "incomplete"
    assert status["foreign"].startswith("unreadable: ")
    assert "format 1" in status["foreign"]
    assert "not a mapping" in status["damaged"]
    assert "damaged" in status["half"]
    assert table.loc["damaged", ["task", "dev", "optimizer_steps"]].isna().all()


def test_results_without_a_key_are_reported(store):
    (store / "complete" / "results.json").write_text('{"format": 1}')
    assert store_table(store).set_index("name").loc["complete", "status"] == "unreadable: 'dev'"


def test_an_empty_store_is_an_empty_table(tmp_path):
    assert store_table(tmp_path).empty
    assert list(store_table(tmp_path / "nowhere").columns) == list(store_table(tmp_path).columns)
    assert newest_complete(tmp_path / "nowhere") is None


def test_the_newest_is_the_one_completed_last(store):
    assert newest_complete(store).name == "foreign"
    os.utime(store / "complete" / "results.json", (2e9, 2e9))
    assert newest_complete(store).name == "complete"
