"""What sampling computes with the bits of weights on any device, by torch.

The functions are those of `kernels_numba` and give the same results.
"""

import numpy as np
import torch
from torch import Tensor

from workbench.masks.sampling.hashing import hashed_torch, shifted
from workbench.masks.sampling.tables import Tables


def count_bins(bits: Tensor, shift: int, table: np.ndarray) -> None:
    """Adds to table[b] the number of weights in bin b."""
    counts = torch.bincount(_bins(bits, shift), minlength=table.size)
    table += counts.cpu().numpy().astype(table.dtype)


def decide(bits: Tensor, first: int, tables: Tables) -> tuple[np.ndarray, np.ndarray]:
    """Which weights the tables keep, packed, and the places of those that they leave open."""
    sure, open_ = (torch.from_numpy(t.astype(np.int64)).to(bits.device) for t in (tables.sure, tables.open))
    bins = _bins(bits, tables.shift)
    place = (bins - tables.base).clamp_(0, sure.numel() - 1)
    lot = shifted(hashed_torch(tables.key, first, first + bits.numel(), bits.device), 33)
    keep = lot < sure[place]
    found = (keep != (lot < open_[place])).nonzero().squeeze(1)
    return np.packbits(keep.cpu().numpy()), found.cpu().numpy()


def magnitudes(bits: Tensor) -> np.ndarray:
    """Absolute values, float64 on the CPU."""
    real = torch.float64 if bits.dtype == torch.int64 else torch.float32
    return bits.view(real).double().abs().cpu().numpy()


def _bins(bits: Tensor, shift: int) -> Tensor:
    magnitude = bits.long() & torch.iinfo(bits.dtype).max
    # Rounded up; adding what rounds up would overflow where all bits are set, in some NaN.
    return (magnitude - 1 >> shift) + 1
