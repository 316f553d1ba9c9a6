"""What the pool does with workers of any kind, and which kinds there are."""

from types import SimpleNamespace

import pytest
import torch

from workbench.cli import main
from workbench.errors import BadInput, Stopped
from workbench.execution import parallel, ray_workers, workers_on
from workbench.execution.parallel import StagePool
from workbench.execution.stage_process import StageAgent
from workbench.execution.stage_worker import _Requests
from workbench.execution.workers import Answer
from workbench.locks import file_lock
from workbench.runs.layout import RunFolder

ASSIGNMENTS = [{"stage": f"level-1/race/candidate-{index}"} for index in range(4)]


class Fake:
    """Workers that answer as they are told to, and need some waits before they are idle.

    Args:
        endings: of each worker by its number, what it answers first; a text is how it dies. Other answers are
            records that name the worker.
        waits: calls of `wait` that a worker needs before it is idle.
    """

    threads, retries = 1, 2

    def __init__(self, endings=(), waits=None):
        self.endings, self.waits = dict(endings), dict(waits or {})
        self.started, self.given, self.ended = [], [], False
        self._idle, self._busy = [], {}

    def start(self, folder, number, threads):
        self.folder = folder
        self.started.append(number)
        if not self.waits.get(number):
            self._idle.append(number)

    def idle(self):
        return list(self._idle)

    def give(self, number, assignment):
        self._idle.remove(number)
        self._busy[number] = assignment["stage"]
        self.given.append((number, assignment["stage"][-1]))

    def wait(self):
        answers = [self._answer(number, stage) for number, stage in self._busy.items()]
        self._busy.clear()
        for number in [number for number, waits in self.waits.items() if number in self.started and waits]:
            self.waits[number] -= 1
            ending = self.endings.get(number)
            if isinstance(ending, str):
                answers.append(Answer(number, None, ending))
                self.waits[number] = 0
            elif self.waits[number] == 0:
                self._idle.append(number)
        return answers

    def end(self):
        self.ended = True

    def _answer(self, number, stage):
        ending = self.endings.pop(number, None)
        if isinstance(ending, str):
            return Answer(number, None, ending)
        self._idle.append(number)
        done = self.folder.stage(stage).done
        done.parent.mkdir(parents=True, exist_ok=True)
        done.touch()
        return Answer(number, ending or {"record": {"stage": stage[-1], "worker": number}})


def outcome(workers, folder, size=2):
    records = StagePool(workers, RunFolder(folder), size, 1).carry_out(ASSIGNMENTS)
    return [(record["stage"], record["worker"]) for record in records]


def test_assignments_go_to_idle_workers_and_records_come_in_order(tmp_path):
    slow = Fake(waits={1: 2})
    assert outcome(slow, tmp_path) == [("0", 0), ("1", 0), ("2", 0), ("3", 1)]
    assert slow.started == [0, 1]
    assert not slow.ended


def test_what_a_dead_worker_had_goes_to_the_next_one_and_numbers_are_never_used_again(tmp_path, capsys):
    deadly = Fake({1: "was killed", 2: "was killed"})
    assert outcome(deadly, tmp_path) == [("0", 0), ("1", 0), ("2", 0), ("3", 3)]
    assert deadly.given[:4] == [(0, "0"), (1, "1"), (0, "1"), (2, "2")]
    assert deadly.started == [0, 1, 2, 3]
    assert capsys.readouterr().err.count("was killed; another one takes its place") == 2


def test_too_many_deaths_of_one_assignment_or_before_any_stop_the_run(tmp_path):
    always = Fake(dict.fromkeys(range(9), "was killed"))
    with pytest.raises(Stopped, match=r"candidate-0 was killed, as did 2 before it.* fewer --jobs"):
        outcome(always, tmp_path, size=1)
    assert (always.given, always.ended) == ([(0, "0"), (1, "0"), (2, "0")], True)
    never = Fake(dict.fromkeys(range(9), "died on the cluster"), waits=dict.fromkeys(range(9), 1))
    with pytest.raises(Stopped, match="a process without a stage died on the cluster, as did 2 before it"):
        outcome(never, tmp_path)
    assert never.given == []


