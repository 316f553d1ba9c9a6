"""Exact ranking: a mask of k weights has k weights."""

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
    across matrices); -0.0 equals 0.0. Scores rank by value: for magnitude pruning give magnitudes. The mask
    depends neither on the number of threads nor on the device that the scores are on.

    Args:
        scores: names and floating-point tensors of any shape, finite.
        sparsity: share of weights to prune, in [0, 1).
        scope: where the count holds: in each "matrix", in each "type" of matrix over all layers
            (`matrix_type`), or "global", over all matrices together.

    Raises:
        BadInput: scores that cannot be ranked, an unknown scope, or a sparsity that keeps no weight.
    """
    return _select(scores, budgets(scores, sparsity, scope))


def topk_counts(scores: Mapping[str, torch.Tensor], kept: Mapping[str, int]) -> Mask:
    """As `topk_mask`, with the number of weights to keep given for each matrix.

    Args:
        scores: as in `topk_mask`.
        kept: for each name in `scores` how many weights to keep, from none to all of them.

    Raises:
        BadInput: scores that cannot be ranked, a matrix without a number, or an impossible number.
    """
    return _select(scores, counted(scores, kept))


class Budget(NamedTuple):
    """Matrices that are ranked together, and how many of their weights are kept in all."""

    group: str
    names: list[str]
    kept: int


def budgets(tensors: Mapping[str, torch.Tensor], sparsity: float, scope: str) -> list[Budget]:
    """What each group keeps. Checks all that can be checked without reading the tensors.

    Args:
        tensors: names and floating-point tensors.
        sparsity, scope: as in `topk_mask`.

    Raises:
        BadInput: as `topk_mask`, except for values that are not finite.
    """
    check_tensors(tensors)
    found = []
    for group, names in groups(tensors, scope).items():
        numel = sum(tensors[name].numel() for name in names)
        found.append(Budget(group, names, kept_in_group(group, numel, sparsity)))
    return found


def counted(tensors: Mapping[str, torch.Tensor], kept: Mapping[str, int] | int) -> list[Budget]:
    """The budgets that a number for each matrix makes, or one number for all matrices together.

    Raises:
        BadInput: as `topk_counts`, except for values that are not finite.
    """
    check_tensors(tensors)
    if isinstance(kept, Mapping):
        if set(kept) != set(tensors):
            odd = min(set(kept) ^ set(tensors), key=str)
            raise BadInput(
                f"numbers and tensors disagree about {odd!r}: give each matrix its number of weights"
            )
        found = [Budget(name, [name], kept[name]) for name in tensors]
    else:
        found = [Budget("all matrices", list(tensors), kept)]
    for group, names, number in found:
        numel = sum(tensors[name].numel() for name in names)
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= numel:
            raise BadInput(f"{number!r} weights of {group} cannot be kept; give an integer from 0 to {numel}")
    return found


def check_tensors(tensors: Mapping[str, torch.Tensor]) -> None:
    """Refuses an empty mapping and, by `check_rankable`, tensors without an order."""
    if not tensors:
        raise BadInput("nothing to choose weights from: the mapping of tensors is empty")
    for name, tensor in tensors.items():
        check_rankable(name, tensor)


def _select(scores: Mapping[str, torch.Tensor], wanted: Sequence[Budget]) -> Mask:
    jobs = [(scores, budget) for budget in wanted]
    done = each(_packed, jobs, serial=not on_host(scores.values()))
    bits = {name: packed for group in done for name, packed in group.items()}
    return Mask({name: PackedMatrix(tuple(scores[name].shape), bits[name]) for name in scores})


def _packed(scores: Mapping[str, torch.Tensor], budget: Budget) -> dict[str, np.ndarray]:
    """The packed bits of each matrix of one group."""
    vectors = vectors_of(scores, budget.names)
    choice = choose(vectors, budget.kept)
    packed = [np.empty(math.ceil(vector.size / 8), dtype=np.uint8) for vector in vectors]

    def mark(i: int, start: int, stop: int, ties: int) -> int:
        bits = vectors[i].bits(start, stop)
        marks, found = vectors[i].kernels.packed_marks(bits, choice.threshold, ties)
        packed[i][start // 8 : math.ceil(stop / 8)] = marks
        return found

    marked(vectors, choice, mark)
    return dict(zip(budget.names, packed, strict=True))


def kept_in_group(group: str, numel: int, sparsity: float) -> int:
    """`kept_count` of a group's weights, refused where it is 0."""
    kept = kept_count(numel, sparsity)
    if kept == 0:
        raise BadInput(
            f"sparsity {sparsity} keeps none of the {numel} weights of {group}. The largest usable "
            f"sparsity there is {math.floor((numel - 1) / numel * 1e9) / 1e9:.9g}."
        )
    return kept
