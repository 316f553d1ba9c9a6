"""Whole runs on a GPU: exact counts, the same bits after a kill, refusals, and jobs that share it."""

import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

from tests.execution.resuming import outcome, parallel_outcome, stops_until_done
from tests.execution.test_parallel import HALVING, SWAMP
from tests.tiny_runs import tiny_randomized
from workbench.engines.gmp import GMP
from workbench.engines.magnitude import Magnitude
from workbench.engines.movement import Movement
from workbench.errors import BadInput, Stopped
from workbench.execution import capacity, prune
from workbench.execution.environment import DETERMINISTIC
from workbench.masks import kept_count
from workbench.runs import FineTuning
from workbench.runs.events import EventLog
from workbench.training import Distillation, device_name, trainer

LOGITS = Distillation(mode="logits")
TINY = {"epochs": 6.0, "lr": 1e-3, "eval_every": 3, "sparsity": 0.8}
ENGINES = {
    "magnitude": Magnitude(**TINY),  # with TinyBERT's loss
    "randomized": tiny_randomized(),
    "swamp": SWAMP,
    "movement": Movement(**TINY, distillation=LOGITS),
    "gmp": GMP(**TINY | {"epochs": 10.0}, distillation=LOGITS),
}


@pytest.mark.parametrize("name", ENGINES)
def test_a_run_from_end_to_end_and_again_with_interruptions(gpu, spec_of, tmp_path, monkeypatch, name):
    spec = spec_of(ENGINES[name], precision="auto")
    assert stops_until_done(spec, tmp_path, monkeypatch, every=5) > 1
    run = prune(spec, store=tmp_path / "whole")
    weights, mask, environment = (
        load_file(run.path / "model" / "model.safetensors"),
        run.mask(),
        run.environment,
    )
    sizes, sparsity = [weights[matrix].numel() for matrix in mask.names], spec.engine.sparsity
    # Ranked per matrix, or, by swamp, all together.
    exact = {sum(kept_count(size, sparsity) for size in sizes), kept_count(sum(sizes), sparsity)}
    assert mask.kept in exact
    for matrix in mask.names:
        assert torch.count_nonzero(weights[matrix][~mask[matrix]]) == 0
    assert environment["device"] == device_name() == torch.cuda.get_device_name(gpu)
    assert DETERMINISTIC in environment["practices"]
    assert environment["compute"] == {"kind": "dense"}
    assert {"cuda", "cudnn"} <= environment["versions"].keys()


def test_a_run_that_is_killed_ends_as_one_that_was_not(gpu, spec_of, tmp_path):
    spec = spec_of(Magnitude(**TINY | {"epochs": 60.0}, distillation=LOGITS))
    (tmp_path / "spec.yaml").write_text(spec.to_yaml())
    command = ["prune", "--recipe", tmp_path / "spec.yaml", "--store", tmp_path / "killed"]
    log = EventLog(tmp_path / "killed" / spec.name / "events.jsonl")
    with subprocess.Popen([sys.executable, "-m", "workbench", *command]) as process:
        while not any(event["step"] >= 10 for event in log.read()):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    assert outcome(prune(spec, store=tmp_path / "killed")) == outcome(prune(spec, store=tmp_path / "whole"))


@pytest.mark.parametrize("engine", [HALVING, SWAMP], ids=["halving", "particles"])
def test_two_jobs_on_one_gpu_give_the_bits_of_one(gpu, spec_of, tmp_path, engine):
    spec = spec_of(engine)
    together = prune(spec, store=tmp_path / "two", jobs=2)
    assert parallel_outcome(together) == parallel_outcome(prune(spec, store=tmp_path / "one"))


def test_jobs_beyond_the_memory_of_the_gpu_are_refused(gpu, spec_of, tmp_path, monkeypatch):
    assert 0 < capacity.free_gpu_memory() <= torch.cuda.get_device_properties(gpu).total_memory
    monkeypatch.setattr(capacity, "free_gpu_memory", lambda: 4 << 30)
    with pytest.raises(BadInput, match=r"of the GPU's memory, .* Give jobs=\d"):
        prune(spec_of(HALVING), store=tmp_path / "runs", jobs=4)
    assert not (tmp_path / "runs").exists()


def test_sparse_layers_are_refused_in_one_sentence(gpu, spec_of, tmp_path):
    with pytest.raises(
        BadInput, match=r"compute=sparse is impossible here: .*on a CPU.*cuda.* Use auto or dense"
    ):
        prune(spec_of(), store=tmp_path / "runs", compute="sparse")
    assert not (tmp_path / "runs").exists()


def test_a_loss_that_is_not_finite_is_found_before_it_is_saved(gpu, spec_of, tmp_path, monkeypatch):
    calls, loss_of = iter(range(1, 5)), trainer.loss_of

    def loss(*given):
        value = loss_of(*given)
        return value * torch.nan if next(calls, None) is None else value

    monkeypatch.setattr(trainer, "loss_of", loss)
    spec = spec_of(dense=FineTuning(epochs=0.2, lr=1e-3, eval_every=3))
    with pytest.raises(Stopped, match="stage dense: the loss is not finite at step 5"):
        prune(spec, store=tmp_path)
    (path,) = tmp_path.rglob("events.jsonl")
    events = EventLog(path).read()
    assert [event["step"] for event in events if event["event"] == "evaluation"] == [3]
    saved = [load_file(file) for file in tmp_path.rglob("*.safetensors")]
    assert saved
    assert all(tensor.isfinite().all() for tensors in saved for tensor in tensors.values())
