"""Dropout by a hash of a key and each number's position, so the backward pass needs no stored mask.

Two neighbours share one hash of 32 bits, half of it each. The hash mixes the number of the pair three times
(shift, xor, multiply; the constants of C. Wellons' "triple32"), with half of the key before each time.
"""

import functools

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from workbench.compute.kernels import vectors as v
from workbench.compute.kernels.target import LANES, STAMP

# Numbers per step.
STEP = 2 * LANES

_ROUNDS = ((17, 0xED5AD4BB), (11, 0xAC4C1B51), (15, 0x31848BAB))
_LAST_SHIFT = 14
_HALF = 0xFFFF


@intrinsic
def _drop(typing, source, source_at, target, target_at, place, key, threshold, scale):
    """target = 0 where the half of the hash is below the threshold, else source * scale; STEP numbers."""
    signature = types.void(source, source_at, target, target_at, place, key, threshold, scale)

    def build(context, b, signature, arguments):
        places = [v.pointer(context, b, signature.args[i], arguments[i]) for i in (0, 2)]
        source, target = (v.at(b, place, arguments[i]) for place, i in zip(places, (1, 3), strict=True))
        half = v.is_half(signature.args[0])
        hashes = _hashes(b, b.lshr(arguments[4], ir.Constant(v.I64, 1)), arguments[5])
        threshold = _splat(b, b.trunc(arguments[6], v.I32))
        values = []
        for floats, chosen in zip(v.load_tokens(b, source, 2, half), _halves(b, hashes, half), strict=True):
            scaled = b.fmul(floats, v.splat(b, arguments[7]))
            values.append(b.select(b.icmp_unsigned("<", chosen, threshold), v.constant(0.0), scaled))
        v.store_tokens(b, values, target, half)
        return context.get_dummy_value()

    return signature, build


def _hashes(b: ir.IRBuilder, first: ir.Value, key: ir.Value) -> ir.Value:
    """The hashes of LANES pairs, from the number of the first."""
    low, high = b.trunc(key, v.I32), b.trunc(b.lshr(key, ir.Constant(v.I64, 32)), v.I32)
    numbers = b.add(_splat(b, b.trunc(first, v.I32)), ir.Constant(v.INTS, list(range(LANES))))
    bits = numbers
    for (shift, multiplier), part in zip(_ROUNDS, (low, high, low), strict=True):
        bits = b.add(bits, _splat(b, part))
        bits = b.mul(b.xor(bits, b.lshr(bits, v.constant(shift))), v.constant(multiplier))
    return b.xor(bits, b.lshr(bits, v.constant(_LAST_SHIFT)))


def _halves(b: ir.IRBuilder, hashes: ir.Value, half: bool) -> tuple[ir.Value, ir.Value]:
    """The 16 bits of each number, in the order in which `vectors.load_tokens` has the numbers."""
    low, high = b.and_(hashes, v.constant(_HALF)), b.lshr(hashes, v.constant(16))
    if half:
        return low, high
    by_turns = [i // 2 + LANES * (i % 2) for i in range(2 * LANES)]
    return v.shuffle(b, low, high, by_turns[:LANES]), v.shuffle(b, low, high, by_turns[LANES:])


def _splat(b: ir.IRBuilder, scalar: ir.Value) -> ir.Value:
    """A vector with the same integer in every lane."""
    undefined = ir.Constant(v.INTS, ir.Undefined)
    return b.shuffle_vector(
        b.insert_element(undefined, scalar, ir.Constant(v.I32, 0)), undefined, v.constant(0)
    )


@functools.cache
def drop():
    """The kernel that fills `target` from `source`, vectors of the same float32 or bfloat16 numbers.

    Other arguments: the 64 bits of the key; the threshold, of 2^16; the factor of what is kept; and the first
    and the last number to process. The first one is a multiple of `STEP`.
    """
    stamp = STAMP

    @njit(nogil=True, cache=True)
    def kernel(source, target, key, threshold, scale, first, last):
        _ = stamp
        whole = first + (last - first) // STEP * STEP
        for i in range(first, whole, STEP):
            _drop(source, np.int64(i), target, np.int64(i), np.int64(i), key, threshold, scale)
        if whole < last:
            rest = np.zeros(STEP, source.dtype)
            rest[: last - whole] = source[whole:last]
            _drop(rest, np.int64(0), rest, np.int64(0), np.int64(whole), key, threshold, scale)
            target[whole:last] = rest[: last - whole]

    return kernel
