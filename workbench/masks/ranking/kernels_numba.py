"""Ranking kernels for data in CPU memory. See `keys` for the definition of a key.

Each function reads its input once and releases the GIL. `kernels_torch` has the same functions. Importing
this module compiles it, so functions that need it import it when they are called.
"""

import functools

import numpy as np
import torch
from numba import njit

from workbench.masks.ranking.keys import Layout

# Entries per block: few enough that a second pass over the block finds them in the fastest cache.
_BLOCK = 64


def bits_of(values: torch.Tensor, layout: Layout) -> np.ndarray:
    """The bits of a contiguous vector, widened to `layout`; a view if it already has that format."""
    if values.dtype.itemsize > 2 or layout.real != torch.float32:
        return values.to(layout.real).view(layout.integer).numpy()
    wide = np.empty(len(values), dtype=np.int32)
    _look_up(_float32_bits(values.dtype), values.view(_UNSIGNED[values.dtype.itemsize]).numpy(), wide)
    return wide


_UNSIGNED = {1: torch.uint8, 2: torch.uint16}


@functools.cache
def _float32_bits(dtype: torch.dtype) -> np.ndarray:
    """The float32 bits of all numbers in an 8-bit or 16-bit format, indexed by their own bits."""
    numbers = torch.arange(1 << 8 * dtype.itemsize).to(_UNSIGNED[dtype.itemsize]).view(dtype)
    return numbers.float().view(torch.int32).numpy()


@njit(nogil=True, cache=True)
def _look_up(table: np.ndarray, indices: np.ndarray, out: np.ndarray) -> None:
    for i in range(indices.size):
        out[i] = table[indices[i]]


@njit(inline="always")
def _lowest(bits: np.ndarray) -> int:
    return -1 << (8 * bits.itemsize - 1)


@njit(inline="always")
def _key(b: int, lowest: int) -> int:
    return b if b >= 0 else lowest - b


@njit(nogil=True, cache=True)
def histogram(bits: np.ndarray, first: int, last: int, shift: int, counts: np.ndarray) -> tuple[int, int]:
    """Adds to counts[i] the number of keys in [first, last] with `(key >> shift) - (first >> shift)` == i.

    Args:
        bits: the numbers' bits.
        first, last, shift: those of a `Window`.
        counts: int64, one entry per bin.

    Returns:
        The number of keys above `last`, and the bits of the largest magnitude.
    """
    number = bits.dtype.type
    lowest = _lowest(bits)
    # Comparing in the bits' own type lets SIMD process more of them at a time.
    low, high, absolute = number(first), number(last), number(~lowest)
    base = first >> shift
    above, largest = 0, number(0)
    for start in range(0, bits.size, _BLOCK):
        block = bits[start : start + _BLOCK]
        # Counting is vectorized, unlike the loop below; most blocks have no key in a narrow window.
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
    """Sets the bool vector `out` to key > `threshold`, and to True for the first `ties` keys equal to it.

    Returns:
        The number of keys equal to `threshold`.
    """
    return _mark(bits, threshold, ties, out.numpy())


def packed_marks(bits: np.ndarray, threshold: int, ties: int) -> tuple[np.ndarray, int]:
    """The output of `mark`, packed like `numpy.packbits`, and its return value."""
    marks = np.empty(bits.size, dtype=bool)
    equal = _mark(bits, threshold, ties, marks)
    return np.packbits(marks), equal


@njit(nogil=True, cache=True)
def _mark(bits: np.ndarray, threshold: int, ties: int, out: np.ndarray) -> int:
    lowest = _lowest(bits)
    equal = 0
    for i in range(bits.size):
        key = _key(bits[i], lowest)
        out[i] = key >= threshold
        equal += key == threshold
    if equal > ties:
        seen = 0
        for i in range(bits.size):
            if _key(bits[i], lowest) == threshold:
                seen += 1
                out[i] = seen <= ties
    return equal


@njit(nogil=True, cache=True)
def nth_bin(counts: np.ndarray, n: int) -> tuple[int, int]:
    """The bin with the n-th largest key, 1 <= n <= sum of `counts`, and the number of keys in higher bins."""
    above, i = 0, counts.size - 1
    while above + counts[i] < n:
        above += counts[i]
        i -= 1
    return i, above
