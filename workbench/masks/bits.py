"""Loops over the packed bits of several masks at once, in blocks that fit the cache.

Importing this module compiles it, so functions that need it import it when they are called.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numba import njit

# 64-bit words per block, over all masks. 2 MiB was the fastest size among 0.5 to 4 MiB.
_BLOCK_WORDS = 1 << 18


def blocks(members: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """Iterates over the bits of one matrix in n masks, block by block.

    Args:
        members: the packed bits of the matrix in each mask, uint8, of equal length.

    Yields:
        Contiguous uint64 of shape (n, words), one row per mask, zero after the last weight.
    """
    step = 8 * max(_BLOCK_WORDS // len(members), 1)
    for start in range(0, members[0].size, step):
        pieces = [bits[start : start + step] for bits in members]
        if missing := -pieces[0].size % 8:
            pieces = [np.pad(piece, (0, missing)) for piece in pieces]
        yield np.concatenate(pieces).view(np.uint64).reshape(len(members), -1)


@njit(inline="always")
def _ones(word: np.uint64) -> np.uint64:
    # The textbook population count; the compiler replaces it with the machine's own instruction.
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@njit(nogil=True, cache=True)
def add_common(block: np.ndarray, table: np.ndarray) -> None:
    """Adds to table[i, j], i <= j, the number of weights that masks i and j both keep in a block.

    Args:
        block: uint64 (n, words), contiguous.
        table: int64 (n, n); entries below the diagonal are not changed.
    """
    count, words = block.shape
    for i in range(0, count, 4):  # four rows per pass: each word of the other row is read once
        first, second = block[i], block[min(i + 1, count - 1)]
        third, fourth = block[min(i + 2, count - 1)], block[min(i + 3, count - 1)]
        for j in range(i, count):
            other = block[j]
            a = b = c = d = np.uint64(0)
            for k in range(words):
                word = other[k]
                a += _ones(first[k] & word)
                b += _ones(second[k] & word)
                c += _ones(third[k] & word)
                d += _ones(fourth[k] & word)
            for row, shared in enumerate((a, b, c, d)):
                if i + row <= j:
                    table[i + row, j] += shared


@njit(nogil=True, cache=True)
def add_growth(block: np.ndarray, table: np.ndarray) -> None:
    """Adds to table[i] how many weights in a block any, and how many all, of the masks 0 .. i keep.

    Args:
        block: uint64 (n, words), contiguous.
        table: int64 (n, 2): union and intersection.
    """
    union, intersection = block[0].copy(), block[0].copy()
    for i in range(block.shape[0]):
        some = every = np.uint64(0)
        for k in range(block.shape[1]):
            union[k] |= block[i, k]
            intersection[k] &= block[i, k]
            some += _ones(union[k])
            every += _ones(intersection[k])
        table[i, 0] += some
        table[i, 1] += every


@njit(nogil=True, cache=True)
def add_tally(block: np.ndarray, tally: np.ndarray) -> None:
    """Adds to tally[c], 1 <= c <= n, the number of weights in a block that exactly c masks keep.

    The masks' bits are summed for 64 weights in parallel: word planes[b] holds bit b of the 64 sums.

    Args:
        block: uint64 (n, words), contiguous.
        tally: int64 (n + 1); the first entry, which would include the padding bits, is not changed.
    """
    count, words = block.shape
    planes = np.zeros(64, dtype=np.uint64)
    for k in range(words):
        used = 0
        for i in range(count):
            carry, b = block[i, k], 0
            while carry:
                if b == used:
                    planes[b] = 0
                    used += 1
                planes[b], carry = planes[b] ^ carry, planes[b] & carry
                b += 1
        for c in range(1, min(count + 1, 1 << used)):
            match = ~np.uint64(0)
            for b in range(used):
                match &= planes[b] if c >> b & 1 else ~planes[b]
            tally[c] += _ones(match)
