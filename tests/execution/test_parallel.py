"""Candidates and particles side by side in processes: the same bits, also after kills and interrupts."""

import json
import sys
import time
from subprocess import PIPE, Popen
from types import SimpleNamespace

import psutil
import pytest

from tests.execution import deadly
from tests.execution.resuming import parallel_outcome
from tests.tiny_runs import tiny_randomized
from workbench.cli import main
from workbench.engines.magnitude import Magnitude
from workbench.engines.swamp import Swamp
from workbench.errors import BadInput, Stopped
from workbench.execution import capacity, prune
from workbench.execution.stage_process import StageProcess
from workbench.execution.workers import ProcessWorkers
from workbench.runs.events import EventLog
from workbench.schedules import LEARNING_RATES
from workbench.training import Distillation, TrainingConfig

HALVING = tiny_randomized(levels=1, candidates=4, halving=True, keep_winner=True, early_epochs=6.0)
SWAMP = Swamp(
    sparsity=0.5,
    rewind="encoder",
    prune_share=0.5,
    epochs=8.0,
    lr=1e-3,
    eval_every=3,
    particles=3,
    distillation=Distillation(mode="logits"),
)


@pytest.fixture(scope="module")
def serial(tiny_model_dir, tmp_path_factory):
    """The outcome of a run in this process, at one thread."""
    made = {}

    def outcome_of(spec) -> dict:
        if spec.name not in made:
            made[spec.name] = parallel_outcome(prune(spec, store=tmp_path_factory.mktemp("serial")))
        return made[spec.name]

    return outcome_of


@pytest.fixture
def started(monkeypatch):
    """The process ids of the workers that are started."""
    pids, start = [], StageProcess.__init__

    def watched(process, *arguments):
        start(process, *arguments)
        pids.append(process.pid)

    monkeypatch.setattr(StageProcess, "__init__", watched)
    return pids


@pytest.mark.parametrize("engine", [HALVING, SWAMP], ids=["halving", "particles"])
def test_two_processes_give_the_bits_of_one(spec_of, tmp_path, serial, started, engine):
    spec = spec_of(engine)
    run = prune(spec, store=tmp_path, jobs=2)
    assert len(started) == 2
    assert not any(map(psutil.pid_exists, started))
    assert parallel_outcome(run) == serial(spec)
    assert run.results["environment"]["threads"] == 1
    assert not list(run.path.glob(".worker*"))


def test_workers_have_plugins_and_one_that_is_killed_in_the_middle_is_resumed(
    spec_of, tmp_path, registries, started, capfd
):
    spec = spec_of(deadly.engine(HALVING, tmp_path, ["os.getpid()"]))
    run = prune(spec, store=tmp_path / "parallel", jobs=2)
    assert deadly.kills(tmp_path) == 1
    assert len(started) == 3
    assert "was killed by signal 9; another one takes its place" in capfd.readouterr().err
    assert [record["name"] for record in run.results["environment"]["plugins"]] == ["deadly"]
    assert parallel_outcome(run) == parallel_outcome(prune(spec, store=tmp_path / "serial"))


def test_an_assignment_that_kills_every_worker_stops_the_run(spec_of, tmp_path, serial, started, monkeypatch):
    spec, give = spec_of(HALVING), StageProcess.give

    def give_and_kill(process, assignment):
        give(process, assignment)
        if assignment["stage"].endswith("candidate-1"):
            psutil.Process(process.pid).kill()

    with monkeypatch.context() as patched:
        patched.setattr(StageProcess, "give", give_and_kill)
        with pytest.raises(
            Stopped, match=r"race/candidate-1 was killed by signal 9, as did 2 before it.*--jobs"
        ):
            prune(spec, store=tmp_path, jobs=2)
    assert len(started) == 4
    assert not any(map(psutil.pid_exists, started))
    assert parallel_outcome(prune(spec, store=tmp_path)) == serial(spec), "resumed in this process"


