"""What a kernel needs to decide most of a group's weights: two tables, and how to look up in them."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Tables:
    """Which weights of a group are surely kept, and which surely are not, by their bin and their hash.

    Attributes:
        key: of the group's random numbers.
        shift: how many of the lowest bits of a weight its bin ignores.
        base: the bin of the first entry; bins beyond either end are as the entry there.
        sure: uint32; a weight in the bin is kept if the upper 31 bits of its hash are below.
        open: uint32; and is not kept if they are not below this.
    """

    key: int
    shift: int
    base: int
    sure: np.ndarray
    open: np.ndarray
