"""Exact allocation of a number of weights to matrices."""

from collections.abc import Sequence

import numpy as np

from workbench.errors import BadInput


def allocate(total: int, shares: Sequence[float], limits: Sequence[int]) -> list[int]:
    """Splits `total` in proportion to `shares`, without exceeding any part's limit.

    Parts whose quota exceeds their limit are filled, and the others share the remainder in the same
    proportion, until every quota fits. Quotas are rounded down; the remaining units go to the parts with the
    largest fractions, the first ones among equals.

    Args:
        total: number of units to allocate, at most the sum of `limits`.
        shares: one positive number per part; only their ratios matter.
        limits: the maximum for each part.

    Returns:
        Integers that sum to `total`.

    Raises:
        BadInput: the limits sum to less than `total`, or a share is not a positive number.
    """
    limit, share = np.array(limits, dtype=np.int64), np.array(shares, dtype=np.float64)
    if not 0 <= total <= limit.sum():
        raise BadInput(f"cannot keep {total} of {limit.sum()} weights. Give a count from 0 to {limit.sum()}.")
    if not (np.isfinite(share).all() and (share > 0).all()):
        raise BadInput(f"the shares {list(shares)} are not all positive. Give each matrix a share above 0.")
    full = np.zeros(limit.size, dtype=bool)
    while True:
        remaining = total - limit[full].sum()
        quota = np.where(full, 0.0, remaining * share / max(share[~full].sum(), np.finfo(float).tiny))
        over = quota > limit
        if not over.any():
            break
        full |= over
    counts = np.where(full, limit, np.floor(quota).astype(np.int64))
    fraction = np.where(full | (counts == limit), -1.0, quota - counts)
    counts[np.argsort(-fraction, kind="stable")[: total - counts.sum()]] += 1
    return counts.tolist()
