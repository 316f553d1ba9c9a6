"""What executors for clusters have in common: attempts, agents, and options that others refuse."""

import os
import signal
import sys
import threading
import time

import pytest

from workbench.clusters.agent import Agent
from workbench.clusters.request import Request
from workbench.engines.magnitude import Magnitude
from workbench.errors import BadInput, Failed
from workbench.runs import Store
from workbench.sweeps import Cell, Sweep, executor
from workbench.sweeps.cluster import ClusterExecutor


class Fake(ClusterExecutor):
    """A cluster on which every attempt at a run ends as its seed was told to."""

    def __init__(self, endings, retries=2):
        super().__init__(4, Request(retries=retries))
        self.endings, self.submitted, self.stopped = endings, [], False
        self._under_way = []

    def _submit(self, name, agent):
        self.submitted.append(name)
        self._under_way.append(name)

    def _outcomes(self):
        names, self._under_way = self._under_way, []
        for name in names:
            code, reason = self.endings[name].pop(0)
            if code == 0:
                folder = self._attempts[name].store.run(name)
                folder.root.mkdir()
                folder.spec.touch()
                folder.results.touch()
            yield name, (code, reason)

    def stop(self):
        self.stopped = True


@pytest.fixture
def cells(spec_of):
    return [Cell("magnitude", spec_of(Magnitude(sparsity=0.8), seed=seed)) for seed in range(5)]


def test_only_runs_that_died_are_started_again(cells, tmp_path, capsys):
    endings = [
        [(None, "node a died"), (-9, ""), (0, "")],
        [(-9, ""), (-9, ""), (-9, "")],
        [(2, "the data is not there")],
        [(1, "its agent failed")],
        [(3, "it reached its time limit")],
    ]
    fake = Fake(dict(zip((cell.name for cell in cells), endings, strict=True)))
    sweep = Sweep(cells, tmp_path, fake)
    with pytest.raises(Failed, match="4 of 5 runs are not complete"):
        sweep.run()
    assert [fake.submitted.count(cell.name) for cell in cells] == [3, 3, 1, 1, 1]
    assert [run.name for run in sweep.done] == [cells[0].name]
    reasons = {failure.cell.name: failure for failure in sweep.failures}
    assert reasons[cells[1].name].reason.startswith("killed by signal 9")
    assert reasons[cells[1].name].reason.endswith("3 times")
    assert reasons[cells[2].name].reason == "the data is not there"
    assert [reasons[cell.name].resumable for cell in cells[1:]] == [False, False, False, True]
    assert f"{cells[0].name}: node a died" in capsys.readouterr().err


def test_runs_on_a_cluster_are_told_what_prune_takes(cells, tmp_path):
    fake = Fake({})
    fake.compute, fake.yes = "sparse", True
    fake.start(cells[0].spec, tmp_path)
    arguments, *_ = fake._attempts[cells[0].name].agent.parts
    assert {"--yes", "sparse"} <= set(arguments)


def test_whatever_ends_a_grid_stops_what_is_under_way(cells, tmp_path, monkeypatch):
    fake = Fake({})
    monkeypatch.setattr(fake, "ended", lambda: (_ for _ in ()).throw(BadInput("sbatch refuses.")))
    with pytest.raises(BadInput, match="sbatch refuses"):
        Sweep(cells, tmp_path, fake).run()
    assert fake.stopped


@pytest.fixture
def agent_of(tmp_path):
    log = tmp_path / "run.log"
    log.touch()

    def make(code, **changes):
        parts = {"command": ["-c", code], "log": str(log), "folder": str(tmp_path), "variables": {"A": "b"}}
        return Agent(**parts | changes)

    return make


def test_an_agent_gives_the_runs_exit_code_output_and_surroundings(agent_of, tmp_path):
    code = "import os, sys; print(os.getcwd(), os.environ['A'], flush=True); sys.exit(3)"
    assert agent_of(code)() == (3, "")
    assert agent_of("import os; os.kill(os.getpid(), 9)")() == (-9, "")
    assert (tmp_path / "run.log").read_text() == f"{tmp_path} b\n"


def test_an_agent_says_that_a_node_does_not_see_the_store(agent_of):
    code, reason = agent_of("", log="/nowhere/run.log")()
    assert (code, "does not see /nowhere/run.log" in reason) == (2, True)


def test_an_agent_shields_its_run_from_a_batch_systems_signals_and_stops_it_by_its_own(agent_of, tmp_path):
    agent = agent_of(
        "import os, signal, time; os.kill(os.getpid(), signal.SIGUSR2);"
        "open('ready', 'w').close(); time.sleep(60)"
    )
    codes = []
    waiting = threading.Thread(target=lambda: codes.append(agent.run()[0]))
    waiting.start()
    while not (tmp_path / "ready").exists():
        time.sleep(0.01)
    agent.stop()
    waiting.join(timeout=10)
    assert codes == [-signal.SIGTERM]


@pytest.mark.parametrize(
    ("kind", "options", "told"),
    [
        (
            "process",
            {"gpus": 1.0},
            "process takes no --gpus; .* choose --executor ray or slurm",
        ),
        ("serial", {"address": "auto"}, "serial takes no --address"),
        ("slurm", {"address": "auto"}, "choose --executor ray"),
        ("ray", {"slurm": ["time=1"]}, "choose --executor slurm"),
        ("ray", {"cpus": 0}, "cpus is 0"),
        ("ray", {"gpus": 1.5}, "share of one GPU, or a whole number"),
        ("slurm", {"retries": -1}, "retries is -1"),
        ("ray", {"node": ["gpu"]}, "not NAME=VALUE"),
    ],
)
def test_options_that_an_executor_does_not_have_or_cannot_use_are_refused(kind, options, told):
    with pytest.raises(BadInput, match=told):
        executor(kind, **options)


@pytest.mark.parametrize(("kind", "package"), [("ray", "ray"), ("slurm", "submitit")])
def test_a_missing_extra_is_named_with_the_command_that_installs_it(kind, package, monkeypatch):
    monkeypatch.setattr("workbench.extras.find_spec", lambda _: None)
    with pytest.raises(BadInput, match=f"pip install '{package}>="):
        executor(kind)


def test_the_first_attempt_on_a_cluster_makes_the_log_that_nodes_look_for(cells, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_TOKEN", "secret")
    fake = Fake({})
    fake.start(cells[0].spec, tmp_path)
    command, log, _, variables = fake._attempts[cells[0].name].agent.parts
    assert log == str(Store(tmp_path).log(cells[0].name))
    assert os.path.exists(log)
    assert command[:2] == ["-m", "workbench.sweeps.worker"]
    assert command[-1] == "--wait"
    assert sys.executable not in command
    assert variables["OMP_NUM_THREADS"] == variables["HF_HUB_OFFLINE"] == "1"
    assert "secret" not in variables.values()
