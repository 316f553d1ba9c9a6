"""Grids on a local Ray cluster of two workers: equal bits, killed workers, and what is refused."""

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from workbench.cli import main
from workbench.engines.magnitude import Magnitude
from workbench.engines.randomized import Randomized
from workbench.errors import BadInput, Failed
from workbench.files import write_json
from workbench.plugins import VARIABLE
from workbench.runs import Run, Store
from workbench.sweeps import Cell, Sweep, executor
from workbench.training import Distillation

pytest.importorskip("ray", reason="the extra [ray] is not installed; `make test-ray` installs it")

KILLED = (4, 5)
NONE = Distillation(mode="none")
TRAINS = '"stage": "level-1", "event": "train"'
FATAL = """
import os, signal
from typing import ClassVar
from workbench.engines.magnitude import Magnitude
from workbench.settings import settings

@settings
class Fatal(Magnitude):
    id: ClassVar[str] = "fatal"

    def prune(self, bench):
        if type(bench).__name__ == "RunBench":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().prune(bench)
"""


@pytest.fixture
def cells(spec_of):
    """Twelve runs, a quarter of them with a race; two that train long enough to be killed meanwhile."""

    def spec(seed):
        epochs = 12.0 if seed in KILLED else 2.0
        once = Magnitude(sparsity=0.8, epochs=epochs, eval_every=10, distillation=NONE)
        race = Randomized(sparsity=0.8, levels=1, candidates=2, epochs=epochs, lr=1e-3, distillation=NONE)
        return spec_of(race if seed % 4 == 0 else once, seed=seed, scale=0.1)

    return [Cell(one.engine.id, one) for one in map(spec, range(12))]


def bits(run: Run) -> dict[str, bytes]:
    """Every file of tensors in a run folder, and what was scored."""
    files = {
        path.relative_to(run.path).as_posix(): path.read_bytes()
        for path in sorted(run.path.rglob("*.safetensors"))
    }
    return files | {"scores": repr((run.results["validation"], run.results["dev"])).encode()}


def worker_of(folder: Path) -> psutil.Process | None:
    """The process that carries out a run, wherever it was started."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "workbench.sweeps.worker" in words and (folder / ".lock").exists():
            held = {file.path for file in process.open_files()}
            if str(folder / ".lock") in held:
                return process
    return None


def kill_in_the_middle(folder: Path, whole: bool, killed: list[int]) -> None:
    """Kills a run that trains: its Ray worker, or the run's own process."""
    while not (folder / "events.jsonl").exists() or (process := worker_of(folder)) is None:
        time.sleep(0.02)
    victim = process.parent() if whole else process
    victim.kill()
    killed.append(victim.pid)


def test_killed_workers_are_replaced_and_the_bits_are_those_of_one_process(
    cluster, cells, spec_of, tmp_path, monkeypatch, capfd
):
    serial, ray = tmp_path / "serial", tmp_path / "ray"
    Sweep(cells, serial).run()
    (tmp_path / "fatal.py").write_text(FATAL)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "fatal.py"))
    Fatal = _fatal_engine(tmp_path / "fatal.py")
    fatal = Cell("fatal", spec_of(Fatal(sparsity=0.8, epochs=1.0, distillation=NONE)))
    refused = Cell("refused", spec_of(Magnitude(sparsity=0.99999)))
    killed = []
    killers = [
        threading.Thread(target=kill_in_the_middle, args=(ray / cell.name, whole, killed), daemon=True)
        for cell, whole in zip((cells[seed] for seed in KILLED), (True, False), strict=True)
    ]
    for killer in killers:
        killer.start()
    sweep = Sweep([fatal, refused, *cells], ray, executor("ray", 2, retries=2))
    with pytest.raises(Failed, match="2 of 14 runs are not complete"):
        sweep.run()
    for killer in killers:
        killer.join(timeout=1)
    told = capfd.readouterr().err
    assert len(killed) == 2
    assert {cell.name for cell in cells} == {run.name for run in sweep.done}
    reasons = {failure.cell.label: failure.reason for failure in sweep.failures}
    assert "killed by signal 9" in reasons["fatal"]
    assert reasons["fatal"].endswith("3 times")
    assert "keeps none of the" in reasons["refused"]
    assert told.count("attempt 2 of 3 resumes it") == 3, "one of each kill, and of the run that always dies"
    assert told.count("attempt 3 of 3 resumes it") == 1
    for cell in cells:
        assert bits(Run(ray / cell.name)) == bits(Run(serial / cell.name)), cell.title
        assert Run(ray / cell.name).environment["threads"] == 1


