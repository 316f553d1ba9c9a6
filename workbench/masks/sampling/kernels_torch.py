"""Sampling kernels for any device, written in torch; same functions and results as `kernels_numba`."""

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
    """The weights that the tables keep, packed, and the indices of those that they leave undecided."""
    sure, open_ = (torch.from_numpy(t.astype(np.int64)).to(bits.device) for t in (tables.sure, tables.open))
    bins = _bins(bits, tables.shift)
    entry = (bins - tables.base).clamp_(0, sure.numel() - 1)
    hashes = shifted(hashed_torch(tables.key, first, first + bits.numel(), bits.device), 33)
    keep = hashes < sure[entry]
    undecided = (keep != (hashes < open_[entry])).nonzero().squeeze(1)
    return np.packbits(keep.cpu().numpy()), undecided.cpu().numpy()


def magnitudes(bits: Tensor) -> np.ndarray:
    """Absolute values, float64 on the CPU."""
    real = torch.float64 if bits.dtype == torch.int64 else torch.float32
    return bits.view(real).double().abs().cpu().numpy()


def _bins(bits: Tensor, shift: int) -> Tensor:
    magnitude = bits.long() & torch.iinfo(bits.dtype).max
    # Rounds up by subtracting first: adding first would overflow for a NaN with all bits set.
    return (magnitude - 1 >> shift) + 1
