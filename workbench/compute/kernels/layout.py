"""Conversion of activations from torch's (tokens, features) to blocks and back, in float32 and bfloat16.

Squares of LANES tokens and features are transposed in registers; the edges are copied one number at a time.
"""

import functools

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from workbench.compute.kernels import vectors as v
from workbench.compute.kernels.target import LANES, STAMP, TOKENS


@intrinsic
def _turn(typing, source, source_at, source_step, target, target_at, target_step):
    """target[target_at + j * target_step + i] = source[source_at + i * source_step + j], i and j < LANES."""
    signature = types.void(source, source_at, source_step, target, target_at, target_step)

    def build(context, b, signature, arguments):
        places = [v.pointer(context, b, signature.args[i], arguments[i]) for i in (0, 3)]
        source, target = (v.at(b, place, arguments[i]) for place, i in zip(places, (1, 4), strict=True))
        from_half, to_half = v.is_half(signature.args[0]), v.is_half(signature.args[3])
        lines = []
        for i in range(LANES):
            place = v.at(b, source, b.mul(arguments[2], ir.Constant(v.I64, i)))
            line = v.load(b, place, v.SHORTS if from_half else v.INTS, align=2)
            lines.append(b.shl(b.zext(line, v.INTS), v.constant(16)) if from_half else line)
        for j, line in enumerate(_transposed(b, lines)):
            if to_half:
                bits = line if from_half else v.rounded(b, b.bitcast(line, v.FLOATS))
                line = b.trunc(b.lshr(bits, v.constant(16)), v.SHORTS)
            v.store(b, line, v.at(b, target, b.mul(arguments[5], ir.Constant(v.I64, j))), align=2)
        return context.get_dummy_value()

    return signature, build


def _transposed(b: ir.IRBuilder, lines: list[ir.Value]) -> list[ir.Value]:
    """Transposes a square of integers by exchanging ever smaller quarters."""
    size = LANES // 2
    while size:
        new = list(lines)
        for i in range(LANES):
            if not i & size:
                low = [j if not j & size else j - size + LANES for j in range(LANES)]
                high = [j + size if not j & size else j + LANES for j in range(LANES)]
                new[i] = v.shuffle(b, lines[i], lines[i + size], low)
                new[i + size] = v.shuffle(b, lines[i], lines[i + size], high)
        lines, size = new, size // 2
    return lines


@intrinsic
def _copy(typing, source, source_at, target, target_at):
    """Converts one number."""

    def build(context, b, signature, arguments):
        source, target = (v.pointer(context, b, signature.args[i], arguments[i]) for i in (0, 2))
        bits = v.load(b, v.at(b, source, arguments[1]), v.I16 if v.is_half(signature.args[0]) else v.I32, 2)
        if v.is_half(signature.args[0]):
            bits = b.shl(b.zext(bits, v.I32), ir.Constant(v.I32, 16))
        if v.is_half(signature.args[2]):
            one = b.insert_element(ir.Constant(v.INTS, [0] * LANES), bits, ir.Constant(v.I32, 0))
            bits = b.extract_element(v.rounded(b, b.bitcast(one, v.FLOATS)), ir.Constant(v.I32, 0))
            bits = b.trunc(b.lshr(bits, ir.Constant(v.I32, 16)), v.I16)
        v.store(b, bits, v.at(b, target, arguments[3]), align=2)
        return context.get_dummy_value()

    return types.void(source, source_at, target, target_at), build


@functools.cache
def into_blocks():
    """The kernel that fills blocks (blocks, features, TOKENS) from tokens (tokens, features).

    In the last block, positions past the last token are zero up to `filled`. The last two arguments are the
    range of blocks.
    """
    stamp = STAMP

    @njit(nogil=True, cache=True)
    def kernel(tokens, blocks, filled, first_block, last_block):
        _ = stamp
        number, features = tokens.shape
        for block in range(first_block, last_block):
            first, base = block * TOKENS, block * features * TOKENS
            live = min(TOKENS, number - first)
            for f in range(0, features, LANES):
                for t in range(0, live, LANES):
                    there, here = np.int64((first + t) * features + f), np.int64(base + f * TOKENS + t)
                    if f + LANES <= features and t + LANES <= live:
                        _turn(tokens, there, np.int64(features), blocks, here, np.int64(TOKENS))
                        continue
                    for j in range(min(LANES, features - f)):
                        for i in range(min(LANES, live - t)):
                            _copy(
                                tokens,
                                np.int64(there + i * features + j),
                                blocks,
                                np.int64(here + j * TOKENS + i),
                            )
                for j in range(f, min(f + LANES, features)):
                    if live < TOKENS:
                        blocks[block, j, live:filled] = 0

    return kernel


@functools.cache
def out_of_blocks():
    """The kernel that fills tokens (tokens, features) from a range of blocks, its last two arguments."""
    stamp = STAMP

    @njit(nogil=True, cache=True)
    def kernel(tokens, blocks, first_block, last_block):
        _ = stamp
        number, features = tokens.shape
        for block in range(first_block, last_block):
            first, base = block * TOKENS, block * features * TOKENS
            live = min(TOKENS, number - first)
            for t in range(0, live, LANES):
                for f in range(0, features, LANES):
                    there, here = np.int64((first + t) * features + f), np.int64(base + f * TOKENS + t)
                    if f + LANES <= features and t + LANES <= live:
                        _turn(blocks, here, np.int64(TOKENS), tokens, there, np.int64(features))
                        continue
                    for j in range(min(LANES, features - f)):
                        for i in range(min(LANES, live - t)):
                            _copy(
                                blocks,
                                np.int64(here + j * TOKENS + i),
                                tokens,
                                np.int64(there + i * features + j),
                            )

    return kernel
