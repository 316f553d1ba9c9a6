"""The backward pass of y = W x: the gradient of x, W^T g, and that of the kept weights, in one pass.

Each kept weight of a column reads its tokens of g once. They are multiplied by the weight for the column's
gradient, which stays in registers, and by the column's own tokens for the gradient of the weight. Two
separate products would be limited by the memory.
"""

import functools

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core.errors import RequireLiteralValue
from numba.extending import intrinsic

from workbench.compute.kernels import vectors as v
from workbench.compute.kernels.gelu import slope
from workbench.compute.kernels.target import DOTS, STAMP, TOKENS


class _Column:
    """Builds the instructions for the kept weights of one column, `count` vectors of tokens each."""

    def __init__(self, builder: ir.IRBuilder, count: int, half: bool, index, value, g, x):
        self.b, self.count, self.half = builder, count, half
        self.index, self.value, self.g = index, value, g
        self.pairs = half and DOTS
        self.x = v.pairs(builder, x, count) if self.pairs else v.load_tokens(builder, x, count, half)

    def weight(self, k: ir.Value, sums: list[ir.Value]) -> tuple[list[ir.Value], ir.Value]:
        """Adds the k-th kept weight's products to `sums`; the other result sums up to its gradient."""
        b, dot = self.b, v.constant(0.0)
        row = b.zext(b.load(v.at(b, self.index, k)), v.I64)
        g = v.at(b, self.g, b.mul(row, ir.Constant(v.I64, TOKENS)))
        weight = v.splat(b, b.load(v.at(b, self.value, k)))
        if self.pairs:
            both = v.pairs(b, g, self.count)
            tokens = [floats for pair in both for floats in v.widen(b, pair)]
            for g_pair, x_pair in zip(both, self.x, strict=True):
                dot = v.dots(b, dot, g_pair, x_pair)
        else:
            tokens = v.load_tokens(b, g, self.count, self.half)
            for g_token, x_token in zip(tokens, self.x, strict=True):
                dot = v.fma(b, g_token, x_token, dot)
        return [v.fma(b, weight, token, sum_) for token, sum_ in zip(tokens, sums, strict=True)], dot


def _loop(b: ir.IRBuilder, k, sums, end, step: int, body):
    """While k + step <= end: sums = body(k, sums), k += step. Returns k and the sums at its end."""
    limit, entry = b.sub(end, ir.Constant(v.I64, step - 1)), b.block
    loop, done = b.append_basic_block("loop"), b.append_basic_block("done")
    b.cbranch(b.icmp_signed("<", k, limit), loop, done)
    b.position_at_end(loop)
    before = [b.phi(v.I64), *(b.phi(v.FLOATS) for _ in sums)]
    after = [b.add(before[0], ir.Constant(v.I64, step)), *body(before[0], before[1:])]
    b.cbranch(b.icmp_signed("<", after[0], limit), loop, done)
    b.position_at_end(done)
    results = [b.phi(phi.type) for phi in before]
    for first, phi, new, result in zip([k, *sums], before, after, results, strict=True):
        for place in (phi, result):
            place.add_incoming(first, entry)
            place.add_incoming(new, loop)
    return results[0], results[1:]


