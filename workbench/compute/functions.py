"""The sparse products as differentiable functions of torch.

The kept weights of a matrix are a float32 vector in row order, `matrix[mask]`. Activations are blocks of
tokens (see `products`), with the number of tokens as a separate argument. A bias may be None.
"""

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from workbench.compute import products
from workbench.compute.memory import numbers
from workbench.compute.structure import Structure


def into_blocks(tokens: Tensor, dtype: torch.dtype) -> Tensor:
    """Rearranges tokens (tokens, features) into blocks of `dtype`."""
    return _IntoBlocks.apply(tokens, dtype)


def out_of_blocks(blocks: Tensor, number: int) -> Tensor:
    """Rearranges blocks into their `number` tokens (tokens, features)."""
    return _OutOfBlocks.apply(blocks, number)


def product(x: Tensor, value: Tensor, bias: Tensor | None, structure: Structure, number: int) -> Tensor:
    """W x + bias, on blocks."""
    return _Product.apply(x, value, bias, structure, number)


def feed_forward(
    x: Tensor,
    first: tuple[Tensor, Tensor | None, Structure],
    second: tuple[Tensor, Tensor | None, Structure],
    number: int,
) -> Tensor:
    """W2 GELU(W1 x + bias1) + bias2, on blocks; `first` and `second` are kept weights, bias and structure."""
    wanted = torch.is_grad_enabled()
    return _FeedForward.apply(x, *first[:2], *second[:2], (first[2], second[2]), number, wanted)


class _IntoBlocks(Function):
    @staticmethod
    def forward(ctx, tokens, dtype):
        ctx.number, ctx.dtype = len(tokens), tokens.dtype
        return products.to_blocks(tokens, dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        return products.from_blocks(g.contiguous(), ctx.number, ctx.dtype), None


class _OutOfBlocks(Function):
    @staticmethod
    def forward(ctx, blocks, number):
        ctx.dtype = blocks.dtype
        return products.from_blocks(blocks, number, blocks.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        return products.to_blocks(g, ctx.dtype), None


class _Product(Function):
    @staticmethod
    def forward(ctx, x, value, bias, structure, number):
        ctx.structure, ctx.number, ctx.biased = structure, number, bias is not None
        ctx.save_for_backward(x, value)
        return _multiply(structure, value, bias, x, number)[0]

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        x, value = ctx.saved_tensors
        return *_gradients(ctx.structure, value, ctx.biased, g.contiguous(), x, ctx.number), None, None


class _FeedForward(Function):
    @staticmethod
    def forward(ctx, x, value1, bias1, value2, bias2, structures, number, wanted):
        ctx.structures, ctx.number = structures, number
        ctx.biased = bias1 is not None, bias2 is not None
        how = {"gelu": True, "keep_before": wanted}
        middle, before = _multiply(structures[0], value1, bias1, x, number, **how)
        ctx.save_for_backward(x, value1, value2, middle, before)
        return _multiply(structures[1], value2, bias2, middle, number)[0]

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        x, value1, value2, middle, before = ctx.saved_tensors
        first, second = ctx.structures
        g, *second = _gradients(second, value2, ctx.biased[1], g.contiguous(), middle, ctx.number, before)
        g, *first = _gradients(first, value1, ctx.biased[0], g, x, ctx.number)
        return g, *first, *second, None, None, None


def _multiply(structure, value, bias, x, number, **how):
    bias = np.zeros(structure.shape[0], np.float32) if bias is None else numbers(bias)
    return products.multiply(structure.rows, numbers(value), bias, x.contiguous(), number, **how)


def _gradients(structure, value, biased, g, x, number, before=None):
    """The gradients of x, the kept weights and the bias."""
    dx, dvalue = products.gradients(structure, numbers(value), g, x, number, before)
    dbias = torch.from_numpy(products.token_sums(g, number)) if biased else None
    return dx, torch.from_numpy(dvalue), dbias
