"""A count of weights split over matrices, exactly."""

from collections.abc import Sequence

import numpy as np

from workbench.errors import BadInput


def allocate(total: int, shares: Sequence[float], limits: Sequence[int]) -> list[int]:
    """Splits `total` in proportion to `shares`, giving no part more than its limit.

    Parts whose quota exceeds their limit are filled, and the others share what is left over in the same
    proportion, until all fit. Quotas are rounded down; the units that this leaves go to the largest
    fractions, of equal ones to the first.

    Args:
        total: units to hand out, at most the sum of `limits`.
        shares: one for each part, positive; only their ratios count.
        limits: the most that each part can take.

    Returns:
        Integers whose sum is `total`.

    Raises:
        BadInput: the limits add up to less than `total`, or a share is not a positive number.
    """
    limit, share = np.array(limits, dtype=np.int64), np.array(shares, dtype=np.float64)
    if not 0 <= total <= limit.sum():
        raise BadInput(f"{total} weights cannot be kept of {limit.sum()}; give a count between 0 and that")
    if not (np.isfinite(share).all() and (share > 0).all()):
        raise BadInput(f"the shares {list(shares)} are not all positive numbers; give every matrix some")
    full = np.zeros(limit.size, dtype=bool)
    while True:
        left = total - limit[full].sum()
        quota = np.where(full, 0.0, left * share / max(share[~full].sum(), np.finfo(float).tiny))
        over = quota > limit
        if not over.any():
            break
        full |= over
    counts = np.where(full, limit, np.floor(quota).astype(np.int64))
    fraction = np.where(full | (counts == limit), -1.0, quota - counts)
    counts[np.argsort(-fraction, kind="stable")[: total - counts.sum()]] += 1
    return counts.tolist()
