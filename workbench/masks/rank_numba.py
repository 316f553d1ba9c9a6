"""What ranking computes with the bits of numbers in the CPU's memory. See `keys` for what a key is.

Each function reads its input once, without the interpreter lock. `rank_torch` has the same functions.
Importing this compiles: functions that need it import it when they are called.
"""

import functools

import numpy as np
import torch
from numba import njit

from workbench.masks.keys import Layout

# Bits looked at together: few enough to be in the fastest cache when they are looked at again.
_BLOCK = 64


def bits_of(values: torch.Tensor, layout: Layout) -> np.ndarray:
    """The bits of a contiguous vector, widened to `layout`; a view where it has that format already."""
    if values.dtype.itemsize > 2 or layout.real != torch.float32:
        return values.to(layout.real).view(layout.integer).numpy()
    wide = np.empty(len(values), dtype=np.int32)
    _look_up(_float32_bits(values.dtype), values.view(_UNSIGNED[values.dtype.itemsize]).numpy(), wide)
    return wide


_UNSIGNED = {1: torch.uint8, 2: torch.uint16}


@functools.cache
def _float32_bits(dtype: torch.dtype) -> np.ndarray:
    """The float32 bits of every number of a format of 8 or 16 bits, in the order of its own bits."""
    every = torch.arange(1 << 8 * dtype.itemsize).to(_UNSIGNED[dtype.itemsize]).view(dtype)
    return every.float().view(torch.int32).numpy()


@njit(nogil=True, cache=True)
def _look_up(table: np.ndarray, places: np.ndarray, out: np.ndarray) -> None:
    for i in range(places.size):
        out[i] = table[places[i]]


@njit(inline="always")
def _lowest(bits: np.ndarray) -> int:
    return -1 << (8 * bits.itemsize - 1)


@njit(inline="always")
def _key(b: int, lowest: int) -> int:
    return b if b >= 0 else lowest - b


@njit(nogil=True, cache=True)
def count(bits: np.ndarray, first: int, last: int) -> int:
    """How many keys are in [first, last]."""
    lowest = _lowest(bits)
    found = 0
    for i in range(bits.size):
        key = _key(bits[i], lowest)
        found += (key >= first) & (key <= last)
    return found


@njit(nogil=True, cache=True)
def histogram(bits: np.ndarray, first: int, last: int, shift: int, counts: np.ndarray) -> int:
    """Adds to counts[i] the number of keys whose `(key >> shift) - (first >> shift)` is i.

    Args:
        bits: of finite numbers.
        first, last: where the bins begin and end.
        counts: int64, a place for each bin.

    Returns:
        how many keys are in [first, last]. This is right where some numbers are not finite, too.
    """
    lowest = _lowest(bits)
    base = first >> shift
    inside = 0
    for start in range(0, bits.size, _BLOCK):
        block = bits[start : start + _BLOCK]
        # Counting is vectorized and the loop below is not; a narrow window has nothing in most blocks.
        found = count(block, first, last)
        inside += found
        if found:
            for i in range(block.size):
                place = (_key(block[i], lowest) >> shift) - base
                if 0 <= place < counts.size:
                    counts[place] += 1
    return inside


@njit(nogil=True, cache=True)
def nth(bits: np.ndarray, key: int, n: int) -> int:
    """The index of the n-th entry that has `key`, n from 1; the size where there are fewer."""
    lowest = _lowest(bits)
    for i in range(bits.size):
        n -= _key(bits[i], lowest) == key
        if n == 0:
            return i
    return bits.size


def mark(bits: np.ndarray, threshold: int, cut: int, out: torch.Tensor) -> None:
    """Sets the bool vector `out` where a key is above `threshold`, or equal to it before index `cut`."""
    _mark(bits, threshold, cut, out.numpy())


def packed_marks(bits: np.ndarray, threshold: int, cut: int) -> np.ndarray:
    """What `mark` sets, as `numpy.packbits` packs it."""
    marks = np.empty(bits.size, dtype=bool)
    _mark(bits, threshold, cut, marks)
    return np.packbits(marks)


@njit(nogil=True, cache=True)
def _mark(bits: np.ndarray, threshold: int, cut: int, out: np.ndarray) -> None:
    lowest = _lowest(bits)
    for i in range(bits.size):
        key = _key(bits[i], lowest)
        out[i] = (key > threshold) | ((key == threshold) & (i < cut))


@njit(nogil=True, cache=True)
def nth_bin(counts: np.ndarray, n: int) -> tuple[int, int]:
    """The bin that has the n-th largest key, 1 <= n <= sum of `counts`, and how many are in bins above."""
    above, place = 0, counts.size - 1
    while above + counts[place] < n:
        above += counts[place]
        place -= 1
    return place, above
