"""What ranking computes with the bits of numbers on any device, by torch.

The functions are those of `kernels_numba` and give the same results.
"""

import numpy as np
import torch
from torch import Tensor

from workbench.masks.ranking.keys import Layout


def bits_of(values: Tensor, layout: Layout) -> Tensor:
    """The bits of a contiguous vector, widened to `layout`; a view where it has that format already."""
    return values.to(layout.real).view(layout.integer)


def histogram(bits: Tensor, first: int, last: int, shift: int, counts: np.ndarray) -> tuple[int, int]:
    """Adds to counts[i] the keys in [first, last] whose `(key >> shift) - (first >> shift)` is i.

    Returns:
        how many keys are above `last`, and the largest magnitude's bits.
    """
    keys = _keys(bits)
    inside = keys[(keys >= first) & (keys <= last)]
    counts += torch.bincount((inside >> shift) - (first >> shift), minlength=counts.size).cpu().numpy()
    return int((keys > last).sum()), int((bits & torch.iinfo(bits.dtype).max).max())


def mark(bits: Tensor, threshold: int, ties: int, out: Tensor) -> int:
    """Sets the bool vector `out` where a key is above `threshold`, and for the first `ties` equal to it.

    Returns:
        how many are equal to it.
    """
    keys = _keys(bits)
    torch.ge(keys, threshold, out=out)
    equal = keys == threshold
    found = int(equal.sum())
    if found > ties:
        out &= ~equal | (equal.cumsum(0) <= ties)
    return found


def packed_marks(bits: Tensor, threshold: int, ties: int) -> tuple[np.ndarray, int]:
    """What `mark` sets, as `numpy.packbits` packs it, and what it returns; it leaves the device packed."""
    marks = torch.zeros(len(bits) + -len(bits) % 8, dtype=torch.bool, device=bits.device)
    found = mark(bits, threshold, ties, marks[: len(bits)])
    places = torch.tensor([128, 64, 32, 16, 8, 4, 2, 1], dtype=torch.uint8, device=bits.device)
    return (marks.view(-1, 8) * places).sum(dim=1, dtype=torch.uint8).cpu().numpy(), found


def _keys(bits: Tensor) -> Tensor:
    return torch.where(bits >= 0, bits, torch.iinfo(bits.dtype).min - bits)
