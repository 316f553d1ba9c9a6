"""The product y = W x + bias on blocks of tokens: each kept weight of a row times the tokens of its column.

A row's sums stay in registers until it is finished, and are taken in the order of its columns.
"""

import functools

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core.errors import RequireLiteralValue
from numba.extending import intrinsic

from workbench.compute.kernels.gelu import gelu
from workbench.compute.kernels.target import STAMP, TOKENS
from workbench.compute.kernels.vectors import (
    FLOATS,
    I64,
    at,
    fma,
    is_half,
    load_tokens,
    pointer,
    prefetch,
    splat,
    store_tokens,
)

PLAIN, GELU, GELU_AND_BEFORE = 0, 1, 2


@intrinsic
def _row(typing, index, value, begin, end, x, x_at, bias, y, before, y_at, vectors, ending):
    """One row of one block; `begin` and `end` are its kept weights, `x_at` and `y_at` places in x and y."""
    if not isinstance(vectors, types.Literal):
        raise RequireLiteralValue("vectors")
    signature = types.void(index, value, begin, end, x, x_at, bias, y, before, y_at, vectors, ending)
    count, ending, half = vectors.literal_value, ending.literal_value, is_half(x)

    def build(context, b, signature, arguments):
        def start(place: int) -> ir.Value:
            return pointer(context, b, signature.args[place], arguments[place])

        index, value, x, y, before = (start(place) for place in (0, 1, 4, 7, 8))
        begin, end, x_at, bias, y_at = (arguments[place] for place in (2, 3, 5, 6, 9))
        x = at(b, x, x_at)
        first, entry = splat(b, bias), b.block
        loop, done = b.append_basic_block("loop"), b.append_basic_block("done")
        b.cbranch(b.icmp_signed("<", begin, end), loop, done)

        b.position_at_end(loop)
        k, sums = b.phi(I64), [b.phi(FLOATS) for _ in range(count)]
        column = b.zext(b.load(at(b, index, k)), I64)
        tokens = load_tokens(b, at(b, x, b.mul(column, ir.Constant(I64, TOKENS))), count, half)
        weight = splat(b, b.load(at(b, value, k)))
        after = [fma(b, weight, token, sum_) for token, sum_ in zip(tokens, sums, strict=True)]
        following = b.add(k, ir.Constant(I64, 1))
        b.cbranch(b.icmp_signed("<", following, end), loop, done)
        k.add_incoming(begin, entry)
        k.add_incoming(following, loop)

        b.position_at_end(done)
        results = [b.phi(FLOATS) for _ in range(count)]
        for sum_, new, result in zip(sums, after, results, strict=True):
            for phi in (sum_, result):
                phi.add_incoming(first, entry)
                phi.add_incoming(new, loop)
        if ending == GELU_AND_BEFORE:
            store_tokens(b, results, at(b, before, y_at), half)
        if ending != PLAIN:
            results = [gelu(b, result) for result in results]
        store_tokens(b, results, at(b, y, y_at), half)
        return context.get_dummy_value()

    return signature, build


@intrinsic
def _prefetch(typing, x, place):
    def build(context, b, signature, arguments):
        prefetch(b, at(b, pointer(context, b, signature.args[0], arguments[0]), arguments[1]))
        return context.get_dummy_value()

    return types.void(x, place), build


@functools.cache
def multiply(vectors: int, ending: int):
    """The kernel for passes of `vectors` vectors of tokens, from a block's first token.

    Its arguments: starts, index and value of the kept weights by rows; x (blocks, columns, TOKENS); bias, a
    float32 each row; y and, for `GELU_AND_BEFORE`, what y is before GELU, both (blocks, rows, TOKENS); the
    ranges of blocks and rows.
    """
    stamp = STAMP

    @njit(nogil=True, cache=True)
    def kernel(starts, index, value, x, bias, y, before, first_block, last_block, first_row, last_row):
        _ = stamp
        rows, columns = y.shape[1], x.shape[1]
        # Prefetches the next block while this one is processed, a few lines per row.
        numbers = columns * TOKENS // max(last_row - first_row, 1) + 1
        line = 64 // x.itemsize
        for block in range(first_block, last_block):
            x_at, y_at = np.int64(block * columns * TOKENS), np.int64(block * rows * TOKENS)
            ahead = x_at + columns * TOKENS
            limit = min(ahead + columns * TOKENS, last_block * columns * TOKENS)
            for row in range(first_row, last_row):
                for place in range(ahead, min(ahead + numbers, limit), line):
                    _prefetch(x, np.int64(place))
                ahead += (numbers + line - 1) // line * line
                begin, end = np.int64(starts[row]), np.int64(starts[row + 1])
                row_at = np.int64(y_at + row * TOKENS)
                _row(index, value, begin, end, x, x_at, bias[row], y, before, row_at, vectors, ending)

    return kernel