@intrinsic
def _column(typing, index, value, begin, end, g, g_at, x, dx, before, x_at, dvalue, vectors, through_gelu):
    """One column of one block; adds to `dvalue`. `g_at` is a place in g, `x_at` one in x, dx and before."""
    if not isinstance(vectors, types.Literal):
        raise RequireLiteralValue("vectors")
    signature = types.void(
        index, value, begin, end, g, g_at, x, dx, before, x_at, dvalue, vectors, through_gelu
    )
    count, through, half = vectors.literal_value, through_gelu.literal_value, v.is_half(x)

    def build(context, b, signature, arguments):
        def start(place: int) -> ir.Value:
            return v.pointer(context, b, signature.args[place], arguments[place])

        index, value, g, x, dx, before, dvalue = (start(place) for place in (0, 1, 4, 6, 7, 8, 10))
        begin, end, g_at, x_at = (arguments[place] for place in (2, 3, 5, 9))
        column = _Column(b, count, half, index, value, v.at(b, g, g_at), v.at(b, x, x_at))

        def add(k: ir.Value, gradient: ir.Value) -> None:
            place = v.at(b, dvalue, k)
            v.store(b, b.fadd(v.load(b, place, gradient.type), gradient), place)

        def four(k: ir.Value, sums: list[ir.Value]) -> list[ir.Value]:
            gradients = []
            for i in range(4):
                sums, gradient = column.weight(b.add(k, ir.Constant(v.I64, i)), sums)
                gradients.append(gradient)
            add(k, v.four_totals(b, gradients))
            return sums

        def one(k: ir.Value, sums: list[ir.Value]) -> list[ir.Value]:
            sums, gradient = column.weight(k, sums)
            add(k, v.total(b, gradient))
            return sums

        k, sums = _loop(b, begin, [v.constant(0.0)] * count, end, 4, four)
        _, sums = _loop(b, k, sums, end, 1, one)
        if through:
            tokens = v.load_tokens(b, v.at(b, before, x_at), count, half)
            sums = [b.fmul(sum_, slope(b, token)) for sum_, token in zip(sums, tokens, strict=True)]
        v.store_tokens(b, sums, v.at(b, dx, x_at), half)
        return context.get_dummy_value()

    return signature, build


@functools.cache
def gradients(vectors: int, through_gelu: bool):
    """The kernel for passes of `vectors` vectors of tokens, from a block's first token.

    Its arguments: starts, index and value of the kept weights by columns; g (blocks, rows, TOKENS); x, its
    gradient dx, to be filled, and for `through_gelu` what x was before GELU, so that dx is the gradient of
    that, all (blocks, columns, TOKENS); dvalue, which is added to; the ranges of blocks and columns.
    """
    stamp, through_gelu = STAMP, int(through_gelu)

    @njit(nogil=True, cache=True)
    def kernel(
        starts, index, value, g, x, dx, before, dvalue, first_block, last_block, first_column, last_column
    ):
        _ = stamp
        for block in range(first_block, last_block):
            g_at = np.int64(block * g.shape[1] * TOKENS)
            for column in range(first_column, last_column):
                begin, end = np.int64(starts[column]), np.int64(starts[column + 1])
                x_at = np.int64((block * x.shape[1] + column) * TOKENS)
                _column(index, value, begin, end, g, g_at, x, dx, before, x_at, dvalue, vectors, through_gelu)

    return kernel


@intrinsic
def _sum(typing, g, place, vectors):
    """The sum of `vectors` vectors of tokens from `place` on."""
    if not isinstance(vectors, types.Literal):
        raise RequireLiteralValue("vectors")
    count, half = vectors.literal_value, v.is_half(g)

    def build(context, b, signature, arguments):
        start = v.at(b, v.pointer(context, b, signature.args[0], arguments[0]), arguments[1])
        first, *others = v.load_tokens(b, start, count, half)
        for floats in others:
            first = b.fadd(first, floats)
        return v.total(b, first)

    return types.float32(g, place, vectors), build


@functools.cache
def sums(vectors: int):
    """The kernel that adds each row's tokens to `out`, for the bias.

    Its arguments: g, out, and the ranges of blocks and rows.
    """
    stamp = STAMP

    @njit(nogil=True, cache=True)
    def kernel(g, out, first_block, last_block, first_row, last_row):
        _ = stamp
        for block in range(first_block, last_block):
            for row in range(first_row, last_row):
                out[row] += _sum(g, np.int64((block * g.shape[1] + row) * TOKENS), vectors)

    return kernel


@njit(nogil=True, cache=True)
def gather(value: np.ndarray, order: np.ndarray) -> np.ndarray:
    """`value[order]`, several times faster than numpy's for int32 orders."""
    out = np.empty(order.size, value.dtype)
    for k in range(order.size):
        out[k] = value[order[k]]
    return out


@njit(nogil=True, cache=True)
def scatter(value: np.ndarray, order: np.ndarray, out: np.ndarray) -> None:
    """`out[order] = value`."""
    for k in range(order.size):
        out[order[k]] = value[k]