def test_a_run_that_is_interrupted_stops_its_workers_and_resumes(
    spec_of, tmp_path, serial, started, monkeypatch
):
    spec, wait = spec_of(HALVING), ProcessWorkers.wait

    def interrupted(workers):
        if EventLog(tmp_path / spec.name / "events.jsonl").last()["stage"] != "level-0":
            raise KeyboardInterrupt
        return wait(workers)

    with monkeypatch.context() as patched:
        patched.setattr(ProcessWorkers, "wait", interrupted)
        with pytest.raises(Stopped, match="run the same command to resume"):
            prune(spec, store=tmp_path, jobs=2)
    assert len(started) == 2
    assert not any(map(psutil.pid_exists, started))
    assert parallel_outcome(prune(spec, store=tmp_path)) == serial(spec)


def runs(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE  # ended, and not collected by its new parent yet
    except psutil.NoSuchProcess:
        return False


def test_the_workers_of_a_run_that_is_killed_end_before_it_is_resumed(spec_of, tmp_path, serial):
    spec = spec_of(HALVING)
    (tmp_path / "spec.yaml").write_text(spec.to_yaml())
    options = ["--recipe", tmp_path / "spec.yaml", "--store", tmp_path / "runs", "--jobs", "2"]
    log = EventLog(tmp_path / "runs" / spec.name / "events.jsonl")
    command = [sys.executable, "-m", "workbench", "prune", *options]
    with Popen(command, stderr=PIPE, text=True) as process:
        while not any("race" in event["stage"] for event in log.read()):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.002)
        workers = psutil.Process(process.pid).children()
        process.kill()
    assert len(workers) == 2
    resumed = prune(spec, store=tmp_path / "runs")
    assert not any(runs(worker) for worker in workers)
    assert parallel_outcome(resumed) == serial(spec)


def test_what_a_worker_raises_is_raised_here(spec_of, tmp_path, started):
    spec = spec_of(tiny_randomized(levels=1, early_lr=1e30))
    with pytest.raises(Stopped, match=r"stage level-1/race/candidate-\d: .*lower rate: --set"):
        prune(spec, store=tmp_path, jobs=2)
    assert len(started) == 2
    assert not any(map(psutil.pid_exists, started))


def test_jobs_that_are_impossible_are_refused_before_anything_is_written(
    spec_of, tmp_path, monkeypatch, capsys
):
    spec = spec_of(HALVING)
    with pytest.raises(BadInput, match=r"jobs is 0. Give at least 1"):
        prune(spec, store=tmp_path / "runs", jobs=0)
    free = SimpleNamespace(available=5 << 30)
    monkeypatch.setattr(capacity.psutil, "virtual_memory", lambda: free)
    monkeypatch.setattr(capacity, "process_bytes", lambda *_: 2 << 30)
    with pytest.raises(BadInput, match=r"4 processes need about 8.6 GB .* 5.4 GB are free. Give jobs=2"):
        prune(spec, store=tmp_path / "runs", jobs=64)
    assert not (tmp_path / "runs").exists()
    assert main(["prune", "synth/sst2", "--engine", "imp", "--jobs", "-1"]) == 2
    assert "jobs is -1" in capsys.readouterr().err


def test_a_run_with_nothing_side_by_side_says_so_and_starts_no_process(spec_of, tmp_path, started, capsys):
    engine = Magnitude(sparsity=0.8, epochs=4.0, lr=1e-3, distillation=Distillation(mode="logits"))
    prune(spec_of(engine), store=tmp_path, jobs=2)
    assert "trains nothing in parallel; jobs=2 has no effect" in capsys.readouterr().err
    assert started == []


@pytest.mark.parametrize("schedule", LEARNING_RATES.values())
def test_a_configuration_becomes_the_same_one_in_another_process(schedule):
    config = TrainingConfig(
        steps=7, lr=0.1 / 3, schedule=schedule(warmup=0.1), distillation=Distillation(temperature=0.7)
    )
    assert TrainingConfig.from_plain(json.loads(json.dumps(config.to_plain()))) == config
    assert TrainingConfig(steps=7, lr=0.1, schedule=lambda progress: 1.0).to_plain() is None
