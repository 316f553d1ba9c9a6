"""The teacher's logits: what they are, who shares them, and when they are computed again."""

import threading
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.execution.resuming import stops_until_done
from workbench.engines.imp import IMP
from workbench.engines.smp import SMP
from workbench.execution import prune, teacher
from workbench.execution.teacher import teacher_logits
from workbench.models import load_encoder
from workbench.runs.layout import RunFolder
from workbench.runs.stage_folder import StageFolder
from workbench.runs.states import TensorFile
from workbench.tasks import load_task
from workbench.training import Distillation, model_inputs
from workbench.training.data import TaskData


def imp(mode: str) -> IMP:
    distillation = Distillation(mode=mode)
    return IMP(sparsity=0.8, levels=2, epochs=8.0, lr=1e-3, eval_every=3, distillation=distillation)


@pytest.fixture
def data(tiny_model_dir):
    return TaskData(load_task("synth/sst2"), str(tiny_model_dir), 0, "validation", examples=150)


@pytest.fixture
def dense_model(tiny_model_dir):
    return load_encoder(str(tiny_model_dir), outputs=2, seed=0).requires_grad_(False)


@pytest.fixture
def dense(tmp_path, dense_model):
    """A complete stage with the weights of `dense_model`."""
    stage = StageFolder(RunFolder(tmp_path / "dense"), "dense")
    weights = {f"model.{name}": weight for name, weight in dense_model.named_parameters()}
    stage.save_best(1, weights, optimizer_steps=0)
    stage.paths.best(1).rename(stage.paths.state)
    return stage


def test_they_are_what_the_dense_model_says_about_each_example_alone(dense, dense_model, data):
    logits = teacher_logits(dense, lambda: dense_model, data, "fp32")
    assert logits.shape == (150, 2)
    dense_model.eval()
    for index in (0, 71, 149):
        alone = dense_model(**model_inputs(data.train.collate(np.array([index])))).logits
        torch.testing.assert_close(logits[index], alone[0], atol=1e-5, rtol=1e-5)


def test_a_batch_says_which_examples_it_has(data):
    batch = data.batch(3, 16, ("a",))
    assert data.train.labels[batch["indices"].numpy()].tolist() == batch["labels"].tolist()
    again = data.train.collate(batch["indices"].numpy())
    assert torch.equal(again["input_ids"], batch["input_ids"])


def test_they_are_computed_once(dense, dense_model, data):
    first = teacher_logits(dense, lambda: dense_model, data, "fp32")
    second = teacher_logits(dense, lambda: pytest.fail("the dense model was asked again"), data, "fp32")
    assert torch.equal(first, second)


def test_the_dense_models_weights_are_read_once(dense, dense_model, data, monkeypatch):
    teacher_logits(dense, lambda: dense_model, data, "fp32")
    read, get = [], TensorFile.__getitem__
    monkeypatch.setattr(TensorFile, "__getitem__", lambda file, name: read.append(name) or get(file, name))
    teacher_logits(dense, lambda: dense_model, data, "fp32")
    weights = [name for name in read if name.startswith("model.")]
    assert len(weights) == len(set(weights)) > 0


def test_of_two_that_need_them_at_once_one_computes_and_one_waits(
    dense, dense_model, data, monkeypatch, capsys
):
    asked, predict = [], teacher.predict

    def slow(*arguments, **options):
        asked.append(threading.get_ident())
        time.sleep(0.2)
        return predict(*arguments, **options)

    monkeypatch.setattr(teacher, "predict", slow)
    results = []
    threads = [
        threading.Thread(
            target=lambda: results.append(teacher_logits(dense, lambda: dense_model, data, "fp32"))
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 1
    assert torch.equal(*results)
    assert capsys.readouterr().err.count("another run is computing the logits") == 1


def test_a_damaged_file_is_computed_again(dense, dense_model, data, capsys):
    first = teacher_logits(dense, lambda: dense_model, data, "fp32")
    path = dense.run.teacher_logits
    path.write_bytes(path.read_bytes()[:-3])
    assert torch.equal(first, teacher_logits(dense, lambda: dense_model, data, "fp32"))
    assert f"{path} is damaged; it is computed again" in capsys.readouterr().err
    save_file({"logits": first + 1}, path)
    assert torch.equal(first, teacher_logits(dense, lambda: dense_model, data, "fp32"))


@pytest.mark.parametrize("other", ["rows", "weights", "precision"])
def test_a_file_of_something_else_is_computed_again(dense, dense_model, data, tiny_model_dir, capsys, other):
    before = teacher_logits(dense, lambda: dense_model, data, "fp32")
    if other == "rows":
        data = TaskData(load_task("synth/sst2"), str(tiny_model_dir), 1, "validation", examples=150)
    if other == "weights":
        weights = {name: tensor + 0.1 for name, tensor in load_file(dense.paths.state).items()}
        dense.save_best(1, weights, optimizer_steps=0)
        dense.paths.best(1).rename(dense.paths.state)
        with torch.no_grad():
            for parameter in dense_model.parameters():
                parameter.add_(0.1)
    after = teacher_logits(dense, lambda: dense_model, data, "bf16" if other == "precision" else "fp32")
    assert f"has other {other}; it is computed again" in capsys.readouterr().err
    assert not torch.equal(before, after)


def test_runs_of_a_store_share_them_and_steps_do_not_ask_the_teacher(spec_of, tmp_path, monkeypatch):
    first = prune(spec_of(imp("logits")), store=tmp_path)
    (path,) = (tmp_path / "shared").glob("dense-*/teacher-logits.safetensors")
    assert load_file(path)["logits"].shape == (first.results["examples"]["train"], 2)
    monkeypatch.setattr(teacher, "predict", lambda *_, **__: pytest.fail("they were computed again"))
    words = SMP(sparsity=0.7, epochs=8.0, head="embeddings", label_words=("bad", "good"))
    assert prune(spec_of(words), store=tmp_path).done, "a student with another head learns from them too"
    on_labels = prune(spec_of(imp("none")), store=tmp_path)
    flops = [run.results["cost"]["training"]["flops"] for run in (first, on_labels)]
    assert flops[0] == flops[1]


def test_a_run_that_is_interrupted_ends_the_same(spec_of, tmp_path, monkeypatch):
    assert stops_until_done(spec_of(imp("logits")), tmp_path, monkeypatch, every=5) > 2
