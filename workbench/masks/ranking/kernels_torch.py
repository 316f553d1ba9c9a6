"""Ranking kernels for any device, written in torch; same functions and results as `kernels_numba`.

`mark_highest` is only here.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from workbench.masks.ranking.keys import Layout


def bits_of(values: Tensor, layout: Layout) -> Tensor:
    """The bits of a contiguous vector, widened to `layout`; a view if it already has that format."""
    return values.to(layout.real).view(layout.integer)


def histogram(bits: Tensor, first: int, last: int, shift: int, counts: np.ndarray) -> tuple[int, int]:
    """Adds to counts[i] the number of keys in [first, last] with `(key >> shift) - (first >> shift)` == i.

    Returns:
        The number of keys above `last`, and the bits of the largest magnitude.
    """
    keys = _keys(bits)
    inside = keys[(keys >= first) & (keys <= last)]
    counts += torch.bincount((inside >> shift) - (first >> shift), minlength=counts.size).cpu().numpy()
    return int((keys > last).sum()), int((bits & torch.iinfo(bits.dtype).max).max())


def mark(bits: Tensor, threshold: int, ties: int, out: Tensor) -> int:
    """Sets the bool vector `out` to key > `threshold`, and to True for the first `ties` keys equal to it.

    Returns:
        The number of keys equal to `threshold`.
    """
    keys = _keys(bits)
    torch.ge(keys, threshold, out=out)
    equal = keys == threshold
    count = int(equal.sum())
    if count > ties:
        out &= ~equal | (equal.cumsum(0) <= ties)
    return count


def mark_highest(bits: Sequence[Tensor], kept: int, out: Sequence[Tensor]) -> None:
    """Sets bool vectors to whether a key is among the `kept` highest of all, the first ones among equals.

    The device is not waited for, so NaN and infinity are not looked for; they rank like numbers.
    """
    keys = torch.cat([_keys(each) for each in bits])
    if kept == 0:
        marks = torch.zeros_like(keys, dtype=torch.bool)
    else:
        threshold = keys.sort(descending=True).values[kept - 1]
        marks, equal = keys > threshold, keys == threshold
        marks |= equal & (equal.cumsum(0) <= kept - marks.sum())
    for part, vector in zip(marks.split([each.numel() for each in bits]), out, strict=True):
        vector.copy_(part)


def packed_marks(bits: Tensor, threshold: int, ties: int) -> tuple[np.ndarray, int]:
    """The output of `mark`, packed on the device like `numpy.packbits`, and its return value."""
    marks = torch.zeros(len(bits) + -len(bits) % 8, dtype=torch.bool, device=bits.device)
    equal = mark(bits, threshold, ties, marks[: len(bits)])
    powers = torch.tensor([128, 64, 32, 16, 8, 4, 2, 1], dtype=torch.uint8, device=bits.device)
    return (marks.view(-1, 8) * powers).sum(dim=1, dtype=torch.uint8).cpu().numpy(), equal


def _keys(bits: Tensor) -> Tensor:
    return torch.where(bits >= 0, bits, torch.iinfo(bits.dtype).min - bits)
