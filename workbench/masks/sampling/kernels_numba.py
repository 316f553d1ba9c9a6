"""Sampling kernels for weights in CPU memory.

Each function reads its input once and releases the GIL. `kernels_torch` has the same functions and gives the
same results. Importing this module compiles it, so functions that need it import it when they are called.
"""

import numpy as np
from numba import njit

from workbench.masks.sampling.hashing import hashed
from workbench.masks.sampling.tables import Tables

# Weights per block, so that a block fits the fastest cache.
_BLOCK = 512


def count_bins(bits: np.ndarray, shift: int, table: np.ndarray) -> None:
    """Adds to table[b] the number of weights in bin b.

    Args:
        bits: the weights' bits, signed integers; the sign is ignored.
        shift: the number of lowest bits that do not affect the bin.
        table: one entry for every bin, including those of NaN.
    """
    _count_bins(_unsigned(bits), np.uint64(shift), table)


def decide(bits: np.ndarray, first: int, tables: Tables) -> tuple[np.ndarray, np.ndarray]:
    """The weights that the tables keep, packed, and the indices of those that they leave undecided.

    Args:
        bits: as in `count_bins`.
        first: the index in the group of the first of these weights.
        tables: the group's tables.
    """
    marks = np.empty(bits.size, dtype=bool)
    undecided = np.empty(bits.size, dtype=np.int64)  # memory that is not touched costs nothing
    shift, key = np.uint64(tables.shift), np.uint64(tables.key)
    lookup = tables.base, tables.sure, tables.open
    count = _decide(_unsigned(bits), shift, key, first, *lookup, marks, undecided)
    return np.packbits(marks), undecided[:count].copy()


def magnitudes(bits: np.ndarray) -> np.ndarray:
    """Absolute values, float64."""
    real = np.float64 if bits.dtype == np.int64 else np.float32
    return np.abs(bits.view(real).astype(np.float64))


def _unsigned(bits: np.ndarray) -> np.ndarray:
    return bits.view(np.uint64 if bits.dtype == np.int64 else np.uint32)


@njit(nogil=True, cache=True)
def _count_bins(bits, shift, table):
    magnitude, up = _largest(bits), (np.uint64(1) << shift) - np.uint64(1)
    for i in range(bits.size):
        table[((bits[i] & magnitude) + up) >> shift] += 1


@njit(nogil=True, cache=True)
def _decide(bits, shift, key, first, base, sure, open_, marks, undecided):
    number = bits.dtype.type
    magnitude = number(_largest(bits))
    # The tables keep nothing up to `lower`, and everything above `upper`.
    lower = number(np.uint64(base) << shift)
    upper = number(np.uint64(base + sure.size - 2) << shift)
    # Indices are unsigned: numba checks whether signed ones count from the end, and that takes time.
    between, one = np.empty(_BLOCK, dtype=np.uint64), np.uint64(1)
    flags, hashes = np.empty(_BLOCK, dtype=np.uint8), np.empty(_BLOCK, dtype=np.uint32)
    count = 0
    for start in range(0, bits.size, _BLOCK):
        block, kept = bits[start : start + _BLOCK], marks[start : start + _BLOCK]
        for i in range(block.size):
            m = number(block[i] & magnitude)
            kept[i] = m > upper
            flags[i] = (m > lower) & (m <= upper)
        n = np.uint64(0)
        for i in range(block.size):
            between[n] = i
            n += np.uint64(flags[i])
        # A separate loop, so that it is vectorized.
        for j in range(n):
            hashes[j] = hashed(key, np.uint64(first + start) + between[j]) >> np.uint64(33)
        for j in range(n):
            i, hash_ = between[j], hashes[j]
            entry = ((np.uint64(block[i] & magnitude) - lower - one) >> shift) + one
            kept[i] = hash_ < sure[entry]
            if kept[i] != (hash_ < open_[entry]):
                undecided[count] = start + i
                count += 1
    return count


@njit(inline="always")
def _largest(bits):
    return (np.uint64(1) << np.uint64(8 * bits.itemsize - 1)) - np.uint64(1)
