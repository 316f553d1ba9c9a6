"""Masks of the highest scores, with exact counts."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch

from workbench.errors import BadInput
from workbench.masks.grouping import groups
from workbench.masks.mask import Mask
from workbench.masks.packed import PackedMatrix
from workbench.masks.parallel import each
from workbench.masks.ranking.selection import choose, marked
from workbench.masks.ranking.vectors import check_rankable, on_host, vectors_of


def kept_count(numel: int, sparsity: float) -> int:
    """The number of weights kept at a sparsity: `numel - round(sparsity * numel)`, with Python's `round`.

    Raises:
        BadInput: `sparsity` is not a number in [0, 1).
    """
    number = isinstance(sparsity, int | float | np.floating) and not isinstance(sparsity, bool)
    if not number or not 0 <= sparsity < 1:
        raise BadInput(
            f"sparsity {sparsity!r} is not a number in [0, 1). Give the share of weights to prune: 0.9 "
            "prunes 90 %, 0 prunes none."
        )
    return numel - round(float(sparsity) * numel)


def topk_mask(scores: Mapping[str, torch.Tensor], sparsity: float, scope: str = "matrix") -> Mask:
    """Keeps exactly the `kept_count(numel, sparsity)` weights with the highest scores.

    Among equal scores, the one with the lower index is kept (C order within a matrix, the mapping's order
    across matrices); -0.0 equals 0.0. Scores are ranked by value, so pass magnitudes for magnitude pruning.
    The mask depends neither on the number of threads nor on the device of the scores.

    Args:
        scores: finite floating-point tensors of any shape, by name.
        sparsity: share of weights to prune, in [0, 1).
        scope: what the count applies to: each "matrix", each "type" of matrix over all layers
            (`matrix_type`), or "global", all matrices together.

    Raises:
        BadInput: the scores cannot be ranked, the scope is unknown, or the sparsity keeps no weight.
    """
    return _select(scores, budgets(scores, sparsity, scope))


def topk_counts(scores: Mapping[str, torch.Tensor], kept: Mapping[str, int]) -> Mask:
    """Like `topk_mask`, but with an explicit number of weights to keep in each matrix.

    Args:
        scores: as in `topk_mask`.
        kept: for each name in `scores`, the number of weights to keep, from none to all.

    Raises:
        BadInput: the scores cannot be ranked, a matrix has no number, or a number is out of range.
    """
    return _select(scores, counted(scores, kept))


class Budget(NamedTuple):
    """Matrices that are ranked together, and the number of their weights to keep."""

    group: str
    names: list[str]
    kept: int


def budgets(tensors: Mapping[str, torch.Tensor], sparsity: float, scope: str) -> list[Budget]:
    """The budget of each group; makes all checks that do not need the tensors' values.

    Args:
        tensors: floating-point tensors by name.
        sparsity, scope: as in `topk_mask`.

    Raises:
        BadInput: as `topk_mask`, except for values that are not finite.
    """
    check_tensors(tensors)
    result = []
    for group, names in groups(tensors, scope).items():
        numel = sum(tensors[name].numel() for name in names)
        result.append(Budget(group, names, kept_in_group(group, numel, sparsity)))
    return result


def counted(tensors: Mapping[str, torch.Tensor], kept: Mapping[str, int] | int) -> list[Budget]:
    """The budgets for a number per matrix, or for one number for all matrices together.

    Raises:
        BadInput: as `topk_counts`, except for values that are not finite.
    """
    check_tensors(tensors)
    if isinstance(kept, Mapping):
        if set(kept) != set(tensors):
            mismatch = min(set(kept) ^ set(tensors), key=str)
            raise BadInput(
                f"{mismatch!r} is not in both mappings. Give each tensor its number of weights, and no "
                "others."
            )
        result = [Budget(name, [name], kept[name]) for name in tensors]
    else:
        result = [Budget("all matrices", list(tensors), kept)]
    for group, names, number in result:
        numel = sum(tensors[name].numel() for name in names)
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= numel:
            raise BadInput(f"cannot keep {number!r} weights of {group}. Give an integer from 0 to {numel}.")
    return result


def check_tensors(tensors: Mapping[str, torch.Tensor]) -> None:
    """Rejects an empty mapping and, by `check_rankable`, tensors that cannot be ranked."""
    if not tensors:
        raise BadInput("the mapping of tensors is empty. Give at least one tensor.")
    for name, tensor in tensors.items():
        check_rankable(name, tensor)


def _select(scores: Mapping[str, torch.Tensor], wanted: Sequence[Budget]) -> Mask:
    jobs = [(scores, budget) for budget in wanted]
    done = each(_packed, jobs, serial=not on_host(scores.values()))
    bits = {name: packed for group in done for name, packed in group.items()}
    return Mask({name: PackedMatrix(tuple(scores[name].shape), bits[name]) for name in scores})


def _packed(scores: Mapping[str, torch.Tensor], budget: Budget) -> dict[str, np.ndarray]:
    """The packed bits of each matrix in one group."""
    vectors = vectors_of(scores, budget.names)
    choice = choose(vectors, budget.kept)
    packed = [np.empty(math.ceil(vector.size / 8), dtype=np.uint8) for vector in vectors]

    def mark(i: int, start: int, stop: int, ties: int) -> int:
        bits = vectors[i].bits(start, stop)
        marks, equal = vectors[i].kernels.packed_marks(bits, choice.threshold, ties)
        packed[i][start // 8 : math.ceil(stop / 8)] = marks
        return equal

    marked(vectors, choice, mark)
    return dict(zip(budget.names, packed, strict=True))


def kept_in_group(group: str, numel: int, sparsity: float) -> int:
    """`kept_count` of a group's weights; raises `BadInput` if it is 0."""
    kept = kept_count(numel, sparsity)
    if kept == 0:
        raise BadInput(
            f"sparsity {sparsity} keeps none of the {numel} weights of {group}. Give at most "
            f"{math.floor((numel - 1) / numel * 1e9) / 1e9:.9g}."
        )
    return kept
