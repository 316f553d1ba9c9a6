"""The chance of a weight to be among the n of its m that are drawn most often, in compiled code.

Importing this module compiles it, so functions that need it import it when they are called.
"""

import math

import numpy as np
from numba import njit

# Probabilities below these change no result.
_RARE, _TINY = 1e-12, 1e-18


@njit(nogil=True, cache=True)
def chances_among(
    y: np.ndarray, draws: int, edges: np.ndarray, n: int, nodes: np.ndarray, shares: np.ndarray
) -> np.ndarray:
    """P(z is among the n largest of its group), with the places z of `law`.

    Between two edges, z is taken to be uniform, which it is between consecutive counts. The number of others
    above it is then a sum of independent events whose probabilities are linear in z, so the chance is the
    integral of a polynomial.

    Args:
        y: float64 (groups, m), log(t p); -inf for zeros, which are never drawn.
        draws: T.
        edges: float64, ascending, from the smallest to the largest possible z; whole numbers if T > 1.
        n: the number that a group keeps.
        nodes, shares: of a quadrature on [0, 1].

    Returns:
        float64 (groups, m).
    """
    groups, m = y.shape
    result = np.zeros((groups, m))
    tails = np.empty((m, edges.size))
    equal = np.empty(draws + 1)
    for g in range(groups):
        for i in range(m):
            if draws == 1:
                _single(y[g, i], edges, tails[i])
            else:
                _counted(y[g, i], draws, edges, equal, tails[i])
        for k in range(edges.size - 1):
            for i in range(m):
                inside = tails[i, k] - tails[i, k + 1]
                if inside > _RARE:
                    result[g, i] += inside * _fewer_above(tails, k, i, n, nodes, shares)
    return result


@njit(nogil=True, cache=True)
def _fewer_above(tails, k, i, n, nodes, shares):
    """P(fewer than n others are above weight i), given that i is between edges k and k + 1."""
    number, total = np.empty(n), 0.0
    for node in range(nodes.size):
        number[:] = 0.0
        number[0] = 1.0
        for j in range(tails.shape[0]):
            if j == i:
                continue
            above = tails[j, k + 1] + (tails[j, k] - tails[j, k + 1]) * (1 - nodes[node])
            if above > 0:
                for c in range(n - 1, 0, -1):
                    number[c] += (number[c - 1] - number[c]) * above
                number[0] *= 1 - above
        total += shares[node] * number.sum()
    return total


@njit(nogil=True, cache=True)
def _single(y, edges, tail):
    """P(z > edge) of a single draw, for each edge."""
    for k in range(edges.size):
        tail[k] = -math.expm1(-math.exp(y - edges[k]))


@njit(nogil=True, cache=True)
def _counted(y, draws, edges, equal, tail):
    """P(c >= edge) for c ~ Binomial(draws, 1 - exp(-exp(y))), for each edge; `equal` is scratch space."""
    rate = math.exp(y)
    hit = -math.expm1(-rate)
    if hit == 0.0 or rate > 700.0:  # never drawn, or always
        for k in range(edges.size):
            tail[k] = y > -np.inf and edges[k] <= (draws if hit > 0.0 else 0)
        return
    mode = min(int((draws + 1) * hit), draws)
    equal[mode] = math.exp(
        math.lgamma(draws + 1.0)
        - math.lgamma(mode + 1.0)
        - math.lgamma(draws - mode + 1.0)
        + mode * math.log(hit)
        - (draws - mode) * rate
    )
    odds, last, first = math.expm1(rate), mode, mode
    while last < draws and equal[last] > _TINY:
        equal[last + 1] = equal[last] * (draws - last) / (last + 1) * odds
        last += 1
    while first > 0 and equal[first] > _TINY:
        equal[first - 1] = equal[first] * first / (draws - first + 1) / odds
        first -= 1
    total = 0.0
    for k in range(edges.size - 1, -1, -1):
        while last >= first and last >= edges[k]:
            total += equal[last]
            last -= 1
        tail[k] = total
