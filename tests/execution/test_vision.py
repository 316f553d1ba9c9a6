"""Whole runs on images: the same machinery, with augmentation, BatchNorm and no tokenizer."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoImageProcessor, AutoModelForImageClassification

from tests.execution.resuming import stops_until_done
from tests.families import FAMILIES
from tests.tiny import save_tiny_cifar10, save_tiny_resnet
from workbench.engines.magnitude import Magnitude
from workbench.errors import BadInput
from workbench.execution import prune
from workbench.execution.preparation import prepared
from workbench.masks import kept_count, matrix_type
from workbench.models import MINILM, RESNET20, load_encoder, prunable
from workbench.reports.prose import what_was_run
from workbench.runs import FineTuning, RunSpec
from workbench.tasks import load_task
from workbench.tasks.images import rgb
from workbench.training import Distillation
from workbench.training.data import TaskData
from workbench.training.parts import extent

QUICK = {"epochs": 1.0, "lr": 1e-3, "eval_every": 3, "sparsity": 0.8, "batch_size": 32}
(VIT,) = (family for family in FAMILIES if family.name == "ViT")
LABELS = Distillation(mode="none")


@pytest.fixture(scope="module")
def tiny_resnet(tmp_path_factory) -> str:
    return str(save_tiny_resnet(tmp_path_factory.mktemp("tiny") / "resnet"))


@pytest.fixture(autouse=True)
def _tiny_cifar10(tmp_path, monkeypatch):
    folder = save_tiny_cifar10(tmp_path / "cifar10", {"train": 200, "test": 30})
    monkeypatch.setenv("WORKBENCH_CIFAR10_DIR", str(folder))


def spec(engine, model: str | None, **changes) -> RunSpec:
    dense = FineTuning(epochs=1, eval_every=3)
    values = {"task": "vision/cifar10", "engine": engine, "model": model, "dense": dense, "precision": "fp32"}
    return RunSpec(**values | changes)


def test_images_do_not_limit_what_onednn_keeps(tiny_resnet, monkeypatch):
    limited = []
    monkeypatch.setattr("workbench.execution.preparation.limit_compiled_products", limited.append)
    prepared(spec(Magnitude(**QUICK, distillation=LABELS), tiny_resnet))
    assert limited == []


def test_a_run_leaves_a_sparse_resnet_that_loads(tiny_resnet, tmp_path):
    engine = Magnitude(**QUICK, distillation=Distillation(mode="logits"))
    run = prune(spec(engine, tiny_resnet), store=tmp_path / "runs")
    mask, weights = run.mask(), load_file(run.path / "model" / "model.safetensors")
    for name in mask.names:
        assert mask.kept_per_matrix()[name] == kept_count(weights[name].numel(), 0.8)
        assert torch.count_nonzero(weights[name][~mask[name]]) == 0
    assert set(mask.names) == set(prunable(load_encoder(str(run.path / "model"), 10, seed=0)))
    assert set(run.results["dev"]) == {"test"}
    assert run.results["examples"] == {"train": 180, "validation": 20, "dev/test": 30}
    cost = run.results["cost"]["training"]
    assert (cost["optimizer_steps"], cost["examples"]) == (6, 180)
    per_image = cost["flops"] / (4 * 180)  # forward, backward as two, teacher
    assert per_image == 2 * 1024 * (27 * 4 + 2 * 36 * 4 + (36 + 72) * 8 / 4 + (72 + 144) * 16 / 16)


def test_a_vision_transformer_is_pruned_where_the_pattern_says(tmp_path):
    model = VIT.save_tiny(tmp_path / "vit", None, outputs=10)
    wanted = spec(Magnitude(**QUICK, distillation=LABELS), model, prunable=r"mlp\.")
    run = prune(wanted, store=tmp_path / "runs")
    mask, weights = run.mask(), load_file(run.path / "model" / "model.safetensors")
    assert [matrix_type(name) for name in mask] == ["mlp.fc1", "mlp.fc2"]
    assert all(torch.count_nonzero(weights[name][~mask[name]]) == 0 for name in mask)
    assert torch.count_nonzero(weights["vit.layers.0.attention.q_proj.weight"]) == 16 * 16
    assert prunable(load_encoder(str(run.path / "model"), 10, seed=0)).keys() == set(mask)
    assert "vision transformer" in what_was_run(run)[0]
    assert r"those whose names match mlp\." in what_was_run(run)[1]

    # Its images, four times as wide, are resized alike in plain transformers.
    processor = AutoImageProcessor.from_pretrained(run.path / "model")
    again = AutoModelForImageClassification.from_pretrained(run.path / "model").eval()
    images = [rgb(file, "it") for file in load_task("vision/cifar10").dev["test"]["img"]]
    with torch.no_grad():
        logits = again(**processor(images, return_tensors="pt")).logits
    saved = load_file(run.folder.predictions)["logits.test"]
    torch.testing.assert_close(logits, saved, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '{"image_processor_type": "ViTImageProcessor", "size": 16}',
            r"images of 8 x 8 pixels, and its preprocessor_config\.json makes 16 x 16 of those of vision",
        ),
        ('{"size"', r"the image processor of model .*vit does not load: .*not a valid JSON"),
    ],
)
def test_an_image_processor_that_does_not_fit_is_refused(tmp_path, content, message):
    model = Path(VIT.save_tiny(tmp_path / "vit", None, outputs=10))
    (model / "preprocessor_config.json").write_text(content)
    with pytest.raises(BadInput, match=message):
        prune(spec(Magnitude(**QUICK, distillation=LABELS), str(model)), store=tmp_path / "runs")


def test_an_interrupted_run_with_augmentation_ends_the_same(tiny_resnet, tmp_path, monkeypatch):
    wanted = spec(Magnitude(**QUICK, distillation=LABELS), tiny_resnet)
    assert stops_until_done(wanted, tmp_path, monkeypatch, every=5) >= 2


def test_augmentation_is_a_function_of_key_and_step_in_training_only(tiny_resnet, monkeypatch):
    data = TaskData(load_task("vision/cifar10"), tiny_resnet, seed=0, selection="validation")
    sizes = [extent(data.batch(step, 16, ("a",))) for step in range(12)]
    assert sorted(sizes) == [(4, 1024), *[(16, 1024)] * 11]
    monkeypatch.setattr(data, "_epoch", lambda *_: [np.arange(16)] * 12)  # the same images in every step
    first, again, later, other = (
        data.batch(step, 16, key)["pixel_values"]
        for step, key in ((2, ("a",)), (2, ("a",)), (3, ("a",)), (2, ("b",)))
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, later)
    assert not torch.equal(first, other)
    assert not torch.equal(first, data.train.collate(np.arange(16))["pixel_values"])
    assert data.tokenizer is None


def test_each_kind_of_task_has_its_usual_model():
    engine = Magnitude(distillation=LABELS)
    text, images = RunSpec(task="glue/rte", engine=engine), spec(engine, None)
    assert (text.model, images.model) == (MINILM, RESNET20)
    assert RunSpec(task="glue/rte", engine=engine, model=MINILM).name == text.name
    assert spec(engine, RESNET20).name == images.name
    assert spec(engine, "resnet18").name != images.name
    assert RunSpec.from_plain(
        {"task": "vision/cifar10", "engine": {"id": "magnitude"} | images.changed["engine"]}
    )


@pytest.mark.parametrize(
    ("task", "model", "message"),
    [
        ("vision/digits", None, "reads text, and the examples of vision/digits are images"),
        ("synth/sst2", RESNET20, "reads images, and the examples of synth/sst2 are text"),
    ],
)
def test_a_model_of_the_other_kind_is_refused_before_any_work(tiny_model_dir, tmp_path, task, model, message):
    wrong = RunSpec(task=task, engine=Magnitude(distillation=LABELS), model=model or str(tiny_model_dir))
    with pytest.raises(BadInput, match=message):
        prune(wrong, store=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_attentions_cannot_be_distilled_into_a_resnet():
    with pytest.raises(BadInput, match=r"tinybert.*--set distillation\.mode=logits"):
        spec(Magnitude(), None)
