"""Runs in processes of their own."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from filelock import FileLock

from tests.execution.resuming import outcome
from tests.tiny_runs import tiny_randomized
from workbench import Run, prune
from workbench.errors import BadInput
from workbench.runs import Follower
from workbench.sweeps import Job, jobs, start, worker

PATIENCE = 240.0


@pytest.fixture
def slow(spec_of):
    """A run that takes some seconds, so that there is time to do something to it."""
    return spec_of(tiny_randomized(levels=1, epochs=150.0))


def wait_for_steps(job: Job, steps: int) -> None:
    follower, deadline = Follower(job.path), time.monotonic() + PATIENCE
    while follower.progress().done < steps:
        assert job.state == "running", job.log.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_job_that_is_killed_and_stopped_and_resumed_ends_with_the_same_bits(slow, tmp_path):
    job = start(slow, tmp_path / "a")
    assert job.state == "running"
    wait_for_steps(job, 5)
    os.kill(json.loads((job.path / ".job").read_text())["pid"], signal.SIGKILL)
    assert job.wait(PATIENCE) == "failed"
    assert "was killed" in job.reason

    start(slow, tmp_path / "a")
    wait_for_steps(job, 20)
    assert start(slow, tmp_path / "a").state == "running", "a second start only attaches"
    job.stop()
    assert job.wait(PATIENCE) == "stopped"
    assert job.reason.startswith("interrupted. What was done is kept in")
    before = Follower(job.path).progress()
    assert 0 < before.done < before.total

    assert start(slow, tmp_path / "a").wait(PATIENCE) == "done"
    assert job.reason == ""
    assert outcome(Run(job.path)) == outcome(prune(slow, store=tmp_path / "b"))
    after = Follower(job.path).progress()
    assert after.done == after.total == before.total


def test_a_job_outlives_who_started_it_and_another_process_takes_over(slow, tmp_path):
    code = (
        "import json, sys; from workbench.runs import RunSpec; from workbench.sweeps import start;"
        "print(start(RunSpec.from_plain(json.loads(sys.argv[1])), sys.argv[2]).path)"
    )
    command = [sys.executable, "-c", code, json.dumps(slow.changed), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    job = Job(done.stdout.strip())
    assert job.path == tmp_path / slow.name
    assert job.state == "running"
    job.stop()  # it is still importing, and stops as soon as it can
    assert job.wait(PATIENCE) == "stopped"


@pytest.fixture
def in_the_background(monkeypatch, tmp_path):
    """Carries a run out as the process of a job does, but in this one; returns the job."""
    monkeypatch.setattr(worker, "STOPPING", ())

    def run(spec, capsys) -> Job:
        job = Job(tmp_path / spec.name)
        job.path.mkdir(exist_ok=True)
        code = worker.main([json.dumps(spec.changed), str(tmp_path), "--background", spec.name])
        (job.path / ".job").touch()
        job.log.write_text(capsys.readouterr().err)
        assert json.loads((job.path / "job.json").read_text()) == {"exit_code": code}
        return job

    return run


def test_bad_input_becomes_the_reason(spec_of, tmp_path, in_the_background, capsys):
    job = in_the_background(spec_of(model=str(tmp_path / "nowhere")), capsys)
    assert job.state == "failed"
    assert "nowhere" in job.reason
    assert "\n" not in job.reason


def test_a_defect_names_the_log(spec_of, in_the_background, capsys, monkeypatch):
    monkeypatch.setattr(worker, "prune", lambda *_, **__: {}["missing"])
    job = in_the_background(spec_of(), capsys)
    assert job.state == "failed"
    assert job.reason == f"KeyError: 'missing' (see {job.log})"


@pytest.mark.parametrize("created", [1.0, None])
def test_a_process_that_was_given_the_number_of_a_job_is_left_alone(tmp_path, monkeypatch, created):
    number = os.getpid()
    # Earlier versions wrote the number alone.
    (tmp_path / ".job").write_text(json.dumps({"pid": number, "created": created} if created else number))
    monkeypatch.setattr(psutil.Process, "send_signal", lambda *_: pytest.fail("a signal was sent"))
    job = Job(tmp_path)
    assert job.state == "failed"
    job.stop()


def test_a_run_of_a_shell_is_seen_and_not_stopped(tmp_path):
    with FileLock(tmp_path / ".lock"):
        job = Job(tmp_path)
        assert job.state == "running"
        with pytest.raises(BadInput, match="started elsewhere"):
            job.stop()
    assert job.state == "not started"
    (tmp_path / "spec.yaml").touch()
    assert (job.state, job.reason) == ("stopped", "The run is not complete; start it to resume.")


def test_a_store_that_cannot_be_written_to_is_refused(spec_of, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="cannot be written to"):
        start(spec_of(), tmp_path / "file")


def test_what_is_complete_is_left_alone(finished_run, monkeypatch):
    monkeypatch.setattr(jobs, "_spawn", lambda *_: pytest.fail("it was started again"))
    job = start(finished_run.spec, finished_run.path.parent)
    assert (job.state, job.path.name) == ("done", finished_run.name)


def test_how_a_run_is_computed_reaches_its_process(spec_of, tmp_path, monkeypatch):
    commands, asked = [], {}
    monkeypatch.setattr(jobs, "_spawn", lambda folder, command: commands.append(command))
    start(spec_of(), tmp_path, compute="dense", jobs=3, yes=True)
    monkeypatch.setattr(worker, "prune", lambda spec, store, **how: asked.update(how))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert worker.main(commands[0][3:]) == 0
    assert asked == {"compute": "dense", "jobs": 3, "yes": True}
