"""What ranking computes with the bits of numbers on any device, by torch.

The functions are those of `rank_numba` and give the same results.
"""

import numpy as np
import torch
from torch import Tensor

from workbench.masks.keys import Layout


def bits_of(values: Tensor, layout: Layout) -> Tensor:
    """The bits of a contiguous vector, widened to `layout`; a view where it has that format already."""
    return values.to(layout.real).view(layout.integer)


def count(bits: Tensor, first: int, last: int) -> int:
    """How many keys are in [first, last]."""
    return int(_inside(_keys(bits), first, last).sum())


def histogram(bits: Tensor, first: int, last: int, shift: int, counts: np.ndarray) -> int:
    """Adds to counts[i] the keys in [first, last] whose `(key >> shift) - (first >> shift)` is i.

    Returns:
        how many keys are in [first, last].
    """
    keys = _keys(bits)
    keys = keys[_inside(keys, first, last)]
    counts += torch.bincount((keys >> shift) - (first >> shift), minlength=counts.size).cpu().numpy()
    return len(keys)


def nth(bits: Tensor, key: int, n: int) -> int:
    """The index of the n-th entry that has `key`, n from 1; the size where there are fewer."""
    found = (_keys(bits) == key).nonzero()
    return int(found[n - 1]) if n <= len(found) else len(bits)


def mark(bits: Tensor, threshold: int, cut: int, out: Tensor) -> None:
    """Sets the bool vector `out` where a key is above `threshold`, or equal to it before index `cut`."""
    keys = _keys(bits)
    torch.gt(keys, threshold, out=out)
    out[:cut] |= keys[:cut] == threshold


def packed_marks(bits: Tensor, threshold: int, cut: int) -> np.ndarray:
    """What `mark` sets, as `numpy.packbits` packs it; it leaves the device packed."""
    marks = torch.zeros(len(bits) + -len(bits) % 8, dtype=torch.bool, device=bits.device)
    mark(bits, threshold, cut, marks[: len(bits)])
    places = torch.tensor([128, 64, 32, 16, 8, 4, 2, 1], dtype=torch.uint8, device=bits.device)
    return (marks.view(-1, 8) * places).sum(dim=1, dtype=torch.uint8).cpu().numpy()


def _keys(bits: Tensor) -> Tensor:
    return torch.where(bits >= 0, bits, torch.iinfo(bits.dtype).min - bits)


def _inside(keys: Tensor, first: int, last: int) -> Tensor:
    return (keys >= first) & (keys <= last)
