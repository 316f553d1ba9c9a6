"""Benchmark rows for sparse products."""

from collections.abc import Callable, Iterator

import torch
from torch import nn

from workbench.benchmark.measure import Row
from workbench.benchmark.scales import Scale
from workbench.compute import SparseLinear, products
from workbench.masks import topk_mask
from workbench.randomness import torch_generator

OURS, HALF, FULL = "workbench, bf16", "torch dense, bf16", "torch dense, fp32"
_TOKENS = 1024
# At the first one, sparse should be no slower than dense; see `BreakEven`.
_SPARSITIES = (0.75, 0.9, 0.95, 0.97)


def product_rows(scale: Scale) -> Iterator[Row]:
    """The three products with the shapes of an encoder, each at several sparsities."""
    for shape in _shapes(scale.hidden):
        for sparsity in _SPARSITIES:
            yield three_products_row(shape, sparsity, scale.rounds)


def three_products_row(shape: tuple[int, int], sparsity: float, rounds: int) -> Row:
    """y = W x, the gradient of x, and that of W (of the kept weights only, if sparse), for 1,024 tokens."""
    rng = torch_generator("benchmark", "products", *shape)
    weight = torch.randn(shape, generator=rng).mul_(0.02)
    mask = topk_mask({"weight": weight.abs()}, sparsity)
    weight.masked_fill_(~mask["weight"], 0)
    x, g = (torch.randn(_TOKENS, width, generator=rng) for width in (shape[1], shape[0]))
    contestants = {
        OURS: _sparse(weight, mask["weight"], x, g, torch.bfloat16),
        "workbench, fp32": _sparse(weight, mask["weight"], x, g, torch.float32),
        "workbench, bf16, from and to tokens": _layer(weight, mask["weight"], x, g),
        HALF: _dense(weight, x, g, torch.bfloat16),
        FULL: _dense(weight, x, g, torch.float32),
    }

    def check(results: dict) -> None:
        exact = x.double() @ weight.double().T, g.double() @ weight.double(), g.double().T @ x.double()
        for name, outputs in results.items():
            # In bfloat16, inputs and results are rounded; the errors of the inputs average out in the sums.
            tolerance = 1e-5 if "fp32" in name else 2**-7
            for result, value in zip(outputs, exact, strict=True):
                value = value[mask["weight"]] if result.ndim == 1 else value
                error = (result.double() - value).abs().max() / value.abs().max()
                assert error <= tolerance, (name, error)

    what = f"three products, {shape[0]} x {shape[1]} at {sparsity:g}, {_TOKENS} tokens"
    return Row(what, contestants, check, {"weight": weight}, rounds)


def _sparse(weight, mask, x, g, dtype) -> Callable[[], tuple[torch.Tensor, ...]]:
    structure = SparseLinear.of(_linear(weight), mask).structure
    value, bias = weight[mask].numpy(), torch.zeros(len(weight)).numpy()
    xs, gs = (products.to_blocks(tokens, dtype) for tokens in (x, g))

    def work() -> tuple[torch.Tensor, ...]:
        y, _ = products.multiply(structure.rows, value, bias, xs, _TOKENS)
        dx, dvalue = products.gradients(structure, value, gs, xs, _TOKENS)
        return y, dx, torch.from_numpy(dvalue)

    def result() -> tuple[torch.Tensor, ...]:
        y, dx, dvalue = work()
        return *(_Blocks(blocks) for blocks in (y, dx)), dvalue

    return result


class _Blocks:
    """Blocks that are converted to tokens only when they are checked, which is not timed."""

    ndim = 2

    def __init__(self, blocks: torch.Tensor):
        self.blocks = blocks

    def double(self) -> torch.Tensor:
        return products.from_blocks(self.blocks, _TOKENS, torch.float32).double()


def _layer(weight, mask, x, g) -> Callable[[], tuple[torch.Tensor, ...]]:
    layer, half = SparseLinear.of(_linear(weight), mask), torch.bfloat16
    x, g = x.to(half).requires_grad_(True), g.to(half)

    def work() -> tuple[torch.Tensor, ...]:
        y = layer(x)
        return y, *torch.autograd.grad(y, (x, layer.values), g)

    return work


def _dense(weight, x, g, dtype) -> Callable[[], tuple[torch.Tensor, ...]]:
    x, weight, g = x.to(dtype).requires_grad_(True), weight.to(dtype).requires_grad_(True), g.to(dtype)

    def work() -> tuple[torch.Tensor, ...]:
        y = nn.functional.linear(x, weight)
        return y, *torch.autograd.grad(y, (x, weight), g)

    return work


def _linear(weight: torch.Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    linear.weight = nn.Parameter(weight)
    return linear


def _shapes(hidden: int) -> tuple[tuple[int, int], ...]:
    return (hidden, hidden), (4 * hidden, hidden), (hidden, 4 * hidden)