def _fatal_engine(path: Path):
    from workbench.engines import engine_class
    from workbench.plugins import load_plugin

    load_plugin(path)
    return engine_class("fatal")


@pytest.fixture(autouse=True)
def forgets_plugins(registries):
    """A plugin is loaded for one test."""


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"cpus": 4096}, r"no node .* has 4096 CPUs"),
        ({"gpus": 64}, r"no node .* has 1 CPU, 64 GPUs"),
        ({"memory": 1e6}, r"no node .* 1e\+06 GiB of memory"),
        ({"node": ["kind=none"]}, "no node of the Ray cluster has the label kind=none"),
    ],
)
def test_what_no_node_has_is_refused_at_once(cluster, options, told):
    with pytest.raises(BadInput, match=told):
        executor("ray", **options)


def test_an_interrupted_grid_stops_everything_and_is_resumed(spec_of, tmp_path):
    spec = spec_of(Magnitude(sparsity=0.8, epochs=20.0, distillation=NONE), scale=0.1)
    file = tmp_path / "grid.yaml"
    base = spec.changed | {"engine": {"epochs": 20.0, "distillation": {"mode": "none"}}}
    axes = {"task": base.pop("task"), "model": base.pop("model"), "sparsity": 0.8}
    write_json(file, {"base": base, "axes": axes, "engines": {"magnitude": {}}})
    command = [sys.executable, "-m", "workbench", "grid", str(file), "--store", str(tmp_path / "runs")]
    grid = subprocess.Popen([*command, "--executor", "ray"], stderr=subprocess.PIPE, text=True)
    folder = Store(tmp_path / "runs").run(spec.name)
    while not folder.events.exists() or TRAINS not in folder.events.read_text():
        assert grid.poll() is None, grid.stderr.read()
        time.sleep(0.05)
    worker = worker_of(folder.root)
    grid.send_signal(signal.SIGINT)
    assert grid.wait(timeout=120) == 3
    assert "run the same command to resume" in grid.stderr.read()
    assert not worker.is_running()
    assert not folder.results.exists()
    assert main([*command[3:], "--executor", "serial"]) == 0
    assert folder.results.exists()


def test_runs_stop_when_the_command_is_killed(spec_of, tmp_path):
    spec = spec_of(Magnitude(sparsity=0.8, epochs=1e5, distillation=NONE))
    code = (
        "import json, sys; from workbench.runs import RunSpec;"
        "from workbench.sweeps import Cell, Sweep, executor;"
        "spec = RunSpec.from_plain(json.loads(sys.argv[1]));"
        "Sweep([Cell('magnitude', spec)], sys.argv[2], executor('ray', 1)).run()"
    )
    command = [sys.executable, "-c", code, json.dumps(spec.changed), str(tmp_path / "runs")]
    grid = subprocess.Popen(command)
    folder = Store(tmp_path / "runs").run(spec.name)
    while not folder.events.exists() or (worker := worker_of(folder.root)) is None:
        assert grid.poll() is None
        time.sleep(0.05)
    grid.kill()
    grid.wait()
    worker.wait(timeout=120)
    assert not worker.is_running()


def test_an_address_that_nobody_listens_at_is_refused_within_seconds(monkeypatch):
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    started = time.monotonic()
    with pytest.raises(BadInput, match=r"nothing is listening at --address 127\.0\.0\.1:9"):
        executor("ray", address="127.0.0.1:9")
    with pytest.raises(BadInput, match="neither HOST:PORT"):
        executor("ray", address="ray://head:10001")
    assert time.monotonic() - started < 6
