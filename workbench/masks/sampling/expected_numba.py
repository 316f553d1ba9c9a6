"""Expected values of randomized masks, summed over the bins of histograms in compiled code.

Importing this module compiles it, so functions that need it import it when they are called.
"""

import math

import numpy as np
from numba import njit

from workbench.masks.sampling.law import chance, chances, log_time, threshold


@njit(nogil=True, cache=True)
def expectations(
    edges: np.ndarray,
    counts: np.ndarray,
    groups: np.ndarray,
    kept: np.ndarray,
    draws: np.ndarray,
    exponent: float,
) -> np.ndarray:
    """The average number of weights that sampled masks keep in each matrix.

    Args:
        edges: float64 (bins + 1), ascending.
        counts: int64 (matrices, bins).
        groups: int64 (matrices), the group of each matrix.
        kept, draws: int64 (groups).
        exponent: tau.

    Returns:
        float64 (3, matrices): the number of kept weights; how many of those the magnitude mask prunes; how
        many of those a second, independent mask also keeps.
    """
    log_p = exponent * np.log((edges[:-1] + edges[1:]) / 2)
    result = np.zeros((3, groups.size))
    log_x, rate = 0.0, -1.0
    for g in range(kept.size):
        total, first, stop = _together(counts, groups, g)
        n = total[first:stop]
        boundary, share = _boundary(n, kept[g])
        pruned, q, time, theta = 1.0, np.ones(n.size), 0.0, 0.0
        if kept[g] < n.sum():
            time, theta = _solved(log_p[first:stop], n, kept[g], draws[g], boundary, log_x, rate, q)
            # Groups are similar: log(t p) at the boundary and theta / T are good guesses for the next group.
            log_x, rate = log_p[first + boundary] + time, theta / draws[g]
            # The magnitude mask prunes the lower part of the boundary's bin.
            low, high = edges[first + boundary], edges[first + boundary + 1]
            middle = low + (high - low) * (1 - share) / 2
            pruned = chance(exponent * math.log(middle) + time, theta, draws[g])
        for m in np.flatnonzero(groups == g):
            for b in range(q.size):
                expected = counts[m, first + b] * q[b]
                result[0, m] += expected
                result[2, m] += expected * q[b]
                if b < boundary:
                    result[1, m] += expected
            result[1, m] += counts[m, first + boundary] * (1 - share) * pruned
            if boundary > 0:
                # The next term of the midpoint rule (Euler-Maclaurin), at the end of the whole bins below.
                here = (counts[m, first + boundary] + counts[m, first + boundary - 1]) / 2
                result[1, m] += here * (q[boundary] - q[boundary - 1]) / 24
    return result


@njit(nogil=True, cache=True)
def keep_chances(
    edges: np.ndarray,
    counts: np.ndarray,
    groups: np.ndarray,
    kept: np.ndarray,
    draws: np.ndarray,
    exponent: float,
) -> np.ndarray:
    """The probability that a mask sampled from a group keeps a weight in the middle of a bin.

    Args:
        edges, counts, groups, kept, draws, exponent: as in `expectations`.

    Returns:
        float64 (groups, bins), ascending; 0 below a group's smallest bin and 1 above its largest.
    """
    log_p = exponent * np.log((edges[:-1] + edges[1:]) / 2)
    result = np.ones((kept.size, log_p.size))
    log_x, rate = 0.0, -1.0
    for g in range(kept.size):
        total, first, stop = _together(counts, groups, g)
        n = total[first:stop]
        boundary, _ = _boundary(n, kept[g])
        result[g, :first] = 0.0
        if kept[g] < n.sum():
            q = result[g, first:stop]
            time, theta = _solved(log_p[first:stop], n, kept[g], draws[g], boundary, log_x, rate, q)
            log_x, rate = log_p[first + boundary] + time, theta / draws[g]
    return result


@njit(nogil=True, cache=True)
def _together(counts, groups, g):
    """The total counts of a group's matrices, its first non-empty bin, and one past its last."""
    total = np.zeros(counts.shape[1], dtype=np.int64)
    for m in np.flatnonzero(groups == g):
        total += counts[m]
    used = np.flatnonzero(total)
    return total, used[0], used[-1] + 1


@njit(nogil=True, cache=True)
def _solved(log_p, n, kept, draws, boundary, log_x, rate, q):
    """Solves for log t and theta so that `kept` weights are kept on average; writes the probabilities to q.

    `log_x` and `rate` are initial guesses for log(t p) at the boundary and for theta / T.
    """
    time = log_time(log_p, n, kept, boundary, log_x)
    y = log_p + time
    theta = 0.0
    if draws == 1:
        chances(y, theta, 1, boundary, q)
    else:
        theta = threshold(y, n, kept, draws, boundary, q, rate * draws)
    return time, theta


@njit(inline="always")
def _boundary(n, kept):
    """The bin of the smallest weight that the magnitude mask keeps, and the kept share of that bin."""
    above, b = 0, n.size - 1
    while above + n[b] < kept:
        above += n[b]
        b -= 1
    return b, (kept - above) / n[b]
