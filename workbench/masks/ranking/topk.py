"""Masks of the highest scores, with exact counts."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from workbench.errors import BadInput
from workbench.masks.grouping import groups
from workbench.masks.mask import Mask
from workbench.masks.packed import PackedMatrix
from workbench.masks.parallel import each
from workbench.masks.patterns import UNSTRUCTURED, Pattern, Rectangles
from workbench.masks.ranking.selection import choose, marked
from workbench.masks.ranking.vectors import check_finite, check_rankable, on_host, vectors_of


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


def topk_mask(
    scores: Mapping[str, torch.Tensor],
    sparsity: float,
    scope: str = "matrix",
    pattern: str | Pattern = UNSTRUCTURED,
) -> Mask:
    """Keeps exactly the `kept_count(numel, sparsity)` weights with the highest scores.

    Among equal scores, the one with the lower index is kept (C order within a matrix, the mapping's order
    across matrices); -0.0 equals 0.0. Scores are ranked by value, so pass magnitudes for magnitude pruning.
    The mask depends neither on the number of threads nor on the device of the scores.

    Args:
        scores: finite floating-point tensors of any shape, by name.
        sparsity: share of weights to prune, in [0, 1).
        scope: what the count applies to: each "matrix", each "type" of matrix over all layers
            (`matrix_type`), or "global", all matrices together.
        pattern: how the kept weights are arranged (see `masks.patterns`): "unstructured", "n:m" such as
            "2:4", "block:RxC" such as "block:4x4", or "neuron". Of the blocks or rows that are ranked
            together, exactly `kept_count(number, sparsity)` are kept. A sparsity below that of n:m gives a
            step on the way: at least n of every m.

    Raises:
        BadInput: the scores cannot be ranked, the scope or the pattern is unknown, the pattern does not
            divide a matrix or cannot have the sparsity, or the sparsity keeps no weight.
    """
    scope_of = partial(budgets, sparsity=sparsity, scope=scope)
    if (pattern := Pattern.of(pattern)) == UNSTRUCTURED:
        return _select(scores, scope_of(scores))
    ranked = ranked_groups(scores, sparsity, scope, pattern)
    return spread(_select(ranked, scope_of(ranked, unit=pattern.unit)), pattern, scores)


def topk_counts(
    scores: Mapping[str, torch.Tensor], kept: Mapping[str, int], pattern: str | Pattern = UNSTRUCTURED
) -> Mask:
    """Like `topk_mask`, but with an explicit number to keep in each matrix.

    Args:
        scores, pattern: as in `topk_mask`.
        kept: for each name in `scores`, the number of weights (of blocks or rows, with such a pattern) to
            keep, from none to all.

    Raises:
        BadInput: the scores cannot be ranked, a matrix has no number, or a number is out of range.
    """
    pattern = Pattern.of(pattern)
    ranked = scores if pattern == UNSTRUCTURED else ranked_groups(scores, 0.0, "matrix", pattern)
    return spread(_select(ranked, counted(ranked, kept)), pattern, scores)


def ranked_groups(
    values: Mapping[str, torch.Tensor], sparsity: float, scope: str, pattern: Pattern
) -> dict[str, torch.Tensor]:
    """What a pattern ranks in place of single weights, once everything is checked.

    Raises:
        BadInput: as `topk_mask`.
    """
    check_tensors(values)
    pattern.check({name: tuple(value.shape) for name, value in values.items()}, sparsity, scope)
    for name, value in values.items():
        check_finite(name, value)
    return pattern.ranked(values)


def spread(mask: Mask, pattern: Pattern, weights: Mapping[str, torch.Tensor]) -> Mask:
    """The mask of the weights, given that of the groups that a pattern ranks."""
    if not isinstance(pattern, Rectangles):
        return mask
    return Mask.from_tensors(
        {name: pattern.spread(mask[name], tuple(w.shape)) for name, w in weights.items()}
    )


class Budget(NamedTuple):
    """Matrices that are ranked together, and the number of their weights to keep."""

    group: str
    names: list[str]
    kept: int


def budgets(
    tensors: Mapping[str, torch.Tensor], sparsity: float, scope: str, unit: str = "weights"
) -> list[Budget]:
    """The budget of each group; makes all checks that do not need the tensors' values.

    Args:
        tensors: floating-point tensors by name.
        sparsity, scope: as in `topk_mask`.
        unit: what the entries are, for messages.

    Raises:
        BadInput: as `topk_mask`, except for values that are not finite.
    """
    check_tensors(tensors)
    result = []
    for group, names in groups(tensors, scope).items():
        numel = sum(tensors[name].numel() for name in names)
        result.append(Budget(group, names, kept_in_group(group, numel, sparsity, unit)))
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
    jobs = [(scores, budget.names, budget.kept) for budget in wanted]
    done = each(topk_packed, jobs, serial=not on_host(scores.values()))
    bits = {name: packed for group in done for name, packed in group.items()}
    return Mask({name: PackedMatrix(tuple(scores[name].shape), bits[name]) for name in scores})


def topk_packed(scores: Mapping[str, torch.Tensor], names: Sequence[str], kept: int) -> dict[str, np.ndarray]:
    """The packed bits of some matrices that are ranked together, by name."""
    vectors = vectors_of(scores, names)
    choice = choose(vectors, kept)
    packed = [np.empty(math.ceil(vector.size / 8), dtype=np.uint8) for vector in vectors]

    def mark(i: int, start: int, stop: int, ties: int) -> int:
        bits = vectors[i].bits(start, stop)
        marks, equal = vectors[i].kernels.packed_marks(bits, choice.threshold, ties)
        packed[i][start // 8 : math.ceil(stop / 8)] = marks
        return equal

    marked(vectors, choice, mark)
    return dict(zip(names, packed, strict=True))


def kept_in_group(group: str, numel: int, sparsity: float, unit: str = "weights") -> int:
    """`kept_count` of a group's weights; raises `BadInput` if it is 0."""
    kept = kept_count(numel, sparsity)
    if kept == 0:
        raise BadInput(
            f"sparsity {sparsity} keeps none of the {numel} {unit} of {group}. Give at most "
            f"{math.floor((numel - 1) / numel * 1e9) / 1e9:.9g}."
        )
    return kept
