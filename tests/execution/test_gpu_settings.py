"""What a run on a GPU is given, as far as that can be seen without one."""

from types import SimpleNamespace

import pytest
import torch

from workbench.errors import BadInput, Stopped
from workbench.execution import capacity, environment, prune
from workbench.execution.workers import ProcessWorkers
from workbench.models import activation_bytes, load_encoder, load_tokenizer
from workbench.runs import FineTuning
from workbench.runs.events import EventLog
from workbench.tasks import encode, load_task
from workbench.training import MaskedTrainer, predict, trainer
from workbench.training.losses import LossWatch

CUDA = torch.device("cuda", 0)


def test_the_environment_of_a_gpu_asks_for_deterministic_algorithms(monkeypatch):
    here = environment.current_environment("fp32", {})
    with environment.arithmetic(here):
        assert not torch.are_deterministic_algorithms_enabled()
    monkeypatch.setattr(environment, "device", lambda: CUDA)
    there = environment.current_environment("fp32", {})
    assert set(there["practices"]) - set(here["practices"]) == {environment.DETERMINISTIC}
    assert there["versions"].keys() - here["versions"].keys() == {"cuda", "cudnn"}
    with environment.arithmetic(there):
        assert torch.are_deterministic_algorithms_enabled()
    with environment.arithmetic(there | {"practices": []}):
        assert not torch.are_deterministic_algorithms_enabled(), "a run of an earlier version"


def test_jobs_share_a_gpu_as_far_as_its_memory_reaches(spec_of, tmp_path, monkeypatch):
    monkeypatch.setattr(capacity, "device", lambda: CUDA)
    monkeypatch.setattr(capacity, "free_gpu_memory", lambda: 7 << 29)
    with pytest.raises(
        BadInput, match=r"3 processes need about 3.\d GB of the GPU's memory, 1.1 GB each.* 2.7 GB.*jobs=2"
    ):
        prune(spec_of(), store=tmp_path / "runs", jobs=8)
    monkeypatch.setattr(capacity, "device", lambda: torch.device("mps"))
    with pytest.raises(BadInput, match="several jobs need a CPU or a CUDA device, but models train on mps"):
        prune(spec_of(), store=tmp_path / "runs", jobs=2)
    assert not (tmp_path / "runs").exists()
    monkeypatch.setattr(capacity, "device", lambda: CUDA)
    model = torch.nn.Linear(1, 1)
    data = SimpleNamespace(train=[], validation=[], dev={})
    monkeypatch.setattr(capacity, "process_bytes", lambda *_: 0)
    monkeypatch.setattr(capacity, "gpu_process_bytes", lambda *_: 1 << 30)
    assert ProcessWorkers().settle(8, 2, 64, data, model) == 2
    assert ProcessWorkers().settle(2, 8, 64, data, model) == 2


def test_the_estimate_of_activations_is_near_what_a_forward_pass_keeps(tiny_model_dir):
    model, kept = load_encoder(str(tiny_model_dir), outputs=2, seed=0), {}
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    for batch, length in ((8, 16), (4, 96)):
        kept.clear()
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            outputs = model(input_ids=torch.ones(batch, length, dtype=torch.int64))
            real = sum(size for place, size in kept.items() if place not in weights)
            del outputs
        assert 0.5 < activation_bytes(model, batch, length) / real < 2


def test_a_gpu_that_is_full_stops_the_run_resumably(spec_of, tmp_path, monkeypatch):
    def full(training, batch):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(MaskedTrainer, "advance", full)
    with pytest.raises(Stopped, match=r"stage dense: the GPU's memory is full.*fewer --jobs"):
        prune(spec_of(), store=tmp_path)


def test_a_loss_that_is_not_finite_is_found_before_the_next_evaluation(spec_of, tmp_path, monkeypatch):
    calls, loss_of = iter(range(1, 5)), trainer.loss_of
    monkeypatch.setattr(trainer, "LossWatch", lambda device, every: LossWatch(device, 10))
    monkeypatch.setattr(
        trainer, "loss_of", lambda *given: loss_of(*given) * (torch.nan if next(calls, None) is None else 1)
    )
    spec = spec_of(dense=FineTuning(epochs=0.2, lr=1e-3, eval_every=3))
    with pytest.raises(Stopped, match="stage dense: the loss is not finite at step 5, at learning rate"):
        prune(spec, store=tmp_path)
    (path,) = tmp_path.rglob("events.jsonl")
    events = EventLog(path).read()
    assert [event["step"] for event in events if event["event"] == "evaluation"] == [3]


def test_logits_are_copied_from_the_device_once(tiny_model_dir, monkeypatch):
    copies, cpu = [], torch.Tensor.cpu
    monkeypatch.setattr(torch.Tensor, "cpu", lambda tensor: copies.append(1) or cpu(tensor))
    task, tokenizer = load_task("synth/sst2"), load_tokenizer(str(tiny_model_dir))
    examples = encode(task, task.dev["validation"].head(150), tokenizer)
    assert predict(load_encoder(str(tiny_model_dir), 2, 0), examples, "fp32").shape == (150, 2)
    assert copies == [1]
