"""Masks that are ranked and sampled on a GPU are those of the CPU, bit for bit."""

import pytest
import torch

from workbench.masks import TopKTracker, sample_mask, topk_mask
from workbench.randomness import torch_generator

SHAPES = {
    f"encoder.layer.{i}.{name}.weight": shape
    for i in range(2)
    for name, shape in {
        "query": (97, 64),
        "dense": (33, 131),
        "wide": (3, 40),
    }.items()
}


def weights(dtype: torch.dtype, ties: bool) -> dict[str, torch.Tensor]:
    tensors = {}
    for name, shape in SHAPES.items():
        values = torch.randn(shape, generator=torch_generator("gpu", name))
        if ties:
            values = values.mul_(2).round_()
        tensors[name] = values.to(dtype)
    return tensors


def on(device: torch.device, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.to(device) for name, tensor in tensors.items()}


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_ranking(gpu, dtype, ties):
    scores = weights(dtype, ties)
    for scope in ("matrix", "type", "global"):
        for sparsity in (0.0, 0.5, 0.97):
            assert topk_mask(on(gpu, scores), sparsity, scope) == topk_mask(scores, sparsity, scope)


@pytest.mark.parametrize("method", ["counts", "draws", "uniform", "band"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sampling(gpu, dtype, method):
    tensors = weights(dtype, ties=False)
    for scope in ("matrix", "global"):
        options = {"sparsity": 0.9, "ratio": 0.01, "scope": scope, "seed": 3, "method": method}
        assert sample_mask(on(gpu, tensors), **options) == sample_mask(tensors, **options)


@pytest.mark.parametrize("ties", [False, True])
def test_scores_that_move(gpu, ties):
    scores = weights(torch.float32, ties)
    kept = {name: tensor.numel() // 3 for name, tensor in scores.items()}
    here, there = TopKTracker(), TopKTracker()
    for _ in range(3):
        for count in (kept, sum(kept.values())):
            expected = here.select(scores, count)
            found = there.select(on(gpu, scores), count)
            assert all(found[name].device.type == gpu.type for name in found)
            assert all(torch.equal(found[name].cpu(), expected[name]) for name in expected)
        for tensor in scores.values():
            tensor.mul_(-1.01)
