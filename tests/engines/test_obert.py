"""Second-order pruning, checked against closed forms."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from workbench.engines import obert
from workbench.engines.obert import OBERT, SurgeonPruning
from workbench.errors import BadInput
from workbench.masks import topk_mask
from workbench.models import prunable
from workbench.randomness import torch_generator
from workbench.scores import magnitude
from workbench.training import fisher_bytes


class Regression(nn.Module):
    """y = w x: its loss is a quadratic in w."""

    def __init__(self, weights):
        super().__init__()
        self.encoder = nn.Module()
        self.encoder.layer = nn.ModuleList([nn.Linear(len(weights), 1, bias=False)])
        with torch.no_grad():
            self.encoder.layer[0].weight.copy_(weights)

    @property
    def weight(self):
        return self.encoder.layer[0].weight

    def forward(self, x):
        return SimpleNamespace(logits=self.encoder.layer[0](x))


class Samples:
    """The part of a trainer that a sparsifier uses: batches of one example."""

    def __init__(self, model, inputs, labels):
        self.model, self.inputs, self.labels = model, inputs, labels
        self.step = 0

    def hold(self, mask):
        pass

    def sample(self, count, batch_size):
        for n in range(count):
            yield {"x": self.inputs[n : n + 1], "labels": self.labels[n : n + 1]}


def surgery(model, inputs, labels, sparsity, block, damp):
    surgeon = SurgeonPruning({0: sparsity}, "global", block, damp, gradients=len(inputs))
    surgeon.attach(Samples(model, inputs, labels))
    surgeon.begin()
    surgeon.before_forward()
    return surgeon


@pytest.mark.parametrize("seed", range(5))
def test_the_cheapest_weight_of_a_quadratic_is_removed(seed):
    """OBS is exact at the minimum of a quadratic whose Hessian is a multiple of the Fisher matrix.

    The residuals are +c and -c for every input, so w is the least-squares solution, and each g g^T is
    4 c^2 x x^T: 2 c^2 times the Hessian of that example.
    """
    rng = torch_generator(seed)
    size = 6
    half = torch.randn(40, size, generator=rng) @ torch.randn(size, size, generator=rng)
    weights = torch.randn(size, generator=rng)
    inputs = torch.cat([half, half])
    labels = torch.cat([half @ weights + 0.5, half @ weights - 0.5])
    model = Regression(weights)

    surgeon = surgery(model, inputs, labels, sparsity=1 / size, block=size, damp=1e-9)
    x, y = inputs.double().numpy(), labels.double().numpy()
    solutions = []
    for removed in range(size):
        others = [column for column in range(size) if column != removed]
        solution = np.zeros(size)
        solution[others], loss, *_ = np.linalg.lstsq(x[:, others], y, rcond=None)
        solutions.append((loss.item(), solution))
    _, best = min(solutions, key=lambda pair: pair[0])
    actual = model.weight.detach().double().numpy()[0]
    assert actual == pytest.approx(best, rel=1e-3, abs=1e-4)
    assert surgeon.mask["encoder.layer.0.weight"].numpy()[0].tolist() == (best != 0).tolist()


def test_kept_weights_compensate_for_several_pruned_ones():
    """w - F^-1 v with the inverse of the full dense F, restricted to its blocks."""
    rng = torch_generator("several")
    size, block, damp = 12, 4, 1e-2
    inputs, labels = torch.randn(30, size, generator=rng), torch.randn(30, generator=rng)
    weights = torch.randn(size, generator=rng)
    model = Regression(weights)
    surgery(model, inputs, labels, sparsity=0.5, block=block, damp=damp)

    gradients = 2 * (inputs @ weights - labels)[:, None] * inputs
    fisher = (gradients.T @ gradients / 30).double() + damp * torch.eye(size, dtype=torch.float64)
    same_block = torch.arange(size)[:, None] // block == torch.arange(size) // block
    inverse = torch.linalg.inv(fisher * same_block)
    diagonal = inverse.diagonal()
    pruned = (weights**2 / (2 * diagonal)).argsort()[: size // 2]
    v = torch.zeros(size, dtype=torch.float64)
    v[pruned] = weights[pruned].double() / diagonal[pruned]
    expected = weights - inverse @ v
    expected[pruned] = 0
    assert torch.allclose(model.weight.detach()[0].double(), expected, rtol=1e-4, atol=1e-6)


def test_with_high_damping_it_equals_magnitude_pruning(trainer_of, batch):
    trainer = trainer_of(SurgeonPruning({0: 0.7}, "global", block=50, damp=1e6, gradients=4))
    before = {name: weight.detach().clone() for name, weight in prunable(trainer.model).items()}
    trainer.advance(batch(0))
    assert trainer.sparsifier.mask == topk_mask(magnitude(before), 0.7, "global")


def test_with_low_damping_it_differs_from_magnitude_pruning(trainer_of, batch):
    trainer = trainer_of(SurgeonPruning({0: 0.7}, "global", block=50, damp=1e-13, gradients=64))
    before = {name: weight.detach().clone() for name, weight in prunable(trainer.model).items()}
    trainer.advance(batch(0))
    assert trainer.sparsifier.mask.jaccard(topk_mask(magnitude(before), 0.7, "global")) < 0.9


def test_a_second_pruning_step_ignores_weights_pruned_before(trainer_of, batch):
    """Weights pruned before have no gradient and do not contribute to the correction."""
    trainer = trainer_of(SurgeonPruning({0: 0.9, 1: 0.9}, "global", block=50, damp=1e-7, gradients=4))
    trainer.advance(batch(0))
    kept = {name: weight.detach().clone() for name, weight in prunable(trainer.model).items()}
    trainer.sparsifier.before_forward()
    assert all(torch.equal(kept[name], weight) for name, weight in prunable(trainer.model).items())


def test_a_fisher_matrix_that_does_not_fit_is_rejected_with_the_sizes(model):
    numel = sum(weight.numel() for weight in prunable(model).values())
    needed = sum(fisher_bytes(weight.numel(), 50) for weight in prunable(model).values()) / 1e9
    with pytest.raises(BadInput, match=rf"{numel} weights in blocks of 50 takes .*, but .*Set max_memory_gb"):
        OBERT(max_memory_gb=0.99 * needed).check(model)
    OBERT(max_memory_gb=1.01 * needed).check(model)
    with pytest.raises(BadInput, match=r"or block=(\d+)\.") as refusal:
        OBERT(max_memory_gb=needed / 2).check(model)
    fitting = int(str(refusal.value).split("block=")[1].rstrip("."))
    OBERT(max_memory_gb=needed / 2, block=fitting).check(model)
    with pytest.raises(BadInput, match=f"block={fitting}"):
        OBERT(max_memory_gb=needed / 2, block=fitting + 1).check(model)
    with pytest.raises(BadInput, match=r"Set max_memory_gb=[\d.]+\.$"):
        OBERT(max_memory_gb=1e-6).check(model)


def test_a_fisher_matrix_beyond_the_machine_is_rejected_whatever_the_limit(model, monkeypatch):
    needed = sum(fisher_bytes(weight.numel(), 50) for weight in prunable(model).values())
    monkeypatch.setattr(obert, "installed_memory", lambda: needed // 2)
    with pytest.raises(BadInput, match=r"this machine has .* GB\. Set block=\d+\.$"):
        OBERT().check(model)
    monkeypatch.setattr(obert, "installed_memory", lambda: 1000)
    with pytest.raises(BadInput, match="Choose a smaller model"):
        OBERT().check(model)
