"""The panel of a run, without a browser: what it shows in every state, and what its buttons do."""

import pytest
from filelock import FileLock

from workbench.engines.magnitude import Magnitude
from workbench.errors import BadInput
from workbench.files import write_json, write_text
from workbench.runs import RunSpec
from workbench.runs.events import EventLog
from workbench.widgets import JobWatch, job_watch

SPEC = RunSpec(task="synth/sst2", engine=Magnitude())


@pytest.fixture
def folder(tmp_path):
    """The folder of a run that was interrupted after 30 of its 100 steps."""
    root = tmp_path / SPEC.name
    write_text(root / "spec.yaml", SPEC.to_yaml())
    write_json(root / "plan.json", {"steps": 100, "dense": {"folder": "shared/dense-0", "steps": 20}})
    log = EventLog(root / "events.jsonl")
    log.append("level-1", "start", 0, steps=100)
    for step in (10, 20, 30):
        log.append("level-1", "train", step, loss=1 / step, lr=1e-4)
        log.append("level-1", "evaluation", step, metrics={"accuracy": step / 100})
    return root


def test_a_run_that_was_never_started(tmp_path):
    watch = JobWatch(SPEC, tmp_path)
    assert "not started" in watch.children[0].value
    assert (watch.start_button.description, watch.start_button.disabled) == ("Start", False)
    assert watch.stop_button.disabled
    assert watch.notice.value == ""


def test_a_run_that_was_interrupted_can_be_resumed(folder):
    watch = JobWatch(SPEC, folder.parent)
    assert watch.start_button.description == "Resume"
    assert (watch.bar.value, watch.bar.max) == (30, 120)
    assert watch.place.value == "30 of 120 optimizer steps"
    assert "start it to resume" in watch.notice.value


def test_a_run_in_progress_is_followed(folder):
    with FileLock(folder / ".lock"):
        watch = JobWatch(SPEC, folder.parent)
        assert watch.start_button.disabled
        assert not watch.stop_button.disabled
        EventLog(folder / "events.jsonl").append("level-1", "train", 40, loss=0.1, lr=1e-4)
        assert watch.refresh() is True
        assert watch.bar.value == 40
        [figure] = watch.children[-1].children
        scores, losses = figure.figure["data"]
        assert len(losses["x"]) > len(scores["x"])
        watch.stop_button.click()
        assert "started elsewhere" in watch.notice.value
        watch.refresh()
        assert "started elsewhere" in watch.notice.value, "a message stays until the next click"
    assert watch.refresh() is False


def test_the_buttons_start_and_stop(folder, monkeypatch):
    pressed = []
    monkeypatch.setattr(job_watch, "start", lambda spec, store: pressed.append((spec, store)))
    monkeypatch.setattr(job_watch.Job, "stop", lambda job: pressed.append(job.path))
    watch = JobWatch(SPEC, folder.parent)
    watch.start_button.click()
    watch.stop_button.click()
    assert pressed == [(SPEC, folder.parent.resolve()), folder.resolve()]


def test_a_store_that_cannot_be_written_to_is_a_sentence(tmp_path):
    (tmp_path / "store").touch()
    watch = JobWatch(SPEC, tmp_path / "store")
    watch.start_button.click()
    assert "cannot be written to" in watch.notice.value


def test_a_damaged_folder_is_a_sentence_and_the_panel_keeps_working(folder):
    (folder / "plan.json").write_text("{")
    watch = JobWatch(SPEC, folder.parent)
    assert "is damaged" in watch.notice.value
    write_json(folder / "plan.json", {"steps": 80, "dense": {"folder": "shared/dense-0", "steps": 20}})
    watch.refresh()
    assert watch.place.value == "30 of 100 optimizer steps"
    assert "damaged" not in watch.notice.value


def test_a_failed_run_says_why(folder):
    (folder / ".job").touch()
    write_json(folder / "job.json", {"exit_code": 2})
    (folder / "job.log").write_text("dense: done\nsparsity <b>2</b> is too much\n")
    watch = JobWatch(SPEC, folder.parent)
    assert "failed" in watch.children[0].value
    assert "sparsity &lt;b&gt;2&lt;/b&gt; is too much" in watch.notice.value


def test_a_button_replaces_the_command_of_the_shell(folder):
    (folder / ".job").touch()
    write_json(folder / "job.json", {"exit_code": 3})
    (folder / "job.log").write_text("workbench: interrupted; run the same command to resume.\n")
    watch = JobWatch(SPEC, folder.parent)
    assert "interrupted; press Resume." in watch.notice.value


def test_listeners_are_called_on_every_refresh(folder):
    watch, calls = JobWatch(SPEC, folder.parent), []
    watch.listen(lambda: calls.append(watch.spec.seed))
    watch.refresh()
    watch.look_at(RunSpec(task="synth/sst2", engine=Magnitude(), seed=3))
    assert calls == [0, 0, 3]
    assert "not started" in watch.children[0].value
    assert watch.children[-1].children == ()


def test_a_report_fails_without_a_complete_run(folder, monkeypatch):
    monkeypatch.setenv(job_watch.figures.REPORT_MODE, "1")
    monkeypatch.setattr(job_watch, "start", lambda spec, store: watch.job)
    watch = JobWatch(SPEC, folder.parent)
    with pytest.raises(BadInput, match="not complete"):
        watch.show("run")
