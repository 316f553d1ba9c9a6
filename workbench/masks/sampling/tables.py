"""Lookup tables with which a kernel decides most of a group's weights."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Tables:
    """Decides by bin and hash which weights of a group are certainly kept and which certainly are not.

    Attributes:
        key: key of the group's random numbers.
        shift: number of lowest bits of a weight that do not affect its bin.
        base: the bin of the first entry; bins beyond either end use the entry at that end.
        sure: uint32; a weight in the bin is kept if the upper 31 bits of its hash are below this.
        open: uint32; it is pruned if they are not below this. In between, it is undecided.
    """

    key: int
    shift: int
    base: int
    sure: np.ndarray
    open: np.ndarray
