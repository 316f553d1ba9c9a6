"""How much masks of one model differ."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from workbench.errors import BadInput
from workbench.masks.mask import Mask


def overlap(masks: Sequence[Mask] | Mapping[str, Mask]) -> pd.DataFrame:
    """Pairwise Jaccard indices: weights kept by both over weights kept by either.

    Args:
        masks: at least one mask, all of one model.

    Returns:
        a symmetric float64 frame with ones on the diagonal; its rows and columns are the mapping's
        keys, or 0 .. n-1 for a sequence.

    Raises:
        BadInput: no mask, or masks of different models.
    """
    labels, members = _labelled(masks)
    table = np.ones((len(members), len(members)))
    for i, first in enumerate(members):
        for j, second in enumerate(members[:i]):
            table[i, j] = table[j, i] = first.jaccard(second)
    return pd.DataFrame(table, index=labels, columns=labels)


def distance_from(reference: Mask, masks: Sequence[Mask] | Mapping[str, Mask]) -> pd.Series:
    """For each mask, the share of its kept weights that `reference` prunes, in [0, 1].

    With the magnitude mask as reference this says how random a sampled mask is.

    Raises:
        BadInput: no mask, masks of different models, or a mask that keeps nothing.
    """
    labels, members = _labelled(masks)
    if any(mask.kept == 0 for mask in members):
        raise BadInput("a mask that keeps no weight has no distance; leave it out")
    shares = [(mask & ~reference).kept / mask.kept for mask in members]
    return pd.Series(shares, index=labels, name="distance", dtype="float64")


def _labelled(masks: Sequence[Mask] | Mapping[str, Mask]) -> tuple[list, list[Mask]]:
    labels = list(masks) if isinstance(masks, Mapping) else list(range(len(masks)))
    members = list(masks.values()) if isinstance(masks, Mapping) else list(masks)
    if not members:
        raise BadInput("no masks to compare; give at least one")
    return labels, members
