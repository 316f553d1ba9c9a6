"""Masks with a regular pattern."""

from collections.abc import Mapping

import numpy as np
import torch

from workbench.errors import BadInput
from workbench.masks.mask import Mask
from workbench.masks.packed import PackedMatrix
from workbench.masks.ranking.vectors import check_rankable, not_finite


def nm_mask(scores: Mapping[str, torch.Tensor], n: int, m: int) -> Mask:
    """Keeps the n highest of every m consecutive scores along the last (input) dimension.

    2:4 is the pattern that sparse tensor cores support (Mishra et al. 2021, arXiv 2104.08378). Among equal
    scores, the one with the lower index is kept.

    Args:
        scores: finite floating-point tensors by name; m must divide their last dimension.
        n: weights kept per block, 1 <= n <= m.
        m: length of a block.

    Raises:
        BadInput: n and m are not a valid pattern, m does not divide a last dimension, or the scores cannot be
            ranked.
    """
    if type(n) is not int or type(m) is not int or not 1 <= n <= m:
        raise BadInput(f"{n!r}:{m!r} is not an N:M pattern. Give integers with 1 <= n <= m.")
    for name, tensor in scores.items():
        check_rankable(name, tensor)
        if tensor.ndim == 0 or tensor.shape[-1] % m:
            raise BadInput(
                f"{name!r} has shape {tuple(tensor.shape)}, whose last dimension is not a multiple of {m}. "
                "Choose another m or leave this matrix out."
            )
    return Mask({name: _blocks(_finite(name, tensor), n, m) for name, tensor in scores.items()})


def _finite(name: str, tensor: torch.Tensor) -> np.ndarray:
    """The values as float64 if they are, else as float32, which represents all other formats exactly."""
    dtype = torch.float64 if tensor.dtype == torch.float64 else torch.float32
    values = tensor.detach().to("cpu", dtype).numpy()
    if bad := values.size - np.count_nonzero(np.isfinite(values)):
        raise not_finite(name, bad, values.size)
    return values


def _blocks(values: np.ndarray, n: int, m: int) -> PackedMatrix:
    blocks = values.reshape(-1, m)
    # A stable sort of the negated scores puts the lower index first among equals.
    best = np.argsort(-blocks, axis=1, kind="stable")[:, :n]
    keep = np.zeros(blocks.shape, dtype=bool)
    np.put_along_axis(keep, best, True, axis=1)
    return PackedMatrix.pack(keep.reshape(values.shape))
