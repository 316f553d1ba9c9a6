"""Long batches in parts: the gradients of the batch, with fewer activations at a time."""

import copy
from math import inf

import pytest
import torch

from workbench.models import activation_bytes, load_encoder
from workbench.models.resnet import CifarResNet, CifarResNetConfig
from workbench.training import Distillation, MaskedTrainer, Sparsifier, TrainingConfig
from workbench.training.parts import activation_room, extent, parts


@pytest.fixture
def batch(batch):
    return batch(0)


class Gradients(Sparsifier):
    """Keeps the gradients of the last step."""

    def before_step(self):
        self.found = {name: weight.grad for name, weight in self.training.model.named_parameters()}


def room_for(model, batch, examples):
    _, length = extent(batch)
    return activation_bytes(model, examples, length)


@pytest.mark.parametrize(("most", "sizes"), [(99, [8]), (8, [8]), (7, [4, 4]), (3, [3, 3, 2]), (1, [1] * 8)])
def test_a_batch_has_as_few_parts_as_fit(model, batch, most, sizes):
    batch = {name: torch.cat([tensor] * 8)[:8] for name, tensor in batch.items()}
    found = list(parts(model, batch, room_for(model, batch, most)))
    assert [len(part["labels"]) for part, _ in found] == sizes
    assert [share for _, share in found] == [size / 8 for size in sizes]
    for name, tensor in batch.items():
        assert torch.equal(torch.cat([part[name] for part, _ in found]), tensor)


def test_usual_batches_have_one_part(model, batch):
    assert len(list(parts(model, batch, activation_room(model)))) == 1
    assert len(list(parts(model, batch, inf))) == 1
    images = {"pixel_values": torch.zeros(512, 3, 32, 32), "labels": torch.zeros(512)}
    assert len(list(parts(CifarResNet(CifarResNetConfig(depths=(1, 1, 1))), images, 1.0))) == 1


@pytest.mark.parametrize("mode", ["none", "logits", "tinybert"])
def test_gradients_of_parts_add_up_to_those_of_the_batch(tiny_model_dir, mode, monkeypatch):
    rng = torch.Generator().manual_seed(0)
    mask = torch.ones(6, 9, dtype=torch.int64)
    mask[:5, 4:] = 0
    ids = torch.randint(5, 99, (6, 9), generator=rng)
    batch = {"input_ids": ids, "attention_mask": mask, "labels": torch.tensor([0, 1, 1, 0, 1, 0])}
    model = load_encoder(str(tiny_model_dir), outputs=2, seed=0)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    teacher = load_encoder(str(tiny_model_dir), outputs=2, seed=1).requires_grad_(False)
    config = TrainingConfig(steps=1, lr=1e-3, distillation=Distillation(mode=mode))
    results = []
    for room in (inf, room_for(model, batch, 4)):
        monkeypatch.setattr("workbench.training.trainer.activation_room", lambda model, room=room: room)
        gradients = Gradients()
        trainer = MaskedTrainer(copy.deepcopy(model), config, key=("a",), mask=gradients, teacher=teacher)
        results.append((trainer.advance(batch), gradients.found))
    (whole, expected), (summed, found) = results
    assert summed == pytest.approx(whole, rel=1e-3)
    largest = max(gradient.abs().max().item() for gradient in expected.values())
    assert largest > 1e-5
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-5 * largest)
