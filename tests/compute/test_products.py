import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from workbench.compute import products
from workbench.compute.kernels.target import TOKENS
from workbench.compute.structure import Structure
from workbench.errors import BadInput
from workbench.execution.environment import torch_threads
from workbench.randomness import torch_generator

ROUNDING = {torch.float32: 2e-6, torch.bfloat16: 2**-8}


class Case:
    """A matrix, tokens, a gradient, and what the products should give, in float64."""

    def __init__(self, out: int, width: int, sparsity: float, number: int, dtype: torch.dtype):
        rng = torch_generator("compute", out, width, sparsity, number)
        self.number, self.dtype = number, dtype
        self.mask = torch.rand(out, width, generator=rng) >= sparsity
        weight = torch.randn(out, width, generator=rng) * self.mask
        self.bias = torch.randn(out, generator=rng)
        self.x, self.before = (torch.randn(number, width, generator=rng).to(dtype) for _ in range(2))
        self.g = torch.randn(number, out, generator=rng).to(dtype)
        self.value = weight[self.mask].numpy()
        self.structure = Structure.of(self.mask)
        x, g = self.x.double(), self.g.double()
        self.y = x @ weight.double().T + self.bias.double()
        self.dx, self.dvalue, self.dbias = g @ weight.double(), (g.T @ x)[self.mask], g.sum(0)

    def blocks(self, tokens: torch.Tensor) -> torch.Tensor:
        return products.to_blocks(tokens, self.dtype)

    def tokens(self, blocks: torch.Tensor) -> torch.Tensor:
        return products.from_blocks(blocks, self.number, self.dtype)

    def multiply(self, **how) -> tuple[torch.Tensor, torch.Tensor]:
        rows, x = self.structure.rows, self.blocks(self.x)
        y, before = products.multiply(rows, self.value, self.bias.numpy(), x, self.number, **how)
        return self.tokens(y), self.tokens(before)

    def gradients(self, before: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        blocks = [self.blocks(tokens) for tokens in (self.g, self.x)]
        before = None if before is None else self.blocks(before)
        dx, dvalue = products.gradients(self.structure, self.value, *blocks, self.number, before)
        return self.tokens(dx), torch.from_numpy(dvalue)

    def close(self, result: torch.Tensor, expected: torch.Tensor, rounding: float | None = None) -> None:
        scale = max(expected.abs().max().item(), 1.0) if expected.numel() else 1.0
        error = (result.double() - expected).abs().max().item() if expected.numel() else 0.0
        assert result.shape == expected.shape
        assert error <= (rounding or ROUNDING[self.dtype]) * scale


SHAPES = [(1, 1), (3, 5), (16, 16), (40, 33), (96, 200), (384, 96)]


@pytest.mark.parametrize("dtype", ROUNDING)
@pytest.mark.parametrize("sparsity", [0.0, 0.5, 0.95, 0.999])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_products_are_those_of_float64_within_rounding(shape, sparsity, dtype):
    for number in (1, 31, TOKENS // 2, TOKENS, 3 * TOKENS + 9):
        case = Case(*shape, sparsity, number, dtype)
        case.close(case.multiply()[0], case.y)
        dx, dvalue = case.gradients()
        case.close(dx, case.dx)
        # The gradients of weights and of the bias are sums in float32 in either format.
        case.close(dvalue, case.dvalue, 2e-6)
        dbias = products.token_sums(case.blocks(case.g), number)
        case.close(torch.from_numpy(dbias), case.dbias, 2e-6)


@pytest.mark.parametrize("dtype", ROUNDING)
def test_ten_thousand_tokens_are_those_of_float64_within_rounding(dtype):
    case = Case(48, 32, 0.9, 10_000, dtype)
    case.close(case.multiply()[0], case.y)
    dx, dvalue = case.gradients()
    case.close(dx, case.dx)
    case.close(dvalue, case.dvalue, 1e-5)


@pytest.mark.parametrize("dtype", ROUNDING)
def test_a_matrix_that_keeps_nothing_gives_the_bias_and_no_gradient(dtype):
    case = Case(7, 9, 1.1, 5, dtype)
    assert case.structure.kept == 0
    assert torch.equal(case.multiply()[0], case.bias.to(dtype).expand(5, 7))
    dx, dvalue = case.gradients()
    assert not dx.any()
    assert dvalue.shape == (0,)


def test_no_tokens_give_no_tokens():
    case = Case(7, 9, 0.5, 0, torch.float32)
    assert case.multiply()[0].shape == (0, 7)
    assert not case.gradients()[1].any()


def test_the_product_by_columns_is_the_transposed_one():
    case = Case(24, 40, 0.8, 50, torch.float32)
    value = case.value[case.structure.order]
    bias = np.zeros(40, np.float32)
    dx, _ = products.multiply(case.structure.columns, value, bias, case.blocks(case.g), case.number)
    case.close(case.tokens(dx), case.dx)


@pytest.mark.parametrize("dtype", ROUNDING)
def test_gelu_and_its_slope_are_exact(dtype):
    case = Case(40, 33, 0.5, 300, dtype)
    y, before = case.multiply(gelu=True, keep_before=True)
    case.close(before, case.y)
    case.close(y, torch.nn.functional.gelu(case.y))
    assert torch.equal(case.multiply(gelu=True)[0], y)
    point = case.before.double().requires_grad_(True)
    torch.nn.functional.gelu(point).backward(case.dx)
    case.close(case.gradients(before=case.before)[0], point.grad)


def test_gelu_is_exact_from_far_below_to_far_above_zero():
    x = torch.cat([torch.linspace(-30, 30, 4001), torch.tensor([0.0, -0.0, 1e-30, -1e-30, 1e30, -1e30])])
    order = Structure.of(torch.ones(1, 1, dtype=torch.bool)).rows
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    blocks = products.to_blocks(x[:, None], torch.float32)
    y, _ = products.multiply(order, one, zero, blocks, len(x), gelu=True)
    expected = torch.nn.functional.gelu(x.double())
    error = products.from_blocks(y, len(x), torch.float32)[:, 0].double() - expected
    assert (error.abs() <= 2e-7 * x.abs().clamp(min=2)).all()


@pytest.mark.parametrize("dtype", ROUNDING)
def test_bits_do_not_depend_on_the_number_of_threads(dtype):
    # Large enough that the work is shared.
    case, results = Case(256, 192, 0.5, 777, dtype), []
    for count in (1, 2, 5):
        with torch_threads(count):
            results.append([*case.multiply(gelu=True, keep_before=True), *case.gradients(before=case.before)])
    for others in results[1:]:
        assert all(torch.equal(first, other) for first, other in zip(results[0], others, strict=True))


@pytest.mark.parametrize("source", ROUNDING)
@pytest.mark.parametrize("target", ROUNDING)
@pytest.mark.parametrize("shape", [(1, 1), (16, 16), (130, 37), (257, 64), (0, 4)])
def test_blocks_hold_the_tokens_rounded_to_nearest_and_zeros_after_them(shape, source, target):
    tokens = torch.randn(shape, generator=torch_generator("compute", "layout", *shape)).to(source)
    blocks = products.to_blocks(tokens, target)
    assert torch.equal(products.from_blocks(blocks, shape[0], target), tokens.to(target))
    assert torch.equal(products.from_blocks(blocks, shape[0], source), tokens.to(target).to(source))
    if rest := shape[0] % TOKENS:
        assert not blocks[-1, :, rest : 2 * TOKENS // 8 * -(-rest // (2 * TOKENS // 8))].any()


@pytest.mark.parametrize("processor", ["haswell", "generic"])
def test_products_and_dropout_are_right_without_avx_512(processor):
    named = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": ""}
    choice = "(float64_within and shape4) or slope_are_exact or (blocks_hold and shape2) or by_the_rule"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--noconftest",
        "-p",
        "no:cacheprovider",
        "-n0",
        __file__,
        Path(__file__).with_name("test_dropout.py"),
    ]
    done = subprocess.run([*command, "-k", choice], env=os.environ | named, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_only_a_bool_matrix_has_a_structure():
    for wrong in (torch.ones(3, 3), torch.ones(3, dtype=torch.bool)):
        with pytest.raises(BadInput, match="a sparse layer needs a bool matrix"):
            Structure.of(wrong)


def test_a_structure_knows_its_mask_and_cuts_every_row_into_one_part():
    mask = torch.rand(50, 70, generator=torch_generator("compute", "structure")) < 0.1
    mask[:20] = False
    structure = Structure.of(mask)
    assert torch.equal(structure.mask(), mask)
    assert structure.kept == mask.sum()
    for parts in (1, 3, 8, 500):
        cuts = structure.rows.cuts(parts)
        assert [row for first, last in cuts for row in range(first, last)] == list(range(50))
        assert len(cuts) <= parts
