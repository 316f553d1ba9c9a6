"""How many weights each matrix keeps under a random mask."""

from collections.abc import Mapping
from typing import Literal

import torch

from workbench.masks import kept_count
from workbench.masks.allocation import allocate

Densities = Literal["uniform", "er", "erk"]


def kept_by_density(
    shapes: Mapping[str, torch.Size], sparsity: float, densities: Densities
) -> dict[str, int]:
    """Kept weights of each matrix; exact in total, or per matrix if uniform.

    Args:
        shapes: the shape of each matrix.
        sparsity: share of all weights to remove.
        densities: "uniform": the same density for each matrix; "er": density proportional to
            (n_in + n_out) / (n_in n_out) (Mocanu et al. 2018); "erk": the same, with the sides of a
            convolution's kernel included in both sum and product (Evci et al. 2020; equal to "er" for linear
            matrices). Matrices whose density would exceed 1 are dense, and the others share the rest.
    """
    sizes = [shape.numel() for shape in shapes.values()]
    if densities == "uniform":
        counts = [kept_count(size, sparsity) for size in sizes]
    else:
        shares = [_share(shape, kernel=densities == "erk") for shape in shapes.values()]
        counts = allocate(kept_count(sum(sizes), sparsity), shares, sizes)
    return dict(zip(shapes, counts, strict=True))


def _share(shape: torch.Size, kernel: bool) -> float:
    """Density times size, up to the factor epsilon that follows from the total."""
    sides = shape if kernel else shape[:2]
    return sum(sides) * shape.numel() / torch.Size(sides).numel()
