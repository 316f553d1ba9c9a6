"""Races whose candidates train on a local Ray cluster: equal bits, killed workers, interrupts, refusals."""

import psutil
import pytest

from tests.execution import deadly
from tests.execution.resuming import parallel_outcome
from tests.tiny_runs import tiny_randomized
from workbench.cli import main
from workbench.errors import BadInput, Stopped
from workbench.execution import prune, workers_on
from workbench.execution.ray_workers import RayWorkers
from workbench.runs import Run
from workbench.runs.events import EventLog

pytest.importorskip("ray", reason="the extra [ray] is not installed; `make test-ray` installs it")

HALVING = tiny_randomized(levels=1, candidates=3, halving=True, keep_winner=True, early_epochs=6.0)


@pytest.fixture
def serial(spec_of, tmp_path):
    """The outcome of the run in this process, at one thread."""
    return parallel_outcome(prune(spec_of(HALVING), store=tmp_path / "serial"))


def workers_of(folder) -> list[psutil.Process]:
    """The processes that train stages of a run."""
    commands = ((process, process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))
    return [process for process, words in commands if str(folder) in words and "-m" in words]


def test_two_workers_give_the_bits_of_one_process(cluster, spec_of, serial, tmp_path):
    spec = spec_of(HALVING)
    (tmp_path / "spec.yaml").write_text(spec.to_yaml())
    options = ["--recipe", str(tmp_path / "spec.yaml"), "--store", str(tmp_path / "ray")]
    assert main(["prune", *options, "--executor", "ray", "--jobs", "2"]) == 0
    run = Run(tmp_path / "ray" / spec.name)
    assert parallel_outcome(run) == serial
    assert run.results["environment"]["threads"] == 1
    assert workers_of(run.path) == []


def test_killed_workers_are_replaced_and_their_candidates_resumed(
    cluster, spec_of, tmp_path, registries, capfd
):
    spec = spec_of(deadly.engine(HALVING, tmp_path, ["os.getpid()", "os.getppid()"]))
    run = prune(spec, store=tmp_path / "ray", workers=workers_on("ray"))
    assert deadly.kills(tmp_path) == 2
    printed = capfd.readouterr().err
    assert printed.count("was killed by signal 9; another one takes its place") == 1
    assert printed.count("died on the cluster") == 1
    assert parallel_outcome(run) == parallel_outcome(prune(spec, store=tmp_path / "serial"))


def test_an_interrupted_run_stops_its_workers_and_resumes(cluster, spec_of, serial, tmp_path, monkeypatch):
    spec, wait = spec_of(HALVING), RayWorkers.wait
    log = EventLog(tmp_path / "ray" / spec.name / "events.jsonl")

    def interrupted(workers):
        if "race" in log.last()["stage"]:
            raise KeyboardInterrupt
        return wait(workers)

    with monkeypatch.context() as patched:
        patched.setattr(RayWorkers, "wait", interrupted)
        with pytest.raises(Stopped, match="run the same command to resume"):
            prune(spec, store=tmp_path / "ray", jobs=2, workers=workers_on("ray"))
    assert workers_of(tmp_path / "ray" / spec.name) == []
    assert parallel_outcome(prune(spec, store=tmp_path / "ray")) == serial


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cpus": 4096}, "no node .* has 4096 CPUs"),
        ({"memory": 1e6}, r"no node .* 1e\+06 GiB of memory"),
        ({"gpus": 64}, "each worker has 64 GPUs, .* trains on cpu"),
        ({"node": ["kind=none"]}, "has the label kind=none"),
    ],
)
def test_what_no_node_has_is_refused_before_anything_is_written(cluster, spec_of, tmp_path, options, message):
    with pytest.raises(BadInput, match=message):
        prune(spec_of(HALVING), store=tmp_path / "runs", workers=workers_on("ray", **options))
    assert not (tmp_path / "runs").exists()
