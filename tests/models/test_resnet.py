import re

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.tiny import save_tiny_resnet
from workbench.errors import BadInput
from workbench.models import RESNET20, UNTRAINED, forward_flops, load_encoder, prunable, reads, save_model
from workbench.models.resnet import ZeroPadding
from workbench.tasks import decode, load_task
from workbench.training import predict


@pytest.fixture(scope="module")
def published(shared) -> str:
    """The published checkpoint of ResNet-20."""
    return str(shared / "data" / "resnet-cifar10" / "resnet20-12fca82f.safetensors")


@pytest.fixture(scope="module")
def tiny_resnet(tmp_path_factory) -> str:
    return str(save_tiny_resnet(tmp_path_factory.mktemp("tiny") / "resnet"))


def parameters(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_resnet20_has_the_architecture_of_the_paper():
    model = load_encoder(RESNET20, outputs=10, seed=0)
    assert parameters(model) == 269_722
    weights = prunable(model)
    assert len(weights) == 19
    assert all(weight.ndim == 4 for weight in weights.values())
    assert sum(weight.numel() for weight in weights.values()) == 267_696
    assert model.training
    assert model.config.num_labels == 10
    assert model(torch.zeros(2, 3, 32, 32)).logits.shape == (2, 10)


def test_the_librarys_resnet18_has_the_20_convolutions_of_its_paper():
    model = load_encoder("resnet18", outputs=10, seed=0)
    assert len(prunable(model)) == 20  # 17, plus 3 in shortcuts
    assert parameters(model) == 11_689_512 - 1000 * 513 + 10 * 513, "ImageNet's count with another head"


@pytest.mark.parametrize("name", UNTRAINED)
def test_an_untrained_model_is_determined_by_the_seed(name):
    left, right, other = (load_encoder(name, outputs=10, seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(left[key], right[key]) for key in left)
    for key, parameter in prunable(load_encoder(name, outputs=10, seed=3)).items():
        assert not torch.equal(left[key], other[key])
        out, _, height, width = parameter.shape
        assert parameter.std().item() == pytest.approx((2 / (out * height * width)) ** 0.5, rel=0.15)


def test_the_published_resnet20_classifies_cifar10(published, cifar10_dir, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CIFAR10_DIR", str(cifar10_dir))
    task = load_task("vision/cifar10")
    images = decode(task, task.dev["test"].head(500))
    logits = predict(load_encoder(published, outputs=10, seed=0), images, "fp32")
    assert (logits.argmax(axis=1) == images.labels).mean() == pytest.approx(0.81, abs=0.02)


def test_every_tensor_of_the_published_checkpoint_is_used(published):
    model = load_encoder(published, outputs=10, seed=0)
    ours = [tensor for name, tensor in model.state_dict().items() if "num_batches" not in name]
    theirs = load_file(published).values()
    assert sorted(tensor.double().sum().item() for tensor in ours) == pytest.approx(
        sorted(tensor.double().sum().item() for tensor in theirs)
    )


def test_a_head_of_another_size_is_fresh(published):
    assert load_encoder(published, outputs=7, seed=0).classifier[1].weight.shape == (7, 64)


def test_the_shortcut_takes_every_second_pixel_and_pads_channels_with_zeros():
    images = torch.arange(2 * 4 * 4 * 4.0).reshape(2, 4, 4, 4)
    out = ZeroPadding(4)(images)
    assert out.shape == (2, 8, 2, 2)
    assert torch.equal(out[:, 2:6], images[:, :, ::2, ::2])
    assert not out[:, :2].any()
    assert not out[:, 6:].any()


@pytest.mark.parametrize("name", [*UNTRAINED, "published", "tiny"])
def test_a_saved_model_loads_again(name, published, tiny_resnet, tmp_path):
    model_id = {"published": published, "tiny": tiny_resnet}.get(name, name)
    model = load_encoder(model_id, outputs=10, seed=0)
    save_model(model, None, tmp_path / "model")
    assert reads(str(tmp_path / "model")) == reads(model_id) == "images"
    again = load_encoder(str(tmp_path / "model"), outputs=10, seed=1)
    assert all(torch.equal(again.state_dict()[key], value) for key, value in model.state_dict().items())


def test_text_encoders_read_text(tiny_model_dir):
    assert reads(str(tiny_model_dir)) == "text"


def test_flops_count_the_convolutions(tiny_resnet):
    model = load_encoder(tiny_resnet, outputs=10, seed=0)
    before = model.state_dict()["resnet.embedder.embedder.normalization.running_mean"].clone()
    stem, stages = 27 * 4 * 64, (2 * 36 * 4 * 64, (36 + 72) * 8 * 16, (72 + 144) * 16 * 4)
    assert forward_flops(model, batch=3, length=64) == 2 * 3 * (stem + sum(stages))
    assert forward_flops(model, batch=3, length=256) == 4 * forward_flops(model, batch=3, length=64)
    assert forward_flops(model, batch=0, length=0) == 0
    assert torch.equal(model.state_dict()["resnet.embedder.embedder.normalization.running_mean"], before)


def test_flops_of_resnet20_match_the_published_number():
    model = load_encoder(RESNET20, outputs=10, seed=0)
    assert forward_flops(model, batch=1, length=32 * 32) == 2 * 40_550_400


def test_a_checkpoint_without_a_convolution_is_rejected(published, tmp_path):
    tensors = {name: tensor for name, tensor in load_file(published).items() if "layer2.1" not in name}
    save_file(tensors, tmp_path / "part.safetensors")
    with pytest.raises(BadInput, match="lacks 2 encoder weights"):
        load_encoder(str(tmp_path / "part.safetensors"), outputs=10, seed=0)


def test_files_that_are_not_a_resnet_are_rejected(tiny_model_dir, tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("no tensors")
    for path, reason in (
        (tiny_model_dir / "model.safetensors", "layer1.0.conv1.weight"),
        (text, "does not load"),
    ):
        with pytest.raises(BadInput, match=re.escape(reason)):
            load_encoder(str(path), outputs=10, seed=0)


def test_predictions_do_not_change_batchnorm_statistics(tiny_resnet):
    task = load_task("vision/digits")
    model = load_encoder(tiny_resnet, outputs=10, seed=0)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    images = decode(task, task.dev["validation"].head(100))
    logits = predict(model, images, "fp32")
    np.testing.assert_allclose(
        logits[70], predict(model, decode(task, task.dev["validation"][70:71]), "fp32")[0], atol=1e-5
    )
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in before.items())
