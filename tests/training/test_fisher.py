"""The blocks of the inverse Fisher matrix against plain linear algebra."""

import pytest
import torch

from workbench.errors import Stopped
from workbench.randomness import torch_generator
from workbench.training import BlockFisher, fisher_bytes


def gradients_of(count, size, scale=1.0):
    return scale * torch.randn(count, size, generator=torch_generator("gradients", count, size))


def inverted(gradients, block, damp):
    fisher = BlockFisher(gradients.shape[1], block, torch.device("cpu"))
    for gradient in gradients:
        fisher.add(gradient)
    fisher.invert(damp)
    return fisher


def dense(fisher, size):
    columns = [fisher.times(column) for column in torch.eye(size)]
    return torch.stack(columns, dim=1)


@pytest.mark.parametrize("count", [1, 15, 16, 40])
@pytest.mark.parametrize(("size", "block"), [(12, 4), (13, 4), (10, 10), (7, 50), (5, 1)])
def test_it_is_the_inverse_of_the_blocks_of_the_dense_matrix(count, size, block):
    gradients = gradients_of(count, size)
    fisher = inverted(gradients, block, damp=0.1)
    places = torch.arange(size)
    blocks = places[:, None] // block == places // block
    whole = (gradients.T @ gradients / count).double() + 0.1 * torch.eye(size, dtype=torch.float64)
    expected = torch.linalg.inv(whole * blocks).float()
    assert torch.allclose(dense(fisher, size), expected, rtol=1e-4, atol=1e-5)
    assert torch.allclose(fisher.diagonal(), expected.diagonal(), rtol=1e-4)


@pytest.mark.parametrize("damp", [1e-3, 1e-7])
def test_it_equals_the_result_of_the_papers_recursion(damp):
    """Finv <- Finv - (Finv g)(Finv g)^T / (m + g^T Finv g), from Finv = I / lambda."""
    gradients = gradients_of(64, 8, scale=1e-2)
    inverse = torch.eye(8, dtype=torch.float64) / damp
    for gradient in gradients.double():
        product = inverse @ gradient
        inverse -= torch.outer(product, product) / (64 + gradient @ product)
    assert torch.allclose(dense(inverted(gradients, 8, damp), 8), inverse.float(), rtol=1e-3)


def test_directions_without_gradients_have_the_inverse_of_the_damping():
    gradients = torch.tensor([[3.0, 0.0, 0.0]])
    fisher = inverted(gradients, 3, damp=1e-7)
    assert fisher.diagonal().tolist() == pytest.approx([1 / 9, 1e7, 1e7], rel=1e-5)


def test_damping_below_the_rounding_error_is_reported():
    gradients = gradients_of(3, 50, scale=1e3)
    with pytest.raises(Stopped, match=r"not positive definite with damp=1e-07.*--set damp=1e-06"):
        inverted(gradients, 50, damp=1e-7)
    assert torch.isfinite(inverted(gradients, 50, damp=10.0).diagonal()).all()


def test_a_vector_keeps_its_shape():
    fisher = inverted(gradients_of(3, 12), 5, damp=1.0)
    vector = torch.randn(3, 4, generator=torch_generator("vector"))
    assert fisher.times(vector).shape == (3, 4)
    assert torch.equal(fisher.times(vector).flatten(), fisher.times(vector.flatten()))


def test_the_memory_is_what_fisher_bytes_predicts():
    for numel, block in [(100, 50), (101, 50), (7, 50), (1000, 3)]:
        fisher = BlockFisher(numel, block, torch.device("cpu"))
        tensors = [value for value in vars(fisher).values() if isinstance(value, torch.Tensor)]
        assert fisher_bytes(numel, block) == sum(tensor.nbytes for tensor in tensors)
    # 85 million weights of bert-base in blocks of 50: 17 GB for the blocks, and the buffer of gradients.
    bert = 48 * fisher_bytes(768 * 768, 50) + 24 * fisher_bytes(768 * 3072, 50)
    assert bert / 1e9 == pytest.approx(17 * 66 / 50, rel=0.01)
