"""Exact ranking: a mask of k weights has k weights."""

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch

from workbench.errors import BadInput
from workbench.masks.grouping import groups
from workbench.masks.mask import Mask
from workbench.masks.packed import PackedMatrix


def kept_count(numel: int, sparsity: float) -> int:
    """How many of `numel` weights a sparsity keeps: `numel - round(sparsity * numel)`, Python's round.

    Raises:
        BadInput: `sparsity` is no number in [0, 1).
    """
    number = isinstance(sparsity, int | float | np.floating) and not isinstance(sparsity, bool)
    if not number or not 0 <= sparsity < 1:
        raise BadInput(
            f"sparsity {sparsity!r} is not a number in [0, 1). It is the share of weights to prune: "
            "0.9 prunes nine of ten, 0 prunes none."
        )
    return numel - round(float(sparsity) * numel)


def topk_mask(scores: Mapping[str, torch.Tensor], sparsity: float, scope: str = "matrix") -> Mask:
    """Keeps the weights with the highest scores, `kept_count(numel, sparsity)` of them, always.

    Of equal scores the one with the lower index is kept (C order in a matrix, the mapping's order
    across matrices); -0.0 equals 0.0. Scores rank by value: for magnitude pruning give magnitudes.

    Args:
        scores: names and floating-point tensors of any shape, finite.
        sparsity: share of weights to prune, in [0, 1).
        scope: where the count holds: in each "matrix", in each "type" of matrix over all layers
            (`matrix_type`), or "global", over all matrices together.

    Raises:
        BadInput: scores that cannot be ranked, an unknown scope, or a sparsity that keeps no weight.
    """
    return choose_mask(scores, sparsity, scope, lambda group, values, kept: top_k(values, kept))


def choose_mask(
    tensors: Mapping[str, torch.Tensor],
    sparsity: float,
    scope: str,
    choose: Callable[[str, np.ndarray, int], np.ndarray],
) -> Mask:
    """A mask out of a rule that chooses k entries of a vector.

    Args:
        tensors: names and floating-point tensors, finite.
        sparsity, scope: as in `topk_mask`.
        choose: called for each group with its name, its values as one vector (float32 or float64,
            matrices in the mapping's order) and k; returns a bool vector with k entries set.

    Raises:
        BadInput: as `topk_mask`.
    """
    if not tensors:
        raise BadInput("nothing to choose weights from: the mapping of tensors is empty")
    vectors = {name: ranked_vector(name, tensor) for name, tensor in tensors.items()}
    chosen: dict[str, np.ndarray] = {}
    for group, names in groups(vectors, scope).items():
        values = np.concatenate([vectors[name] for name in names])
        keep = choose(group, values, _kept_in_group(group, values.size, sparsity))
        ends = np.cumsum([vectors[name].size for name in names])
        chosen.update(zip(names, np.split(keep, ends[:-1]), strict=True))
    return Mask({name: PackedMatrix.pack(chosen[name].reshape(tensors[name].shape)) for name in tensors})


def top_k(values: np.ndarray, kept: int, rng: np.random.Generator | None = None) -> np.ndarray:
    """Marks the `kept` largest entries of a vector without NaN, 1 <= kept <= size.

    Entries equal to the smallest kept value are taken by lowest index, or by lot where `rng` is given.
    """
    place = values.size - kept
    threshold = np.partition(values, place)[place]
    keep = values > threshold
    ties = np.flatnonzero(values == threshold)
    missing = kept - np.count_nonzero(keep)
    keep[ties[:missing] if rng is None else rng.choice(ties, missing, replace=False)] = True
    return keep


def ranked_vector(name: str, tensor: torch.Tensor) -> np.ndarray:
    """A floating-point tensor as a vector in C order: float64 stays, the rest becomes float32, exactly.

    Raises:
        BadInput: the tensor is empty, not floating-point, or has NaN or infinite entries.
    """
    if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
        found = getattr(tensor, "dtype", type(tensor).__name__)
        raise BadInput(f"{name!r} is {found}; only floating-point torch tensors can be ranked")
    if tensor.numel() == 0:
        raise BadInput(f"{name!r} has shape {tuple(tensor.shape)}: no weight to rank; leave it out")
    dtype = torch.float64 if tensor.dtype == torch.float64 else torch.float32
    values = tensor.detach().to("cpu", dtype).reshape(-1).numpy()
    wrong = values.size - np.count_nonzero(np.isfinite(values))
    if wrong:
        raise BadInput(
            f"{wrong} of {values.size} values of {name!r} are NaN or infinite and cannot be ranked. "
            "Check the training that made them (its loss, its learning rate)."
        )
    return values


def _kept_in_group(group: str, numel: int, sparsity: float) -> int:
    kept = kept_count(numel, sparsity)
    if kept == 0:
        raise BadInput(
            f"sparsity {sparsity} keeps none of the {numel} weights of {group}. The largest usable "
            f"sparsity there is {math.floor((numel - 1) / numel * 1e9) / 1e9:.9g}."
        )
    return kept
