"""The products of a sparse matrix with blocks of tokens, on as many threads as torch uses.

Tokens are processed in blocks: activations are float32 or bfloat16 tensors (blocks, features, TOKENS), so
that one kept weight multiplies a contiguous vector of tokens. Sums are float32, in an order that depends only
on the matrix and the number of tokens. The last block may have fewer tokens; their number is rounded up to
one of `WIDTHS`, and those after it are neither read nor written.
"""

import itertools

import numpy as np
import torch

from workbench.compute.kernels import columns, layout, rows
from workbench.compute.kernels.target import LANES, TOKENS, WIDTHS
from workbench.compute.memory import empty, numbers
from workbench.compute.structure import Order, Structure
from workbench.masks.parallel import each

# With fewer multiplications, a second thread costs more than it saves.
_WORTH_A_THREAD = 1 << 21


def to_blocks(tokens: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Rearranges tokens (tokens, features) into blocks; what is read after the last token is zero."""
    number, features = tokens.shape
    blocks = empty((-(-number // TOKENS), features, TOKENS), dtype)
    arrays = (numbers(tokens.contiguous()), numbers(blocks), _width(number) * LANES)
    _over_blocks(layout.into_blocks(), arrays, len(blocks), tokens.numel())
    return blocks


def from_blocks(blocks: torch.Tensor, number: int, dtype: torch.dtype) -> torch.Tensor:
    """Rearranges blocks into their first `number` tokens (number, features)."""
    tokens = empty((number, blocks.shape[1]), dtype)
    source, target = numbers(blocks), numbers(tokens)
    _over_blocks(layout.out_of_blocks(), (target, source), len(blocks), tokens.numel())
    return tokens


def multiply(
    order: Order,
    value: np.ndarray,
    bias: np.ndarray,
    x: torch.Tensor,
    number: int,
    *,
    gelu: bool = False,
    keep_before: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """W x + bias, or GELU of it.

    Args:
        order: the kept weights by rows of W; with the order by columns, and values in it, this is W^T x.
        value: float32, the kept weights.
        bias: float32, a number for each row.
        x: blocks whose features are the columns of W.
        number: number of tokens.
        gelu: whether to apply GELU.
        keep_before: whether the second result is the input of GELU; otherwise it is the first result.
    """
    y = empty((len(x), len(bias), TOKENS), x.dtype)
    before = empty(y.shape, y.dtype) if gelu and keep_before else y
    ending = (rows.GELU_AND_BEFORE if keep_before else rows.GELU) if gelu else rows.PLAIN
    arrays = (order.starts, order.index, value, numbers(x), bias, numbers(y), numbers(before))
    threads = _threads(len(value) * number)
    jobs = []
    for first, last, vectors in _passes(number):
        kernel = rows.multiply(vectors, ending)
        spans = _spans(first, last, 4 * threads if threads > 1 else 1)
        cuts = order.cuts(-(-4 * threads // len(spans)) if threads > 1 else 1)
        jobs += [(kernel, *span, *cut) for span in spans for cut in cuts]
    each(lambda kernel, *where: kernel(*arrays, *where), jobs, serial=threads == 1)
    return y, before


def gradients(
    structure: Structure,
    value: np.ndarray,
    g: torch.Tensor,
    x: torch.Tensor,
    number: int,
    before: torch.Tensor | None = None,
) -> tuple[torch.Tensor, np.ndarray]:
    """The gradients of y = W x.

    Args:
        structure: of W.
        value: float32, the kept weights by rows.
        g: blocks of the gradient of y; tokens after the last one are zero.
        x: blocks.
        number: number of tokens.
        before: the input of the GELU that returned x, if its gradient is wanted instead.

    Returns:
        The gradient of x, or of `before`, in blocks; and the float32 gradients of the kept weights.
    """
    dx, dvalue = empty(x.shape, x.dtype), np.empty_like(value)
    arrays = [numbers(tensor) for tensor in (g, x, dx, x if before is None else before)]
    by_column, passes = structure.columns, _passes(number)

    def work(first: int, last: int) -> None:
        begin, end = by_column.starts[first], by_column.starts[last]
        mine = structure.order[begin:end]
        # The kernel takes values by columns; a job takes those of its own columns.
        here, starts = columns.gather(value, mine), by_column.starts - begin
        sums = np.zeros_like(here)
        for first_block, last_block, vectors in passes:
            kernel = columns.gradients(vectors, before is not None)
            kernel(
                starts, by_column.index[begin:end], here, *arrays, sums, first_block, last_block, first, last
            )
        columns.scatter(sums, mine, dvalue)

    threads = _threads(2 * len(value) * number)
    each(work, by_column.cuts(4 * threads if threads > 1 else 1), serial=threads == 1)
    return dx, dvalue


def token_sums(g: torch.Tensor, number: int) -> np.ndarray:
    """For each feature the float32 sum over tokens, which is the gradient of a bias."""
    out, array = np.zeros(g.shape[1], np.float32), numbers(g)
    for first, last, vectors in _passes(number):
        columns.sums(vectors)(array, out, first, last, 0, len(out))
    return out


def passed(number: int) -> int:
    """The number of tokens that the kernels process for `number` tokens, as the last pass is rounded up."""
    return (number - 1) // TOKENS * TOKENS + _width(number) * LANES if number else 0


def _width(number: int) -> int:
    """The number of vectors in the pass over the last block of `number` tokens."""
    rest = (number - 1) % TOKENS + 1
    return next(width for width in WIDTHS if width * LANES >= rest)


def _passes(number: int) -> list[tuple[int, int, int]]:
    """(first block, last block, vectors) of each pass; a last block with fewer vectors has its own."""
    blocks, width = -(-number // TOKENS), _width(number)
    full = blocks if width == WIDTHS[-1] else blocks - 1
    passes = [(0, full, WIDTHS[-1]), (full, blocks, width)]
    return [(first, last, vectors) for first, last, vectors in passes if first < last]


def _spans(first: int, last: int, parts: int) -> list[tuple[int, int]]:
    if parts == 1:
        return [(first, last)]
    edges = np.unique(np.linspace(first, last, min(parts, last - first) + 1).astype(int)).tolist()
    return list(itertools.pairwise(edges))


def _threads(work: int) -> int:
    return torch.get_num_threads() if work >= _WORTH_A_THREAD else 1


def _over_blocks(kernel, arrays: tuple, blocks: int, size: int) -> None:
    threads = _threads(8 * size)
    spans = _spans(0, blocks, 4 * threads if threads > 1 else 1)
    each(lambda *span: kernel(*arrays, *span), spans, serial=threads == 1)
