"""Masks that keep n of every m consecutive weights of any tensors."""

from collections.abc import Mapping

import torch

from workbench.errors import BadInput
from workbench.masks.mask import Mask
from workbench.masks.of_every import best_of_every
from workbench.masks.ranking.vectors import check_finite, check_rankable


def nm_mask(scores: Mapping[str, torch.Tensor], n: int, m: int) -> Mask:
    """Keeps the n highest of every m consecutive scores along the last (input) dimension.

    2:4 is the pattern that sparse tensor cores support (Mishra et al. 2021, arXiv 2104.08378). Among equal
    scores, the one with the lower index is kept. `topk_mask` with the pattern "n:m" is the same for matrices.

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
        check_finite(name, tensor)
    return Mask.from_tensors({name: best_of_every(tensor, n, m) for name, tensor in scores.items()})
