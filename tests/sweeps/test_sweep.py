"""Grids at work: order, matched steps, failures, interrupts, resumption."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from transformers import AutoModelForSequenceClassification

from workbench.engines.imp import IMP
from workbench.engines.magnitude import Magnitude
from workbench.errors import BadInput, Failed, Stopped
from workbench.runs import Store
from workbench.sweeps import Cell, Sweep, executor
from workbench.sweeps.executors import ProcessExecutor, RunExit, SerialExecutor
from workbench.sweeps.live_table import LiveTable
from workbench.sweeps.worker_command import command as worker_command
from workbench.training import Distillation, MaskedTrainer

NONE = Distillation(mode="none")


class Pretence:
    """An executor that carries out nothing: it writes results at once, or ends as it is told."""

    def __init__(self, jobs=2, steps=40, endings=()):
        self.jobs, self.steps = jobs, steps
        self.endings = dict(endings)
        self.started, self.most, self.stopped = [], 0, False
        self._under_way = []

    def start(self, spec, store):
        self.started.append(spec)
        self._under_way.append((spec, store))
        self.most = max(self.most, len(self._under_way))

    def ended(self):
        if not self._under_way:
            return []
        spec, store = self._under_way.pop(0)
        if code := self.endings.get(spec.seed):
            return [RunExit(spec.name, code, "it broke.")]
        folder = store / spec.name
        folder.mkdir(parents=True)
        (folder / "spec.yaml").write_text(spec.to_yaml())
        cost = {"total": {"optimizer_steps": self.steps}}
        (folder / "results.json").write_text(json.dumps({"format": 1, "cost": cost}))
        return [RunExit(spec.name, 0)]

    def stop(self):
        self.stopped = True


@pytest.fixture
def cells(spec_of):
    """Three runs of one engine that differ in seed, and one of another that takes the steps of the first."""
    first, *others = (Cell("magnitude", spec_of(Magnitude(sparsity=0.8), seed=seed)) for seed in range(3))
    return [Cell("imp", spec_of(IMP(sparsity=0.8)), steps_of=first), first, *others]


def test_a_run_waits_for_the_one_whose_steps_it_takes(cells, tmp_path, capsys):
    pretence = Pretence()
    sweep = Sweep(cells, tmp_path, pretence)
    sweep.run()
    assert [spec.engine.id for spec in pretence.started].index("imp") > 0
    (imp,) = (run for run in sweep.done if run.spec.engine.id == "imp")
    assert imp.spec.engine.total_steps == 40
    assert pretence.most == 2
    assert len(sweep.done) == 4
    assert "4 of 4 complete" in capsys.readouterr().err


def test_complete_runs_are_not_started_again(cells, tmp_path):
    Sweep(cells, tmp_path, Pretence()).run()
    again = Pretence()
    sweep = Sweep(cells, tmp_path, again)
    sweep.run()
    assert again.started == []
    assert len(sweep.done) == 4


@pytest.mark.parametrize(("lost", "reason"), [("spec.yaml", "delete a damaged run"), ("cost", "damaged")])
def test_a_damaged_run_counts_as_failed_and_the_others_go_on(cells, tmp_path, lost, reason):
    Sweep(cells, tmp_path, Pretence()).run()
    folder = tmp_path / cells[2].spec.name
    if lost == "spec.yaml":
        (folder / lost).unlink()
    else:
        (folder / "results.json").write_text('{"format": 1, "co')
    sweep = Sweep(cells, tmp_path, Pretence())
    with pytest.raises(Failed, match=rf"1 of 4 runs are not complete:\n.*seed 1: .*{reason}"):
        sweep.run()
    assert len(sweep.done) == 3


def test_two_runs_that_come_out_equal_are_not_under_way_at_once(cells, tmp_path):
    twin = Cell("twin", replace(cells[0].spec, engine=IMP(sparsity=0.8, total_steps=40)))
    pretence = Pretence(jobs=4)
    sweep = Sweep([*cells, twin], tmp_path, pretence)
    sweep.run()
    assert len(sweep.done) == 5
    assert len(pretence.started) == len({spec.name for spec in pretence.started}) == 4


@pytest.mark.parametrize(("code", "error"), [(3, Stopped), (2, Failed), (1, Failed)])
def test_a_failure_stops_its_own_run_only(cells, tmp_path, code, error):
    sweep = Sweep(cells, tmp_path, Pretence(endings={1: code}))
    with pytest.raises(error, match="1 of 4 runs are not complete") as caught:
        sweep.run()
    assert str(caught.value).endswith("\n  magnitude, synth/sst2 from bert, sparsity 0.8, seed 1: it broke.")
    assert len(sweep.done) == 3


def test_a_reason_that_several_runs_share_is_told_once(cells, tmp_path):
    with pytest.raises(Failed) as caught:
        Sweep(cells, tmp_path, Pretence(endings={0: 2, 1: 2})).run()
    place = "magnitude, synth/sst2 from bert, sparsity 0.8, seed"
    assert f":\n  it broke.\n    {place} 0\n    {place} 1\n" in f"{caught.value}\n"


@pytest.mark.parametrize(("code", "error"), [(3, Stopped), (1, Failed)])
def test_a_run_that_needs_the_steps_of_a_failed_one_fails_likewise(cells, tmp_path, code, error):
    pretence = Pretence(endings={0: code})
    sweep = Sweep(cells, tmp_path, pretence)
    with pytest.raises(error, match="needs the optimizer steps of magnitude"):
        sweep.run()
    assert [failure.cell.label for failure in sweep.failures] == ["magnitude", "imp"]
    assert len(pretence.started) == 3


def test_an_interrupt_stops_the_others_and_says_how_to_go_on(cells, tmp_path, monkeypatch):
    pretence = Pretence()
    monkeypatch.setattr(pretence, "ended", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(Stopped, match=r"0 of 4 runs complete.*run the same command to resume"):
        Sweep(cells, tmp_path, pretence).run()
    assert pretence.stopped


def test_in_this_process_an_error_ends_its_run_and_an_interrupt_the_grid(spec_of, tmp_path, monkeypatch):
    good = spec_of(Magnitude(sparsity=0.8, epochs=1.0, distillation=NONE))
    bad = spec_of(Magnitude(sparsity=0.99999))
    sweep = Sweep([Cell("bad", bad), Cell("good", good)], tmp_path)
    with pytest.raises(Failed, match=r"(?s)1 of 2 .*keeps none of the"):
        sweep.run()
    assert [run.name for run in sweep.done] == [good.name]

    serial, other = SerialExecutor(), replace(good, seed=1)
    monkeypatch.setattr(MaskedTrainer, "advance", lambda *_: 1 / 0)
    serial.start(other, tmp_path)
    (ending,) = serial.ended()
    assert (ending.code, ending.reason[:35]) == (1, "ZeroDivisionError: division by zero")
    assert "Traceback" in Store(tmp_path).log(other.name).read_text()

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(MaskedTrainer, "advance", interrupt)
    with pytest.raises(KeyboardInterrupt):
        serial.start(other, tmp_path)


def test_in_processes_of_their_own_a_failure_is_told_and_the_rest_goes_on(spec_of, tmp_path):
    good = spec_of(Magnitude(sparsity=0.8, epochs=1.0, distillation=NONE))
    bad = spec_of(Magnitude(sparsity=0.99999))
    sweep = Sweep([Cell("bad", bad), Cell("good", good)], tmp_path, executor("process", 2))
    with pytest.raises(Failed, match=r"(?s)1 of 2 .*keeps none of the"):
        sweep.run()
    (run,) = sweep.done
    assert run.environment["threads"] == 1
    assert "level-1" in Store(tmp_path).log(good.name).read_text()


@pytest.fixture(scope="module")
def constant_classifier(tiny_model_dir, tmp_path_factory):
    """A classifier that always gives the same answer."""
    folder = shutil.copytree(tiny_model_dir, tmp_path_factory.mktemp("own") / "constant")
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    model.classifier.bias.data[0] = 1000
    model.save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("kind", ["serial", "process"])
def test_what_prune_takes_reaches_every_run(spec_of, constant_classifier, tmp_path, kind):
    engine = Magnitude(sparsity=0.8, epochs=1.0, distillation=NONE)
    cell = Cell("a", spec_of(engine, model=constant_classifier, dense=constant_classifier))
    if kind == "serial":
        with pytest.raises(Failed, match=r"no better on synth/sst2 than a constant: .* or add --yes"):
            Sweep([cell], tmp_path, executor(kind, 1)).run()
    sweep = Sweep([cell], tmp_path, executor(kind, 1, compute="sparse", yes=True))
    sweep.run()
    assert sweep.done[0].environment["compute"] == {"kind": "sparse"}


@pytest.mark.parametrize("orphaned", [False, True])
def test_a_process_stops_resumably_when_told_and_when_its_parent_is_gone(spec_of, tmp_path, orphaned):
    spec = spec_of(Magnitude(sparsity=0.8, epochs=1e5, distillation=NONE))
    processes = ProcessExecutor(1)
    if orphaned:
        code = "import subprocess, sys; subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE); input()"
        command = [sys.executable, "-c", code, *worker_command(spec, tmp_path)]
        parent = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    else:
        processes.start(spec, tmp_path)
    while not (tmp_path / spec.name / "events.jsonl").exists():
        assert orphaned or not processes.ended()
        time.sleep(0.05)
    if orphaned:
        parent.kill()
        said = parent.stderr.read().decode()  # until the worker, too, has closed it
    else:
        processes.stop()
        said = Store(tmp_path).log(spec.name).read_text()
    assert "interrupted." in said
    assert "Traceback" not in said
    assert "RuntimeWarning" not in said
    assert not (tmp_path / spec.name / "results.json").exists()


@pytest.mark.skipif(os.name != "posix", reason="a kill by signal is POSIX")
def test_a_process_that_is_killed_fails_alone(spec_of, tmp_path):
    spec = spec_of(Magnitude(sparsity=0.8, epochs=1e5, distillation=NONE))
    processes = ProcessExecutor(2)
    processes.start(spec, tmp_path)
    next(iter(processes._processes.values()))[0].kill()
    while not (endings := processes.ended()):
        pass
    assert endings[0].code == 1
    assert "killed by signal 9" in endings[0].reason


@pytest.mark.parametrize(
    ("kind", "jobs", "told"), [("process", 0, "jobs is 0"), ("serial", 2, "executor process")]
)
def test_jobs_that_make_no_sense_are_refused(kind, jobs, told):
    with pytest.raises(BadInput, match=told):
        executor(kind, jobs)


def test_an_unknown_way_to_compute_is_refused_before_any_run_starts():
    with pytest.raises(BadInput, match="unknown compute 'quick'"):
        executor("process", 1, compute="quick")


def test_on_a_terminal_the_table_is_redrawn_below_the_events(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "12")
    with LiveTable(live=True) as table:
        table.draw(["one row that is too long", "two"])
        table.print("news")
        table.draw(["three"])
    written = capsys.readouterr().err
    assert "one row tha" in written
    assert "one row that is too long" not in written
    news = written.index("news")
    assert written.index("two") < news < written.rindex("three")
    assert written[news:].count("one row") == 1, "the old table is drawn again below the event"


def test_without_a_terminal_there_are_events_only(capsys):
    with LiveTable(live=True) as table:
        table.draw(["a row"])
        table.print("news")
    assert capsys.readouterr().err == "news\n"
