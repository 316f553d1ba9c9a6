"""What sampling computes with the bits of weights in the CPU's memory.

Each function reads its input once, without the interpreter lock. `kernels_torch` has the same functions
and gives the same results. Importing this compiles: functions that need it import it when called.
"""

import numpy as np
from numba import njit

from workbench.masks.sampling.hashing import hashed
from workbench.masks.sampling.tables import Tables

# Weights looked at together, in the fastest cache.
_BLOCK = 512


def count_bins(bits: np.ndarray, shift: int, table: np.ndarray) -> None:
    """Adds to table[b] the number of weights in bin b.

    Args:
        bits: the weights' bits, signed integers; their sign does not count.
        shift: how many of the lowest bits the bins ignore.
        table: a place for every bin, those of NaN included.
    """
    _count_bins(_unsigned(bits), np.uint64(shift), table)


def decide(bits: np.ndarray, first: int, tables: Tables) -> tuple[np.ndarray, np.ndarray]:
    """Which weights the tables keep, packed, and the places of those that they leave open.

    Args:
        bits: as above.
        first: the index in the group of the first of these weights.
    """
    marks = np.empty(bits.size, dtype=bool)
    found = np.empty(bits.size, dtype=np.int64)  # Memory that nobody touches costs nothing.
    shift, key = np.uint64(tables.shift), np.uint64(tables.key)
    both = tables.base, tables.sure, tables.open
    count = _decide(_unsigned(bits), shift, key, first, *both, marks, found)
    return np.packbits(marks), found[:count].copy()


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
def _decide(bits, shift, key, first, base, sure, open_, marks, found):
    number = bits.dtype.type
    magnitude = number(_largest(bits))
    # Up to `lower` the tables keep nothing, and above `upper` everything.
    lower = number(np.uint64(base) << shift)
    upper = number(np.uint64(base + sure.size - 2) << shift)
    # Places are unsigned: signed ones might count from the end, and looking whether they do takes time.
    between, one = np.empty(_BLOCK, dtype=np.uint64), np.uint64(1)
    flags, lots = np.empty(_BLOCK, dtype=np.uint8), np.empty(_BLOCK, dtype=np.uint32)
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
        # By itself so that it is vectorized.
        for j in range(n):
            lots[j] = hashed(key, np.uint64(first + start) + between[j]) >> np.uint64(33)
        for j in range(n):
            i, lot = between[j], lots[j]
            place = ((np.uint64(block[i] & magnitude) - lower - one) >> shift) + one
            kept[i] = lot < sure[place]
            if kept[i] != (lot < open_[place]):
                found[count] = start + i
                count += 1
    return count


@njit(inline="always")
def _largest(bits):
    return (np.uint64(1) << np.uint64(8 * bits.itemsize - 1)) - np.uint64(1)
