"""What sampling computes with the bits of weights in the CPU's memory.

Each function reads its input once, without the interpreter lock. `sample_torch` has the same functions
and gives the same results. Importing this compiles: functions that need it import it when called.
"""

import numpy as np
from numba import njit

from workbench.masks.hashing import hashed
from workbench.masks.histogram import bin_shift
from workbench.masks.lottery import Lottery


def count_bins(bits: np.ndarray, shift: int, table: np.ndarray) -> None:
    """Adds to table[b] the number of weights in bin b; beyond the last bin they count as in it.

    Args:
        bits: the weights' bits, signed integers; their sign does not count.
        shift: how many bits the bins ignore, as `bin_shift` has it.
        table: int64.
    """
    _count_bins(_unsigned(bits), *_masks(bits, shift), table)


def decide(bits: np.ndarray, first: int, lottery: Lottery) -> tuple[np.ndarray, np.ndarray]:
    """Which weights the tables keep, packed, and the places of those that they leave open.

    Args:
        bits: as above.
        first: the index in the group of the first of these weights.
    """
    packed = np.empty(-(-bits.size // 8), dtype=np.uint8)
    found = np.empty(bits.size, dtype=np.int64)  # Memory that nobody touches costs nothing.
    masks = _masks(bits, bin_shift(lottery.group.histogram.layout))
    tables = lottery.base, lottery.sure, lottery.open
    count = _decide(_unsigned(bits), *masks, np.uint64(lottery.group.key), first, *tables, packed, found)
    return packed, found[:count].copy()


def magnitudes(bits: np.ndarray) -> np.ndarray:
    """Absolute values, float64."""
    real = np.float64 if bits.dtype == np.int64 else np.float32
    return np.abs(bits.view(real).astype(np.float64))


def _unsigned(bits: np.ndarray) -> np.ndarray:
    return bits.view(np.uint64 if bits.dtype == np.int64 else np.uint32)


def _masks(bits: np.ndarray, shift: int) -> tuple:
    """What takes the sign away, what rounds up to a bin, and the shift, in the type of the bits."""
    unsigned = _unsigned(bits).dtype.type
    return unsigned(np.iinfo(bits.dtype).max), unsigned((1 << shift) - 1), unsigned(shift)


@njit(nogil=True, cache=True)
def _count_bins(bits, magnitude, up, shift, table):
    last = np.uint64(table.size - 1)
    for b in bits:
        table[min(((b & magnitude) + up) >> shift, last)] += 1


@njit(nogil=True, cache=True)
def _decide(bits, magnitude, up, shift, key, first, base, sure, open_, packed, found):
    count, last = 0, sure.size - 1
    for start in range(0, bits.size, 8):
        byte = 0
        stop = min(start + 8, bits.size)
        for i in range(start, stop):
            place = min(max(np.int64(((bits[i] & magnitude) + up) >> shift) - base, 0), last)
            lot = hashed(key, first + i) >> np.uint64(33)
            keep = lot < sure[place]
            byte = 2 * byte + keep
            if keep != (lot < open_[place]):
                found[count] = i
                count += 1
        packed[start >> 3] = byte << (8 - (stop - start))
    return count
