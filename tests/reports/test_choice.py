import json
import shutil

import pytest

from workbench.errors import BadInput
from workbench.reports import blocks, open_run, open_runs
from workbench.reports.choice import chosen_runs, folders_of
from workbench.runs import Run, runs_in


def test_level_0_is_the_last(finished_run):
    assert open_run(str(finished_run.path), 0)[1] == 2
    assert open_run(str(finished_run.path), 1)[1] == 1


@pytest.mark.parametrize("level", [-1, 3])
def test_a_level_that_the_run_does_not_have_is_refused(finished_run, level):
    with pytest.raises(BadInput, match=f"level {level}: run .* has levels 1 to 2"):
        open_run(str(finished_run.path), level)


@pytest.mark.parametrize("inside", ["", "notebooks"])
def test_without_a_name_the_default_store_is_used(finished_run, tmp_path, monkeypatch, inside):
    (tmp_path / "runs").symlink_to(finished_run.path.parent)
    (tmp_path / inside).mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path / inside)
    assert open_run("", 0)[0].name == finished_run.name


def test_without_any_run_a_sentence_says_how_to_make_one(tmp_path, monkeypatch, capsys):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert open_run("", 0) == (None, 0)
    assert "workbench prune" in capsys.readouterr().out


@pytest.fixture
def store(finished_run, tmp_path):
    """A complete run, one of another version, a damaged one, and one that has only started."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / finished_run.name).symlink_to(finished_run.path)
    results = {
        "older": json.dumps(finished_run.results | {"format": 0}),
        "torn": "{",
        "bare": '{"format": 1}',
    }
    for name in (*results, "begun"):
        (tmp_path / "store" / name).mkdir()
        shutil.copy(finished_run.path / "spec.yaml", tmp_path / "store" / name)
        if name in results:
            (tmp_path / "store" / name / "results.json").write_text(results[name])
    return tmp_path / "store"


def test_a_store_stands_for_all_of_its_runs(store):
    everything = [run.path for run in runs_in(store)]
    assert folders_of(everything, store) == str(store)
    assert folders_of(everything[1:], store) == "\n".join(map(str, everything[1:]))


@pytest.fixture
def shown(monkeypatch):
    """The HTML that is displayed."""
    outputs = []
    monkeypatch.setattr(blocks, "display", lambda html: outputs.append(html.data))
    return outputs


def test_unreadable_runs_of_a_store_are_left_out_and_named(store, finished_run, shown):
    assert [run.name for run in open_runs(str(store))] == [finished_run.name]
    (sentence,) = shown
    assert "Left out: bare (unreadable: " in sentence
    assert "begun (incomplete); older (unreadable: " in sentence
    assert "does not have format 1" in sentence
    assert sentence.endswith("; and 1 more.</p>")


def test_if_no_run_can_be_read_a_sentence_says_how_to_make_one(store, finished_run, shown, capsys):
    (store / finished_run.name).unlink()
    assert open_runs(str(store)) == []
    assert len(shown) == 1
    assert "workbench prune" in capsys.readouterr().out


def test_a_store_needs_one_readable_run_and_a_named_run_must_be_readable(store, finished_run):
    names = [folder.name for folder in chosen_runs([], store)]
    assert names == ["bare", "older", finished_run.name, "torn"]
    with pytest.raises(BadInput, match="format 1"):
        chosen_runs([Run(store / "older")], store)
    (store / finished_run.name).unlink()
    shutil.rmtree(store / "bare")
    with pytest.raises(BadInput, match="format 1"):
        chosen_runs([], store)