def test_bad_input_of_a_worker_is_not_retried(tmp_path):
    refusing = Fake({0: {"exit_code": 2, "message": "the data is not there"}})
    with pytest.raises(BadInput, match="the data is not there"):
        outcome(refusing, tmp_path)
    assert (refusing.started, refusing.ended) == ([0, 1], True)
    defect = Fake({0: {"exit_code": None, "message": "Traceback"}})
    with pytest.raises(RuntimeError, match="candidate-0 failed in its process:\nTraceback"):
        outcome(defect, tmp_path)


def test_a_stage_is_not_resumed_while_the_process_of_a_lost_worker_trains_it(tmp_path, monkeypatch):
    monkeypatch.setattr(parallel, "_ORPHAN_SECONDS", 0.1)
    with (
        file_lock(RunFolder(tmp_path).worker_lock(1)),
        pytest.raises(Stopped, match="candidate-1 is lost but has not ended"),
    ):
        outcome(Fake({1: "died on the cluster"}), tmp_path)


def test_a_result_that_the_store_does_not_show_stops_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.files._VISIBLE_SECONDS", -1.0)
    elsewhere = Fake()
    elsewhere.start = lambda folder, *arguments: Fake.start(elsewhere, RunFolder(tmp_path / "b"), *arguments)
    with pytest.raises(Stopped, match=r"candidate-0 is trained, but .* does not show it here"):
        outcome(elsewhere, tmp_path / "a")


def test_a_worker_takes_no_line_once_its_input_has_ended():
    requests = _Requests()
    requests._lines.put(b"first")
    requests._lines.put(b"second")
    assert requests.next() == b"first"
    requests._ended.set()
    assert requests.next() == b""


def test_a_node_that_does_not_see_the_store_refuses(tmp_path):
    assert "does not see /nowhere" in StageAgent().start("/nowhere", 0, {}, str(tmp_path))


@pytest.fixture
def on_ray(monkeypatch):
    """Workers on a pretended cluster with room for two, which keeps what it was asked for."""
    monkeypatch.setattr("workbench.extras.find_spec", lambda _: True)

    def make(**options):
        made, asked = workers_on("ray", **options), {}
        made._cluster = SimpleNamespace(connect=asked.update, room=lambda: 2, asked=asked)
        return made

    return make


def test_workers_on_ray_are_as_many_as_fit_or_as_asked_for(on_ray, monkeypatch, capsys):
    monkeypatch.setattr(ray_workers, "process_bytes", lambda *_: 3 << 29)
    made = on_ray(cpus=4, retries=0)
    assert (made.threads, made.retries) == (4, 0)
    rest = 64, None, None
    assert (made.settle(None, 3, *rest), made.settle(8, 3, *rest), made.settle(1, 3, *rest)) == (2, 3, 1)
    assert made._cluster.asked == {"memory": 1.5}
    assert made.settle(8, 1, *rest) == 0
    assert "trains nothing in parallel; --executor ray has no effect" in capsys.readouterr().err


@pytest.mark.parametrize(("here", "gpus"), [("cpu", 1.0), ("cuda", 0.0)])
def test_workers_train_on_the_kind_of_device_that_their_run_trains_on(on_ray, monkeypatch, here, gpus):
    monkeypatch.setattr(ray_workers, "device", lambda: torch.device(here))
    with pytest.raises(BadInput, match=f"each worker has {gpus:g} GPUs, .* trains on {here}"):
        on_ray(gpus=gpus).settle(None, 3, 64, None, None)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("process", {"cpus": 2}, "executor process takes no --cpus; leave it out, or choose --executor ray"),
        ("slurm", {}, "Known: process, ray"),
        ("ray", {"cpus": 0}, "cpus is 0"),
        ("ray", {"node": ["gpu"]}, "not NAME=VALUE"),
    ],
)
def test_workers_that_are_impossible_are_refused(kind, options, message):
    with pytest.raises(BadInput, match=message):
        workers_on(kind, **options)


def test_the_command_line_passes_the_options_on(capsys):
    assert main(["prune", "synth/sst2", "--engine", "imp", "--gpus", "1"]) == 2
    assert "process takes no --gpus" in capsys.readouterr().err
