"""What ranking computes with the bits of numbers in the CPU's memory. See `keys` for what a key is.

Each function reads its input once, without the interpreter lock. `kernels_torch` has the same functions.
Importing this compiles: functions that need it import it when they are called.
"""

import functools

import numpy as np
import torch
from numba import njit

from workbench.masks.ranking.keys import Layout

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
def histogram(bits: np.ndarray, first: int, last: int, shift: int, counts: np.ndarray) -> tuple[int, int]:
    """Adds to counts[i] the keys in [first, last] whose `(key >> shift) - (first >> shift)` is i.

    Args:
        first, last: of a `Window`, as `shift` is.
        counts: int64, a place for each bin.

    Returns:
        how many keys are above `last`, and the largest magnitude's bits.
    """
    number = bits.dtype.type
    lowest = _lowest(bits)
    # Numbers of the bits' own type are compared more of them at a time.
    low, high, absolute = number(first), number(last), number(~lowest)
    base = first >> shift
    above, largest = 0, number(0)
    for start in range(0, bits.size, _BLOCK):
        block = bits[start : start + _BLOCK]
        # Counting is vectorized and the loop below is not; a narrow window has nothing in most blocks.
        over, under = number(0), number(0)
        for i in range(block.size):
            key = number(_key(block[i], lowest))
            over += number(key > high)
            under += number(key < low)
            largest = max(largest, number(block[i] & absolute))
        above += over
        if over + under < block.size:
            for i in range(block.size):
                key = _key(block[i], lowest)
                if first <= key <= last:
                    counts[(key >> shift) - base] += 1
    return above, largest


def mark(bits: np.ndarray, threshold: int, ties: int, out: torch.Tensor) -> int:
    """Sets the bool vector `out` where a key is above `threshold`, and for the first `ties` equal to it.

    Returns:
        how many are equal to it.
    """
    return _mark(bits, threshold, ties, out.numpy())


def packed_marks(bits: np.ndarray, threshold: int, ties: int) -> tuple[np.ndarray, int]:
    """What `mark` sets, as `numpy.packbits` packs it, and what it returns."""
    marks = np.empty(bits.size, dtype=bool)
    found = _mark(bits, threshold, ties, marks)
    return np.packbits(marks), found


@njit(nogil=True, cache=True)
def _mark(bits: np.ndarray, threshold: int, ties: int, out: np.ndarray) -> int:
    lowest = _lowest(bits)
    found = 0
    for i in range(bits.size):
        key = _key(bits[i], lowest)
        out[i] = key >= threshold
        found += key == threshold
    if found > ties:
        passed = 0
        for i in range(bits.size):
            if _key(bits[i], lowest) == threshold:
                passed += 1
                out[i] = passed <= ties
    return found


@njit(nogil=True, cache=True)
def nth_bin(counts: np.ndarray, n: int) -> tuple[int, int]:
    """The bin that has the n-th largest key, 1 <= n <= sum of `counts`, and how many are in bins above."""
    above, place = 0, counts.size - 1
    while above + counts[place] < n:
        above += counts[place]
        place -= 1
    return place, above
