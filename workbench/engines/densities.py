"""How many weights each matrix keeps under a random mask."""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch

from workbench.masks import kept_count
from workbench.masks.allocation import allocate

Densities = Literal["uniform", "er", "erk"]


def kept_by_density(
    shapes: Mapping[str, torch.Size],
    sparsity: float,
    densities: Densities,
    groups: Sequence[int] | None = None,
) -> dict[str, int]:
    """Kept weights of each matrix; exact in total, or per matrix if uniform.

    Args:
        shapes: the shape of each matrix.
        sparsity: share of all weights to remove.
        densities: "uniform": the same density for each matrix; "er": density proportional to
            (n_in + n_out) / (n_in n_out) (Mocanu et al. 2018); "erk": the same, with the sides of a
            convolution's kernel included in both sum and product (Evci et al. 2020; equal to "er" for linear
            matrices). Matrices whose density would exceed 1 are dense, and the others share the rest.
        groups: of each matrix the number of weights that are kept or pruned together; equal in all matrices
            unless the densities are uniform. None for single weights.
    """
    groups = groups or [1] * len(shapes)
    numbers = [shape.numel() // group for shape, group in zip(shapes.values(), groups, strict=True)]
    if densities == "uniform":
        counts = [kept_count(number, sparsity) for number in numbers]
    else:
        shares = [_share(shape, kernel=densities == "erk") for shape in shapes.values()]
        counts = allocate(kept_count(sum(numbers), sparsity), shares, numbers)
    return {name: count * group for name, count, group in zip(shapes, counts, groups, strict=True)}


def _share(shape: torch.Size, kernel: bool) -> float:
    """Density times size, up to the factor epsilon that follows from the total."""
    sides = shape if kernel else shape[:2]
    return sum(sides) * shape.numel() / torch.Size(sides).numel()
